//! Why a step of a script did not come out as it says.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use quorate_checker::world::Obstacle;

use crate::ids::Key;

/// The step at which a run left its script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Which step, from zero.
    pub step: usize,
    /// Its line in the file.
    pub line: usize,
    /// The step in words.
    pub words: String,
    /// What was different.
    pub problem: Problem,
}

/// `step 4 (line 31): x: put k = "v" via A: expected ok, got unavailable`
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} (line {}): {}: {}", self.step + 1, self.line, self.words, self.problem)
    }
}

impl core::error::Error for Difference {}

/// Why a step could not be carried out, or what came out otherwise than expected. Nodes, clients,
/// requests and messages are given in the scenario's names.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    /// A request stands otherwise.
    #[error("expected {expected}, got {got}")]
    Answered {
        /// How it should.
        expected: String,
        /// How it does.
        got: String,
    },
    /// A node holds something else.
    #[error("expected {node} to hold {expected} of {key}, but it holds {got}")]
    Holds {
        /// Which node.
        node: String,
        /// Of which key.
        key: Key,
        /// What it should hold.
        expected: String,
        /// What it does.
        got: String,
    },
    /// A node keeps another hint, or none, or one that it should not.
    #[error("expected the hint of {node} for {home}, {key}, to be {expected}, but it is {got}")]
    Hints {
        /// Which node.
        node: String,
        /// For whom.
        home: String,
        /// About which key.
        key: Key,
        /// What it should keep.
        expected: String,
        /// What it does.
        got: String,
    },
    /// The homes of a key hold different states.
    #[error("they differ: {}", held.join("; "))]
    HomesDiffer {
        /// What each holds.
        held: Vec<String>,
    },
    /// The homes of a key all hold the same state.
    #[error("they all hold {held}")]
    HomesAgree {
        /// What.
        held: String,
    },
    /// The client cannot ask, since it waits.
    #[error("{request} has no answer yet; deliver its messages or expire a timer of it first")]
    StillWaits {
        /// What it waits for.
        request: String,
    },
    /// There is no request that could time out.
    #[error("{client} waits for nothing")]
    NothingPending {
        /// Whose.
        client: String,
    },
    /// This peer has no timer for the request.
    #[error("{peer} has no timer for {request} running")]
    NoRequestTimer {
        /// Whose timer.
        peer: String,
        /// Which request.
        request: String,
    },
    /// What the step says cannot happen now.
    #[error(transparent)]
    Obstacle(#[from] Obstacle),
}
