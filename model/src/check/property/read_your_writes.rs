//! Clients see their own writes.

use alloc::format;

use super::memory;
use super::reads::{OfReads, Owes};
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Base, Judgement, Read, Watch};
use crate::check::write_set::WriteSet;

/// Per client: its own writes that were acknowledged when its read began.
pub(super) type Memory = OfReads<Asks>;

/// What is asked of reads.
pub(super) struct Asks;

impl Owes for Asks {
    const MORE_BREAKS_NO_LESS: bool = true;

    fn owed(base: Base<'_>, client: usize, _: usize) -> WriteSet {
        base.ledger.acknowledged().intersection(base.historian.writes_by(client))
    }

    fn judge(base: Base<'_>, owed: WriteSet, read: &Read<'_>) -> Judgement {
        base.covers(owed, read)
    }
}

fn readers<'a>(view: &View<'a>) -> &'a Memory {
    memory::of(&view.memories().read_your_writes)
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "read-your-writes",
    statement: "a client sees its own acknowledged write",
    kind: PropertyKind::Safety {
        holds: |view| !readers(view).any(Judgement::Broken),
        witness: Witness {
            shown: |view| readers(view).any(Judgement::Met),
            statement: "a client read after its own acknowledged write, and saw it",
            name: "read-your-writes (witness)",
        },
    },
    watch: Watch { reaped: true, ..Watch::NOTHING },
    on_traces: OnTraces::of_reads(
        |promiser| promiser.is_fresh(),
        "reads after an own write",
        |view, client| readers(view).judged(client),
    ),
    explanation: |view, _| {
        readers(view).told_of_missing(view, |missing| {
            let (told, was) = (wording::values(view.scenario, missing), wording::was(missing));
            format!("its own write of {told} {was} acknowledged before the read began")
        })
    },
};
