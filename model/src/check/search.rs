//! Shortest paths, which Stateright's breadth-first search does not give: a later violation
//! overwrites an earlier discovery there.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use hashbrown::HashMap;
use stateright::Model;

use super::action::Action;
use super::model::ClusterModel;
use super::property::{PropertyKind, PropertySpec};
use super::shared::Shared;
use super::state::ClusterState;
use crate::scenario::ShownWith;

/// Where a state was first reached from: the position of the state before and the action's
/// position among that state's actions.
#[derive(Clone, Copy)]
struct Origin {
    before: u32,
    action: u16,
}

/// How a search for shortest paths ended.
#[derive(Clone, Debug)]
pub struct Shortest {
    /// For each wanted condition the actions of a shortest run that reaches it, if any was found.
    pub paths: Vec<Option<Vec<Action>>>,
    /// How many distinct states were visited.
    pub distinct: usize,
    /// Whether the search ended because it was stopped or visited as many states as it might,
    /// and not because it had found everything or visited all there is.
    pub cut: bool,
}

/// Looks for a shortest run to a state that satisfies each of `wanted`, breadth first and one
/// state at a time, so that the first state found is one of the nearest. Stops when all are found,
/// when `distinct_max` states have been visited, or when the model's instruments stop it.
pub fn shortest(
    model: &ClusterModel,
    wanted: &[&dyn Fn(&ClusterState) -> bool],
    distinct_max: usize,
) -> Shortest {
    let fingerprint = |state: &ClusterState| Shared::new(state).fingerprint();
    let mut found: Vec<Option<u32>> = alloc::vec![None; wanted.len()];
    let mut origins: Vec<Option<Origin>> = Vec::new();
    let mut visited: HashMap<u64, (), foldhash::fast::FixedState> = HashMap::default();
    let mut queue: VecDeque<(u32, ClusterState)> = VecDeque::new();
    let mut cut = false;
    let note = |state: &ClusterState, position: u32, found: &mut Vec<Option<u32>>| {
        for (condition, found) in wanted.iter().zip(found.iter_mut()) {
            if found.is_none() && condition(state) {
                *found = Some(position);
            }
        }
        found.iter().all(Option::is_some)
    };
    let mut complete = wanted.is_empty();
    for state in model.init_states() {
        visited.insert(fingerprint(&state), ());
        origins.push(None);
        complete |= note(&state, 0, &mut found);
        queue.push_back((0, state));
    }
    let mut actions = Vec::new();
    'search: while let Some((before, state)) = queue.pop_front() {
        if complete {
            break;
        }
        if !model.instruments().may_expand() {
            cut = true;
            break;
        }
        model.actions(&state, &mut actions);
        for (action, next) in actions.drain(..).enumerate() {
            let Some(next) = model.apply(&state, next) else { continue };
            if visited.insert(fingerprint(&next), ()).is_some() {
                continue;
            }
            let position = origins.len() as u32;
            origins.push(Some(Origin { before, action: action as u16 }));
            complete = note(&next, position, &mut found);
            if complete {
                break 'search;
            }
            if origins.len() >= distinct_max {
                cut = true;
                break 'search;
            }
            queue.push_back((position, next));
        }
    }
    let paths = found
        .into_iter()
        .map(|position| position.map(|position| path_to(model, &origins, position)))
        .collect();
    Shortest { paths, distinct: origins.len(), cut }
}

/// Looks for a shortest run that comes to a state which shows something, in which something else
/// happens at or before it, and no state before that shows it already. States are told apart by
/// whether it has happened. `None` if there is no such run among as many of them as may be visited.
#[must_use]
pub fn shortest_with(
    model: &ClusterModel,
    with: &ShownWith,
    shows: &dyn Fn(&ClusterState) -> bool,
    distinct_max: usize,
) -> Option<Vec<Action>> {
    // Counters that nobody else moves say what happened in a step, also in what follows from it.
    let model = &model.with_fresh_instruments();
    let counted = || match with {
        ShownWith::Happens(kind) => model.instruments().count_of(*kind),
        ShownWith::Reached(_) => 0,
    };
    let is_reached = |state: &ClusterState| match with {
        ShownWith::Happens(_) => false,
        ShownWith::Reached(name) => match PropertySpec::named(name).map(|property| property.kind) {
            Some(PropertyKind::Reachability { reached, .. }) => reached(&model.view(state)),
            _ => false,
        },
    };
    let mut origins: Vec<Option<Origin>> = Vec::new();
    let mut visited: HashMap<(u64, bool), (), foldhash::fast::FixedState> = HashMap::default();
    let mut queue: VecDeque<(u32, ClusterState, bool)> = VecDeque::new();
    for state in model.init_states() {
        let has_happened = is_reached(&state);
        match (shows(&state), has_happened) {
            (true, true) => return Some(Vec::new()),
            (true, false) => continue,
            (false, _) => {}
        }
        visited.insert((Shared::new(&state).fingerprint(), has_happened), ());
        origins.push(None);
        queue.push_back((0, state, has_happened));
    }
    let mut actions = Vec::new();
    while let Some((before, state, had_happened)) = queue.pop_front() {
        model.actions(&state, &mut actions);
        for (action, next) in actions.drain(..).enumerate() {
            let count = counted();
            let Some(next) = model.apply(&state, next) else { continue };
            let has_happened = had_happened || counted() > count || is_reached(&next);
            let fingerprint = Shared::new(&next).fingerprint();
            // Where it has happened, at least as much can come of the same state.
            if visited.contains_key(&(fingerprint, true))
                || visited.insert((fingerprint, has_happened), ()).is_some()
            {
                continue;
            }
            let position = origins.len() as u32;
            origins.push(Some(Origin { before, action: action as u16 }));
            match (shows(&next), has_happened) {
                (true, true) => return Some(path_to(model, &origins, position)),
                // What happens later has nothing to do with it.
                (true, false) => continue,
                (false, _) => {}
            }
            if origins.len() >= distinct_max {
                return None;
            }
            queue.push_back((position, next, has_happened));
        }
    }
    None
}

/// The actions that lead to the state at this position.
fn path_to(model: &ClusterModel, origins: &[Option<Origin>], position: u32) -> Vec<Action> {
    let mut choices = Vec::new();
    let mut at = position;
    while let Some(Origin { before, action }) = origins[at as usize] {
        choices.push(action);
        at = before;
    }
    choices.reverse();
    // The walk back is over positions; the walk forward makes the states again.
    let replay = model.with_fresh_instruments();
    let mut state = replay.init_states().swap_remove(0);
    let mut actions = Vec::new();
    let mut path = Vec::new();
    for choice in choices {
        actions.clear();
        replay.actions(&state, &mut actions);
        let action = actions.swap_remove(usize::from(choice));
        state = replay.apply(&state, action.clone()).expect("the action was possible before");
        path.push(action);
    }
    path
}

/// Takes single steps out of a run for as long as what is left is a run and still shows
/// something: the result is minimal, though not always shortest.
#[must_use]
pub fn minimise(
    model: &ClusterModel,
    mut actions: Vec<Action>,
    shows: &dyn Fn(&ClusterState) -> bool,
) -> Vec<Action> {
    let model = model.with_fresh_instruments();
    // What comes after the first state that shows it is not needed.
    let run = |actions: &[Action]| -> Option<usize> {
        let mut state = model.init_states().swap_remove(0);
        if shows(&state) {
            return Some(0);
        }
        for (position, action) in actions.iter().enumerate() {
            state = model.apply(&state, action.clone())?;
            if shows(&state) {
                return Some(position + 1);
            }
        }
        None
    };
    if let Some(length) = run(&actions) {
        actions.truncate(length);
    }
    // From the back: later steps are the ones that nothing else depends on.
    let mut position = actions.len();
    while position > 0 {
        position -= 1;
        let mut without = actions.clone();
        without.remove(position);
        if let Some(length) = run(&without) {
            without.truncate(length);
            actions = without;
            // A step that was needed before may have become superfluous.
            position = actions.len();
        }
    }
    actions
}
