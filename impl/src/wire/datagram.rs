//! What a datagram can be.

use serde::{Deserialize, Serialize};

use quorate_model::ids::{NodeId, Peer};

use crate::runs::{MessageOf, Speaks};

/// One datagram of a protocol. Only [`Datagram::Protocol`] and [`Datagram::Command`] reach the protocol; the others ask a
/// process about itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub enum Datagram<S: Speaks> {
    /// A message of the protocol.
    Protocol {
        /// Who says it.
        from: Peer,
        /// When, by the sender's wall clock, in milliseconds since the Unix epoch.
        sent_ms: u64,
        /// What.
        message: MessageOf<S>,
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
        status: S::Status,
    },
    /// An operator tells the node something.
    Command {
        /// Returned in the answer.
        token: u64,
        /// What.
        command: S::Command,
    },
    /// It is done.
    CommandDone {
        /// That of the command.
        token: u64,
        /// Who answers.
        node: NodeId,
        /// The answer.
        answer: S::Answer,
    },
    /// What do you hold of this?
    Question {
        /// Returned in the answer.
        token: u64,
        /// What is asked.
        question: S::Question,
    },
    /// The answer.
    Told {
        /// That of the question.
        token: u64,
        /// Who answers.
        node: NodeId,
        /// The answer.
        told: S::Told,
    },
}

/// Messages of one node since it started.
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
    /// Dropped: sent longer ago than the lifetime of a datagram.
    pub too_old: u64,
    /// Dropped: sent in the future, by more than that.
    pub from_future: u64,
    /// Of those sent, too large for a datagram and so sent over a stream.
    pub streamed: u64,
    /// Not sent: larger than a message may be.
    pub too_large: u64,
    /// Not sent: to a client that was never heard of, or not lately.
    pub unknown_client: u64,
    /// Not sent: the operating system refused.
    pub send_failed: u64,
    /// Given up: the stream to a peer could not be opened, broke, or made no progress.
    pub stream_failed: u64,
    /// Not sent: too much waited for that peer already, or for all of them.
    pub stream_full: u64,
    /// Streams closed because something else than messages of a permitted size came.
    pub stream_malformed: u64,
}

impl Traffic {
    /// Everything that was dropped or not sent, with its cause.
    #[must_use]
    pub fn dropped(&self) -> [(&'static str, u64); 12] {
        [
            ("malformed", self.malformed),
            ("other version", self.other_version),
            ("other cluster", self.other_cluster),
            ("unknown node", self.unknown_node),
            ("too old", self.too_old),
            ("from the future", self.from_future),
            ("too large", self.too_large),
            ("unknown client", self.unknown_client),
            ("send failed", self.send_failed),
            ("stream failed", self.stream_failed),
            ("stream full", self.stream_full),
            ("stream malformed", self.stream_malformed),
        ]
    }
}
