//! What the steps of a group changed, over a store that does not have it yet.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use quorate_model::hash_tree::{RowPlace, row_place, rows_within};
use quorate_model::ids::Key;
use quorate_model::protocol::{Change, Entry, Identity, Store};

/// The changes of a group, the last one of each thing.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct StagedChanges {
    /// The identity, if it changed.
    pub identity: Option<Identity>,
    /// The last entry of each key that changed, ordered as the rows are.
    entries: BTreeMap<RowPlace, Entry>,
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
                    self.entries.insert(row_place(&key), entry);
                }
            }
        }
    }

    /// The entries that changed, in the order of their rows.
    pub fn entries(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.entries.iter().map(|((_, key), entry)| (key, entry))
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
        match self.changes.entries.get(&row_place(key)) {
            Some(entry) => Ok(Some(entry.clone())),
            None => self.durable.entry(key),
        }
    }

    fn entries_in(
        &self,
        positions: RangeInclusive<u64>,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, S::Error> {
        let Some(bounds) = rows_within(positions.clone(), after) else { return Ok(Vec::new()) };
        // The first of both together are among the first of each.
        let durable = self.durable.entries_in(positions, after, max)?;
        let mut changed = self.changes.entries.range(bounds).take(max).peekable();
        if changed.peek().is_none() {
            return Ok(durable);
        }
        let mut rows: BTreeMap<RowPlace, Entry> =
            durable.into_iter().map(|(key, entry)| (row_place(&key), entry)).collect();
        rows.extend(changed.map(|(place, entry)| (place.clone(), entry.clone())));
        Ok(rows.into_iter().take(max).map(|((_, key), entry)| (key, entry)).collect())
    }
}
