//! Reads return what was acknowledged before they began.

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
        let owed = |_, _| base.ledger.acknowledged();
        self.0.note(base.historian, happening, owed, |owed, read| base.covers(owed, read));
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
    &memory::of(&view.memories().read_freshness).0
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
