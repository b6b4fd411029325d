//! The trace of a client: what it asked for, what it was told, and when.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use quorate_model::ids::{ClientId, NodeId, RequestId};
use quorate_model::protocol::{FanOut, Operation, Outcome};
use quorate_model::refine::trace::{
    ClientComplete, ClientHeader, ClientInvoke, TRACE_FORMAT, TraceLine,
};

use super::ClientError;

/// A trace file that clients append to. Every line is one write, so that clients may share it.
#[derive(Debug)]
pub struct ClientTrace {
    path: PathBuf,
    file: File,
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
        Ok(ClientTrace { path: path.into(), file })
    }

    pub(super) fn start(&mut self, client: ClientId) -> Result<(), ClientError> {
        self.write(&TraceLine::Client(ClientHeader { format: TRACE_FORMAT, client }))
    }

    pub(super) fn invoke(
        &mut self,
        request: RequestId,
        operation: &Operation,
        coordinator: NodeId,
        fan_out: FanOut,
    ) -> Result<(), ClientError> {
        self.write(&TraceLine::Invoke(ClientInvoke {
            request,
            at_us: at_us(),
            operation: operation.clone(),
            coordinator,
            fan_out,
        }))
    }

    pub(super) fn complete(
        &mut self,
        request: RequestId,
        outcome: &Outcome,
    ) -> Result<(), ClientError> {
        let outcome = outcome.clone();
        self.write(&TraceLine::Complete(ClientComplete { request, at_us: at_us(), outcome }))
    }

    fn write(&mut self, line: &TraceLine) -> Result<(), ClientError> {
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
