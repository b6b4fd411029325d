//! Runs to states that somebody describes.

use alloc::vec::Vec;

use quorate_checker::{Bounds, Explored, Switch, System, Until, explore};
use stateright::Model;

use super::action::Action;
use super::model::ClusterModel;
use super::property::{PropertyKind, PropertySpec};
use super::state::ClusterState;
use crate::scenario::ShownWith;
use quorate_checker::Shared;

/// Describes a kind of state.
pub type Wanted<'a> = &'a (dyn Fn(&ClusterState) -> bool + Sync);

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
    let seeking = Seeking { model: model.with_fresh_instruments(), wanted };
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

struct Seeking<'a> {
    model: ClusterModel,
    wanted: &'a [Wanted<'a>],
}

impl System for Seeking<'_> {
    type State = ClusterState;
    type Action = Action;

    fn initial(&self) -> Vec<ClusterState> {
        self.model.init_states()
    }

    fn actions(&self, state: &ClusterState, actions: &mut Vec<Action>) {
        self.model.actions(state, actions);
    }

    fn apply(&self, state: &ClusterState, action: Action) -> Option<ClusterState> {
        self.model.apply(state, action)
    }

    fn fingerprint(&self, state: &ClusterState) -> u64 {
        Shared::new(state).fingerprint()
    }

    fn conditions(&self) -> usize {
        self.wanted.len()
    }

    fn shows(&self, condition: usize, state: &ClusterState) -> bool {
        self.wanted[condition](state)
    }
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
    let noting = Noting { model: model.with_fresh_instruments(), with, shows };
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
            ShownWith::Happens(kind) => self.model.instruments().count_of(*kind),
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
        Shared::new((state, *has_happened)).fingerprint()
    }

    fn conditions(&self) -> usize {
        1
    }

    fn shows(&self, _: usize, (state, has_happened): &Self::State) -> bool {
        *has_happened && (self.shows)(state)
    }
}
