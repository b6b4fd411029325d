//! The states of one system, with other conditions.

use crate::system::System;

/// Describes a kind of state.
pub type Wanted<'a, T> = &'a (dyn Fn(&T) -> bool + Sync);

/// A system in whose states something else is looked for than it asks for itself, and nothing is asked
/// about where runs end.
pub struct Seeking<'a, S: System> {
    /// Whose states.
    pub system: &'a S,
    /// What is looked for.
    pub wanted: &'a [Wanted<'a, S::State>],
}

impl<S: System> System for Seeking<'_, S> {
    type State = S::State;
    type Action = S::Action;

    fn initial(&self) -> Vec<S::State> {
        self.system.initial()
    }

    fn actions(&self, state: &S::State, actions: &mut Vec<S::Action>) {
        self.system.actions(state, actions);
    }

    fn apply(&self, state: &S::State, action: S::Action) -> Option<S::State> {
        self.system.apply(state, action)
    }

    fn fingerprint(&self, state: &S::State) -> u64 {
        self.system.fingerprint(state)
    }

    fn own_fingerprint(&self, state: &S::State) -> u64 {
        self.system.own_fingerprint(state)
    }

    fn conditions(&self) -> usize {
        self.wanted.len()
    }

    fn shows(&self, condition: usize, state: &S::State) -> bool {
        self.wanted[condition](state)
    }
}
