//! What was answered `Unavailable` is not returned.

use alloc::format;

use super::memory::{self, Remembers};
use super::reads::Readers;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Base, Happening, Historian, Judgement, Watch};
use crate::check::symmetry::Permutation;

/// Per client: the writes that had failed when its read began.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory(Readers);

impl Remembers for Memory {
    fn blank(historian: &Historian) -> Self {
        Memory(Readers::blank(historian))
    }

    fn note(&mut self, base: Base<'_>, happening: &Happening<'_>) {
        let owed = |_, _| base.ledger.failed();
        self.0.note(base.historian, happening, owed, |failed, read| {
            let seen = failed.intersection(read.returned);
            Judgement::of(!failed.is_empty(), seen.is_empty())
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
    &memory::of(&view.memories().failed_write_invisible).0
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
        let returned = view.ledger().closure(last.returned);
        let failed = readers(view).owed(client);
        let seen = wording::writes(view.scenario, failed.intersection(returned));
        let read = wording::read(view, client)?;
        Some(format!("{read}, though {seen} had failed before the read began"))
    },
};
