//! Read quorums meet write quorums.

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
        let meets =
            |write: usize| !base.ledger.acked_by(write).intersection(read.replied).is_empty();
        Judgement::of(!owed.is_empty(), owed.iter().all(meets))
    }
}

fn readers<'a>(view: &View<'a>) -> &'a Memory {
    memory::of(&view.memories().quorum_overlap)
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "quorum-overlap",
    statement: "the nodes that answered a read meet those that acknowledged an earlier write",
    kind: PropertyKind::Safety {
        holds: |view| !readers(view).any(Judgement::Broken),
        witness: Witness {
            shown: |view| readers(view).any(Judgement::Met),
            statement: "a read began after an acknowledged write, and some node served both",
            name: "quorum-overlap (witness)",
        },
    },
    watch: Watch { acked_by: true, ..Watch::NOTHING },
    on_traces: OnTraces::of_reads(
        |promiser| promiser.overlaps(),
        "reads after an acknowledged write",
        |view, client| readers(view).judged(client),
    ),
    explanation: |view, names| {
        let (client, read) = readers(view).broken(view)?;
        let acked_by = |write: usize| view.ledger().acked_by(write);
        let meets = |write: &usize| !acked_by(*write).intersection(read.replied).is_empty();
        let write = readers(view).owed(client).iter().find(|write| !meets(write))?;
        Some(format!(
            "{}'s read was answered by {}, but {} was acknowledged by {} before it began",
            view.scenario.clients[client].name,
            names.node_set(read.replied),
            wording::write(view.scenario, write),
            names.node_set(acked_by(write)),
        ))
    },
};
