//! Ghost history: what clients asked for and saw, kept beside the protocol and never shown to it.
//!
//! These are history variables in the sense of Abadi and Lamport (auxiliary variables, to Owicki and
//! Gries): they take note of what happens and nothing that happens depends on them. Every value names its
//! write, so that what a read returned says which writes its reader has now seen. Properties look at
//! that alone, never at the implementation's clocks.
//!
//! A history has two parts. The [`Ledger`] is what properties share: which writes were asked for and
//! acknowledged, and what each write's author had seen. Beside it each judged property keeps a memory
//! of its own (see [`crate::check::property`]). History is part of the global state, so it keeps no
//! more than the judged properties need: a fact that no property asks for would only tell states apart
//! that behave alike.

mod base;
mod happening;
mod historian;
mod judgement;
mod ledger;
mod watch;

pub(crate) use base::Base;
pub(crate) use happening::{Happening, Read};
pub use historian::Historian;
pub use judgement::Judgement;
pub use ledger::{LastRead, Ledger};
pub use watch::Watch;

use super::property::Memories;
use super::symmetry::Permutation;

/// The history of one run.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct History {
    ledger: Ledger,
    memories: Memories,
}

impl History {
    /// What properties share.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What each judged property remembers.
    #[must_use]
    pub(crate) fn memories(&self) -> &Memories {
        &self.memories
    }

    /// Whether this history is the other one, only that more writes may be acknowledged in it, reads obliged
    /// to more and judged worse. Whatever promise is broken after the other one is broken after this one.
    #[must_use]
    pub fn obliges_as_much_as(&self, other: &History) -> bool {
        self.ledger.has_acknowledged_as_much_as(&other.ledger)
            && self.memories.oblige_as_much_as(&other.memories)
    }

    /// The same with nodes, clients, and the writes that they make, under other names.
    pub(crate) fn renamed(&self, names: &Permutation) -> History {
        let History { ledger, memories } = self;
        History { ledger: ledger.renamed(names), memories: memories.renamed(names) }
    }
}
