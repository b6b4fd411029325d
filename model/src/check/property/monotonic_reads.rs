//! Reads never go back.

use alloc::format;
use alloc::vec::Vec;

use super::memory::{self, Remembers};
use super::reads::Readers;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Base, Happening, Historian, Judgement, Watch};
use crate::check::symmetry::Permutation;
use crate::check::write_set::WriteSet;

/// Per client: what reads had returned when its read began.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory {
    readers: Readers,
    /// Per key: everything that finished reads returned.
    returned: Vec<WriteSet>,
}

impl Remembers for Memory {
    fn blank(historian: &Historian) -> Self {
        let returned = alloc::vec![WriteSet::EMPTY; historian.keys().len()];
        Memory { readers: Readers::blank(historian), returned }
    }

    fn note(&mut self, base: Base<'_>, happening: &Happening<'_>) {
        let owed = |_, key: usize| self.returned[key];
        self.readers.note(base.historian, happening, owed, |owed, read| base.covers(owed, read));
        if let Happening::ReadAnswered(read) = happening {
            let returned = &mut self.returned[read.key];
            *returned = returned.union(read.returned);
        }
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Memory { readers, returned } = self;
        let returned = returned.iter().map(|returned| names.writes(*returned)).collect();
        Memory { readers: readers.renamed(names), returned }
    }

    fn obliges_as_much_as(&self, other: &Self) -> bool {
        self.returned == other.returned && self.readers.oblige_as_much_as(&other.readers)
    }
}

fn readers<'a>(view: &View<'a>) -> &'a Readers {
    &memory::of(&view.memories().monotonic_reads).readers
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "monotonic-reads",
    statement: "successive reads of a key, whoever makes them, never go back",
    kind: PropertyKind::Safety {
        holds: |view| !readers(view).any(Judgement::Broken),
        witness: Witness {
            shown: |view| readers(view).any(Judgement::Met),
            statement: "a read began after another that found something, and did not go back",
            name: "monotonic-reads (witness)",
        },
    },
    watch: Watch { reaped: true, ..Watch::NOTHING },
    on_traces: OnTraces::of_reads(
        |promiser| promiser.is_fresh() && promiser.repairs_before_answering(),
        "reads after a read",
        |view, client| readers(view).judged(client),
    ),
    explanation: |view, _| {
        readers(view).told_of_missing(view, |missing| {
            let told = wording::values(view.scenario, missing);
            format!("a read that ended before it began had returned {told}")
        })
    },
};
