//! Where runs end: whether, once faults and client operations have ended, every fair run comes to
//! states of a kind, a *goal*, and stays there. For `convergence` these are the states in which the
//! homes of every key agree; for `progress`, those in which every node serves.
//!
//! That is a property of endless runs, so no single state shows whether it holds, and Stateright's
//! `eventually` does not decide it: it misses runs that go round in a cycle or meet another run,
//! and takes the edge of a bounded search for the end of a run.
//!
//! Here it is decided on the graph of all reachable states. Of its edges only the *settling* ones
//! count, those that are neither a fault nor a client's doing: any moment may be the one after
//! which nothing else happens. A fair run ends in a *bottom component*, a set of states that
//! reach each other by settling steps and nothing else, and visits all of it again and again. So
//! the property holds exactly if all states of all bottom components are at the goal. All goals are
//! decided on one graph.
//!
//! A violation is a *stem*, a run from the start into a bottom component, followed by a *lasso*, a
//! cycle through a state of it that is not at the goal. If the component is one state without
//! settling steps, there is no cycle: the run is stuck.

mod cluster;
mod components;
mod edges;
mod graph;
mod source;
mod witness;

use alloc::vec::Vec;

pub use cluster::{ClusterSource, homes_agree, serves};
pub use source::{Source, Step};

/// What is assumed of the world, in words.
pub const FAIRNESS: &str = "after the last fault and the last client operation, every delivery and \
    timer that is possible again and again happens in the end";

/// The most states a decision may be asked to visit: ids have 32 bits.
pub const STATES_MAX: usize = u32::MAX as usize;

/// What became of one goal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision<A> {
    /// What it was decided on.
    pub size: Size,
    /// What came out.
    pub outcome: Outcome<A>,
    /// A shortest run to a state that is not at the goal. Without one, the property holds for lack
    /// of occasion: there was never anything to come from.
    pub witness: Option<Vec<A>>,
    /// Whether some state was not looked at, since there were too many or the search was stopped.
    /// Then the numbers are those of the part that was, and nothing holds.
    pub cut: bool,
}

/// Whether it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome<A> {
    /// Every bottom component is at the goal.
    Holds,
    /// Some has not.
    Violated(Violation<A>),
    /// The search was cut, and what it saw until then does not violate it.
    Undecided,
}

/// A fair run that does not come to the goal for good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation<A> {
    /// From an initial state into the bottom component: no shorter run leads into such a one.
    pub stem: Vec<A>,
    /// From there through a state that is not at the goal back to where the stem ended. Empty if
    /// the stem ends stuck: no settling step is possible there.
    pub cycle: Vec<A>,
}

impl<A> Violation<A> {
    /// Whether the run ends in a state without settling steps.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.cycle.is_empty()
    }
}

/// How large the graph was.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Size {
    /// Distinct states.
    pub states: usize,
    /// Those that are at the goal.
    pub met: usize,
    /// Pairs of states with a settling step from one to the other.
    pub settling_edges: usize,
    /// Strongly connected components.
    pub components: usize,
    /// Components that no settling step leaves.
    pub bottom_components: usize,
    /// Bottom components of more than one state.
    pub bottom_components_of_several: usize,
}

/// Decides each of the source's goals over everything that can be reached, unless that is more than
/// `states_max` states or the source wants to stop.
pub fn decide_all<S: Source>(source: &S, states_max: usize) -> Vec<Decision<S::Action>> {
    let graph = graph::build(source, states_max.min(STATES_MAX));
    let components = components::find(&graph);
    let cut = !graph.is_complete();
    let decision = |(goal, nearest_violation): (usize, &Option<u32>)| Decision {
        size: Size { met: graph.met(goal), ..components.size },
        outcome: match nearest_violation {
            Some(state) => Outcome::Violated(witness::violation(source, &graph, goal, *state)),
            None if cut => Outcome::Undecided,
            None => Outcome::Holds,
        },
        witness: graph.nearest_unmet(goal).map(|state| witness::run(source, &graph, state)),
        cut,
    };
    components.nearest_violations.iter().enumerate().map(decision).collect()
}

/// The same of a source's first goal alone.
///
/// # Panics
/// If the source has no goal.
pub fn decide<S: Source>(source: &S, states_max: usize) -> Decision<S::Action> {
    decide_all(source, states_max).swap_remove(0)
}
