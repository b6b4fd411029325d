//! What one node does with one input: the exact changes and effects, for every rule of the
//! protocol that a single step can show.

#[path = "../support/bench.rs"]
mod bench;

mod accept_loss;
mod catch_up;
mod forward;
mod get;
mod identity;
#[cfg(feature = "planted-faults")]
mod planted;
mod prune;
mod put;
mod reap;
mod refusal;
mod register;
mod retry;
mod weight;
