//! The protocol, sans-IO: what a node and a client do with what reaches them.
//!
//! A [`Replica`] takes an [`Input`] and a read-only [`Store`] and gives a [`Step`]: changes to
//! the store, one atomic batch that must be durable before any of the step's effects happens, and
//! effects as comparable values. It sees no socket, no disk and no clock but the one it is told.
//! The very same code runs under the checker and in a node.

mod client;
mod effect;
pub mod footprint;
mod message;
mod minted;
mod read_round;
mod renaming;
mod replica;
mod session;
pub mod settled;
mod store;
mod waits;
pub mod weight;
mod write_round;

pub use client::{Client, ClientStep, Operation, Outcome};
pub use effect::{Effect, Input, Step, Timer};
pub use message::{
    ContextOrigin, FanOut, GetOutcome, GetRequest, LoadLimit, Message, MessageKind, Part,
    PutOutcome, PutRequest, ReapRound, Refusal,
};
pub use minted::MintedRequests;
pub use read_round::{ReadRepair, ReadRound, ReadStep};
pub use renaming::{Renamed, Renaming};
pub use replica::{Awaited, NodeConfig, Replica, found_wide, grown_forest, has_void_version};
pub use session::{Session, Standing};
pub use store::{
    Change, Entry, Hint, Identity, KeptHint, MemoryStore, Registration, Run, Store,
    any_has_seen_beyond, highest_seen,
};
pub use waits::Waits;
pub use write_round::WriteRound;
