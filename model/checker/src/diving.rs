//! Looking depth first for any run to a state that is wanted.

use hashbrown::HashSet;

use crate::system::System;

/// How a search for any run ended.
#[derive(Clone, Debug)]
pub struct Dive<A> {
    /// A run to a wanted state, if one was found: none of its steps can go, but a shorter one may exist.
    pub path: Option<Vec<A>>,
    /// Whether there are states that were not visited.
    pub cut: bool,
}

/// Looks for any run to a state that satisfies `wanted`, depth first, and stops at the first. It comes to
/// what lies deep among many states long before a search that goes by distance.
pub fn dive<S: System>(
    system: &S,
    wanted: &dyn Fn(&S::State) -> bool,
    distinct_max: usize,
) -> Dive<S::Action> {
    let mut visited: HashSet<u64, foldhash::fast::FixedState> = HashSet::default();
    let mut path: Vec<S::Action> = Vec::new();
    // Per state of the path: it, and the actions that are still to be tried there.
    let mut stack: Vec<(S::State, Vec<S::Action>)> = Vec::new();
    let choices = |state: &S::State| {
        let mut actions = Vec::new();
        system.actions(state, &mut actions);
        actions
    };
    for state in system.initial() {
        if wanted(&state) {
            return Dive { path: Some(path), cut: false };
        }
        visited.insert(system.fingerprint(&state));
        let actions = choices(&state);
        stack.push((state, actions));
        while let Some((state, actions)) = stack.last_mut() {
            let Some(action) = actions.pop() else {
                stack.pop();
                path.pop();
                continue;
            };
            let Some(next) = system.apply(state, action.clone()) else { continue };
            if !visited.insert(system.fingerprint(&next)) {
                continue;
            }
            path.push(action);
            if wanted(&next) {
                return Dive { path: Some(minimised(system, path, wanted)), cut: false };
            }
            if visited.len() >= distinct_max {
                return Dive { path: None, cut: true };
            }
            let actions = choices(&next);
            stack.push((next, actions));
        }
    }
    Dive { path: None, cut: false }
}

/// Takes single steps out of a run for as long as what is left is a run to a wanted state.
fn minimised<S: System>(
    system: &S,
    mut actions: Vec<S::Action>,
    wanted: &dyn Fn(&S::State) -> bool,
) -> Vec<S::Action> {
    let is_kept = |actions: &[S::Action]| {
        let mut state = Some(system.initial().swap_remove(0));
        for action in actions {
            state = state.and_then(|state| system.apply(&state, action.clone()));
        }
        state.is_some_and(|state| wanted(&state))
    };
    // From the back: later steps are the ones that nothing else depends on.
    let mut position = actions.len();
    while position > 0 {
        position -= 1;
        let mut without = actions.clone();
        without.remove(position);
        if is_kept(&without) {
            actions = without;
            // A step that was needed before may have become superfluous.
            position = actions.len();
        }
    }
    actions
}
