//! What the steps of a group changed, over a store that does not have it yet.

use std::collections::BTreeMap;

use quorate_model::ids::Key;
use quorate_model::protocol::{Change, Entry, Identity, Store};

/// The changes of a group, the last one of each thing.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct StagedChanges {
    /// The identity, if it changed.
    pub identity: Option<Identity>,
    /// The entries that changed.
    pub entries: BTreeMap<Key, Entry>,
}

impl StagedChanges {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.identity.is_none() && self.entries.is_empty()
    }

    /// Adds a step's changes.
    pub fn stage(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            match change {
                Change::Identity(identity) => self.identity = Some(identity),
                Change::Entry { key, entry } => {
                    self.entries.insert(key, entry);
                }
            }
        }
    }
}

/// A store as the next step of a group sees it: what the group changed so far, over what is
/// durable.
#[derive(Clone, Copy, Debug)]
pub struct Staged<'a, S> {
    durable: &'a S,
    changes: &'a StagedChanges,
}

impl<'a, S> Staged<'a, S> {
    /// These changes over this store.
    #[must_use]
    pub fn new(durable: &'a S, changes: &'a StagedChanges) -> Self {
        Staged { durable, changes }
    }
}

impl<S: Store> Store for Staged<'_, S> {
    type Error = S::Error;

    fn identity(&self) -> Result<Option<Identity>, S::Error> {
        match self.changes.identity {
            Some(identity) => Ok(Some(identity)),
            None => self.durable.identity(),
        }
    }

    fn entry(&self, key: &Key) -> Result<Option<Entry>, S::Error> {
        match self.changes.entries.get(key) {
            Some(entry) => Ok(Some(entry.clone())),
            None => self.durable.entry(key),
        }
    }
}
