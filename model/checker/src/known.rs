//! What some thread has found out once, for all threads.

use std::fmt;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

use foldhash::fast::FixedState as FastState;
use hashbrown::HashMap;

/// A map that only grows, and in which no entry changes.
pub struct Known<K, V> {
    entries: RwLock<HashMap<K, V, FastState>>,
}

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Known { entries: RwLock::default() }
    }
}

impl<K, V> fmt::Debug for Known<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

impl<K: Eq + Hash, V: Clone> Known<K, V> {
    /// Adds an entry, unless there is one.
    pub fn learn(&self, key: K, value: impl FnOnce() -> V) {
        if self.get(&key).is_none() {
            let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
            entries.entry(key).or_insert_with(value);
        }
    }

    /// The entry of a key, if there is one.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<V> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).cloned()
    }
}
