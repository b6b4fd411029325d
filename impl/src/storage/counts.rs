//! How much a store holds, kept up to date by every commit so that nobody has to scan for it.

use std::collections::BTreeMap;

use quorate_model::ids::{Key, NodeId};
use quorate_model::protocol::weight::record_bytes;
use quorate_model::protocol::{Entry, KeptHint};
use serde::{Deserialize, Serialize};

/// How much a store holds.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// Keys, deleted ones that are not forgotten yet among them.
    pub keys: u64,
    /// Versions of all keys, tombstones among them.
    pub versions: u64,
    /// Keys of which there is nothing but tombstones.
    pub tombstones: u64,
    /// Hints, by the home they are for.
    pub hints: BTreeMap<NodeId, u64>,
    /// The [bytes](quorate_model::protocol::KeptHint::bytes) of all hints.
    pub hint_bytes: u64,
    /// How many keys have so many versions.
    by_versions: BTreeMap<u64, u64>,
    largest_seen: u64,
}

/// About how many bytes a message takes that carries what is held of a key: rather more than less.
#[must_use]
pub fn message_bytes(key: &Key, entry: &Entry) -> usize {
    record_bytes(key, &entry.state)
}

impl Counts {
    /// The most versions that one key has.
    #[must_use]
    pub fn versions_max(&self) -> u64 {
        self.by_versions.last_key_value().map_or(0, |(versions, _)| *versions)
    }

    /// The bytes of the largest message that any key has needed since the store was made.
    #[must_use]
    pub fn largest_seen(&self) -> usize {
        usize::try_from(self.largest_seen).unwrap_or(usize::MAX)
    }

    /// All hints.
    #[must_use]
    pub fn hint_count(&self) -> u64 {
        self.hints.values().sum()
    }

    /// Follows the replacement of what is held of a key, `None` being nothing.
    pub(super) fn replace_entry(&mut self, key: &Key, old: Option<&Entry>, new: Option<&Entry>) {
        if let Some(entry) = new {
            self.largest_seen = self.largest_seen.max(message_bytes(key, entry) as u64);
            let versions = entry.state.versions().count() as u64;
            self.keys += 1;
            self.versions += versions;
            self.tombstones += u64::from(entry.state.is_deleted());
            add(&mut self.by_versions, versions);
        }
        if let Some(entry) = old {
            let versions = entry.state.versions().count() as u64;
            self.keys -= 1;
            self.versions -= versions;
            self.tombstones -= u64::from(entry.state.is_deleted());
            remove(&mut self.by_versions, versions);
        }
    }

    /// Follows the replacement of a hint about this key for this home, `None` being nothing.
    pub(super) fn replace_hint(
        &mut self,
        home: NodeId,
        key: &Key,
        old: Option<&KeptHint>,
        new: Option<&KeptHint>,
    ) {
        if let Some(kept) = new {
            self.hint_bytes += kept.bytes(key);
            add(&mut self.hints, home);
        }
        if let Some(kept) = old {
            self.hint_bytes -= kept.bytes(key);
            remove(&mut self.hints, home);
        }
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, of: K) {
    *counts.entry(of).or_default() += 1;
}

fn remove<K: Ord>(counts: &mut BTreeMap<K, u64>, of: K) {
    if let Some(count) = counts.get_mut(&of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&of);
        }
    }
}
