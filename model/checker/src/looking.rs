//! A system whose states somebody looks at while they are visited.

use crate::system::System;

/// A system, and who looks at each of its states that is visited, once, together with what may happen next
/// there. Whoever looks may take some of that out, and decides what is visited then.
pub struct Looking<'a, S, L> {
    /// Whose states.
    pub system: &'a S,
    /// Who looks.
    pub look: L,
}

impl<S: System, L: Fn(&S::State, &mut Vec<S::Action>) + Sync> System for Looking<'_, S, L> {
    type State = S::State;
    type Action = S::Action;

    fn initial(&self) -> Vec<S::State> {
        self.system.initial()
    }

    fn actions(&self, state: &S::State, actions: &mut Vec<S::Action>) {
        self.system.actions(state, actions);
        (self.look)(state, actions);
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

    fn is_settling(&self, action: &S::Action) -> bool {
        self.system.is_settling(action)
    }

    fn conditions(&self) -> usize {
        self.system.conditions()
    }

    fn shows(&self, condition: usize, state: &S::State) -> bool {
        self.system.shows(condition, state)
    }

    fn goals(&self) -> usize {
        self.system.goals()
    }

    fn meets(&self, goal: usize, state: &S::State) -> bool {
        self.system.meets(goal, state)
    }
}
