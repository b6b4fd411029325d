//! A short name of everything a node holds, cheap to keep up to date.

use core::fmt;

use quorate_checker::refine::digest::{Digest, short};
use serde::{Deserialize, Serialize};

use crate::ids::{Key, NodeId};
use crate::protocol::{Change, Entry, Identity, KeptHint, Registration, Replica, Store};
use crate::versions::Incarnation;

/// A digest of a store's whole content: the exclusive or of a digest of each thing in it, so that
/// replacing one thing costs one thing's work and the order of writing does not matter.
///
/// It guards against accidents, not against someone who crafts entries to cancel each other.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct StoreDigest(u128);

impl StoreDigest {
    /// Adds an entry that was not there, or removes one that was: each undoes the other.
    pub fn toggle_entry(&mut self, key: &Key, entry: &Entry) {
        self.0 ^= short(&("entry", key, entry));
    }

    /// Adds an identity that was not there, or removes one that was.
    pub fn toggle_identity(&mut self, identity: &Identity) {
        self.0 ^= short(&("identity", identity));
    }

    /// Adds a registration that was not there, or removes one that was.
    pub fn toggle_registration(
        &mut self,
        node: NodeId,
        incarnation: Incarnation,
        registration: &Registration,
    ) {
        self.0 ^= short(&("registration", node, incarnation, registration));
    }

    /// Adds a hint that was not there, or removes one that was.
    pub fn toggle_hint(&mut self, home: NodeId, key: &Key, kept: &KeptHint) {
        self.0 ^= short(&("hint", home, key, kept));
    }

    /// Follows a step's changes; `before` is the store as it was before them. A step changes
    /// each thing at most once.
    ///
    /// # Errors
    /// When the store cannot be read; the digest is then useless.
    pub fn follow<S: Store>(&mut self, before: &S, changes: &[Change]) -> Result<(), S::Error> {
        for change in changes {
            match change {
                Change::Identity(identity) => {
                    if let Some(old) = before.identity()? {
                        self.toggle_identity(&old);
                    }
                    self.toggle_identity(identity);
                }
                Change::Registration { node, incarnation, registration } => {
                    if let Some(old) = before.registration(*node, *incarnation)? {
                        self.toggle_registration(*node, *incarnation, old);
                    }
                    self.toggle_registration(*node, *incarnation, registration);
                }
                Change::Entry { key, entry } => {
                    if let Some(old) = before.entry(key)? {
                        self.toggle_entry(key, &old);
                    }
                    self.toggle_entry(key, entry);
                }
                Change::RemoveEntry { key } => {
                    if let Some(old) = before.entry(key)? {
                        self.toggle_entry(key, &old);
                    }
                }
                Change::Hint { home, key, kept } => {
                    if let Some(old) = before.hint(*home, key)? {
                        self.toggle_hint(*home, key, &old);
                    }
                    self.toggle_hint(*home, key, kept);
                }
                Change::RemoveHint { home, key } => {
                    if let Some(old) = before.hint(*home, key)? {
                        self.toggle_hint(*home, key, &old);
                    }
                }
            }
        }
        Ok(())
    }
}

/// A digest of a node's whole state, volatile and durable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateDigest(Digest);

impl StateDigest {
    /// The digest of a node in this volatile state over a store of this digest.
    #[must_use]
    pub fn new(replica: &Replica, store: StoreDigest) -> Self {
        StateDigest(Digest::of(&(replica, store.0)))
    }
}

impl fmt::Display for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
