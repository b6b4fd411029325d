//! Checking a scenario: one traversal for verdicts, shortest runs and where runs end, and Stateright's
//! own checker as a second opinion.

mod case;
pub mod describe;
pub mod json;
mod leader;
mod leaderless;
mod limits;
mod memory;
pub mod planted;
mod report;
mod runner;
mod script;
mod second_opinion;
pub mod text;

pub use case::{Case, Mattering};
pub use leader::LeaderScenario;
pub use limits::{Cut, Limits};
pub use report::{Endings, Report, Summary, Told, Verdict};
pub use runner::{Progress, check, survey};
pub use script::{Difference, Happening, Played, PlayedStep};
pub use second_opinion::{Met, SecondOpinion, second_opinion};
