//! What was answered `Unavailable` is not returned.

use alloc::format;

use super::memory;
use super::reads::{OfReads, Owes};
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Base, Judgement, Read, Watch};
use crate::check::write_set::WriteSet;

/// Per client: the writes that had failed when its read began.
pub(super) type Memory = OfReads<Asks>;

/// What is asked of reads.
pub(super) struct Asks;

impl Owes for Asks {
    const MORE_BREAKS_NO_LESS: bool = true;

    fn owed(base: Base<'_>, _: usize, _: usize) -> WriteSet {
        base.ledger.failed()
    }

    fn judge(_: Base<'_>, owed: WriteSet, read: &Read<'_>) -> Judgement {
        let seen = owed.intersection(read.named);
        Judgement::of(!owed.is_empty(), seen.is_empty())
    }
}

fn readers<'a>(view: &View<'a>) -> &'a Memory {
    memory::of(&view.memories().failed_write_invisible)
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "failed-write-invisible",
    statement: "a write answered Unavailable is never returned by a read that begins later",
    kind: PropertyKind::Safety {
        holds: |view| !readers(view).any(Judgement::Broken),
        witness: Witness {
            shown: |view| readers(view).any(Judgement::Met),
            statement: "a read began after a failed write, and did not return it",
            name: "failed-write-invisible (witness)",
        },
    },
    watch: Watch { failed: true, ..Watch::NOTHING },
    on_traces: OnTraces::of_reads(
        |_| false,
        "reads after a failed write",
        |view, client| readers(view).judged(client),
    ),
    explanation: |view, _| {
        let (client, last) = readers(view).broken(view)?;
        let failed = readers(view).owed(client);
        let seen = wording::writes(view.scenario, failed.intersection(last.returned));
        let read = wording::read(view, client)?;
        Some(format!("{read}, though {seen} had failed before the read began"))
    },
};
