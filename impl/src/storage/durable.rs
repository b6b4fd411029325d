//! What makes a store durable: the log has every group, and now and then a checkpoint takes in what the log brought.
//!
//! Three layers hold what was given, each over the next: what came since the last checkpoint was begun, what the
//! checkpoint that is being made adds, and the last checkpoint.

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::database_file::{DatabaseFile, corrupt, inaccessible};
use super::log::{Log, Logged, Synced};
use super::{DirectoryLock, StorageError, Waker};

/// How much of the log there is until a checkpoint is made: what a start has to read again, and what is
/// kept in memory meanwhile.
const CHECKPOINT_BYTES: u64 = 16 << 20;

/// How much more may come while a checkpoint is being made, until everything waits for it.
const BEHIND_MAX: u64 = 4 * CHECKPOINT_BYTES;

/// What a store held at one step.
pub(crate) trait Checkpoints: Debug {
    /// What groups of steps change.
    type Changes: Default + Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What is kept of it beside its rows.
    type Summary: Debug + Send + 'static;
    /// What is needed to replace it, on another thread.
    type Writer: Send + 'static;

    /// What is needed to replace it.
    fn writer(&self) -> Self::Writer;

    /// Makes these changes, after which there is what the summary says, all or none of them.
    fn write(
        writer: &Self::Writer,
        changes: &Self::Changes,
        summary: &Self::Summary,
    ) -> Result<(), StorageError>;

    /// Looks at the latest one from now on.
    fn refresh(&mut self) -> Result<(), StorageError>;
}

/// The log of a store, its checkpoint, and what is in memory until the next one.
#[derive(Debug)]
pub(crate) struct Durable<C: Checkpoints> {
    /// Before what it writes to, so that it has ended when that is closed.
    checkpointing: Checkpointing<C::Summary>,
    log: Log,
    checkpoint: C,
    /// What the checkpoint that is being made adds to the last one.
    frozen: Arc<C::Changes>,
    /// What came after that.
    recent: C::Changes,
    /// How much of the log that is.
    recent_bytes: u64,
    /// The segment of the log from which on the last checkpoint needs it.
    checkpoint_segment: u64,
    /// The number of the last step that was given.
    step: u64,
    /// Locked for as long as the store is open.
    _lock: DirectoryLock,
}

/// A checkpoint that is to be made.
#[derive(Debug)]
enum Checkpointing<S> {
    Nothing,
    /// Once the log has everything that is in it: a checkpoint must not be ahead of the log.
    WaitsForLog {
        step: u64,
        segment: u64,
        summary: S,
    },
    Runs(Running),
}

/// A checkpoint that is being made.
#[derive(Debug)]
struct Running {
    segment: u64,
    thread: Option<JoinHandle<Result<(), StorageError>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // One that failed was not made; the log has everything.
            let _ = thread.join();
        }
    }
}

/// Makes a directory ready to be opened, which is created if there is none, and keeps others out of it. `create` makes
/// the database of a directory that has neither one nor a log.
pub(crate) fn prepare(
    directory: &Path,
    file: &DatabaseFile,
    create: impl FnOnce() -> Result<(), StorageError>,
) -> Result<DirectoryLock, StorageError> {
    fs::create_dir_all(directory).map_err(inaccessible(directory))?;
    let lock = DirectoryLock::take(directory)?;
    if !file.is_in(directory)? {
        if !Log::is_pristine(directory)? {
            return Err(corrupt(directory, &format!("there is a log and no {}", file.name)));
        }
        // The log first: whoever finds the database finds all.
        Log::create(directory)?;
        create()?;
    }
    Ok(lock)
}

impl<C: Checkpoints> Durable<C> {
    /// Opens the log behind a checkpoint of this step, which needs it from this segment on. Gives the groups that came
    /// after the checkpoint: the caller takes in each, see [`Durable::recovered`].
    pub(crate) fn open(
        lock: DirectoryLock,
        directory: &Path,
        checkpoint: C,
        step: u64,
        segment: u64,
    ) -> Result<(Self, Vec<Logged>), StorageError> {
        let (log, logged) = Log::open(directory, segment, step)?;
        let durable = Durable {
            checkpointing: Checkpointing::Nothing,
            log,
            checkpoint,
            frozen: Arc::default(),
            recent: C::Changes::default(),
            recent_bytes: 0,
            checkpoint_segment: segment,
            step,
            _lock: lock,
        };
        Ok((durable, logged))
    }

    /// What a group of the log changed.
    pub(crate) fn decoded(&self, group: &Logged) -> Result<C::Changes, StorageError> {
        let changes = postcard::from_bytes(&group.group);
        changes.map_err(|_| corrupt(self.log.directory(), "a group in the log cannot be decoded"))
    }

    /// Counts a group of the log as given.
    pub(crate) fn recovered(&mut self, group: &Logged) {
        self.recent_bytes += group.group.len() as u64;
        self.step = group.step;
    }

    /// The number of the last step that is durable here, as far as was looked; zero on a fresh store.
    pub(crate) fn durable_step(&self) -> u64 {
        // One whose log has failed will not get any further.
        self.log.durable_step().unwrap_or_default()
    }

    /// The number of the last step that was given.
    pub(crate) fn step(&self) -> u64 {
        self.step
    }

    /// The last checkpoint.
    pub(crate) fn checkpoint(&self) -> &C {
        &self.checkpoint
    }

    /// What the checkpoint that is being made adds to the last one.
    pub(crate) fn frozen(&self) -> &C::Changes {
        &self.frozen
    }

    /// What came after that.
    pub(crate) fn recent(&self) -> &C::Changes {
        &self.recent
    }

    /// The same, to take in what a group changed.
    pub(crate) fn recent_mut(&mut self) -> &mut C::Changes {
        &mut self.recent
    }

    /// Gives the log a group that was taken in. Says whether it is time for a checkpoint: see [`Durable::freeze`].
    pub(crate) fn append(&mut self, changes: &C::Changes, step: u64) -> Result<bool, StorageError> {
        let group = postcard::to_allocvec(changes).expect("protocol state can always be encoded");
        self.recent_bytes += self.log.append(step, group);
        self.step = step;
        if self.recent_bytes >= BEHIND_MAX {
            self.settle()?;
            self.finish()?;
        }
        let is_idle = matches!(self.checkpointing, Checkpointing::Nothing);
        Ok(self.recent_bytes >= CHECKPOINT_BYTES && is_idle)
    }

    /// Sets aside what came since the last checkpoint, to be added to it. `summary` is told the last step, and the
    /// segment from which on the log is needed.
    pub(crate) fn freeze(&mut self, summary: impl FnOnce(u64, u64) -> C::Summary) {
        let (step, segment) = (self.step, self.log.segment());
        self.frozen = Arc::new(std::mem::take(&mut self.recent));
        self.recent_bytes = 0;
        let summary = summary(step, segment);
        self.checkpointing = Checkpointing::WaitsForLog { step, segment, summary };
    }

    /// The last step that is durable. Looks after the checkpoints too.
    pub(crate) fn progress(&mut self) -> Result<u64, StorageError> {
        let durable = self.log.durable_step()?;
        match &self.checkpointing {
            Checkpointing::WaitsForLog { step, .. } if *step <= durable => self.start(),
            Checkpointing::Runs(Running { thread: Some(thread), .. }) if thread.is_finished() => {
                self.finish()?;
            }
            _ => {}
        }
        Ok(durable)
    }

    /// Waits until everything that was given is durable.
    pub(crate) fn settle(&mut self) -> Result<u64, StorageError> {
        self.log.wait_for(self.step)?;
        self.progress()
    }

    /// Whom to wake when more is durable, or the disk has failed.
    pub(crate) fn wake(&self, waker: Waker) {
        self.log.wake(waker);
    }

    /// What the disk was asked to make durable since this was asked last.
    pub(crate) fn take_syncs(&self) -> Vec<Synced> {
        self.log.take_syncs()
    }

    fn start(&mut self) {
        let waiting = std::mem::replace(&mut self.checkpointing, Checkpointing::Nothing);
        let Checkpointing::WaitsForLog { segment, summary, .. } = waiting else { return };
        let (writer, changes) = (self.checkpoint.writer(), Arc::clone(&self.frozen));
        let (directory, needed_before) = (self.log.directory().to_owned(), self.checkpoint_segment);
        let thread = thread::spawn(move || {
            C::write(&writer, &changes, &summary)?;
            // What the checkpoint before needs stays: the database may go back to it once, after damage.
            Log::forget_before(&directory, needed_before)
        });
        self.checkpointing = Checkpointing::Runs(Running { segment, thread: Some(thread) });
    }

    /// Waits for the checkpoint that is being made, if there is one, and looks at it from then on.
    pub(crate) fn finish(&mut self) -> Result<(), StorageError> {
        let Checkpointing::Runs(running) = &mut self.checkpointing else {
            return Ok(());
        };
        if let Some(thread) = running.thread.take() {
            thread.join().expect("making a checkpoint does not panic")?;
        }
        self.checkpoint_segment = running.segment;
        self.checkpointing = Checkpointing::Nothing;
        self.checkpoint.refresh()?;
        self.frozen = Arc::default();
        Ok(())
    }
}
