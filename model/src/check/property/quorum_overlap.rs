//! Read quorums meet write quorums.

use alloc::format;

use super::memory::{self, Remembers};
use super::reads::Readers;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Base, Happening, Historian, Judgement, Watch};
use crate::check::symmetry::Permutation;

/// Per client: the writes that were acknowledged when its read began.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory(Readers);

impl Remembers for Memory {
    fn blank(historian: &Historian) -> Self {
        Memory(Readers::blank(historian))
    }

    fn note(&mut self, base: Base<'_>, happening: &Happening<'_>) {
        let ledger = base.ledger;
        let owed = |_, _| ledger.acknowledged();
        self.0.note(base.historian, happening, owed, |owed, read| {
            let meets =
                |write: usize| !ledger.acked_by(write).intersection(read.replied).is_empty();
            Judgement::of(!owed.is_empty(), owed.iter().all(meets))
        });
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Memory(readers) = self;
        Memory(readers.renamed(names))
    }

    fn obliges_as_much_as(&self, other: &Self) -> bool {
        self.0.oblige_as_much_as(&other.0)
    }
}

fn readers<'a>(view: &View<'a>) -> &'a Readers {
    &memory::of(&view.memories().quorum_overlap).0
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
