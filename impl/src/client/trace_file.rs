//! The trace of a client: every step it took, written down before the step has an effect.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::ClientError;
use crate::runs::StepAt;

/// A trace file that clients append to. Every line is one write, so that clients may share it.
#[derive(Debug)]
pub struct ClientTrace {
    path: PathBuf,
    file: File,
    number: u64,
    last_at_us: u64,
}

impl ClientTrace {
    /// Opens a trace to append to it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, ClientError> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|source| ClientError::Trace { path: path.into(), source })?;
        Ok(ClientTrace { path: path.into(), file, number: 0, last_at_us: 0 })
    }

    /// Writes down the line that the trace of a client starts with.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn start(&mut self, header: &impl Serialize) -> Result<(), ClientError> {
        (self.number, self.last_at_us) = (0, 0);
        self.write(header)
    }

    /// The place of a step that was taken just now.
    #[must_use]
    pub fn next_step(&mut self) -> StepAt {
        self.number += 1;
        // A wall clock may be set back; a trace's may not.
        self.last_at_us = self.last_at_us.max(at_us());
        StepAt { number: self.number, at_us: self.last_at_us }
    }

    /// Writes down a line: of a step, before it has an effect.
    ///
    /// # Errors
    /// When it cannot be written.
    ///
    /// # Panics
    /// Never: every line can be encoded.
    pub fn write(&mut self, line: &impl Serialize) -> Result<(), ClientError> {
        let mut text = serde_json::to_string(line).expect("a trace line can always be encoded");
        text.push('\n');
        self.file
            .write_all(text.as_bytes())
            .map_err(|source| ClientError::Trace { path: self.path.clone(), source })
    }
}

fn at_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}
