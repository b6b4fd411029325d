//! Checking a scenario: Stateright for every state, our own search for the shortest runs, and for
//! where endless runs end.

pub mod describe;
pub mod json;
mod limits;
mod memory;
pub mod planted;
mod report;
mod runner;
mod script;
pub mod text;

pub use limits::{Cut, Limits};
pub use report::{Endings, Report, Summary, Verdict};
pub use runner::{Progress, check};
pub use script::{Happening, Played, PlayedStep};
