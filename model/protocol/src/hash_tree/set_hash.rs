//! Hashes of entries, and of sets of entries.

use core::fmt;
use core::iter::Sum;
use core::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::ids::Key;
use crate::key_hash::{Purpose, number};
use crate::versions::RecordDigest;

/// The hash of one key together with all of its state, context and versions alike.
///
/// The state counts and not only its values: a replica that holds an equal value under another
/// clock would resolve the next write differently, and must not look the same. What a node alone
/// knows of a key, the run of dots it may continue, does not count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryHash(pub u64);

impl EntryHash {
    /// The hash of this key in the state of this digest.
    #[must_use]
    pub fn new(key: &Key, state: RecordDigest) -> Self {
        // The digest has a fixed width, so no state and key run together into another pair.
        EntryHash(number(Purpose::Entry.hasher().update(&state.0.to_le_bytes()).update(&key.0)))
    }
}

/// `e0123456789abcdef`
impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{:016x}", self.0)
    }
}

/// The hash of a set of entries: the sum of their hashes modulo 2^64.
///
/// A sum can follow the replacement of one entry without a look at the others, in any order, and
/// the hash of a union of disjoint sets is the sum of theirs. This is the *AdHash* of Bellare and
/// Micciancio ("A New Paradigm for Collision-Free Hashing", EUROCRYPT 1997, section 4), with a
/// modulus made for machines. Exclusive or would do as well against accidents: for hashes that
/// are random, either maps two different sets to one hash with probability 2^-64. The sum was
/// chosen because it does not forgive mistakes. An entry added twice, or removed when it was not
/// there, cancels out under exclusive or the next time it happens, and leaves the sum wrong for a
/// test to see; and that paper shows that linear algebra finds collisions under exclusive or.
/// Nodes trust each other here: at 64 bits neither resists somebody who crafts entries to collide.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SetHash(pub u64);

impl SetHash {
    /// The hash of no entries. Other sets have it with probability 2^-64.
    pub const EMPTY: SetHash = SetHash(0);
}

impl SetHash {
    /// What must be added to the hash of a set when one entry leaves it and another joins it. The
    /// sums form a group, so there is always such a number, and it does not depend on the set.
    #[must_use]
    pub fn change(old: Option<EntryHash>, new: Option<EntryHash>) -> SetHash {
        let number = |entry: Option<EntryHash>| entry.map_or(0, |entry| entry.0);
        SetHash(number(new).wrapping_sub(number(old)))
    }
}

/// The hash of the union of two disjoint sets, or of a set after a [change](SetHash::change).
impl AddAssign for SetHash {
    fn add_assign(&mut self, other: SetHash) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

/// The hash of the union of disjoint sets.
impl Sum for SetHash {
    fn sum<I: Iterator<Item = SetHash>>(sets: I) -> SetHash {
        sets.fold(SetHash::EMPTY, |mut union, set| {
            union += set;
            union
        })
    }
}

/// `0123456789abcdef`
impl fmt::Display for SetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;
    use crate::ids::{ClientId, NodeId, Timestamp};
    use crate::versions::{
        ActorId, Dot, Epoch, Incarnation, Record, VersionVector, Versioning, Write,
    };

    fn written(versioning: Versioning, counter: u64) -> Record {
        let actor = ActorId::Node { node: NodeId(0), incarnation: Incarnation(0), epoch: Epoch(0) };
        let mut state = Record::empty(versioning);
        state.put(&Write {
            dot: Dot { actor, counter },
            client: ClientId(counter),
            context: VersionVector::new(),
            timestamp: Timestamp(counter),
            value: Some("equal".into()),
        });
        state
    }

    #[test]
    fn equal_values_under_different_clocks_have_different_hashes() {
        let key = Key::from("key");
        for versioning in [Versioning::Dotted, Versioning::ClientClock, Versioning::LastWriteWins] {
            let hash = |counter| EntryHash::new(&key, written(versioning, counter).digest());
            assert_ne!(hash(1), hash(2), "{versioning}");
        }
    }

    #[test]
    fn an_equal_state_under_another_key_has_another_hash() {
        let state = written(Versioning::Dotted, 1).digest();
        let keys = ["", "a", "b", "ab", "\0"];
        let hashes: BTreeSet<_> =
            keys.iter().map(|key| EntryHash::new(&Key::from(*key), state)).collect();
        assert_eq!(hashes.len(), keys.len());
    }

    #[test]
    fn hashes_are_the_same_in_every_release() {
        let hash = EntryHash::new(&Key::from("apple"), RecordDigest(7));
        assert_eq!(
            hash,
            EntryHash(0x151d_3e7c_f672_40a0),
            "nodes of two releases find everything different"
        );
    }
}
