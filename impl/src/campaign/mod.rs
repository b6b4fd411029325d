//! A campaign: reduced searches compared with unreduced ones, over as many scenarios as one likes. What
//! is compared, and on which scenarios, is [`quorate_model::campaign`]'s; here are threads and words.

pub mod json;
pub mod planted;
mod run;
pub mod text;

pub use run::{Different, Outcome, Plan, Progress, Shard, cases, run};
