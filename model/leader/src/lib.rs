//! Leader-based replication as pure code: one node, the leader, takes all writes, appends each to its log and
//! ships the log to followers, which apply it in that order.
//!
//! [`Replica::step`](replica::Replica::step) is a function of what a node keeps, what its store holds and what
//! reaches it. Each rule is a module of its own, named with its word: the [log], and in
//! [`replica`] acknowledgement, heartbeat, election, catch-up, snapshot, routing and reads. What a client does is in
//! [`client`], and what is remembered of it in [`sessions`].
//!
//! This crate is `no_std`: it cannot name a socket, a file or a clock.
#![no_std]

extern crate alloc;

pub mod client;
pub mod config;
pub mod deviation;
pub mod draft;
pub mod effect;
pub mod footprint;
#[cfg(test)]
mod founded;
pub mod limits;
pub mod log;
pub mod message;
pub mod names;
pub mod replica;
pub mod sessions;
pub mod shards;
pub mod statement;
pub mod store;

pub use quorate_ids as ids;
