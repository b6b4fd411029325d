//! Everything that is checked about the quorate protocol: its model, properties, scenarios, and the
//! replay of what nodes recorded. The protocol itself is a crate of its own, `quorate-protocol`; its
//! modules are found here too.
//!
//! This crate is `no_std`: it cannot name a socket, a file or a clock.
#![no_std]

extern crate alloc;

pub mod campaign;
pub mod check;
pub mod refine;
pub mod scenario;

pub use quorate_protocol::{
    cluster, converged, deviation, forest, hash_tree, ids, protocol, quorum, ring, versions,
};
