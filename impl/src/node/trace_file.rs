//! The trace of a node, as a file that survives the node.
//!
//! A group's lines reach the operating system before the group is committed. A process that is
//! killed leaves at most lines of steps that its store does not have, which the next header tells
//! apart, and a torn last line, which is cut off when the file is opened again. A machine that
//! loses power may lose lines of steps that its store has: a trace is not synced.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use quorate_checker::refine::Traced;
use quorate_checker::refine::trace::TraceLine;
use quorate_model::ids::NodeId;

use super::NodeError;
use crate::runs::Recorded;

/// How much is read at a time when the end of the last whole line is looked for.
const CHUNK_BYTES: u64 = 64 * 1024;

/// An open trace file, of lines of one protocol.
#[derive(Debug)]
pub struct TraceFile<L> {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    last_at_us: u64,
    lines: PhantomData<L>,
}

impl<L: Recorded> TraceFile<L> {
    /// Opens a trace to append to it. A torn last line is cut off.
    ///
    /// # Errors
    /// When the file cannot be opened, read or cut, or it is something else than the trace of
    /// this node; it is then left as it was.
    pub fn open(path: &Path, node: NodeId) -> Result<Self, NodeError> {
        let open =
            || File::options().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = open().map_err(NodeError::trace(path))?;
        let (end, last_at_us) = examine::<L>(&mut file, node)
            .map_err(NodeError::trace(path))?
            .ok_or_else(|| NodeError::NotItsTrace { path: path.into() })?;
        file.set_len(end).map_err(NodeError::trace(path))?;
        file.seek(SeekFrom::Start(end)).map_err(NodeError::trace(path))?;
        Ok(TraceFile {
            path: path.into(),
            file,
            buffer: Vec::new(),
            last_at_us,
            lines: PhantomData,
        })
    }

    /// The time of the last step in the file when it was opened; zero if there was none.
    #[must_use]
    pub fn last_at_us(&self) -> u64 {
        self.last_at_us
    }

    /// Adds a line. It reaches the file with the next [`TraceFile::flush`].
    ///
    /// # Panics
    /// Never: every line can be encoded.
    pub fn write(&mut self, line: &L) {
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

/// The lines that are validated, of any protocol.
impl<P: Traced> Recorded for TraceLine<P> {
    const HEADER_START: &'static [u8] = b"{\"node\":{";

    fn header_of(&self) -> Option<NodeId> {
        match self {
            TraceLine::Node(header) => Some(header.node),
            TraceLine::Step(_) | TraceLine::Client(_) | TraceLine::ClientStep(_) => None,
        }
    }

    fn step_at_us(&self) -> Option<u64> {
        match self {
            TraceLine::Step(step) => Some(step.at_us),
            TraceLine::Node(_) | TraceLine::Client(_) | TraceLine::ClientStep(_) => None,
        }
    }
}

/// Where the whole lines of a trace end, and the time of its last step. `None` when the file is
/// not the trace of this node, which it may be in part if the first line is torn.
fn examine<L: Recorded>(file: &mut File, node: NodeId) -> io::Result<Option<(u64, u64)>> {
    let mut start = Vec::new();
    (&mut *file).take(L::HEADER_START.len() as u64).read_to_end(&mut start)?;
    if !L::HEADER_START.starts_with(&start) {
        return Ok(None);
    }
    let length = file.metadata()?.len();
    let end = end_of_last_line(file, length)?;
    if end == 0 {
        return Ok(Some((0, 0)));
    }
    file.seek(SeekFrom::Start(0))?;
    let mut first = String::new();
    BufReader::new(&mut *file).read_line(&mut first)?;
    let first: Option<L> = serde_json::from_str(&first).ok();
    if first.and_then(|line| line.header_of()) != Some(node) {
        return Ok(None);
    }
    let start = end_of_last_line(file, end - 1)?;
    file.seek(SeekFrom::Start(start))?;
    let mut last = Vec::new();
    file.take(end - start).read_to_end(&mut last)?;
    // From text, as the first line: reading from bytes would be compiled once more for every type of a trace.
    let Some(last) =
        str::from_utf8(&last).ok().and_then(|last| serde_json::from_str::<L>(last).ok())
    else {
        return Ok(None);
    };
    let is_header = last.header_of().is_some();
    Ok(last.step_at_us().or(is_header.then_some(0)).map(|at_us| (end, at_us)))
}

/// The position after the last newline before `end`, or the start.
fn end_of_last_line(file: &mut File, mut end: u64) -> io::Result<u64> {
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
    use quorate_model::cluster::{BytesMax, ClusterSpec, PlacementSpec};
    use quorate_model::ids::{ClientId, Timestamp};
    use quorate_model::protocol::{Input, Replica};
    use quorate_model::refine::digest::{StateDigest, StoreDigest};
    use quorate_model::refine::trace::{
        ClientHeader, NodeHeader, NodeStep, TRACE_FORMAT, TraceLine,
    };
    use quorate_model::versions::Incarnation;

    use super::*;

    const NODE: NodeId = NodeId(0);

    fn cluster() -> ClusterSpec {
        ClusterSpec {
            nodes: vec!["n1".to_string()],
            n: 1,
            r: 1,
            w: 1,
            versioning: Default::default(),
            read_repair: Default::default(),
            speculative_retry: false,
            placement: PlacementSpec::InOrder,
            tokens_per_node: 1,
            sloppy: false,
            background: quorate_model::cluster::Background::OFF,
            client_fan_out: false,
            limits: BytesMax::default(),
            left: Vec::new(),
            deviations: Vec::new(),
        }
    }

    fn header() -> TraceLine {
        let (format, cluster) = (TRACE_FORMAT, cluster());
        TraceLine::Node(NodeHeader {
            format,
            node: NODE,
            cluster,
            durable_step: 0,
            lost_disk: false,
            datagram_lifetime_us: None,
        })
    }

    fn step(at_us: u64) -> TraceLine {
        TraceLine::Step(NodeStep {
            number: 1,
            at_us,
            now: Timestamp(at_us),
            input: Input::Start { founding: true, incarnation: Incarnation(1) },
            effects: Vec::new(),
            digest: StateDigest::new(&Replica::default(), StoreDigest::default()),
        })
    }

    fn text(lines: &[TraceLine]) -> String {
        lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_whole_lines_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trace.jsonl");
        let whole = text(&[header(), step(7)]);
        let torn = format!("{{\"node\":{{{}", "x".repeat(2 * CHUNK_BYTES as usize));
        for (before, kept, last_at_us) in [
            (String::new(), "", 0),
            (text(&[header()]), text(&[header()]).as_str(), 0),
            (whole.clone(), whole.as_str(), 7),
            (format!("{whole}{{\"step"), whole.as_str(), 7),
            (format!("{whole}{torn}"), whole.as_str(), 7),
            (torn.clone(), "", 0),
            ("{\"no".to_string(), "", 0),
        ] {
            std::fs::write(&path, before).unwrap();
            let mut trace = TraceFile::open(&path, NODE).unwrap();
            assert_eq!(trace.last_at_us(), last_at_us);
            trace.write(&step(9));
            trace.flush().unwrap();
            let expected = format!("{kept}{}", text(&[step(9)]));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        }
    }

    #[test]
    fn a_file_that_is_no_trace_of_this_node_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notes.txt");
        let (format, client, cluster) = (TRACE_FORMAT, ClientId(1), cluster());
        let client = TraceLine::Client(ClientHeader { format, client, cluster });
        for (content, node) in [
            ("dear diary".to_string(), NODE),
            (text(&[client]), NODE),
            (text(&[header()]), NodeId(1)),
            (text(&[header()]) + "something else\n", NODE),
        ] {
            std::fs::write(&path, &content).unwrap();
            let opened = TraceFile::<TraceLine>::open(&path, node);
            assert!(matches!(opened, Err(NodeError::NotItsTrace { .. })), "{opened:?}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
    }
}
