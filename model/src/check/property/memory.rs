//! What a property remembers of a run.

use super::Nodes;
use crate::check::history::{Base, Happening, Historian};
use crate::check::symmetry::Permutation;

/// A property's own part of the history: what it must remember of what happened.
///
/// It is part of every state and tells states apart: it holds no more than its property asks for.
pub(crate) trait Remembers: Clone + Eq {
    /// What is remembered before anything happened.
    fn blank(historian: &Historian) -> Self;

    /// Takes note of what happened. The ledger has it already.
    fn note(&mut self, base: Base<'_>, happening: &Happening<'_>);

    /// The same with nodes, clients, and the writes that they make, under other names. Takes everything apart without a
    /// rest, so that a new field is refused by the compiler until somebody has said whom it names.
    fn renamed(&self, names: &Permutation) -> Self;

    /// Whether what was noted asks what all nodes hold after the step, by [`Remembers::ask`].
    fn has_questions(&self) -> bool {
        false
    }

    /// Looks at all nodes after a step, and leaves no question open.
    fn ask(&mut self, _base: Base<'_>, _nodes: &dyn Nodes) {}

    /// Whether whatever breaks the property after the other memory breaks it after this one.
    fn obliges_as_much_as(&self, other: &Self) -> bool {
        self == other
    }
}

/// The memory of a property that looks at the nodes and at the ledger alone.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Nothing;

impl Remembers for Nothing {
    fn blank(_: &Historian) -> Self {
        Nothing
    }

    fn note(&mut self, _: Base<'_>, _: &Happening<'_>) {}

    fn renamed(&self, _: &Permutation) -> Self {
        Nothing
    }
}

/// What a property remembers. It is judged where it is remembered, and nowhere else.
pub(super) fn of<M>(memory: &Option<M>) -> &M {
    memory.as_ref().expect("a property is judged in a history that is kept for it")
}
