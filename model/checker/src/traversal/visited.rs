//! Which states are known, by name.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Parts of the table: enough that two threads seldom want the same one.
const PARTS: usize = 256;

/// A name in two halves with the id of its state: three words, where an eight-byte name beside a
/// four-byte id would take four.
#[derive(Clone, Copy, Debug)]
struct Known {
    high: u32,
    low: u32,
    id: u32,
}

impl Known {
    fn new(name: u64, id: u32) -> Self {
        Known { high: (name >> 32) as u32, low: name as u32, id }
    }

    fn name(self) -> u64 {
        u64::from(self.high) << 32 | u64::from(self.low)
    }
}

/// Ids of states by name. Grows only.
#[derive(Debug)]
pub(crate) struct Visited {
    parts: Vec<RwLock<HashTable<Known>>>,
    hasher: FixedState,
}

impl Default for Visited {
    fn default() -> Self {
        let parts = (0..PARTS).map(|_| RwLock::default()).collect();
        Visited { parts, hasher: FixedState::default() }
    }
}

impl Visited {
    fn part(&self, hash: u64) -> &RwLock<HashTable<Known>> {
        // The table itself looks at the top and the bottom of a hash.
        &self.parts[(hash >> 32) as usize % PARTS]
    }

    /// The id of the state of this name, if it is known.
    pub(crate) fn get(&self, name: u64) -> Option<u32> {
        let hash = self.hasher.hash_one(name);
        // A panic elsewhere ends the traversal; a table is never left half changed.
        let part = self.part(hash).read().unwrap_or_else(PoisonError::into_inner);
        part.find(hash, |known| known.name() == name).map(|known| known.id)
    }

    /// Adds a name that is not known yet.
    pub(super) fn insert(&self, name: u64, id: u32) {
        let hash = self.hasher.hash_one(name);
        let mut part = self.part(hash).write().unwrap_or_else(PoisonError::into_inner);
        part.insert_unique(hash, Known::new(name, id), |known| self.hasher.hash_one(known.name()));
    }

    /// The names of these states.
    pub(crate) fn names_of(&self, ids: impl Iterator<Item = u32>) -> HashMap<u32, u64> {
        let mut names: HashMap<u32, u64> = ids.map(|id| (id, 0)).collect();
        for part in &self.parts {
            for known in part.read().unwrap_or_else(PoisonError::into_inner).iter() {
                if let Some(name) = names.get_mut(&known.id) {
                    *name = known.name();
                }
            }
        }
        names
    }
}
