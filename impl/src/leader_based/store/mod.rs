//! The durable store of a node: a write-ahead log of groups of steps, and a database that is its last checkpoint.
//!
//! The write-ahead log is that of every node ([`storage`](crate::storage)), and so is what it promises. The replicated
//! log is something else: rows of the database, beside those that applying it came to.

mod checkpoint;
mod layers;

pub use layers::StagedLog;
pub(super) use layers::{Head, Layer, Over, Reading};

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use quorate_leader::log::Entry;
use quorate_leader::names::{Index, Key, Value};
use quorate_leader::store::{Remembered, Undo};
use quorate_model::ids::ClientId;

use crate::storage::log::Log;
use crate::storage::{DirectoryLock, StorageError, Waker};
use checkpoint::{Checkpoint, Summary};

/// How much of the write-ahead log there is until a checkpoint is made: what a start has to read again, and what is
/// kept in memory meanwhile.
const CHECKPOINT_BYTES: u64 = 16 << 20;

/// How much more may come while a checkpoint is being made, until everything waits for it.
const BEHIND_MAX: u64 = 4 * CHECKPOINT_BYTES;

/// A node's durable store.
///
/// Reads see every group that was given to it, durable or not: nobody outside may learn of a group before
/// [`LogStore::progress`] says that it is durable.
#[derive(Debug)]
pub struct LogStore {
    /// Before what it writes to, so that it has ended when that is closed.
    checkpointing: Checkpointing,
    log: Log,
    checkpoint: Checkpoint,
    /// What the checkpoint that is being made adds to the last one.
    frozen: Arc<StagedLog>,
    /// What came after that.
    recent: StagedLog,
    /// How much of the write-ahead log that is.
    recent_bytes: u64,
    /// The segment of it from which on the last checkpoint needs it.
    checkpoint_segment: u64,
    /// The number of the last step that was given.
    step: u64,
    rows: u64,
    /// Locked for as long as the store is open.
    _lock: DirectoryLock,
}

/// A checkpoint that is to be made.
#[derive(Debug)]
enum Checkpointing {
    Nothing,
    /// Once the write-ahead log has everything that is in it: a checkpoint must not be ahead of it.
    WaitsForLog(Summary),
    Runs {
        segment: u64,
        thread: Option<JoinHandle<Result<(), StorageError>>>,
    },
}

impl Drop for Checkpointing {
    fn drop(&mut self) {
        if let Checkpointing::Runs { thread, .. } = self
            && let Some(thread) = thread.take()
        {
            // One that failed was not made; the write-ahead log has everything.
            let _ = thread.join();
        }
    }
}

impl LogStore {
    /// Opens the store of the node of this name in this directory, which is created if there is none.
    ///
    /// # Errors
    /// When another process has it open, it cannot be read, it is damaged, it was written by a newer program, or it is
    /// another node's. It is never taken for empty then.
    pub fn open(directory: &Path, owner: &str, cache_bytes: usize) -> Result<Self, StorageError> {
        let inaccessible = |source| StorageError::Inaccessible { path: directory.into(), source };
        fs::create_dir_all(directory).map_err(inaccessible)?;
        let lock = DirectoryLock::take(directory)?;
        if !Checkpoint::is_in(directory)? {
            if !Log::is_pristine(directory)? {
                return Err(StorageError::Corrupt {
                    path: directory.into(),
                    detail: "there is a log and no leader.redb".to_string(),
                });
            }
            // The log first: whoever finds the database finds all.
            Log::create(directory)?;
            Checkpoint::create(directory, owner)?;
        }
        let (checkpoint, summary) = Checkpoint::open(directory, owner, cache_bytes)?;
        let Summary { step, segment, rows, .. } = summary;
        let (log, logged) = Log::open(directory, segment, step)?;
        let mut store = LogStore {
            checkpointing: Checkpointing::Nothing,
            log,
            checkpoint,
            frozen: Arc::default(),
            recent: StagedLog::default(),
            recent_bytes: 0,
            checkpoint_segment: segment,
            step,
            rows,
            _lock: lock,
        };
        for group in logged {
            let changes: StagedLog = postcard::from_bytes(&group.group).map_err(|_| {
                let detail = "a group in the log cannot be decoded".to_string();
                StorageError::Corrupt { path: directory.into(), detail }
            })?;
            store.apply(&changes)?;
            store.recent_bytes += group.group.len() as u64;
            store.step = group.step;
        }
        Ok(store)
    }

    /// The number of the last step that is durable here, as far as was looked; zero on a fresh store.
    #[must_use]
    pub fn durable_step(&self) -> u64 {
        // One whose log has failed will not get any further.
        self.log.durable_step().unwrap_or_default()
    }

    /// The number of the last step that it was given.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
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
        let group = postcard::to_allocvec(changes).expect("protocol state can always be encoded");
        self.recent_bytes += self.log.append(step, group);
        self.step = step;
        if self.recent_bytes >= BEHIND_MAX {
            self.settle()?;
            self.finish_checkpoint()?;
        }
        if self.recent_bytes >= CHECKPOINT_BYTES
            && matches!(self.checkpointing, Checkpointing::Nothing)
        {
            self.freeze();
        }
        Ok(())
    }

    /// Makes a checkpoint of everything that was given, and waits for it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn checkpoint(&mut self) -> Result<(), StorageError> {
        self.settle()?;
        self.finish_checkpoint()?;
        self.freeze();
        self.progress()?;
        self.finish_checkpoint()
    }

    /// Sets aside what came since the last checkpoint, to be added to it.
    fn freeze(&mut self) {
        let head = self.head();
        self.frozen = Arc::new(std::mem::take(&mut self.recent));
        self.recent_bytes = 0;
        self.checkpointing = Checkpointing::WaitsForLog(Summary {
            step: self.step,
            segment: self.log.segment(),
            rows: self.rows,
            head,
        });
    }

    /// The last step that is durable. Looks after the checkpoints too.
    ///
    /// # Errors
    /// When the disk has failed: nothing that is not durable yet ever will be.
    pub fn progress(&mut self) -> Result<u64, StorageError> {
        let durable = self.log.durable_step()?;
        match &self.checkpointing {
            Checkpointing::WaitsForLog(summary) if summary.step <= durable => {
                self.start_checkpoint();
            }
            Checkpointing::Runs { thread: Some(thread), .. } if thread.is_finished() => {
                self.finish_checkpoint()?;
            }
            _ => {}
        }
        Ok(durable)
    }

    /// Waits until everything that was given is durable.
    ///
    /// # Errors
    /// When the disk has failed.
    pub fn settle(&mut self) -> Result<u64, StorageError> {
        self.log.wait_for(self.step)?;
        self.progress()
    }

    /// Whom to wake when more is durable, or the disk has failed.
    pub fn wake(&self, waker: Waker) {
        self.log.wake(waker);
    }

    fn start_checkpoint(&mut self) {
        let waiting = std::mem::replace(&mut self.checkpointing, Checkpointing::Nothing);
        let Checkpointing::WaitsForLog(ref summary) = waiting else { return };
        let (summary, segment) = (summary.clone(), summary.segment);
        let (writer, changes) = (self.checkpoint.writer(), Arc::clone(&self.frozen));
        let (directory, needed_before) = (self.log.directory().to_owned(), self.checkpoint_segment);
        let thread = thread::spawn(move || {
            writer.write(&changes, &summary)?;
            // What the checkpoint before needs stays: the database may go back to it once, after damage.
            Log::forget_before(&directory, needed_before)
        });
        self.checkpointing = Checkpointing::Runs { segment, thread: Some(thread) };
    }

    /// Waits for the checkpoint that is being made, if there is one, and looks at it from then on.
    fn finish_checkpoint(&mut self) -> Result<(), StorageError> {
        let Checkpointing::Runs { segment, thread } = &mut self.checkpointing else {
            return Ok(());
        };
        if let Some(thread) = thread.take() {
            thread.join().expect("making a checkpoint does not panic")?;
        }
        self.checkpoint_segment = *segment;
        self.checkpointing = Checkpointing::Nothing;
        self.checkpoint.refresh()?;
        self.frozen = Arc::default();
        Ok(())
    }

    /// Lets everything in memory follow a group.
    fn apply(&mut self, changes: &StagedLog) -> Result<(), StorageError> {
        if changes.replaces_all() {
            self.rows = changes.rows_held().count() as u64;
        } else {
            for (key, value) in changes.rows_changed() {
                let had = self.row(key)?.is_some();
                self.rows = (self.rows + u64::from(value.is_some())) - u64::from(had);
            }
        }
        self.recent.absorb(changes);
        Ok(())
    }

    /// The store with these changes made.
    pub(super) fn with<'a>(&'a self, changes: &'a StagedLog) -> Over<'a, Self> {
        Over::new(self, changes)
    }

    fn layers<T>(&self, read: impl FnOnce(&Over<'_, Over<'_, Checkpoint>>) -> T) -> T {
        let frozen = Over::new(&self.checkpoint, &self.frozen);
        read(&Over::new(&frozen, &self.recent))
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

    fn undo(&self, index: Index) -> Result<Option<Undo>, StorageError> {
        self.layers(|layers| layers.undo(index))
    }
}

#[cfg(test)]
mod tests;
