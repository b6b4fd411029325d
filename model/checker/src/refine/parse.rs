//! Trace files as typed lines that remember where they stood.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use derive_where::derive_where;
use quorate_ids::ClientId;
use serde::{Deserialize, Serialize};

use super::trace::{ClientHeader, ClientStep, NodeHeader, NodeStep, TRACE_FORMAT, TraceLine};
use super::traced::Traced;

/// A line of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Place {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// The line, from one.
    pub line: usize,
}

/// `n1.jsonl:17`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Why a file is no trace. Nothing was replayed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct FormatError {
    /// Where.
    pub place: Place,
    /// What is wrong there.
    pub problem: FormatProblem,
}

/// What can be wrong with a line before its meaning is looked at.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FormatProblem {
    /// It is not a line of this format.
    #[error("not a line of a trace: {detail}")]
    Malformed {
        /// What the decoder says.
        detail: String,
    },
    /// The trace is of another version.
    #[error(
        "trace format {found}, but this program reads {TRACE_FORMAT}: use the program that wrote it"
    )]
    OtherVersion {
        /// Its version.
        found: u32,
    },
    /// The first line is no header.
    #[error("a trace starts with the header of a node or a client")]
    NoHeader,
    /// A line of one kind of trace stands in the other kind.
    #[error("a line of a {found} in the trace of a {expected}")]
    OtherKind {
        /// What the file is a trace of.
        expected: &'static str,
        /// What the line belongs to.
        found: &'static str,
    },
    /// A client's line before that client's header.
    #[error("a step of {client} before its header")]
    UnknownClient {
        /// Which client.
        client: ClientId,
    },
    /// A second header of one client.
    #[error("a second header of {client}; every client has an id of its own")]
    SecondHeader {
        /// Which client.
        client: ClientId,
    },
}

/// Something that stood on a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed<T> {
    /// Where.
    pub place: Place,
    /// What.
    pub line: T,
}

/// The steps of a node between one start and the next.
#[derive_where(Clone, PartialEq, Eq, Debug)]
pub struct Life<P: Traced> {
    /// What it started with.
    pub header: Placed<NodeHeader<P>>,
    /// Its steps.
    pub steps: Vec<Placed<NodeStep<P>>>,
}

/// The trace of one client.
#[derive_where(Clone, PartialEq, Eq, Debug)]
pub struct ClientTrace<P: Traced> {
    /// What it started with.
    pub header: Placed<ClientHeader<P>>,
    /// Its steps.
    pub steps: Vec<Placed<ClientStep<P>>>,
}

/// What a file is a trace of.
#[derive_where(Clone, PartialEq, Eq, Debug)]
pub enum FileContent<P: Traced> {
    /// Nothing: it has no lines.
    Nothing,
    /// One node's data directory, in one or more lives.
    Node(Vec<Life<P>>),
    /// One or more clients, in the order of their headers.
    Clients(Vec<ClientTrace<P>>),
}

/// A trace file.
#[derive_where(Clone, PartialEq, Eq, Debug)]
pub struct TraceFile<P: Traced> {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// What it holds.
    pub content: FileContent<P>,
    /// Whether it ends in half a line, which a killed process left. Such a line's step can have
    /// had no effect, since lines are written before effects happen; it is not replayed.
    pub torn: bool,
}

/// Enough of a header to tell its version, whatever else a later version has.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AnyHeader {
    Node(AnyVersion),
    Client(AnyVersion),
}

#[derive(Deserialize)]
struct AnyVersion {
    format: u32,
}

/// Reads a trace. `file` is how errors name it.
///
/// # Errors
/// At the first line that is not one of this format, or not where such a line can stand.
pub fn parse<P: Traced>(file: &str, text: &str) -> Result<TraceFile<P>, FormatError> {
    let file: Arc<str> = Arc::from(file);
    let mut reader = Reader { content: FileContent::Nothing, clients: BTreeMap::new() };
    let mut torn = false;
    for (position, line) in text.split_inclusive('\n').enumerate() {
        let place = Place { file: Arc::clone(&file), line: position + 1 };
        match decode(line) {
            Err(_) if !line.ends_with('\n') => torn = true,
            decoded => {
                let read = decoded.and_then(|line| reader.take(&place, line));
                read.map_err(|problem| FormatError { place, problem })?;
            }
        }
    }
    Ok(TraceFile { file, content: reader.content, torn })
}

fn decode<P: Traced>(line: &str) -> Result<TraceLine<P>, FormatProblem> {
    if let Ok(AnyHeader::Node(header) | AnyHeader::Client(header)) = serde_json::from_str(line)
        && header.format != TRACE_FORMAT
    {
        return Err(FormatProblem::OtherVersion { found: header.format });
    }
    serde_json::from_str(line).map_err(|error| {
        let detail = error.to_string();
        // A line of JSON is line 1 for the decoder, which would be mistaken for the file's.
        let detail = detail.split(" at line ").next().unwrap_or(&detail).to_owned();
        FormatProblem::Malformed { detail: format!("{detail} (column {})", error.column()) }
    })
}

struct Reader<P: Traced> {
    content: FileContent<P>,
    /// Where each client stands in a trace of clients.
    clients: BTreeMap<ClientId, usize>,
}

impl<P: Traced> Reader<P> {
    fn take(&mut self, place: &Place, line: TraceLine<P>) -> Result<(), FormatProblem> {
        match (&mut self.content, line) {
            (content @ FileContent::Nothing, TraceLine::Node(header)) => {
                *content = FileContent::Node(Vec::from([Life::new(place, header)]));
            }
            (FileContent::Node(lives), TraceLine::Node(header)) => {
                lives.push(Life::new(place, header));
            }
            (FileContent::Node(lives), TraceLine::Step(line)) => {
                let life = lives.last_mut().expect("a node's trace has a life from its header on");
                life.steps.push(Placed { place: place.clone(), line });
            }
            (content @ FileContent::Nothing, TraceLine::Client(header)) => {
                self.clients.insert(header.client, 0);
                *content = FileContent::Clients(Vec::from([ClientTrace::new(place, header)]));
            }
            (FileContent::Clients(traces), TraceLine::Client(header)) => {
                let client = header.client;
                if self.clients.insert(client, traces.len()).is_some() {
                    return Err(FormatProblem::SecondHeader { client });
                }
                traces.push(ClientTrace::new(place, header));
            }
            (FileContent::Clients(traces), TraceLine::ClientStep(line)) => {
                let client = line.client;
                let at = self.clients.get(&client);
                let at = *at.ok_or(FormatProblem::UnknownClient { client })?;
                traces[at].steps.push(Placed { place: place.clone(), line });
            }
            (FileContent::Nothing, TraceLine::Step(_) | TraceLine::ClientStep(_)) => {
                return Err(FormatProblem::NoHeader);
            }
            (FileContent::Node(_), TraceLine::Client(_) | TraceLine::ClientStep(_)) => {
                return Err(FormatProblem::OtherKind { expected: "node", found: "client" });
            }
            (FileContent::Clients(_), TraceLine::Node(_) | TraceLine::Step(_)) => {
                return Err(FormatProblem::OtherKind { expected: "client", found: "node" });
            }
        }
        Ok(())
    }
}

impl<P: Traced> Life<P> {
    fn new(place: &Place, line: NodeHeader<P>) -> Self {
        Life { header: Placed { place: place.clone(), line }, steps: Vec::new() }
    }
}

impl<P: Traced> ClientTrace<P> {
    fn new(place: &Place, line: ClientHeader<P>) -> Self {
        ClientTrace { header: Placed { place: place.clone(), line }, steps: Vec::new() }
    }
}
