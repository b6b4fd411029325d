//! The trace of a node, as a file that survives the node.
//!
//! A group's lines reach the operating system before the group is committed. A process that is
//! killed leaves at most lines of steps that its store does not have, which the next header tells
//! apart, and a torn last line, which is cut off when the file is opened again. A machine that
//! loses power may lose lines of steps that its store has: a trace is not synced.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use quorate_model::refine::trace::TraceLine;

use super::NodeError;

/// How much is read at a time when the end of the last whole line is looked for.
const CHUNK_BYTES: u64 = 64 * 1024;

/// An open trace file.
#[derive(Debug)]
pub struct TraceFile {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
}

impl TraceFile {
    /// Opens a trace to append to it. A torn last line is cut off.
    ///
    /// # Errors
    /// When the file cannot be opened, read or cut.
    pub fn open(path: &Path) -> Result<Self, NodeError> {
        let open = || {
            let mut file =
                File::options().read(true).write(true).create(true).truncate(false).open(path)?;
            let end = end_of_last_line(&mut file)?;
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            Ok(file)
        };
        let file = open().map_err(NodeError::trace(path))?;
        Ok(TraceFile { path: path.into(), file, buffer: Vec::new() })
    }

    /// Adds a line. It reaches the file with the next [`TraceFile::flush`].
    ///
    /// # Panics
    /// Never: every line can be encoded.
    pub fn write(&mut self, line: &TraceLine) {
        serde_json::to_writer(&mut self.buffer, line).expect("a trace line can always be encoded");
        self.buffer.push(b'\n');
    }

    /// Hands all lines to the operating system.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn flush(&mut self) -> Result<(), NodeError> {
        self.file.write_all(&self.buffer).map_err(NodeError::trace(&self.path))?;
        self.buffer.clear();
        Ok(())
    }
}

/// The position after the last newline, or the start.
fn end_of_last_line(file: &mut File) -> io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut chunk = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(CHUNK_BYTES);
        file.seek(SeekFrom::Start(start))?;
        chunk.clear();
        (&mut *file).take(end - start).read_to_end(&mut chunk)?;
        if let Some(at) = chunk.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use quorate_model::cluster::ClusterSpec;
    use quorate_model::ids::ClientId;
    use quorate_model::refine::trace::{ClientHeader, TRACE_FORMAT};

    use super::*;

    #[test]
    fn a_torn_last_line_is_cut_off_and_whole_lines_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trace.jsonl");
        let cluster = ClusterSpec {
            nodes: vec!["n1".into()],
            n: 1,
            r: 1,
            w: 1,
            versioning: Default::default(),
            read_repair: Default::default(),
            placement: Default::default(),
            tokens_per_node: 1,
        };
        let client = ClientId(1);
        let header = TraceLine::Client(ClientHeader { format: TRACE_FORMAT, client, cluster });
        let line = format!("{}\n", serde_json::to_string(&header).unwrap());
        let torn = "x".repeat(2 * CHUNK_BYTES as usize);
        for (before, kept) in [
            (String::new(), ""),
            (line.clone(), line.as_str()),
            (format!("{line}{{\"step"), line.as_str()),
            (format!("{line}{torn}"), line.as_str()),
            (torn.clone(), ""),
        ] {
            std::fs::write(&path, before).unwrap();
            let mut trace = TraceFile::open(&path).unwrap();
            trace.write(&header);
            trace.flush().unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{kept}{line}"));
        }
    }
}
