//! How much a store holds, kept up to date by every commit so that nobody has to scan for it.

use serde::{Deserialize, Serialize};

use quorate_model::protocol::Entry;

/// How much a store holds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// Keys, deleted ones that are not forgotten yet among them.
    pub keys: u64,
    /// Versions of all keys, tombstones among them.
    pub versions: u64,
}

impl Counts {
    /// Follows the replacement of a key's entry.
    pub(super) fn replace(&mut self, old: Option<&Entry>, new: &Entry) {
        let versions = |entry: &Entry| entry.state.versions().count() as u64;
        self.keys += u64::from(old.is_none());
        self.versions += versions(new);
        self.versions -= old.map_or(0, versions);
    }
}
