//! Where states come from.

/// One step from a state to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step<S, A> {
    /// What happens.
    pub action: A,
    /// The state afterwards.
    pub after: S,
    /// Whether it is neither a fault nor a client's doing, and so still happens once both have
    /// ended.
    pub settling: bool,
}

/// A system of which is to be decided where its runs end. Asked twice, it gives the same answers: runs are
/// not kept but made again.
pub trait Source {
    /// A state.
    type State;
    /// What leads from one state to another.
    type Action;

    /// The states in which a run can start.
    fn initial(&self) -> impl Iterator<Item = Self::State>;

    /// Calls `visit` with every step that is possible in this state.
    fn steps(&self, state: &Self::State, visit: &mut dyn FnMut(Step<Self::State, Self::Action>));

    /// A name by which states are told apart.
    fn fingerprint(&self, state: &Self::State) -> u64;

    /// How many goals there are: kinds of states that every fair run should come to and stay in.
    fn goals(&self) -> usize {
        1
    }

    /// Whether a state is at the goal of this position.
    fn meets(&self, goal: usize, state: &Self::State) -> bool;

    /// Whether to go on. Asked before every state is left; a search that is told to stop is cut.
    fn may_go_on(&self) -> bool {
        true
    }
}
