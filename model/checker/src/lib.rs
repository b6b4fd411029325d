//! Explicit-state checking that knows no protocol.
//!
//! A [`System`] says which states there are and what can happen in each. [`explore`] visits all of
//! them once, breadth first, on several threads, and always in the same order: so the run to the
//! first state that shows something is a shortest one, and whatever a check reports is the same on
//! every machine. From the same pass come the graph of [settling](System::is_settling) steps and,
//! by its strongly connected components, [where runs end](decision).

pub mod compact;
mod components;
mod counted;
pub mod decision;
mod diving;
mod edges;
mod explored;
pub mod footprint;
mod known;
mod looking;
pub mod memo;
mod network;
pub mod refine;
mod run;
mod seeking;
mod shared;
pub mod stubborn;
mod system;
pub mod tape;
mod traversal;
pub mod world;
mod wrong_rules;

pub use counted::Counted;
pub use decision::{Components, Decision, Outcome, Size, Violation};
pub use diving::{Dive, dive};
pub use explored::{Cut, Explored, StateId};
pub use known::Known;
pub use looking::Looking;
pub use network::Network;
pub use quorate_ids as ids;
pub use seeking::{Seeking, Wanted};
pub use shared::Shared;
pub use system::System;
pub use traversal::{Bounds, Progress, Switch, Until, explore};
