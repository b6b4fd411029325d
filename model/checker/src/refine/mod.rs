//! Refinement: evidence that running nodes did only what their protocol's function gives, that every message they
//! received had been sent, and that what is promised held, whatever protocol they follow.
//!
//! Nodes and clients write [`trace`]s: every input, what came of it, and a digest of the state that was left.
//! [`parse()`] reads the files. [`validate()`] feeds the same inputs to the same code, step by step and without
//! search, compares, and has the states judged that it comes through. What of this is a protocol's own, [`Traced`] and
//! [`Validated`] say; a protocol whose nodes do nothing but [`Protocol::node_step`](crate::world::Protocol) finds
//! most of that in [`plain`].

mod assemble;
mod client;
pub mod digest;
mod judge;
mod network;
mod node;
mod order;
pub mod parse;
pub mod plain;
pub mod refusal;
pub mod report;
mod strand;
mod tally;
pub mod trace;
mod traced;
mod validate;
mod validated;

pub use judge::{Broken, Findings, Judge};
pub use network::MessageCounts;
pub use parse::{ClientTrace, FormatError, TraceFile, parse};
pub use refusal::{Reason, Refused};
pub use report::Report;
pub use traced::{Asks, Ended, Reaches, ReachesClient, Told, Traced};
pub use validate::validate;
pub use validated::{
    ClusterOf, MessageOf, Replayed, ReplayedClient, ReplayedNode, SeenOf, TimerOf, Validated,
};
