//! Values shared between states, each with its hash computed once.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use crate::memo::Fingerprint;

/// An immutable value with a 64-bit fingerprint.
///
/// One step changes one actor and a message or two; the rest of the global state is shared with
/// the state before it, and need not be hashed again. The price is that a global fingerprint is a
/// hash of 64-bit hashes: two different parts with one fingerprint (probability 2^-64 a pair)
/// would be taken for the same, like two states with one fingerprint already are.
pub struct Shared<T>(Arc<Inner<T>>);

struct Inner<T> {
    fingerprint: u64,
    value: T,
}

impl<T: Hash> Shared<T> {
    /// Shares a value.
    pub fn new(value: T) -> Self {
        let fingerprint = FixedState::default().hash_one(&value);
        Shared(Arc::new(Inner { fingerprint, value }))
    }
}

impl<T> Shared<T> {
    /// The hash of the value.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.0.fingerprint
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || self.0.fingerprint == other.0.fingerprint && self.0.value == other.0.value
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T: Eq> PartialOrd for Shared<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Any fixed order will do: that of the fingerprints is the cheapest.
impl<T: Eq> Ord for Shared<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.fingerprint.cmp(&other.0.fingerprint)
    }
}

impl<T> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.fingerprint);
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.value.serialize(to)
    }
}

impl<'de, T: Deserialize<'de> + Hash> Deserialize<'de> for Shared<T> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(from).map(Shared::new)
    }
}

impl<T> Fingerprint for Shared<T> {
    fn fingerprint(&self) -> u64 {
        Shared::fingerprint(self)
    }
}
