//! A read may miss a write that was under way when it began.

use super::memory::{self, Remembers};
use super::reads::Readers;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Base, Happening, Historian, Judgement, Watch};
use crate::check::symmetry::Permutation;
use crate::check::write_set::WriteSet;

/// Per client: the writes that were under way when its read began. To have missed one is what is judged to
/// be broken.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory(Readers);

impl Remembers for Memory {
    fn blank(historian: &Historian) -> Self {
        Memory(Readers::blank(historian))
    }

    fn note(&mut self, base: Base<'_>, happening: &Happening<'_>) {
        let owed = |_, _| base.ledger.under_way();
        self.0.note(base.historian, happening, owed, |under_way, read| {
            let missed = under_way.without(read.returned);
            Judgement::of(!under_way.is_empty(), missed.is_empty())
        });
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Memory(readers) = self;
        Memory(readers.renamed(names))
    }
}

fn readers<'a>(view: &View<'a>) -> &'a Readers {
    &memory::of(&view.memories().overlapping_write_missed).0
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "overlapping-write-missed",
    statement: "a read does not return a write that was under way when the read began",
    kind: PropertyKind::Reachability {
        reached: |view| readers(view).any(Judgement::Broken),
        opportunity: Witness {
            shown: |view| readers(view).any_obliged(),
            statement: "a read began while a write was under way",
            name: "overlapping-write-missed (opportunity)",
        },
    },
    watch: Watch { overlapping: true, ..Watch::NOTHING },
    on_traces: OnTraces::REACHABLE,
    explanation: |view, _| wording::read_beside(view, readers(view), WriteSet::without),
};
