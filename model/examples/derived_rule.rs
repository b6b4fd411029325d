//! How many states `stubborn-sets` leave, and how many any such rule could leave that knew all that will happen. For small
//! built-in scenarios, or those that are named; unreduced, and beside the rules that are on.
//!
//! ```sh
//! cargo run --release -p quorate-model --features measurements --example derived_rule
//! ```
//!
//! What could be left is measured on the whole graph of a search: a set of actions of a state is closed if each of them
//! commutes with whatever else can happen from there on without them, however late, and hides no condition that is
//! shown on the way. In each state the smallest closed set is taken. Declarations can know no more than that. *Unseen* takes
//! only actions that change neither what observers have seen nor what disks hold, as the rule does; *any* takes all others too.
//! Nothing is put off for ever in a graph that is acyclic, which is not looked at; so these are bounds, and no verdicts.

use std::collections::{HashMap, HashSet, VecDeque};
use std::env;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::quality::FixedState;
use quorate_checker::System;
use quorate_model::check::{Action, ClusterModel, ClusterState, ClusterSystem};
use quorate_model::scenario::builtin::ALL;
use quorate_model::scenario::{Reductions, Scenario};

/// The most states of a search of which all is known.
const STATES_MAX: usize = 8_000;

/// Which actions may be taken first.
#[derive(Clone, Copy, PartialEq)]
enum Taken {
    Any,
    Unseen,
}

/// A search as a graph.
struct Graph {
    /// Of each state: actions, by number, and where they lead.
    steps: Vec<Vec<(u32, u32)>>,
    /// Of each state: which conditions it shows.
    shown: Vec<u64>,
    /// Of each state: what observers have seen and disks hold.
    seen: Vec<u64>,
}

impl Graph {
    fn of(scenario: &Scenario, reductions: Reductions) -> Option<Graph> {
        let scenario = Arc::new(Scenario { reductions, ..scenario.clone() });
        let system: ClusterSystem = ClusterModel::new(scenario).judging();
        let mut graph = Graph { steps: Vec::new(), shown: Vec::new(), seen: Vec::new() };
        let (mut states, mut actions) = (HashMap::<u64, u32>::new(), HashMap::<Action, u32>::new());
        let mut waiting = VecDeque::from(system.initial());
        let first = waiting.front().expect("a run starts somewhere");
        states.insert(system.own_fingerprint(first), 0);
        graph.note(&system, first);
        while let Some(state) = waiting.pop_front() {
            let mut offered = Vec::new();
            system.actions(&state, &mut offered);
            let mut steps = Vec::new();
            for action in offered {
                let Some(after) = system.apply(&state, action.clone()) else { continue };
                let next = actions.len() as u32;
                let action = *actions.entry(action).or_insert(next);
                let next = states.len() as u32;
                let id = *states.entry(system.own_fingerprint(&after)).or_insert(next);
                if id == next {
                    graph.note(&system, &after);
                    waiting.push_back(after);
                }
                steps.push((action, id));
            }
            graph.steps.push(steps);
            if states.len() > STATES_MAX {
                return None;
            }
        }
        Some(graph)
    }

    fn note(&mut self, system: &ClusterSystem, state: &ClusterState) {
        let shown = (0..system.conditions()).filter(|at| system.shows(*at, state));
        self.shown.push(shown.fold(0, |bits, at| bits | 1 << at));
        let disks: Vec<_> = state.nodes().map(|node| (&node.store, &node.copies)).collect();
        self.seen.push(FixedState::default().hash_one((&state.history, disks)));
    }

    fn after(&self, state: u32, action: u32) -> Option<u32> {
        let steps = self.steps[state as usize].iter();
        steps.into_iter().find(|(of, _)| *of == action).map(|(_, to)| *to)
    }

    /// A closed set with this action in this state, if it has fewer actions than `most`.
    fn closed(&self, state: u32, first: u32, most: usize, taken: Taken) -> Option<Vec<u32>> {
        let mut set = Vec::from([first]);
        'larger: while set.len() < most {
            let mut known = HashSet::from([state]);
            let mut waiting = VecDeque::from([(state, None)]);
            while let Some((at, by)) = waiting.pop_front() {
                for (other, to) in &self.steps[at as usize] {
                    if set.contains(other) {
                        continue;
                    }
                    let by = by.unwrap_or(*other);
                    if set.iter().any(|one| self.disturbs(state, (at, *other, *to), *one, taken)) {
                        set.push(by);
                        continue 'larger;
                    }
                    if known.insert(*to) {
                        waiting.push_back((*to, Some(by)));
                    }
                }
            }
            return Some(set);
        }
        None
    }

    /// Whether this step, which happens some time after `start`, stands in the way of taking an action first.
    fn disturbs(&self, start: u32, step: (u32, u32, u32), action: u32, taken: Taken) -> bool {
        let (at, other, to) = step;
        let (Some(before), Some(after)) = (self.after(at, action), self.after(to, action)) else {
            return true;
        };
        let [lost, kept] = [to, after].map(|state| self.shown[state as usize]);
        let is_seen = |from: u32, to: u32| self.seen[from as usize] != self.seen[to as usize];
        self.after(before, other) != Some(after)
            || lost & !kept & !self.shown[start as usize] != 0
            || taken == Taken::Unseen && (is_seen(at, before) || is_seen(to, after))
    }

    /// How many states are visited if the smallest closed set is taken in each.
    fn visited(&self, taken: Taken) -> usize {
        let mut known = HashSet::from([0]);
        let mut waiting = VecDeque::from([0]);
        while let Some(state) = waiting.pop_front() {
            let steps = &self.steps[state as usize];
            let mut best: Option<Vec<u32>> = None;
            for (action, _) in steps {
                let most = best.as_ref().map_or(steps.len(), Vec::len);
                best = self.closed(state, *action, most, taken).or(best);
            }
            for (action, to) in steps {
                if best.as_ref().is_none_or(|best| best.contains(action)) && known.insert(*to) {
                    waiting.push_back(*to);
                }
            }
        }
        known.len()
    }
}

fn main() {
    let named: Vec<String> = env::args().skip(1).collect();
    println!(
        "| scenario | unreduced | stubborn-sets | unseen, at best | any, at best | reduced | unseen, at best | any, at best |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    let mut sums = [0; 7];
    for builtin in ALL {
        if !named.is_empty() && !named.iter().any(|name| name == builtin.name) {
            continue;
        }
        let mut scenario = builtin.parse().unwrap_or_else(|error| panic!("{error}"));
        // The rule is off where it is asked where runs end.
        scenario.expect.retain(|name, _| name != "convergence" && name != "progress");
        if scenario.script.is_some() || scenario.expect.is_empty() {
            continue;
        }
        // An action is known by its name, and an exchange of clients changes names.
        let reductions = scenario.reductions.without_symmetry();
        let of = |reductions| Graph::of(&scenario, reductions);
        let (Some(unreduced), Some(reduced)) = (of(Reductions::NONE), of(reductions)) else {
            continue;
        };
        let stubborn = of(Reductions::STUBBORN).expect("it visits no more");
        let counts = [
            unreduced.steps.len(),
            stubborn.steps.len(),
            unreduced.visited(Taken::Unseen),
            unreduced.visited(Taken::Any),
            reduced.steps.len(),
            reduced.visited(Taken::Unseen),
            reduced.visited(Taken::Any),
        ];
        let told: Vec<String> = counts.iter().map(ToString::to_string).collect();
        println!("| {} | {} |", builtin.name, told.join(" | "));
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    println!("\n{sums:?}");
}
