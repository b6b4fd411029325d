//! Where every fair run must come to, and stay.

/// The states that every fair run should come to, and stay in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Goal {
    /// All homes of every key agree.
    Convergence,
    /// Every node serves, unless one is down or the network is split.
    Progress,
}

impl Goal {
    /// All of them.
    pub const ALL: [Goal; 2] = [Goal::Convergence, Goal::Progress];

    /// Whether a state is at the goal, in words.
    #[must_use]
    pub fn told(self, is_at: bool) -> &'static str {
        match (self, is_at) {
            (Goal::Convergence, true) => "converged here",
            (Goal::Convergence, false) => "not converged here",
            (Goal::Progress, true) => "every node serves here, or none has to",
            (Goal::Progress, false) => "some node does not serve here",
        }
    }
}
