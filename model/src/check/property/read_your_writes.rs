//! Clients see their own writes.

use alloc::format;

use super::memory::{self, Remembers};
use super::reads::Readers;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Base, Happening, Historian, Judgement, Watch};
use crate::check::symmetry::Permutation;

/// Per client: its own writes that were acknowledged when its read began.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory(Readers);

impl Remembers for Memory {
    fn blank(historian: &Historian) -> Self {
        Memory(Readers::blank(historian))
    }

    fn note(&mut self, base: Base<'_>, happening: &Happening<'_>) {
        let Base { historian, ledger } = base;
        let owed = |client, _| ledger.acknowledged().intersection(historian.writes_by(client));
        self.0.note(historian, happening, owed, |owed, read| base.covers(owed, read));
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
    &memory::of(&view.memories().read_your_writes).0
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
