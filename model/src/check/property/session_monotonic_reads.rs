//! No client's reads go back: monotonic reads, one of the session guarantees of Terry et al. (1994), per key.

use alloc::format;
use alloc::vec::Vec;

use super::memory::{self, Remembers};
use super::reads::Readers;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Base, Happening, Historian, Judgement, Watch};
use crate::check::symmetry::Permutation;
use crate::check::write_set::WriteSet;

/// Per client: what its reads had returned when its read began.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory {
    readers: Readers,
    /// Per client, and per key: everything that its finished reads returned.
    returned: Vec<Vec<WriteSet>>,
}

impl Remembers for Memory {
    fn blank(historian: &Historian) -> Self {
        let returned = alloc::vec![WriteSet::EMPTY; historian.keys().len()];
        let returned = alloc::vec![returned; historian.scenario().clients.len()];
        Memory { readers: Readers::blank(historian), returned }
    }

    fn note(&mut self, base: Base<'_>, happening: &Happening<'_>) {
        let owed = |client: usize, key: usize| self.returned[client][key];
        self.readers.note(base.historian, happening, owed, |owed, read| base.covers(owed, read));
        if let Happening::ReadAnswered(read) = happening {
            let returned = &mut self.returned[read.client][read.key];
            *returned = returned.union(read.returned);
        }
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Memory { readers, returned } = self;
        let sets = |sets: &Vec<WriteSet>| sets.iter().map(|set| names.writes(*set)).collect();
        let returned = names.by_client(returned.iter().map(sets).collect());
        Memory { readers: readers.renamed(names), returned }
    }

    fn obliges_as_much_as(&self, other: &Self) -> bool {
        self.returned == other.returned && self.readers.oblige_as_much_as(&other.readers)
    }
}

fn readers<'a>(view: &View<'a>) -> &'a Readers {
    &memory::of(&view.memories().session_monotonic_reads).readers
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "session-monotonic-reads",
    statement: "successive reads of a key by one client never go back",
    kind: PropertyKind::Safety {
        holds: |view| !readers(view).any(Judgement::Broken),
        witness: Witness {
            shown: |view| readers(view).any(Judgement::Met),
            statement: "a client read again after a read that found something, and did not go back",
            name: "session-monotonic-reads (witness)",
        },
    },
    watch: Watch { reaped: true, ..Watch::NOTHING },
    on_traces: OnTraces::NotJudged(
        "monotonic-reads is, which asks more: that no read goes back behind anybody's",
    ),
    explanation: |view, _| {
        readers(view).told_of_missing(view, |missing| {
            let told = wording::values(view.scenario, missing);
            format!("an earlier read of its own had returned {told}")
        })
    },
};
