//! Reads return what was acknowledged before they began.

use alloc::format;

use super::memory;
use super::reads::{OfReads, Owes};
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Base, Judgement, Read, Watch};
use crate::check::write_set::WriteSet;

/// Per client: the writes that were acknowledged when its read began.
pub(super) type Memory = OfReads<Asks>;

/// What is asked of reads.
pub(super) struct Asks;

impl Owes for Asks {
    const MORE_BREAKS_NO_LESS: bool = true;

    fn owed(base: Base<'_>, _: usize, _: usize) -> WriteSet {
        base.ledger.acknowledged()
    }

    fn judge(base: Base<'_>, owed: WriteSet, read: &Read<'_>) -> Judgement {
        base.covers(owed, read)
    }
}

fn readers<'a>(view: &View<'a>) -> &'a Memory {
    memory::of(&view.memories().read_freshness)
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "read-freshness",
    statement: "a read that starts after a write was acknowledged returns it, something that had seen it, or \
                nothing of it once its delete was reaped",
    kind: PropertyKind::Safety {
        holds: |view| !readers(view).any(Judgement::Broken),
        witness: Witness {
            shown: |view| readers(view).any(Judgement::Met),
            statement: "a read began after an acknowledged write, and returned it",
            name: "read-freshness (witness)",
        },
    },
    watch: Watch { reaped: true, ..Watch::NOTHING },
    on_traces: OnTraces::of_reads(
        |promiser| promiser.is_fresh(),
        "reads after an acknowledged write",
        |view, client| readers(view).judged(client),
    ),
    explanation: |view, _| {
        readers(view).told_of_missing(view, |missing| {
            let (told, was) = (wording::writes(view.scenario, missing), wording::was(missing));
            format!("{told} {was} acknowledged before the read began")
        })
    },
};
