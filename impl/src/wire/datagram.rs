//! What a datagram can be.

use serde::{Deserialize, Serialize};

use quorate_model::ids::{NodeId, Peer};
use quorate_model::protocol::Message;
use quorate_model::versions::Incarnation;

/// One datagram. Only [`Datagram::Protocol`] reaches the protocol; the others ask a process about
/// itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Datagram {
    /// A message of the protocol.
    Protocol {
        /// Who says it.
        from: Peer,
        /// What.
        message: Message,
    },
    /// Is anybody there?
    Ping {
        /// Returned in the answer.
        token: u64,
    },
    /// Yes.
    Pong {
        /// That of the question.
        token: u64,
        /// Who answers.
        node: NodeId,
    },
    /// How are you?
    StatusRequest {
        /// Returned in the answer.
        token: u64,
    },
    /// The answer.
    StatusReply {
        /// That of the question.
        token: u64,
        /// Who answers.
        node: NodeId,
        /// The answer.
        status: NodeStatus,
    },
}

/// What a running node says of itself.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The life of its data directory.
    pub incarnation: Incarnation,
    /// Keys it holds, deleted ones that are not forgotten yet among them.
    pub keys: u64,
    /// Versions of all these keys: more than keys where there are siblings.
    pub versions: u64,
    /// Requests it waits for answers to.
    pub pending: u64,
    /// Steps its data directory has durably taken.
    pub durable_step: u64,
    /// Milliseconds since it started.
    pub up_ms: u64,
    /// Its datagrams.
    pub traffic: Traffic,
}

/// Datagrams of one node since it started.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Traffic {
    /// Received and understood.
    pub received: u64,
    /// Sent.
    pub sent: u64,
    /// Dropped: bytes of something else, or that cannot be decoded.
    pub malformed: u64,
    /// Dropped: of another version of the wire format.
    pub other_version: u64,
    /// Dropped: of another cluster.
    pub other_cluster: u64,
    /// Dropped: naming a node that the cluster does not have.
    pub unknown_node: u64,
    /// Not sent: larger than a datagram may be.
    pub too_large: u64,
    /// Not sent: to a client that was never heard of, or not lately.
    pub unknown_client: u64,
    /// Not sent: the operating system refused.
    pub send_failed: u64,
}

impl Traffic {
    /// Everything that was dropped or not sent, with its cause.
    #[must_use]
    pub fn dropped(&self) -> [(&'static str, u64); 7] {
        [
            ("malformed", self.malformed),
            ("other version", self.other_version),
            ("other cluster", self.other_cluster),
            ("unknown node", self.unknown_node),
            ("too large", self.too_large),
            ("unknown client", self.unknown_client),
            ("send failed", self.send_failed),
        ]
    }
}
