//! Runs, made again from the ids of their states.

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::decision::Violation;
use crate::edges::Rows;
use crate::explored::Explored;
use crate::system::System;

/// The actions of a shortest run to this state.
pub(crate) fn to<S: System>(system: &S, graph: &Explored, state: u32) -> Vec<S::Action> {
    actions(system, graph, &graph.states_to(state), &[]).0
}

/// The run that leads to this state of a bottom component that is not wholly at the goal, and on.
pub(crate) fn violation<S: System>(
    system: &S,
    graph: &Explored,
    goal: usize,
    state: u32,
) -> Violation<S::Action> {
    let cycle = cycle(graph, goal, state);
    let (stem, cycle) = actions(system, graph, &graph.states_to(state), &cycle);
    Violation { stem, cycle }
}

/// The states of a cycle that starts at this one of a bottom component and passes one that is
/// not at the goal; the first state is left out, and so comes last. Empty if no step is possible.
fn cycle(graph: &Explored, goal: usize, start: u32) -> Vec<u32> {
    if !graph.meets(goal, start) {
        return path(&graph.settling, start, |state| state == start).unwrap_or_default();
    }
    // All states of the component reach each other, so neither half is missing.
    let unmet = |state| !graph.meets(goal, state);
    let mut cycle = path(&graph.settling, start, unmet).unwrap_or_default();
    let turn = cycle.last().copied().unwrap_or(start);
    cycle.extend(path(&graph.settling, turn, |state| state == start).unwrap_or_default());
    cycle
}

/// The states of a shortest path of at least one edge to one that is wanted, without the first.
fn path(edges: &Rows, from: u32, is_wanted: impl Fn(u32) -> bool) -> Option<Vec<u32>> {
    let mut before: HashMap<u32, u32, foldhash::fast::FixedState> = HashMap::default();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for end in edges.of(at) {
            if is_wanted(*end) {
                let mut path = Vec::from([*end]);
                let mut back = at;
                while back != from {
                    path.push(back);
                    back = before[&back];
                }
                path.reverse();
                return Some(path);
            }
            if *end != from && !before.contains_key(end) {
                before.insert(*end, at);
                queue.push_back(*end);
            }
        }
    }
    None
}

/// The actions of a run from an initial state along these states, and of settling steps from its
/// end along those, which lead back to it. Where states that are alike have one name, what leads back to the name
/// may have to happen several times before it leads back to the state.
fn actions<S: System>(
    system: &S,
    graph: &Explored,
    stem: &[u32],
    cycle: &[u32],
) -> (Vec<S::Action>, Vec<S::Action>) {
    let names = graph.visited.names_of(stem.iter().chain(cycle).copied());
    let is_state = |state: &S::State, id: &u32| system.fingerprint(state) == names[id];
    let (first, rest) = stem.split_first().expect("a run has a first state");
    let mut state = system
        .initial()
        .into_iter()
        .find(|state| is_state(state, first))
        .expect("the run started there");
    let mut offered = Vec::new();
    let mut walk = |state: &mut S::State, to: &u32, settling_only: bool| {
        offered.clear();
        system.actions(state, &mut offered);
        for action in offered.drain(..) {
            if settling_only && !system.is_settling(&action) {
                continue;
            }
            if let Some(after) = system.apply(state, action.clone())
                && is_state(&after, to)
            {
                *state = after;
                return action;
            }
        }
        panic!("the step was possible before")
    };
    let mut stem: Vec<S::Action> = rest.iter().map(|to| walk(&mut state, to, false)).collect();
    if cycle.is_empty() {
        return (stem, Vec::new());
    }
    // Where each time round began. There are only so many states of one name.
    let mut turns = Vec::new();
    let mut walked = Vec::new();
    loop {
        let name = system.own_fingerprint(&state);
        if let Some(first) = turns.iter().position(|turn| *turn == name) {
            let rest = walked.split_off(first * cycle.len());
            stem.extend(walked);
            return (stem, rest);
        }
        turns.push(name);
        walked.extend(cycle.iter().map(|to| walk(&mut state, to, true)));
    }
}
