//! Leader-based replication under the checker: what its nodes and clients do in a scenario, what an observer
//! remembers, what must hold, and the scenarios that ship.
//!
//! The protocol is in `quorate-leader`, the world around it in `quorate-checker`; neither knows the other. Here is what
//! joins them: [`LeaderBased`], a [`Protocol`](quorate_checker::world::Protocol).

#[macro_use]
pub mod wrong_rule;

pub mod builtin;
pub mod campaign;
mod client;
mod counterexample;
mod dead;
pub mod describe;
mod expiry;
mod facts;
pub mod footprints;
mod history;
mod hops;
pub mod kinds;
mod leader_based;
pub mod promises;
pub mod property;
mod reduces;
pub mod refine;
pub mod script;
pub mod setting;
mod view;
mod words;

pub use client::ScriptedClient;
pub use counterexample::counterexample;
pub use facts::Fact;
pub use history::History;
pub use leader_based::{ClusterState, LeaderBased};
pub use quorate_leader::deviation;
