//! The program as a user meets it, mostly without a cluster.

#[path = "../support/command.rs"]
mod command;
#[path = "../support/mod.rs"]
mod support;

mod check_command;
mod compare_reductions;
mod documented_output;
mod footprints;
mod planted;
mod sample;
mod usage;
