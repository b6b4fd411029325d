//! The quorate protocol as pure code: what the checker steps through and what nodes run.
//!
//! This crate is `no_std`: it cannot name a socket, a file or a clock, so the build fails if the
//! protocol ever reaches for one. Nothing in it knows that it is checked.
#![no_std]

extern crate alloc;

#[macro_use]
pub mod deviation;

pub mod cluster;
pub mod converged;
pub mod forest;
pub mod hash_tree;
pub mod ids;
mod key_hash;
pub mod protocol;
pub mod quorum;
pub mod ring;
pub mod versions;
