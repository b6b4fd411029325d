//! What is checked.

/// States, and what can happen in them. Asked twice, a system gives the same answers: states are let
/// go once they were left, and made again from the actions that lead to them.
///
/// Beside its transitions a system has *conditions*, each of which some state may show (that a
/// property is violated; that it was put to the test), and *goals*, kinds of states that every fair run
/// should come to and stay in. Both are numbered, from 0.
pub trait System: Sync {
    /// Everything at one moment.
    type State: Send;
    /// What leads from one state to another.
    type Action: Clone + Send;

    /// The states in which a run can start.
    fn initial(&self) -> Vec<Self::State>;

    /// Adds what may happen in this state, always in the same order. What turns out to be
    /// impossible, [`System::apply`] refuses.
    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>);

    /// The state after an action, if it is possible.
    fn apply(&self, state: &Self::State, action: Self::Action) -> Option<Self::State>;

    /// A name by which states are told apart. Two states of one name pass for the same.
    fn fingerprint(&self, state: &Self::State) -> u64;

    /// A name of this very state, where [`System::fingerprint`] gives one name to states that are alike: a run
    /// that goes on for ever is shown until it comes back to the very state.
    fn own_fingerprint(&self, state: &Self::State) -> u64 {
        self.fingerprint(state)
    }

    /// Whether an action is one that still happens once whatever comes from outside has ended: of
    /// a cluster, neither a fault nor a client's doing.
    fn is_settling(&self, action: &Self::Action) -> bool {
        let _ = action;
        true
    }

    /// How many conditions there are, at most 64.
    fn conditions(&self) -> usize {
        0
    }

    /// Whether this state shows the condition of this number.
    fn shows(&self, condition: usize, state: &Self::State) -> bool {
        let _ = (condition, state);
        false
    }

    /// How many goals there are, at most 64.
    fn goals(&self) -> usize {
        0
    }

    /// Whether this state is at the goal of this number.
    fn meets(&self, goal: usize, state: &Self::State) -> bool {
        let _ = (goal, state);
        true
    }
}
