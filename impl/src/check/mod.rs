//! Checking a scenario: Stateright for every state, our own search for the shortest runs.

mod limits;
mod report;
mod runner;

pub use limits::{Cut, Limits};
pub use report::{Report, Summary, Verdict};
pub use runner::{Progress, check};
