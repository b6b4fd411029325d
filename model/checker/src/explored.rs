//! What a traversal found out.

use std::time::Duration;

use crate::components;
use crate::decision::{Decision, Outcome, Size};
use crate::edges::Rows;
use crate::run;
use crate::system::System;
use crate::traversal::Visited;

/// A state that was found, by its position in the order of discovery: a lower one is never further
/// from the start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StateId(pub(crate) u32);

/// What cut a traversal short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// There are more distinct states than it might visit.
    States(usize),
    /// Some run is at least as long, in steps, as it might be.
    Depth(usize),
    /// It was stopped.
    Stopped,
}

/// Where a run can start: no state comes before.
pub(crate) const NONE: u32 = u32::MAX;

/// Everything known of the states that were visited. Of each there are its name, the state that it
/// was first reached from, and, if the system has goals, which of them it meets and where its
/// settling steps lead. The states themselves are made again when somebody asks.
#[derive(Debug)]
pub struct Explored {
    pub(crate) visited: Visited,
    /// From which state each was first reached.
    pub(crate) before: Vec<u32>,
    /// Per goal, one bit a state.
    pub(crate) met: Vec<Vec<u64>>,
    /// Where settling steps lead.
    pub(crate) settling: Rows,
    /// Per condition, the first state that shows it.
    pub(crate) first: Vec<Option<u32>>,
    /// How many states, in order, have been left: the edges of all others are unknown.
    pub(crate) left: u32,
    pub(crate) generated: u64,
    pub(crate) depth: usize,
    pub(crate) cut: Option<Cut>,
    pub(crate) satisfied: bool,
    pub(crate) elapsed: Duration,
}

impl Explored {
    /// How many distinct states were visited.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.before.len()
    }

    /// How many states were generated: the initial ones, and one for each step taken.
    #[must_use]
    pub fn generated(&self) -> u64 {
        self.generated
    }

    /// The number of steps of the longest of the shortest runs.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// How long it took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// What cut it short; `None` if it visited everything there is, or found all that was asked for
    /// ([`Explored::is_exhausted`] tells them apart).
    #[must_use]
    pub fn cut(&self) -> Option<Cut> {
        self.cut
    }

    /// Whether every state there is was visited and left.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.cut.is_none() && !self.satisfied
    }

    /// The first state found that shows this condition of the system. No state that shows it is
    /// nearer to the start.
    #[must_use]
    pub fn first(&self, condition: usize) -> Option<StateId> {
        self.first[condition].map(StateId)
    }

    /// Whether a state of this name was visited.
    #[must_use]
    pub fn has_visited(&self, name: u64) -> bool {
        self.visited.get(name).is_some()
    }

    /// The actions of a shortest run to this state.
    #[must_use]
    pub fn run_to<S: System>(&self, system: &S, state: StateId) -> Vec<S::Action> {
        run::to(system, self, state.0)
    }

    /// Decides where runs end: for each goal, whether every fair run comes to it and stays. If the
    /// traversal was cut, only a violation is certain.
    #[must_use]
    pub fn decide<S: System>(&self, system: &S) -> Vec<Decision<S::Action>> {
        let components = components::find(self);
        let cut = !self.is_exhausted();
        let decision = |(goal, nearest_violation): (usize, &Option<u32>)| Decision {
            size: Size { met: self.met(goal), ..components.size },
            outcome: match nearest_violation {
                Some(state) => Outcome::Violated(run::violation(system, self, goal, *state)),
                None if cut => Outcome::Undecided,
                None => Outcome::Holds,
            },
            witness: self.nearest_unmet(goal).map(|state| run::to(system, self, state)),
            cut,
        };
        components.nearest_violations.iter().enumerate().map(decision).collect()
    }

    /// Whether all edges of this state are known.
    pub(crate) fn was_left(&self, state: u32) -> bool {
        state < self.left
    }

    pub(crate) fn goals(&self) -> usize {
        self.met.len()
    }

    /// Whether a state is at this goal.
    pub(crate) fn meets(&self, goal: usize, state: u32) -> bool {
        self.met[goal][state as usize / 64] >> (state % 64) & 1 == 1
    }

    /// How many states are.
    fn met(&self, goal: usize) -> usize {
        self.met[goal].iter().map(|word| word.count_ones() as usize).sum()
    }

    /// A state that is not at this goal, as near to the start as any.
    fn nearest_unmet(&self, goal: usize) -> Option<u32> {
        (0..self.distinct() as u32).find(|state| !self.meets(goal, *state))
    }

    /// The states of a shortest run to this one, both ends included.
    pub(crate) fn states_to(&self, state: u32) -> Vec<u32> {
        let mut run = Vec::from([state]);
        let mut at = self.before[state as usize];
        while at != NONE {
            run.push(at);
            at = self.before[at as usize];
        }
        run.reverse();
        run
    }
}
