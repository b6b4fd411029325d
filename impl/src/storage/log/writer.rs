//! The thread that writes the log and waits for the disk, so that nobody else has to.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::frame::{SEGMENT_HEADER_BYTES, SegmentHeader};
use super::watermark::Watermark;
use super::{Synced, segment_path};
use crate::storage::Waker;

/// How much is written at a time when a segment is filled with zeros.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// How many syncs are remembered for whoever wants to know how long they took.
const SYNCS_MAX: usize = 1_024;

/// What there is to write.
#[derive(Debug)]
pub(super) enum Work {
    /// These bytes behind what the segment has.
    Frames(Vec<u8>),
    /// A new segment of this size.
    Segment { header: SegmentHeader, bytes: u64 },
}

/// What the thread and its owner share.
#[derive(Default)]
pub(super) struct Shared {
    work: Vec<Work>,
    /// The last step that was given.
    given: u64,
    durable_step: u64,
    /// The segment that is written, and up to where it is durable.
    durable: (u64, u64),
    syncs: Vec<Synced>,
    error: Option<(PathBuf, io::Error)>,
    is_closing: bool,
    waker: Option<Waker>,
}

/// The owner's side of the thread.
pub(super) struct Writer {
    shared: Arc<(Mutex<Shared>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// Goes on writing where a log ends that is durable up to there.
    pub(super) fn start(at: OpenSegment) -> Self {
        let shared = Shared {
            given: at.watermark.step,
            durable_step: at.watermark.step,
            durable: (at.watermark.segment, at.watermark.end),
            ..Shared::default()
        };
        let shared = Arc::new((Mutex::new(shared), Condvar::new()));
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || at.run(&theirs));
        Writer { shared, thread: Some(thread) }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.0.lock().expect("the log's thread does not panic")
    }

    /// Whom to wake when more is durable, or nothing will be any more.
    pub(super) fn wake(&self, waker: Waker) {
        self.lock().waker = Some(waker);
    }

    /// Up to where a segment is known to be durable; everything of one that was left behind is.
    pub(super) fn durable_in(&self, segment: u64) -> u64 {
        let durable = self.lock().durable;
        if durable.0 == segment { durable.1 } else { SEGMENT_HEADER_BYTES }
    }

    pub(super) fn give(&self, work: Vec<Work>, step: u64) {
        let mut shared = self.lock();
        for work in work {
            match (shared.work.last_mut(), work) {
                (Some(Work::Frames(before)), Work::Frames(mut more)) => before.append(&mut more),
                (_, work) => shared.work.push(work),
            }
        }
        shared.given = step;
        self.shared.1.notify_all();
    }

    /// The last step that is durable, or why nothing will be any more.
    pub(super) fn durable_step(&self) -> Result<u64, (PathBuf, io::Error)> {
        told(&self.lock())
    }

    /// What became durable since this was asked last.
    pub(super) fn take_syncs(&self) -> Vec<Synced> {
        std::mem::take(&mut self.lock().syncs)
    }

    /// Waits until this step is durable.
    pub(super) fn wait_for(&self, step: u64) -> Result<u64, (PathBuf, io::Error)> {
        let mut shared = self.lock();
        while shared.error.is_none() && shared.durable_step < step {
            shared = self.shared.1.wait(shared).expect("the log's thread does not panic");
        }
        told(&shared)
    }
}

fn told(shared: &Shared) -> Result<u64, (PathBuf, io::Error)> {
    match &shared.error {
        None => Ok(shared.durable_step),
        // An error of the operating system keeps its number, which is what it is told by.
        Some((path, error)) => Err((
            path.clone(),
            error.raw_os_error().map_or_else(
                || io::Error::new(error.kind(), error.to_string()),
                io::Error::from_raw_os_error,
            ),
        )),
    }
}

/// Writes what was given and ends.
impl Drop for Writer {
    fn drop(&mut self) {
        self.lock().is_closing = true;
        self.shared.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // Nobody is left to be told how it ended.
            let _ = thread.join();
        }
    }
}

/// A segment that is written to, and the place up to which that was done.
#[derive(Debug)]
pub(super) struct OpenSegment {
    pub(super) directory: PathBuf,
    pub(super) file: File,
    pub(super) watermark: Watermark,
    pub(super) watermark_file: File,
    pub(super) watermark_path: PathBuf,
}

impl OpenSegment {
    fn run(mut self, shared: &(Mutex<Shared>, Condvar)) {
        loop {
            let (work, step) = {
                let mut shared_now = shared.0.lock().expect("the log's owner does not panic");
                while shared_now.work.is_empty() && !shared_now.is_closing {
                    shared_now = shared.1.wait(shared_now).expect("the log's owner does not panic");
                }
                if shared_now.work.is_empty() {
                    break;
                }
                (std::mem::take(&mut shared_now.work), shared_now.given)
            };
            let began = Instant::now();
            let written = self.write(work, step);
            let mut shared_now = shared.0.lock().expect("the log's owner does not panic");
            let has_failed = written.is_err();
            match written {
                Ok(()) => {
                    shared_now.durable_step = step;
                    // Nobody need ask.
                    if shared_now.syncs.len() == SYNCS_MAX {
                        shared_now.syncs.clear();
                    }
                    shared_now.syncs.push(Synced { step, took: began.elapsed() });
                    shared_now.durable = (self.watermark.segment, self.watermark.end);
                }
                Err(error) => shared_now.error = Some(error),
            }
            let waker = shared_now.waker.clone();
            shared.1.notify_all();
            drop(shared_now);
            if let Some(waker) = waker {
                waker();
            }
            // After an error nobody knows what the disk has: what was not written may never be.
            if has_failed {
                return;
            }
        }
        // What the next start compares with should survive a loss of power from here on; if it does
        // not, that start knows a little less.
        let _ = self.watermark_file.sync_data();
    }

    /// Writes all of it and waits for the disk; then says so in the file beside it.
    fn write(&mut self, work: Vec<Work>, step: u64) -> Result<(), (PathBuf, io::Error)> {
        for work in work {
            let path = segment_path(&self.directory, self.watermark.segment);
            match work {
                Work::Frames(bytes) => {
                    let written = self.file.write_all_at(&bytes, self.watermark.end);
                    written.map_err(|error| (path, error))?;
                    self.watermark.end += bytes.len() as u64;
                }
                Work::Segment { header, bytes } => {
                    self.file.sync_data().map_err(|error| (path, error))?;
                    let path = segment_path(&self.directory, header.number);
                    self.file = create_segment(&self.directory, &header, bytes)
                        .map_err(|error| (path, error))?;
                    self.watermark.segment = header.number;
                    self.watermark.end = SEGMENT_HEADER_BYTES;
                    let synced = self.watermark_file.sync_data();
                    synced.map_err(|error| (self.watermark_path.clone(), error))?;
                }
            }
        }
        let path = segment_path(&self.directory, self.watermark.segment);
        self.file.sync_data().map_err(|error| (path, error))?;
        self.watermark.sequence += 1;
        self.watermark.step = step;
        let written = self.watermark.write(&self.watermark_file);
        written.map_err(|error| (self.watermark_path.clone(), error))
    }
}

/// Makes a segment of zeros behind its header: a disk that is full says so now, and what is written into it
/// later changes nothing about the file that a sync would have to wait for.
pub(super) fn create_segment(
    directory: &Path,
    header: &SegmentHeader,
    bytes: u64,
) -> io::Result<File> {
    let path = segment_path(directory, header.number);
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    let filled = fill(&file, header, bytes);
    if filled.is_err() {
        // Nothing is in it, and whoever starts next must not look for anything.
        let _ = fs::remove_file(&path);
    }
    filled?;
    File::open(directory)?.sync_all()?;
    Ok(file)
}

fn fill(file: &File, header: &SegmentHeader, bytes: u64) -> io::Result<()> {
    let mut at = 0;
    while at < bytes {
        let length = (bytes - at).min(ZEROS.len() as u64);
        file.write_all_at(&ZEROS[..usize::try_from(length).unwrap_or(ZEROS.len())], at)?;
        at += length;
    }
    file.write_all_at(&header.encode(), 0)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log that writes to this file.
    fn writing_to(directory: &Path, file: &str) -> Writer {
        let open = |path: &Path| {
            File::options().write(true).create(true).truncate(false).open(path).unwrap()
        };
        let watermark_path = directory.join("watermark");
        Writer::start(OpenSegment {
            directory: directory.into(),
            file: open(Path::new(file)),
            watermark: Watermark { sequence: 1, segment: 0, end: SEGMENT_HEADER_BYTES, step: 4 },
            watermark_file: open(&watermark_path),
            watermark_path,
        })
    }

    #[test]
    fn nothing_is_durable_that_could_not_be_written_or_synced_and_nothing_after_it() {
        let directory = tempfile::tempdir().unwrap();
        // The one takes nothing, the other takes all but cannot be synced.
        for (file, kind) in
            [("/dev/full", io::ErrorKind::StorageFull), ("/dev/null", io::ErrorKind::InvalidInput)]
        {
            let writer = writing_to(directory.path(), file);
            assert_eq!(writer.durable_step().unwrap(), 4);
            for step in 5..8 {
                writer.give(vec![Work::Frames(vec![1; 10])], step);
                let (path, error) = writer.wait_for(step).unwrap_err();
                assert_eq!((error.kind(), path), (kind, segment_path(directory.path(), 0)));
            }
            assert!(writer.durable_step().is_err());
            drop(writer);
            let watermark = File::open(directory.path().join("watermark")).unwrap();
            assert_eq!(Watermark::read(&watermark).unwrap(), None, "{file}");
        }
    }
}
