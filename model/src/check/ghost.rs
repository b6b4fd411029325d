//! The ghost: takes note, in the history that is part of every state, of what happens in a search.
//!
//! What it writes depends on the history before and on what happened, so it is remembered (see
//! [`quorate_checker::memo`]), for all searches of one model. What a property asks about all nodes
//! is answered after that, state by state.

use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_checker::Shared;
use quorate_checker::memo::Memo;
use quorate_checker::world::Counters;

use super::facts::Fact;
use super::history::{Historian, History};
use super::leaderless::Leaderless;
use super::property::PropertySpec;
use super::state::ClusterState;
use crate::ids::NodeId;
use crate::scenario::Scenario;

/// What a history becomes with the facts of a step.
type Notes = Memo<Shared<History>, Shared<Vec<Fact>>, Shared<History>>;

/// Takes note of what happens.
#[derive(Clone)]
pub(crate) struct Ghost {
    historian: Historian,
    /// What was written before.
    notes: Arc<Notes>,
}

impl Ghost {
    /// The ghost of searches of this scenario, which notes what these properties need.
    pub(crate) fn new(scenario: Arc<Scenario>, judged: &[&'static PropertySpec]) -> Ghost {
        Ghost { historian: Historian::new(scenario, judged), notes: Arc::default() }
    }

    /// One that notes what explanations need as well.
    pub(crate) fn explaining(&self) -> Ghost {
        Ghost { historian: self.historian.clone().explaining(), notes: Arc::default() }
    }

    /// What it writes with, and what reads it.
    pub(crate) fn historian(&self) -> &Historian {
        &self.historian
    }

    /// The history before anything happened.
    pub(crate) fn blank(&self) -> History {
        self.historian.blank()
    }

    /// Takes note that what a node held is gone, for which it owes nothing any more, and what it holds now.
    pub(crate) fn on_disk_replaced(&self, state: &mut ClusterState, node: NodeId) {
        let mut history = (*state.history).clone();
        let entries = state.node(node).store.entries();
        let holds = entries.map(|(key, entry)| (key.clone(), Arc::clone(&entry.state))).collect();
        self.historian.note(&mut history, &Fact::DiskReplaced { node, holds });
        state.history = Shared::new(history);
    }

    /// Takes note of what happened in one step of an actor.
    pub(crate) fn note(
        &self,
        state: &mut ClusterState,
        facts: &Shared<Vec<Fact>>,
        counters: &Counters<Leaderless>,
    ) {
        let before = state.history.clone();
        let write = || {
            let mut after = (*before).clone();
            for fact in &**facts {
                if let Fact::Record(touched) | Fact::Hint(touched) = fact {
                    counters.saw(touched.after.versions().count());
                }
                self.historian.note(&mut after, fact);
            }
            // The same history is the same pointer, which is the cheapest to compare.
            if after == *before { before.clone() } else { Shared::new(after) }
        };
        let history = &mut state.history;
        self.notes.with(&before, facts, write, |after| *history = after.clone());
        if self.historian.has_questions(&state.history) {
            let mut history = (*state.history).clone();
            self.historian.ask(&mut history, &*state);
            state.history = Shared::new(history);
        }
    }
}
