//! Keys: who may talk to a node, and what they may do.
//!
//! A cluster has a key, in a file of its own. Everything else is derived from it, so a node needs no list of
//! clients: what seals messages between nodes; the key of each client, by its name and rights; and what seals the
//! contexts that clients are given. `docs/running.md` says what this promises and what not.

mod file;
mod held;
mod rights;
mod ring;
mod secret;

pub use file::{KeyError, KeyFile, make_key, now_seconds};
pub use held::{Access, HeldKeys};
pub use rights::{NoSuchRight, Right, Rights};
pub use ring::{ClientKey, ClusterKey, Grant, GrantRef, Keyring, NAME_BYTES_MAX};
pub use secret::{KeyId, NotAKeyId, Secret};

/// What a client's name may be, in words.
pub const NAME_RULE: &str = file::NAME_RULE;
