//! The quorate protocol as pure code, and everything that is checked about it.
//!
//! This crate is `no_std`: it cannot name a socket, a file or a clock, so the build fails if the
//! protocol or its model ever reaches for one.
#![no_std]

extern crate alloc;

#[macro_use]
pub mod deviation;

pub mod check;
pub mod cluster;
pub mod forest;
pub mod hash_tree;
pub mod ids;
pub mod protocol;
pub mod quorum;
pub mod refine;
pub mod ring;
pub mod scenario;
pub mod versions;
