//! The `quorate` library: sockets, disks and clocks around [`quorate_model`], and the commands.

pub mod check;
pub mod cli;
pub mod explore;
