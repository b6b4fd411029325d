//! All reachable states, breadth first. The states themselves are let go once they are left:
//! a fingerprint and where it came from are enough to make one again.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::edges::Rows;
use super::source::{Source, Step};

/// Where a run can start: no state comes before.
const NONE: u32 = u32::MAX;

/// Everything known of the reachable states. A state's id is its position in the order in which
/// they were found, so that a lower id is never further from the start.
#[derive(Debug)]
pub(super) struct StateGraph {
    pub(super) fingerprints: Vec<u64>,
    /// From which state each was first reached.
    before: Vec<u32>,
    /// Per goal, one bit a state.
    met: Vec<Vec<u64>>,
    /// Where settling steps lead.
    pub(super) settling: Rows,
    /// States below this id have all their edges; the others were not left before the search was
    /// cut.
    left: u32,
    /// Whether some state was left out for want of room.
    refused: bool,
}

impl StateGraph {
    pub(super) fn states(&self) -> usize {
        self.fingerprints.len()
    }

    /// Whether nothing is missing.
    pub(super) fn is_complete(&self) -> bool {
        !self.refused && self.left as usize == self.states()
    }

    /// Whether all edges of this state are known.
    pub(super) fn was_left(&self, state: u32) -> bool {
        state < self.left
    }

    pub(super) fn goals(&self) -> usize {
        self.met.len()
    }

    /// Whether a state is at this goal.
    pub(super) fn meets(&self, goal: usize, state: u32) -> bool {
        self.met[goal][state as usize / 64] >> (state % 64) & 1 == 1
    }

    /// How many states are.
    pub(super) fn met(&self, goal: usize) -> usize {
        self.met[goal].iter().map(|word| word.count_ones() as usize).sum()
    }

    /// A state that is not at this goal, as near to the start as any.
    pub(super) fn nearest_unmet(&self, goal: usize) -> Option<u32> {
        (0..self.states() as u32).find(|state| !self.meets(goal, *state))
    }

    /// The states of a shortest run to this one, both ends included.
    pub(super) fn run_to(&self, state: u32) -> Vec<u32> {
        let mut run = Vec::from([state]);
        let mut at = self.before[state as usize];
        while at != NONE {
            run.push(at);
            at = self.before[at as usize];
        }
        run.reverse();
        run
    }

    /// The id of a state that was found before, or a new one if there may be one more.
    fn admit<S: Source>(&mut self, source: &S, state: &S::State, found: &mut Found) -> Admitted {
        let fingerprint = source.fingerprint(state);
        if let Some(id) = found.get(&self.fingerprints, fingerprint) {
            return Admitted::Known(id);
        }
        if self.states() >= found.states_max {
            return Admitted::Refused;
        }
        let id = self.states() as u32;
        self.fingerprints.push(fingerprint);
        found.insert(&self.fingerprints, id);
        for (goal, met) in self.met.iter_mut().enumerate() {
            if id.is_multiple_of(64) {
                met.push(0);
            }
            met[id as usize / 64] |= u64::from(source.meets(goal, state)) << (id % 64);
        }
        Admitted::New(id)
    }
}

/// What became of a state that was reached.
enum Admitted {
    Known(u32),
    New(u32),
    Refused,
}

/// Ids by fingerprint. It holds ids alone, since the graph has the fingerprints.
struct Found {
    ids: HashTable<u32>,
    hasher: FixedState,
    states_max: usize,
}

impl Found {
    fn get(&self, fingerprints: &[u64], fingerprint: u64) -> Option<u32> {
        let same = |id: &u32| fingerprints[*id as usize] == fingerprint;
        self.ids.find(self.hasher.hash_one(fingerprint), same).copied()
    }

    fn insert(&mut self, fingerprints: &[u64], id: u32) {
        let hash = |id: &u32| self.hasher.hash_one(fingerprints[*id as usize]);
        self.ids.insert_unique(hash(&id), id, hash);
    }
}

/// Visits everything that can be reached, but no more than `states_max` states.
pub(super) fn build<S: Source>(source: &S, states_max: usize) -> StateGraph {
    let mut graph = StateGraph {
        fingerprints: Vec::new(),
        before: Vec::new(),
        met: alloc::vec![Vec::new(); source.goals()],
        settling: Rows::new(),
        left: 0,
        refused: false,
    };
    let mut found = Found { ids: HashTable::new(), hasher: FixedState::default(), states_max };
    // States that were found and not left yet: ids are given in the order of this queue.
    let mut queue: VecDeque<S::State> = VecDeque::new();
    for state in source.initial() {
        match graph.admit(source, &state, &mut found) {
            Admitted::New(_) => {
                graph.before.push(NONE);
                queue.push_back(state);
            }
            Admitted::Known(_) => {}
            Admitted::Refused => graph.refused = true,
        }
    }
    let mut row = Vec::new();
    while let Some(state) = queue.pop_front() {
        if graph.refused || !source.may_go_on() {
            break;
        }
        row.clear();
        source.steps(&state, &mut |Step { after, settling, .. }| {
            let id = match graph.admit(source, &after, &mut found) {
                Admitted::New(id) => {
                    graph.before.push(graph.left);
                    queue.push_back(after);
                    id
                }
                Admitted::Known(id) => id,
                Admitted::Refused => {
                    graph.refused = true;
                    return;
                }
            };
            if settling {
                row.push(id);
            }
        });
        // A state some of whose edges are missing was not left.
        if graph.refused || !graph.settling.push(&mut row) {
            break;
        }
        graph.left += 1;
    }
    graph.settling.fill(graph.states());
    graph
}
