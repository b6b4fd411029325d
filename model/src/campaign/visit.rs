//! A search of everything, which notes what there is to compare.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::hash::BuildHasher;

use foldhash::fast::FixedState as FastState;
use foldhash::quality::FixedState;
use hashbrown::{HashMap, HashSet};
use quorate_checker::world::compared;
use quorate_checker::{Bounds, Decision, Looking, Outcome, Switch, explore};
use thread_local::ThreadLocal;

use crate::check::action::Action;
use crate::check::leaderless::Leaderless;
use crate::check::state::{ActorState, NodeState};
use crate::check::{ClusterModel, ClusterState, Goal};
use crate::scenario::Rule;

/// The fewest steps of a run that shows something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Length {
    /// As the search takes them.
    pub steps: usize,
    /// With everything counted that happens in the same step as something else.
    pub unfused: usize,
}

/// What became of a property of endless runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ending {
    /// Of which.
    pub goal: Goal,
    /// Whether it holds.
    pub holds: bool,
    /// Whether it was put to the test.
    pub tested: bool,
}

/// Hashes of what disks hold.
pub(super) type Disks = HashSet<u64, FastState>;

/// What a search of everything found.
#[derive(Debug)]
pub struct Found {
    /// For each property that is a matter of single states, and for each witness that it was put to the
    /// test: the shortest run that comes to such a state, if one does.
    pub runs: BTreeMap<&'static str, Option<Length>>,
    /// What became of each property of endless runs.
    pub endings: Vec<Ending>,
    /// Everything that the nodes' disks can come to hold: of every reachable state a hash of the records
    /// and hints of all nodes. It tells more than verdicts do: as long as nothing is wrong, every
    /// verdict is the same whatever is left out.
    pub disks: Disks,
    /// How many distinct states there are.
    pub distinct: usize,
}

/// Searches everything there is, on one thread. `None` if there are more than `distinct_max` distinct
/// states.
#[must_use]
pub fn visit(model: &ClusterModel, distinct_max: usize) -> Option<Found> {
    let (conditions, goals) = (model.conditions(), model.goals());
    let (system, notes) = (model.judging(), ThreadLocal::<RefCell<Notes>>::new());
    let note = |state: &ClusterState, _: &mut Vec<Action>| {
        notes.get_or_default().borrow_mut().note(state);
    };
    let bounds = Bounds { states_max: Some(distinct_max), ..Bounds::default() };
    let noting = Looking { system: &system, look: note };
    let explored = explore(&noting, &bounds, &Switch::default());
    if explored.cut().is_some() {
        return None;
    }
    let uncounted = system.uncounted();
    let length = |number| {
        let path = explored.run_to(&uncounted, explored.first(number)?);
        Some(Length { steps: path.len(), unfused: unfused(model, &path) })
    };
    let numbered = conditions.iter().enumerate();
    let runs = numbered.map(|(number, condition)| (condition.name(), length(number))).collect();
    let ending = |(goal, decision): (&Goal, Decision<Action>)| Ending {
        goal: *goal,
        holds: decision.outcome == Outcome::Holds,
        tested: decision.witness.is_some(),
    };
    let decisions = if goals.is_empty() { Vec::new() } else { explored.decide(&uncounted) };
    let endings = goals.iter().zip(decisions).map(ending).collect();
    let notes = notes.into_iter().map(RefCell::into_inner);
    let disks = notes.flat_map(|notes| notes.disks).collect();
    Some(Found { runs, endings, disks, distinct: explored.distinct() })
}

/// What disks hold in the states that one thread looks at.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) disks: Disks,
    /// Of nodes, by their fingerprints.
    known: HashMap<u64, u64, FastState>,
}

impl Notes {
    pub(super) fn note(&mut self, state: &ClusterState) {
        let combined = self.hash_of(state);
        self.disks.insert(combined);
    }

    /// A hash of what all disks hold: records and hints.
    pub(super) fn hash_of(&mut self, state: &ClusterState) -> u64 {
        let mut combined = 0_u64;
        for seat in &state.seats {
            let ActorState::Node(node) = &seat.state else { break };
            let hash = *self.known.entry(seat.fingerprint()).or_insert_with(|| hash_of_disk(node));
            combined = FixedState::default().hash_one((combined, hash));
        }
        combined
    }
}

fn hash_of_disk(node: &NodeState) -> u64 {
    let entries: Vec<_> = node.store.entries().map(|(key, entry)| (key, &entry.state)).collect();
    FixedState::default().hash_one((entries, node.store.hints().collect::<Vec<_>>()))
}

/// How many steps a run has in the full model, at most; what is forgotten is forgotten by a timer there.
fn unfused(model: &ClusterModel, path: &[Action]) -> usize {
    let model = model.with_fresh_counters();
    let steps = compared::unfused::<Leaderless>(&model, path);
    let left_out = model.counters().left_out_by().into_iter();
    let forgotten = left_out
        .filter(|(rule, _)| matches!(rule, Rule::FinishedRequests))
        .map(|(_, things)| things as usize)
        .sum::<usize>();
    steps + forgotten
}
