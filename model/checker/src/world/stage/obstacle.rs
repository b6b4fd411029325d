//! Why a step of a script could not be carried out.

/// Why something cannot happen now. Nodes, clients and messages are given in the protocol's words.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Obstacle {
    /// This node has no such timer.
    #[error("`{node} {timer}` is not set; is it switched on in the scenario, and the node up?")]
    NoTimer {
        /// Which node.
        node: String,
        /// What for.
        timer: String,
    },
    /// The timer runs, but there is nothing to do for it, or what it did before is under way still.
    #[error("`{node} {timer}` has nothing to do now, or what it sent before is under way still")]
    TimerWaits {
        /// Which node.
        node: String,
        /// What for.
        timer: String,
    },
    /// No such message is under way.
    #[error("no such message is under way{}", list(under_way))]
    NotUnderWay {
        /// What is.
        under_way: Vec<String>,
    },
    /// Several different messages match.
    #[error("several messages match; choose with `from`, `to` or `which`{}", list(matching))]
    SeveralMatch {
        /// Which.
        matching: Vec<String>,
    },
    /// Not so many match.
    #[error("there is no message number {which} of those that match{}", list(matching))]
    FewerMatch {
        /// Which was wanted.
        which: usize,
        /// Which there are.
        matching: Vec<String>,
    },
    /// The node has to be down for this.
    #[error("{node} is up")]
    IsUp {
        /// Which.
        node: String,
    },
    /// The node has to be up for this.
    #[error("{node} is down")]
    IsDown {
        /// Which.
        node: String,
    },
    /// Nobody made a copy of the node's disk, or it was put back before.
    #[error("there is no copy of the disk of {node}")]
    NoCopy {
        /// Which.
        node: String,
    },
    /// The network is not split.
    #[error("the network is whole")]
    IsWhole,
    /// The cluster does not come to rest.
    #[error("not quiet after {transitions} transitions")]
    Endless {
        /// How many were taken.
        transitions: usize,
    },
    /// The world does not allow it, for another reason.
    #[error("not possible here: {words}")]
    NotPossible {
        /// The action in words.
        words: String,
    },
}

/// `: 1. A -> B  Store …; 2. …`, or that there is none.
fn list(messages: &[String]) -> String {
    if messages.is_empty() {
        return "; nothing is".into();
    }
    let numbered = messages.iter().enumerate();
    let numbered = numbered.map(|(position, words)| format!("{}. {words}", position + 1));
    format!(": {}", numbered.collect::<Vec<_>>().join("; "))
}
