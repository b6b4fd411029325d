//! Checking a scenario: one traversal for verdicts, shortest runs and where runs end, and Stateright's
//! own checker as a second opinion.

pub mod describe;
pub mod json;
mod limits;
mod memory;
pub mod planted;
mod report;
mod runner;
mod script;
mod second_opinion;
pub mod text;

pub use limits::{Cut, Limits};
pub use report::{Endings, Report, Summary, Verdict};
pub use runner::{Progress, check};
pub use script::{Happening, Played, PlayedStep};
pub use second_opinion::{SecondOpinion, comparable, second_opinion};
