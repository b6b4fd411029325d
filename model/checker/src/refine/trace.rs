//! The lines of a trace file: one JSON object each, a header first.
//!
//! A node that is restarted appends a new header and its start to the same file.

use derive_where::derive_where;
use quorate_ids::{ClientId, NodeId, Timestamp};
use serde::{Deserialize, Serialize};

use super::traced::Traced;

/// The version of the format below. A reader refuses any other.
pub const TRACE_FORMAT: u32 = 2;

/// One line of a trace file.
#[derive_where(Clone, PartialEq, Eq, Debug)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "kebab-case", deny_unknown_fields)]
pub enum TraceLine<P: Traced> {
    /// A node's process starts to record.
    Node(NodeHeader<P>),
    /// A client starts to record.
    Client(ClientHeader<P>),
    /// One step of the node.
    Step(NodeStep<P>),
    /// One step of a client.
    ClientStep(ClientStep<P>),
}

/// What a node's trace starts with, and starts anew with after every restart.
#[derive_where(Clone, PartialEq, Eq, Debug)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub struct NodeHeader<P: Traced> {
    /// [`TRACE_FORMAT`].
    pub format: u32,
    /// Which node this is.
    pub node: NodeId,
    /// The cluster it believes it is in.
    pub cluster: P::Cluster,
    /// The number of the last step whose changes the store holds durably: zero on a fresh store.
    /// Steps of the file beyond it were cut off by a crash and must have sent nothing, whether
    /// they changed the store or not; the next step takes the number after it.
    pub durable_step: u64,
    /// Whether the node takes its disk for lost: its store is empty, and nobody told it that the cluster is being
    /// founded. What the disk held until then was durable, and is gone.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub lost_disk: bool,
    /// For how long a datagram is under way at most, in microseconds, if the node relies on it:
    /// where it waits for older datagrams to be gone.
    pub datagram_lifetime_us: Option<u64>,
}

/// One step of a node.
#[derive_where(Clone, PartialEq, Eq, Debug)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub struct NodeStep<P: Traced> {
    /// Counts the steps of this node's data directory from one, over restarts.
    pub number: u64,
    /// The machine's clock when the step was taken, in microseconds since the Unix epoch. Orders
    /// the steps of different nodes where messages do not; never earlier than the step before.
    pub at_us: u64,
    /// The clock that the protocol was told.
    pub now: Timestamp,
    /// What went in.
    pub input: P::Input,
    /// What came out.
    pub effects: Vec<P::Effect>,
    /// The state that the step left.
    pub digest: P::Digest,
}

/// What a client's trace starts with. Several clients may share a file: every line of theirs
/// names its client.
#[derive_where(Clone, PartialEq, Eq, Debug)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub struct ClientHeader<P: Traced> {
    /// [`TRACE_FORMAT`].
    pub format: u32,
    /// Which client this is.
    pub client: ClientId,
    /// The cluster it believes it talks to.
    pub cluster: P::Cluster,
}

/// One step of a client: like a node's, so that a client's code is held to the model as well.
/// The line is written before the step's messages are sent.
#[derive_where(Clone, PartialEq, Eq, Debug)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub struct ClientStep<P: Traced> {
    /// Which client.
    pub client: ClientId,
    /// Counts the steps of this client from one.
    pub number: u64,
    /// The machine's clock, as in [`NodeStep::at_us`]: read before the step's messages are sent
    /// and after the message that it takes arrived.
    pub at_us: u64,
    /// What went in.
    pub input: P::ClientInput,
    /// What came out.
    pub effects: Vec<P::Effect>,
    /// How the operation ended, if it did in this step.
    pub outcome: Option<P::Outcome>,
}
