//! How long a check may go on.

use std::fmt;
use std::time::Duration;

/// Bounds of one check beyond those of its scenario. A run that meets one is cut, and has failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Threads that search.
    pub threads: usize,
    /// The most distinct states: exactly so many are visited where there are more.
    pub states_max: Option<usize>,
    /// The longest run, in steps.
    pub depth_max: Option<usize>,
    /// The longest time.
    pub timeout: Option<Duration>,
}

impl Default for Limits {
    /// One thread, and no limit.
    fn default() -> Self {
        Limits { threads: 1, states_max: None, depth_max: None, timeout: None }
    }
}

/// Which limit cut a check short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// [`Limits::states_max`].
    States(usize),
    /// [`Limits::depth_max`]: some path was as long, and whether it goes on was not looked at.
    Depth(usize),
    /// [`Limits::timeout`].
    Time(Duration),
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::States(states) => write!(f, "after {states} distinct states (--max-states)"),
            Cut::Depth(depth) => write!(f, "at depth {depth} (--max-depth)"),
            Cut::Time(time) => write!(f, "after {} s (--timeout)", time.as_secs_f64()),
        }
    }
}
