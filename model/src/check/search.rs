//! Runs to states that somebody describes.

use alloc::vec::Vec;

use hashbrown::HashSet;
use quorate_checker::{Bounds, Explored, Seeking, Switch, System, Until, explore, memo};
use stateright::Model;

use super::action::Action;
use super::model::ClusterModel;
use super::property::{PropertyKind, PropertySpec};
use super::state::ClusterState;
use crate::scenario::ShownWith;

/// Describes a kind of state.
pub type Wanted<'a> = quorate_checker::Wanted<'a, ClusterState>;

/// How a search for shortest runs ended.
#[derive(Clone, Debug)]
pub struct Shortest {
    /// For each wanted condition the actions of a shortest run that reaches it, if any was found.
    pub paths: Vec<Option<Vec<Action>>>,
    /// How many distinct states were visited.
    pub distinct: usize,
    /// Whether the search ended because it visited as many states as it might, and not because it
    /// had found everything or visited all there is.
    pub cut: bool,
}

/// Looks for a shortest run to a state that satisfies each of `wanted`, on one thread. Stops when all are
/// found, or when `distinct_max` states have been visited.
///
/// # Panics
/// If more than 64 are wanted.
pub fn shortest(model: &ClusterModel, wanted: &[Wanted<'_>], distinct_max: usize) -> Shortest {
    let system = model.with_goals(&[]);
    let seeking = Seeking { system: &system, wanted };
    let all = (0..wanted.len()).fold(0, |bits, number| bits | 1 << number);
    let bounds =
        Bounds { states_max: Some(distinct_max), until: Until::AllShown(all), ..Bounds::default() };
    let explored = explore(&seeking, &bounds, &Switch::default());
    let path = |number| explored.first(number).map(|state| explored.run_to(&seeking, state));
    Shortest {
        paths: (0..wanted.len()).map(path).collect(),
        distinct: explored.distinct(),
        cut: explored.cut().is_some(),
    }
}

/// How a search for any run ended.
#[derive(Clone, Debug)]
pub struct Dive {
    /// A run to a wanted state, if one was found: none of its steps can go, but a shorter one may exist.
    pub path: Option<Vec<Action>>,
    /// Whether there are states that were not visited.
    pub cut: bool,
}

/// Looks for any run to a state that satisfies `wanted`, depth first, and stops at the first. It comes to
/// what lies deep among many states long before a search that goes by distance.
pub fn dive(
    model: &ClusterModel,
    wanted: &dyn Fn(&ClusterState) -> bool,
    distinct_max: usize,
) -> Dive {
    let model = &model.with_fresh_counters();
    let mut visited: HashSet<u64, foldhash::fast::FixedState> = HashSet::default();
    let mut path: Vec<Action> = Vec::new();
    // Per state of the path: it, and the actions that are still to be tried there.
    let mut stack: Vec<(ClusterState, Vec<Action>)> = Vec::new();
    let choices = |state: &ClusterState| {
        let mut actions = Vec::new();
        model.actions(state, &mut actions);
        actions
    };
    for state in model.init_states() {
        if wanted(&state) {
            return Dive { path: Some(path), cut: false };
        }
        visited.insert(model.fingerprint(&state));
        let actions = choices(&state);
        stack.push((state, actions));
        while let Some((state, actions)) = stack.last_mut() {
            let Some(action) = actions.pop() else {
                stack.pop();
                path.pop();
                continue;
            };
            let Some(next) = model.apply(state, action.clone()) else { continue };
            if !visited.insert(model.fingerprint(&next)) {
                continue;
            }
            path.push(action);
            if wanted(&next) {
                return Dive { path: Some(minimised(model, path, wanted)), cut: false };
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
fn minimised(
    model: &ClusterModel,
    mut actions: Vec<Action>,
    wanted: &dyn Fn(&ClusterState) -> bool,
) -> Vec<Action> {
    let is_kept = |actions: &[Action]| {
        let mut state = Some(model.init_states().swap_remove(0));
        for action in actions {
            state = state.and_then(|state| model.apply(&state, action.clone()));
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

/// Looks for a shortest run that comes to a state which shows something, in which something else
/// happens at or before it, and no state before that shows it already. States are told apart by
/// whether it has happened. `None` if there is no such run among as many of them as may be visited.
#[must_use]
pub fn shortest_with(
    model: &ClusterModel,
    with: &ShownWith,
    shows: Wanted<'_>,
    distinct_max: usize,
) -> Option<Vec<Action>> {
    // Counters that nobody else moves say what happened in a step, also in what follows from it; so
    // this is the work of one thread.
    let noting = Noting { model: model.with_fresh_counters(), with, shows };
    let bounds =
        Bounds { states_max: Some(distinct_max), until: Until::AllShown(1), ..Bounds::default() };
    let explored: Explored = explore(&noting, &bounds, &Switch::default());
    explored.first(0).map(|state| explored.run_to(&noting, state))
}

/// A model whose states remember whether something has happened.
struct Noting<'a> {
    model: ClusterModel,
    with: &'a ShownWith,
    shows: Wanted<'a>,
}

impl Noting<'_> {
    fn counted(&self) -> u64 {
        match self.with {
            ShownWith::Happens(kind) => self.model.counters().count_of(*kind),
            ShownWith::Reached(_) => 0,
        }
    }

    fn is_reached(&self, state: &ClusterState) -> bool {
        let ShownWith::Reached(name) = self.with else { return false };
        match PropertySpec::named(name).map(|property| property.kind) {
            Some(PropertyKind::Reachability { reached, .. }) => reached(&self.model.view(state)),
            _ => false,
        }
    }
}

impl System for Noting<'_> {
    type State = (ClusterState, bool);
    type Action = Action;

    fn initial(&self) -> Vec<Self::State> {
        let noted = |state| {
            let has_happened = self.is_reached(&state);
            (state, has_happened)
        };
        self.model.init_states().into_iter().map(noted).collect()
    }

    fn actions(&self, (state, has_happened): &Self::State, actions: &mut Vec<Action>) {
        // What happens after a state that shows it has nothing to do with it.
        if *has_happened || !(self.shows)(state) {
            self.model.actions(state, actions);
        }
    }

    fn apply(&self, (state, had_happened): &Self::State, action: Action) -> Option<Self::State> {
        let count = self.counted();
        let next = self.model.apply(state, action)?;
        let has_happened = *had_happened || self.counted() > count || self.is_reached(&next);
        Some((next, has_happened))
    }

    fn fingerprint(&self, (state, has_happened): &Self::State) -> u64 {
        memo::fingerprint_of(&(self.model.fingerprint(state), has_happened))
    }

    fn conditions(&self) -> usize {
        1
    }

    fn shows(&self, _: usize, (state, has_happened): &Self::State) -> bool {
        *has_happened && (self.shows)(state)
    }
}
