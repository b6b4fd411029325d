//! What nodes and clients say to each other.

use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{Key, NodeSet, RequestId, Value};
use crate::versions::{Record, RecordDigest, VersionVector};

/// Who fans a request out to the homes.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum FanOut {
    /// The node that was asked.
    #[default]
    NodeDriven,
    /// The client library; for a put a home still mints the dot first.
    ClientDriven,
}

/// A client's wish to write or delete a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PutRequest {
    /// The identity that a retry repeats.
    pub request: RequestId,
    /// What to write.
    pub key: Key,
    /// The value, or `None` for a delete.
    pub value: Option<Value>,
    /// What the client has seen of the key: empty for a blind write.
    pub context: VersionVector,
    /// Acknowledgements to gather; the cluster's W if absent.
    pub w: Option<usize>,
    /// Who sends the new state on.
    pub fan_out: FanOut,
}

/// A client's wish to read a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct GetRequest {
    /// The identity that a retry repeats.
    pub request: RequestId,
    /// What to read.
    pub key: Key,
    /// Replies to gather; the cluster's R if absent.
    pub r: Option<usize>,
}

/// Why a node will not do what it was asked. Nothing was stored or sent on.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, thiserror::Error,
)]
pub enum Refusal {
    /// R or W of the request is not between 1 and N.
    #[error("asked for {asked} replies of {n} homes; ask for 1 to {n}")]
    QuorumOutOfRange {
        /// What the request asked for.
        asked: usize,
        /// The cluster's N.
        n: usize,
    },
    /// A client-driven put reached a node that may not mint for the key.
    #[error("not a home of this key; its homes are {homes}")]
    NotHome {
        /// Who may.
        homes: NodeSet,
    },
    /// The key's state would no longer fit a datagram.
    #[error(
        "the key's state would be {bytes} bytes, over the {bytes_max} that fit a datagram; write \
         smaller values or read and resolve the siblings first"
    )]
    RecordTooLarge {
        /// Its estimated size with this write.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The node already carries as many unfinished requests as it may.
    #[error("{pending_max} requests are already in flight at this node; retry later")]
    Overloaded {
        /// The limit.
        pending_max: usize,
    },
}

/// How a put ended at its coordinator.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum PutOutcome {
    /// These distinct nodes, at least W, hold the write durably.
    Ok {
        /// Who acknowledged in time to be counted.
        acked: NodeSet,
    },
    /// Fewer than W acknowledged in time. The write is indeterminate: nothing is rolled back and
    /// later reads may or may not see it.
    Unavailable {
        /// Who did acknowledge.
        acked: NodeSet,
    },
    /// A client-driven put was minted and is durable at this one home; the client now sends the
    /// state to the others.
    Minted {
        /// The home's whole merged state of the key.
        state: Arc<Record>,
    },
    /// Nothing was done.
    Refused(Refusal),
}

/// How a get ended at its coordinator.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum GetOutcome {
    /// R distinct homes replied.
    Ok {
        /// The merge of what they hold: all live versions and the context. `None` when nobody has
        /// the key.
        state: Option<Arc<Record>>,
        /// Whose replies were counted.
        replied: NodeSet,
    },
    /// Fewer than R replied in time, or a blocking repair did not finish in time.
    Unavailable {
        /// Who did reply.
        replied: NodeSet,
    },
    /// Nothing was done.
    Refused(Refusal),
}

/// A message between a client and a node or between two nodes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Message {
    /// Client to coordinator, or a node that is no home forwarding to one.
    Put(PutRequest),
    /// The coordinator's answer, to whoever sent it the put.
    PutReply {
        /// Which put.
        request: RequestId,
        /// How it ended.
        outcome: PutOutcome,
    },
    /// Client to coordinator.
    Get(GetRequest),
    /// The coordinator's answer.
    GetReply {
        /// Which get.
        request: RequestId,
        /// How it ended.
        outcome: GetOutcome,
    },
    /// Coordinator to home: take this state in, make it durable, then acknowledge.
    Store {
        /// The put, or the get with blocking repair, that this serves.
        request: RequestId,
        /// Which key.
        key: Key,
        /// The coordinator's whole merged state of the key, never the bare new version.
        state: Arc<Record>,
    },
    /// Home to coordinator: what the request's [`Message::Store`] carried is durable here.
    StoreAck {
        /// Which request.
        request: RequestId,
        /// Which state. A get that is retried is read anew under the same request, and an
        /// acknowledgement of the repair before must not stand for the one after.
        held: RecordDigest,
    },
    /// Coordinator to home: tell me what you hold.
    Fetch {
        /// The get that this serves.
        request: RequestId,
        /// Which key.
        key: Key,
    },
    /// Home to coordinator.
    FetchReply {
        /// Which get.
        request: RequestId,
        /// What the home holds of the key, `None` if nothing.
        state: Option<Arc<Record>>,
    },
    /// Coordinator to home, after an asynchronous read repair: take this in; nobody waits.
    Repair {
        /// Which key.
        key: Key,
        /// The merge of the replies.
        state: Arc<Record>,
    },
}

impl Message {
    /// The protocol's word for this kind of message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Message::Put(_) => "Put",
            Message::PutReply { .. } => "PutReply",
            Message::Get(_) => "Get",
            Message::GetReply { .. } => "GetReply",
            Message::Store { .. } => "Store",
            Message::StoreAck { .. } => "StoreAck",
            Message::Fetch { .. } => "Fetch",
            Message::FetchReply { .. } => "FetchReply",
            Message::Repair { .. } => "Repair",
        }
    }

    /// The request this message serves, if any waits for it.
    #[must_use]
    pub fn request(&self) -> Option<RequestId> {
        match self {
            Message::Put(put) => Some(put.request),
            Message::Get(get) => Some(get.request),
            Message::PutReply { request, .. }
            | Message::GetReply { request, .. }
            | Message::Store { request, .. }
            | Message::StoreAck { request, .. }
            | Message::Fetch { request, .. }
            | Message::FetchReply { request, .. } => Some(*request),
            Message::Repair { .. } => None,
        }
    }

    /// The state of a key that this message carries to a replica, if any.
    #[must_use]
    pub fn carried(&self) -> Option<(&Key, &Arc<Record>)> {
        match self {
            Message::Store { key, state, .. } | Message::Repair { key, state } => {
                Some((key, state))
            }
            _ => None,
        }
    }
}
