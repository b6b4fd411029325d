//! A campaign: reduced searches compared with unreduced ones, over as many scenarios as one likes. What
//! is compared is [`quorate_checker`](quorate_checker::world::campaign)'s, on which scenarios the protocols'; here are threads and words.

pub mod json;
pub mod planted;
mod run;
pub mod text;

pub use run::{Different, Outcome, Plan, Progress, Shard, cases, run};
