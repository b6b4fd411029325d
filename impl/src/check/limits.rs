//! How long a check may go on.

use std::collections::HashSet;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use quorate_model::check::instruments::{Admission, Instruments};

/// Bounds of one check beyond those of its scenario. A run that meets one is cut, and has failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Threads that search.
    pub threads: usize,
    /// The most distinct states: exactly so many are visited where there are more.
    pub states_max: Option<usize>,
    /// The longest path, in states.
    pub depth_max: Option<usize>,
    /// The longest time.
    pub timeout: Option<Duration>,
}

impl Limits {
    /// Counters for one search that lets in no more states than it may.
    pub(super) fn instruments(&self) -> Instruments {
        let Some(states_max) = self.states_max else { return Instruments::default() };
        let admitted = Mutex::new(HashSet::new());
        Instruments::admitting(Admission(Box::new(move |fingerprint| {
            let mut admitted = admitted.lock().expect("no thread panics with the lock");
            admitted.contains(&fingerprint)
                || (admitted.len() < states_max && admitted.insert(fingerprint))
        })))
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
