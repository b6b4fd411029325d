//! What a protocol is to the runtime: to sockets, disks, clocks and traces.
//!
//! The checker sees a protocol through [`Protocol`]: a node's disk is a value there, and a step may change all
//! of it. A running node has a database, of which a step reads a little and which takes a batch of changes.
//! [`Runs`] is what that takes, and [`Asks`] the same for clients. Messages, timers and what a node forgets when
//! it stops are those of the checker's trait, so that the compiler sees to it that what runs is what is checked.

mod client;
#[cfg(feature = "server")]
mod node;
mod speaks;

pub use client::{Asked, Asks, StepAt, Whom};
#[cfg(feature = "server")]
pub use node::{
    DurableStore, ProcessStatus, Recorded, ReplicaOf, Runs, Seen, StagedOf, Started, Step, Taken,
};
pub use speaks::{EffectOf, MessageOf, Speaks, TimerOf, Wired, kind_of};

#[cfg(doc)]
use quorate_checker::world::Protocol;
