//! Refinement: evidence that a running node did only what the protocol's function gives, that every
//! message it received had been sent, and that what is promised held. Whether the model would have
//! offered each step as an action, within some scenario's bounds, is not asked.
//!
//! A node writes a [`trace`]: every input, what the protocol answered, and a [`digest`] of the
//! state it left; a client likewise. [`parse()`] reads the files, and [`validate()`] feeds the same
//! inputs to the same protocol code, step by step and without search, compares, and judges the
//! checker's properties on the states it comes through.

mod assemble;
mod client;
pub mod digest;
mod judge;
mod network;
mod node;
mod order;
pub mod parse;
mod plan;
pub mod refusal;
pub mod report;
mod strand;
mod tally;
pub mod trace;
mod validate;

pub use network::MessageCounts;
pub use parse::{FormatError, TraceFile, parse};
pub use refusal::{Reason, Refused};
pub use report::Report;
pub use validate::validate;
