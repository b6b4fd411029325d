//! The lines of a trace file: one JSON object each, a header first.
//!
//! A node that is restarted appends a new header and its `Start` step to the same file.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::digest::StateDigest;
use crate::cluster::ClusterSpec;
use crate::ids::{ClientId, NodeId, RequestId, Timestamp};
use crate::protocol::{Effect, FanOut, Input, Operation, Outcome};

/// The version of the format below. A reader refuses any other.
pub const TRACE_FORMAT: u32 = 1;

/// One line of a trace file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TraceLine {
    /// A node's process starts to record.
    Node(NodeHeader),
    /// A client starts to record.
    Client(ClientHeader),
    /// One step of the node.
    Step(NodeStep),
    /// A client starts an operation.
    Invoke(ClientInvoke),
    /// A client's operation ends.
    Complete(ClientComplete),
}

/// What a node's trace starts with, and starts anew with after every restart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeHeader {
    /// [`TRACE_FORMAT`].
    pub format: u32,
    /// Which node this is.
    pub node: NodeId,
    /// The cluster it believes it is in.
    pub cluster: ClusterSpec,
    /// The number of the last step whose changes the store holds durably: zero on a fresh store.
    /// Steps of the file beyond it were cut off by a crash and must have sent nothing.
    pub durable_step: u64,
}

/// One step of a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeStep {
    /// Counts the steps of this node's data directory from one, over restarts.
    pub number: u64,
    /// The machine's clock when the step was taken, in microseconds since the Unix epoch. Orders
    /// the steps of different nodes where messages do not; never earlier than the step before.
    pub at_us: u64,
    /// The clock that the protocol was told.
    pub now: Timestamp,
    /// What went in.
    pub input: Input,
    /// What came out.
    pub effects: Vec<Effect>,
    /// The state that the step left.
    pub digest: StateDigest,
}

/// What a client's trace starts with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClientHeader {
    /// [`TRACE_FORMAT`].
    pub format: u32,
    /// Which client this is.
    pub client: ClientId,
}

/// A client starts an operation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClientInvoke {
    /// Which request.
    pub request: RequestId,
    /// The machine's clock, as in [`NodeStep::at_us`], read before the first message was sent.
    pub at_us: u64,
    /// What it asks for.
    pub operation: Operation,
    /// Whom it asks.
    pub coordinator: NodeId,
    /// Who fans the request out.
    pub fan_out: FanOut,
}

/// A client's operation ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClientComplete {
    /// Which request.
    pub request: RequestId,
    /// The machine's clock, read after the deciding message arrived.
    pub at_us: u64,
    /// How it ended.
    pub outcome: Outcome,
}
