//! The durable store of a node: a write-ahead log of groups of steps, and a database that is its last checkpoint.
//!
//! The write-ahead log is that of every node ([`storage`](crate::storage)), and so is what it promises. The replicated
//! log is something else: rows of the database, beside those that applying it came to.

mod checkpoint;
mod layers;

pub use layers::StagedLog;
pub(super) use layers::{Head, Layer, Over, Reading};

use std::path::Path;

use quorate_leader::log::Entry;
use quorate_leader::names::{Index, Key, Value};
use quorate_leader::sessions::ByUse;
use quorate_leader::store::{Remembered, Undo};
use quorate_model::ids::ClientId;

use crate::storage::durable::{Durable, prepare};
use crate::storage::{StorageError, Waker};
use checkpoint::{Checkpoint, Summary};

/// A node's durable store.
///
/// Reads see every group that was given to it, durable or not: nobody outside may learn of a group before
/// [`LogStore::progress`] says that it is durable.
#[derive(Debug)]
pub struct LogStore {
    durable: Durable<Checkpoint>,
    rows: u64,
    by_use: ByUse,
}

impl LogStore {
    /// Opens the store of the node of this name in this directory, which is created if there is none.
    ///
    /// # Errors
    /// When another process has it open, it cannot be read, it is damaged, it was written by a newer program, or it is
    /// another node's. It is never taken for empty then.
    pub fn open(directory: &Path, owner: &str, cache_bytes: usize) -> Result<Self, StorageError> {
        let create = || Checkpoint::create(directory, owner);
        let lock = prepare(directory, &checkpoint::FILE, create)?;
        let (checkpoint, summary) = Checkpoint::open(directory, owner, cache_bytes)?;
        let Summary { step, segment, rows, .. } = summary;
        let (durable, logged) = Durable::open(lock, directory, checkpoint, step, segment)?;
        let remembered = durable.checkpoint().all_remembered()?;
        let by_use = ByUse::of(remembered.iter().map(|(client, last)| (client, last)));
        let mut store = LogStore { durable, rows, by_use };
        for group in logged {
            let changes = store.durable.decoded(&group)?;
            store.apply(&changes)?;
            store.durable.recovered(&group);
        }
        Ok(store)
    }

    /// The number of the last step that is durable here, as far as was looked; zero on a fresh store.
    #[must_use]
    pub fn durable_step(&self) -> u64 {
        self.durable.durable_step()
    }

    /// The number of the last step that it was given.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.durable.step()
    }

    /// How many rows it holds.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        self.rows
    }

    /// Begins to make a group durable. Whoever reads sees the group from now on.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn begin(&mut self, changes: &StagedLog, step: u64) -> Result<(), StorageError> {
        self.apply(changes)?;
        if self.durable.append(changes, step)? {
            self.freeze();
        }
        Ok(())
    }

    /// Makes a checkpoint of everything that was given, and waits for it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn checkpoint(&mut self) -> Result<(), StorageError> {
        self.durable.settle()?;
        self.durable.finish()?;
        self.freeze();
        self.durable.progress()?;
        self.durable.finish()
    }

    /// Sets aside what came since the last checkpoint, to be added to it.
    fn freeze(&mut self) {
        let (rows, head) = (self.rows, self.head());
        self.durable.freeze(|step, segment| Summary { step, segment, rows, head });
    }

    /// The last step that is durable. Looks after the checkpoints too.
    ///
    /// # Errors
    /// When the disk has failed: nothing that is not durable yet ever will be.
    pub fn progress(&mut self) -> Result<u64, StorageError> {
        self.durable.progress()
    }

    /// Waits until everything that was given is durable.
    ///
    /// # Errors
    /// When the disk has failed.
    pub fn settle(&mut self) -> Result<u64, StorageError> {
        self.durable.settle()
    }

    /// Whom to wake when more is durable, or the disk has failed.
    pub fn wake(&self, waker: Waker) {
        self.durable.wake(waker);
    }

    /// Lets everything in memory follow a group.
    fn apply(&mut self, changes: &StagedLog) -> Result<(), StorageError> {
        if changes.replaces_all() {
            self.by_use = ByUse::default();
        }
        for (client, remembered) in changes.remembered() {
            self.by_use.note(*client, remembered.as_ref());
        }
        if changes.replaces_all() {
            self.rows = changes.rows_held().count() as u64;
        } else {
            for (key, value) in changes.rows_changed() {
                let had = self.row(key)?.is_some();
                self.rows = (self.rows + u64::from(value.is_some())) - u64::from(had);
            }
        }
        self.durable.recent_mut().absorb(changes);
        Ok(())
    }

    /// The store with these changes made.
    pub(super) fn with<'a>(&'a self, changes: &'a StagedLog) -> Over<'a, Self> {
        Over::new(self, changes)
    }

    fn layers<T>(&self, read: impl FnOnce(&Over<'_, Over<'_, Checkpoint>>) -> T) -> T {
        let frozen = Over::new(self.durable.checkpoint(), self.durable.frozen());
        read(&Over::new(&frozen, self.durable.recent()))
    }

    pub(super) fn head(&self) -> Head {
        self.layers(|layers| layers.head())
    }
}

impl Layer for LogStore {
    fn head(&self) -> Head {
        LogStore::head(self)
    }

    fn entry(&self, index: Index) -> Result<Option<Entry>, StorageError> {
        self.layers(|layers| layers.entry(index))
    }

    fn row(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        self.layers(|layers| layers.row(key))
    }

    fn rows(&self, after: Option<&Key>, at_most: usize) -> Result<Vec<(Key, Value)>, StorageError> {
        self.layers(|layers| layers.rows(after, at_most))
    }

    fn remembered(&self, client: ClientId) -> Result<Option<Remembered>, StorageError> {
        self.layers(|layers| layers.remembered(client))
    }

    fn all_remembered(&self) -> Result<Vec<(ClientId, Remembered)>, StorageError> {
        self.layers(|layers| layers.all_remembered())
    }

    fn sessions_by_use(
        &self,
        after: Index,
        at_most: usize,
    ) -> Result<Vec<(Index, ClientId)>, StorageError> {
        Ok(self.by_use.beyond(after).take(at_most).collect())
    }

    fn undo(&self, index: Index) -> Result<Option<Undo>, StorageError> {
        self.layers(|layers| layers.undo(index))
    }
}

#[cfg(test)]
mod damage;
#[cfg(test)]
mod tests;
