//! Where runs end: whether, once everything from outside has ended, every fair run comes to states
//! of a kind, a *goal*, and stays there.
//!
//! That is a property of endless runs, so no single state shows whether it holds. It is decided on the
//! graph of all reachable states. Of its edges only the *settling* ones count
//! ([`System::is_settling`](crate::System::is_settling)): any moment may be the one after which nothing
//! else happens. A fair run ends in a *bottom component*, a set of states that reach each other by
//! settling steps and nothing else, and visits all of it again and again. So the property holds exactly
//! if all states of all bottom components are at the goal.
//!
//! A violation is a *stem*, a run from the start into a bottom component, followed by a *lasso*, a
//! cycle through a state of it that is not at the goal. If the component is one state without
//! settling steps, there is no cycle: the run is stuck.

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
    /// Whether some state was not left. Then the numbers are those of the part that was, and nothing
    /// holds.
    pub cut: bool,
}

/// Whether it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome<A> {
    /// Every bottom component is at the goal.
    Holds,
    /// Some is not.
    Violated(Violation<A>),
    /// The traversal was cut, and what it saw until then does not violate it.
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
    /// Its strongly connected components, where it was decided by them.
    pub components: Option<Components>,
}

/// How many strongly connected components there were.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Components {
    /// All.
    pub all: usize,
    /// Those that no settling step leaves.
    pub bottom: usize,
    /// Of these, those of more than one state.
    pub bottom_of_several: usize,
}
