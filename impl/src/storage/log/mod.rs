//! The write-ahead log: every group of steps, in order, before anything else learns of it.
//!
//! A log is a row of segments, files of a few mebibytes that are filled with zeros when they are made. A
//! [thread](writer) of its own appends what it is given and waits for the disk; whoever gives goes on meanwhile, and
//! asks how far it is. What came while the disk was busy goes to it in one piece.
//!
//! What is read back is what was acknowledged, or an error. A tail that is not valid may have been torn when the
//! process or the machine ended, and is cut off; or it was damaged later, and then acknowledged groups are gone. Two
//! things tell them apart: the [watermark] beside the log, and valid frames further on, which say how far the log
//! was durable when they were made.

mod frame;
mod watermark;
mod writer;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use frame::{FRAME_HEADER_BYTES, Frame, SEGMENT_HEADER_BYTES, SegmentHeader, encode_frame, scan};
use watermark::Watermark;
use writer::{OpenSegment, Work, Writer, create_segment};

use super::{StorageError, Waker};

/// The size of a segment, unless a single group needs more.
pub(crate) const SEGMENT_BYTES: u64 = 4 << 20;

/// The size of the first segment: most stores stay small, and tests make many.
const FIRST_SEGMENT_BYTES: u64 = 256 << 10;

const WATERMARK_FILE: &str = "log-durable";
const SEGMENT_PREFIX: &str = "log-";

/// A piece of the log that became durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Synced {
    /// Up to which step.
    pub step: u64,
    /// How long it took to write it and to wait for the disk.
    pub took: Duration,
}

/// A group that was read back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Logged {
    /// The number of its last step.
    pub(crate) step: u64,
    /// What it changed, as it was given.
    pub(crate) group: Vec<u8>,
}

/// An open log.
#[derive(Debug)]
pub(crate) struct Log {
    directory: PathBuf,
    writer: Writer,
    /// Where the next frame goes.
    segment: u64,
    end: u64,
    capacity: u64,
    /// The step of the last frame.
    step: u64,
}

impl Log {
    /// Whether the log of this directory has never held anything, so that it may be made anew.
    pub(crate) fn is_pristine(directory: &Path) -> Result<bool, StorageError> {
        let numbers = segments(directory)?;
        let path = segment_path(directory, 0);
        Ok(numbers.is_empty()
            || numbers == [0] && {
                let bytes = fs::read(&path).map_err(failed(&path))?;
                scan(&bytes, 0).is_none_or(|scanned| scanned.frames.is_empty())
                    && watermark(directory)?.1.is_none_or(|watermark| watermark.step == 0)
            })
    }

    /// Makes an empty log, in the place of one that never held anything.
    pub(crate) fn create(directory: &Path) -> Result<(), StorageError> {
        let path = segment_path(directory, 0);
        let header = SegmentHeader { number: 0, previous_end: 0, step_before: 0 };
        create_segment(directory, &header, FIRST_SEGMENT_BYTES).map_err(failed(&path))?;
        let path = directory.join(WATERMARK_FILE);
        let made = File::create(&path).and_then(|file| {
            let (segment, end) = (0, SEGMENT_HEADER_BYTES);
            Watermark { sequence: 1, segment, end, step: 0 }.write(&file)?;
            file.sync_all()?;
            File::open(directory)?.sync_all()
        });
        made.map_err(failed(&path))
    }

    /// Opens the log, of which everything up to the last frame of step `step` is held elsewhere, and which
    /// has what comes after it in segment `from` or later. Gives what comes after it.
    pub(crate) fn open(
        directory: &Path,
        from: u64,
        step: u64,
    ) -> Result<(Self, Vec<Logged>), StorageError> {
        let (watermark_file, watermark) = watermark(directory)?;
        let watermark_path = directory.join(WATERMARK_FILE);
        let watermark = watermark.ok_or_else(|| {
            corrupt(&watermark_path, "it does not say how far the log was written")
        })?;
        let mut numbers = segments(directory)?;
        // A segment that was being made when the process ended: nothing was acknowledged in it.
        while let Some(last) = numbers.last().copied().filter(|last| *last > watermark.segment) {
            let path = segment_path(directory, last);
            let bytes = fs::read(&path).map_err(failed(&path))?;
            if scan(&bytes, last).is_some() {
                break;
            }
            fs::remove_file(&path).map_err(failed(&path))?;
            numbers.pop();
        }
        let last = numbers.last().copied().unwrap_or_default();
        if !(from..=last).all(|number| numbers.contains(&number)) || watermark.segment > last {
            let missing = (from..=last.max(watermark.segment).max(from))
                .find(|number| !numbers.contains(number))
                .unwrap_or(from);
            let path = segment_path(directory, missing);
            return Err(corrupt(&path, "this part of the log is missing"));
        }
        let mut reading = Reading { step: None, found: false, after: step, logged: Vec::new() };
        let mut before: Option<u64> = None;
        for number in from..=last {
            let path = segment_path(directory, number);
            let bytes = fs::read(&path).map_err(failed(&path))?;
            let scanned =
                scan(&bytes, number).ok_or_else(|| corrupt(&path, "it is not a part of a log"))?;
            if before.is_some_and(|before| before != scanned.header.previous_end) {
                let path = segment_path(directory, number - 1);
                return Err(corrupt(&path, ACKNOWLEDGED_MISSING));
            }
            before = Some(scanned.end);
            let is_short = watermark.segment == number && scanned.end < watermark.end;
            let says_more = scanned.durable_beyond.is_some_and(|durable| durable > scanned.end);
            if is_short || says_more {
                return Err(corrupt(&path, ACKNOWLEDGED_MISSING));
            }
            reading
                .read(scanned.header.step_before, scanned.frames)
                .map_err(|detail| corrupt(&path, detail))?;
            if number == last {
                let capacity = bytes.len() as u64;
                let file =
                    File::options().read(true).write(true).open(&path).map_err(failed(&path))?;
                if !scanned.is_clean {
                    cut(&file, scanned.end, capacity).map_err(failed(&path))?;
                }
                let step = reading.finish().map_err(|detail| corrupt(&path, detail))?;
                let watermark = Watermark {
                    sequence: watermark.sequence + 1,
                    segment: number,
                    end: scanned.end,
                    step,
                };
                // What is read back now may not have been synced before.
                file.sync_data().map_err(failed(&path))?;
                let written = watermark.write(&watermark_file);
                written
                    .and_then(|()| watermark_file.sync_data())
                    .map_err(failed(&watermark_path))?;
                let at = OpenSegment {
                    directory: directory.into(),
                    file,
                    watermark,
                    watermark_file,
                    watermark_path,
                };
                let log = Log {
                    directory: directory.into(),
                    writer: Writer::start(at),
                    segment: number,
                    end: scanned.end,
                    capacity,
                    step,
                };
                return Ok((log, reading.logged));
            }
        }
        unreachable!("`last` is among the segments that are read")
    }

    /// The segment that the next group may go to: everything that was given so far is in it or before it.
    pub(crate) fn segment(&self) -> u64 {
        self.segment
    }

    /// Appends a group and says how many bytes that takes. It is durable once [`Log::durable_step`] says so.
    pub(crate) fn append(&mut self, step: u64, group: Vec<u8>) -> u64 {
        let needed = FRAME_HEADER_BYTES + group.len() as u64;
        let mut work = Vec::new();
        if self.end + needed > self.capacity {
            let header = SegmentHeader {
                number: self.segment + 1,
                previous_end: self.end,
                step_before: self.step,
            };
            let bytes = SEGMENT_BYTES.max(SEGMENT_HEADER_BYTES + needed);
            work.push(Work::Segment { header, bytes });
            self.segment += 1;
            self.end = SEGMENT_HEADER_BYTES;
            self.capacity = bytes;
        }
        let durable = self.writer.durable_in(self.segment);
        let frame = Frame { step, step_before: self.step, durable, group };
        let mut bytes = Vec::new();
        encode_frame(&frame, self.segment, self.end, &mut bytes);
        self.end += needed;
        self.step = step;
        work.push(Work::Frames(bytes));
        self.writer.give(work, step);
        needed
    }

    /// Whom to wake when more is durable, or nothing will be any more.
    pub(crate) fn wake(&self, waker: Waker) {
        self.writer.wake(waker);
    }

    /// The last step that is durable.
    pub(crate) fn durable_step(&self) -> Result<u64, StorageError> {
        self.writer.durable_step().map_err(|(path, error)| failed(&path)(error))
    }

    /// Waits until this step, which was given, is durable.
    pub(crate) fn wait_for(&self, step: u64) -> Result<u64, StorageError> {
        self.writer.wait_for(step).map_err(|(path, error)| failed(&path)(error))
    }

    /// What became durable since this was asked last.
    pub(crate) fn take_syncs(&self) -> Vec<Synced> {
        self.writer.take_syncs()
    }

    /// Removes the segments before this one.
    pub(crate) fn forget_before(directory: &Path, segment: u64) -> Result<(), StorageError> {
        for number in segments(directory)?.into_iter().filter(|number| *number < segment) {
            let path = segment_path(directory, number);
            fs::remove_file(&path).map_err(failed(&path))?;
        }
        Ok(())
    }

    /// Where it is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

const ACKNOWLEDGED_MISSING: &str = "groups that may have been acknowledged are missing or damaged";

/// Follows the steps of frames from one segment to the next.
struct Reading {
    step: Option<u64>,
    /// Whether the frame was there after which everything is wanted.
    found: bool,
    after: u64,
    logged: Vec<Logged>,
}

impl Reading {
    fn read(&mut self, step_before: u64, frames: Vec<Frame>) -> Result<(), &'static str> {
        const GAP: &str = "a group is missing in between";
        if self.step.is_some_and(|step| step != step_before) {
            return Err(GAP);
        }
        let mut step = step_before;
        self.found |= step == self.after;
        for frame in frames {
            if frame.step_before != step || frame.step <= step {
                return Err(GAP);
            }
            step = frame.step;
            self.found |= step == self.after;
            if step > self.after {
                self.logged.push(Logged { step, group: frame.group });
            }
        }
        self.step = Some(step);
        Ok(())
    }

    fn finish(&self) -> Result<u64, &'static str> {
        let step = self.step.unwrap_or_default();
        if !self.found {
            return Err("it does not fit the database beside it, which holds other steps");
        }
        Ok(step)
    }
}

/// Makes what is behind the end zeros again, so that nothing of it is ever taken for what comes next.
fn cut(file: &File, end: u64, capacity: u64) -> io::Result<()> {
    let length = usize::try_from(capacity.saturating_sub(end)).unwrap_or(usize::MAX);
    file.write_all_at(&vec![0; length], end)?;
    file.sync_data()
}

/// The file of the watermark, and what it says.
fn watermark(directory: &Path) -> Result<(File, Option<Watermark>), StorageError> {
    let path = directory.join(WATERMARK_FILE);
    let file =
        File::options().read(true).write(true).open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => corrupt(&path, "it is missing"),
            _ => failed(&path)(error),
        })?;
    let watermark = Watermark::read(&file).map_err(failed(&path))?;
    Ok((file, watermark))
}

/// The numbers of the segments there are, in order.
fn segments(directory: &Path) -> Result<Vec<u64>, StorageError> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed(directory))? {
        let name = entry.map_err(failed(directory))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(SEGMENT_PREFIX));
        numbers.extend(
            number
                .filter(|text| text.len() == 16)
                .and_then(|text| u64::from_str_radix(text, 16).ok()),
        );
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn segment_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{SEGMENT_PREFIX}{number:016x}"))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StorageError + '_ {
    |source| StorageError::LogFailed { path: path.into(), source }
}

fn corrupt(path: &Path, detail: &str) -> StorageError {
    StorageError::Corrupt { path: path.into(), detail: detail.to_string() }
}

/// The bytes of a segment after these groups were written to it in one piece and before they were synced.
#[cfg(test)]
pub(crate) fn with_unsynced(segment: &[u8], number: u64, groups: Vec<Logged>) -> Vec<u8> {
    let scanned = scan(segment, number).expect("it is a segment");
    let mut step_before =
        scanned.frames.last().map_or(scanned.header.step_before, |frame| frame.step);
    let (durable, end) = (scanned.end, usize::try_from(scanned.end).expect("it is in memory"));
    let mut bytes = segment[..end].to_vec();
    for Logged { step, group } in groups {
        let at = bytes.len() as u64;
        encode_frame(&Frame { step, step_before, durable, group }, number, at, &mut bytes);
        step_before = step;
    }
    assert!(bytes.len() <= segment.len(), "they fit");
    bytes.resize(segment.len(), 0);
    bytes
}
