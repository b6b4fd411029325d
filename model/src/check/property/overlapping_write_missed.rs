//! A read may miss a write that was under way when it began.

use super::memory;
use super::reads::{OfReads, Owes};
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Base, Judgement, Read, Watch};
use crate::check::write_set::WriteSet;

/// Per client: the writes that were under way when its read began. To have missed one is what is judged to
/// be broken.
pub(super) type Memory = OfReads<Asks>;

/// What is asked of reads.
pub(super) struct Asks;

impl Owes for Asks {
    const MORE_BREAKS_NO_LESS: bool = false;

    fn owed(base: Base<'_>, _: usize, _: usize) -> WriteSet {
        base.ledger.under_way()
    }

    fn judge(_: Base<'_>, owed: WriteSet, read: &Read<'_>) -> Judgement {
        let missed = owed.without(read.returned);
        Judgement::of(!owed.is_empty(), missed.is_empty())
    }
}

fn readers<'a>(view: &View<'a>) -> &'a Memory {
    memory::of(&view.memories().overlapping_write_missed)
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "overlapping-write-missed",
    statement: "a read does not return a write that was under way when the read began",
    kind: PropertyKind::Reachability {
        reached: |view| readers(view).any(Judgement::Broken),
        opportunity: Witness {
            shown: |view| readers(view).any_obliged(),
            statement: "a read began while a write was under way",
            name: "overlapping-write-missed (opportunity)",
        },
    },
    watch: Watch { overlapping: true, ..Watch::NOTHING },
    on_traces: OnTraces::REACHABLE,
    explanation: |view, _| {
        wording::read_beside(view, readers(view), |owed, _, returned| owed.without(returned))
    },
};
