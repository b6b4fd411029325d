//! Refinement: evidence that a running node did only what the protocol's function gives, that every
//! message it received had been sent, and that what is promised held. Whether the model would have
//! offered each step as an action, within some scenario's bounds, is not asked.
//!
//! A node writes a [`trace`]: every input, what the protocol answered, and a [`digest`] of the
//! state it left; a client likewise. [`parse()`] reads the files, and [`validate()`] feeds the same
//! inputs to the same protocol code, step by step and without search, compares, and judges the
//! checker's properties on the states it comes through.
//!
//! All of that is [`quorate_checker::refine`], for any protocol. Here is what it asks of the leaderless one: its steps,
//! its words, and its judge, which judges each key on its own.

mod client;
pub mod digest;
mod judge;
mod node;
mod not_judged;
mod plan;
pub mod trace;
mod validated;

use alloc::boxed::Box;
use alloc::vec::Vec;

use quorate_checker::refine as generic;

use crate::check::leaderless::Leaderless;

pub use generic::{FormatError, MessageCounts, Report, report};
pub use validated::LeaderlessTraces;

/// A trace file.
pub type TraceFile = generic::TraceFile<Leaderless>;

/// The trace of one client.
pub type ClientTrace = generic::ClientTrace<Leaderless>;

/// Why traces are not accepted: the first thing that the model does not allow.
pub type Refused = generic::Refused<Leaderless>;

/// What the model does not allow.
pub type Reason = generic::Reason<Leaderless>;

/// Reads a trace. `file` is how errors name it.
///
/// # Errors
/// At the first line that is not one of this format, or not where such a line can stand.
pub fn parse(file: &str, text: &str) -> Result<TraceFile, FormatError> {
    generic::parse(file, text)
}

/// Replays trace files of one cluster together and judges what must hold of them.
///
/// # Errors
/// At the first line that the model does not allow, or after which a promised property does not
/// hold.
pub fn validate(files: Vec<TraceFile>) -> Result<Report, Box<Refused>> {
    generic::validate::<LeaderlessTraces>(files)
}
