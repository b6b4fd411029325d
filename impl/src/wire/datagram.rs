//! What a datagram can be.

use serde::{Deserialize, Serialize};

use quorate_model::cluster::ClusterSpec;
use quorate_model::ids::Peer;

use crate::given::Evidence;
use crate::guard::Refusals;
use crate::keys::Right;
use crate::runs::{MessageOf, Speaks};
use crate::transport::StreamTraffic;

/// One datagram of a protocol. Only [`Datagram::Protocol`], [`Datagram::Several`] and [`Datagram::Command`] reach the
/// protocol; the others ask a process about itself. Who sends it, what surrounds it says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub enum Datagram<S: Speaks> {
    /// A message of the protocol.
    Protocol {
        /// When the step was taken that sends it, by the sender's wall clock, in milliseconds since the Unix epoch.
        sent_ms: u64,
        /// That the context which it has was given, if it has one.
        evidence: Evidence,
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
        /// The answer.
        told: S::Told,
    },
    /// The client may not do what it asked for.
    Denied {
        /// The token of what was denied, or when it was sent.
        about: u64,
        /// The right that it lacks.
        lacks: Right,
    },
    /// Messages of the protocol from one node to another, in the order in which it sent them.
    Several {
        /// When the step was taken that sends it, as in [`Datagram::Protocol`], and what.
        messages: Vec<(u64, MessageOf<S>)>,
    },
    /// The client asked under the name of a cluster that is configured otherwise than the node's.
    ConfiguredOtherwise {
        /// How the node's is.
        spec: Box<ClusterSpec>,
    },
}

/// What it takes to send something to a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// To be anybody whom the node knows.
    Nothing,
    /// To be a node, or a client with this right.
    Right(Right),
    /// To be a node.
    Node,
}

impl<S: Speaks> Datagram<S> {
    /// What it takes to send this to a node.
    #[must_use]
    pub fn need(&self, from: Peer) -> Need {
        match self {
            Datagram::Protocol { message, .. } => S::need(from, message),
            Datagram::StatusRequest { .. } | Datagram::Question { .. } => Need::Right(Right::Read),
            Datagram::Command { .. } => Need::Right(Right::Admin),
            Datagram::Ping { .. } => Need::Nothing,
            Datagram::Pong { .. }
            | Datagram::StatusReply { .. }
            | Datagram::CommandDone { .. }
            | Datagram::Told { .. }
            | Datagram::Denied { .. }
            | Datagram::Several { .. }
            | Datagram::ConfiguredOtherwise { .. } => Need::Node,
        }
    }

    /// By which an answer tells what it is about.
    #[must_use]
    pub fn about(&self) -> u64 {
        match self {
            Datagram::Protocol { sent_ms, .. } => *sent_ms,
            Datagram::Ping { token }
            | Datagram::Pong { token }
            | Datagram::StatusRequest { token }
            | Datagram::StatusReply { token, .. }
            | Datagram::Command { token, .. }
            | Datagram::CommandDone { token, .. }
            | Datagram::Question { token, .. }
            | Datagram::Told { token, .. } => *token,
            Datagram::Denied { about, .. } => *about,
            Datagram::Several { messages } => messages.first().map_or(0, |(sent_ms, _)| *sent_ms),
            // About all that the client asks.
            Datagram::ConfiguredOtherwise { .. } => 0,
        }
    }
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
    /// Dropped: cut short.
    pub truncated: u64,
    /// Dropped: naming a node that the cluster does not have.
    pub unknown_node: u64,
    /// Dropped: sealed with a key that is not among ours.
    pub foreign_key: u64,
    /// Dropped: not sealed by whom it names.
    pub unauthenticated: u64,
    /// Dropped: meant for another process.
    pub misdirected: u64,
    /// Dropped: of a client whose key has expired.
    pub expired: u64,
    /// Dropped: of a client whose key was revoked.
    pub revoked: u64,
    /// Dropped: it came before.
    pub replayed: u64,
    /// Dropped: sent longer ago than the lifetime of a datagram, or before the node can tell that it did not come
    /// before.
    pub too_old: u64,
    /// Dropped: sent in the future, by more than that.
    pub from_future: u64,
    /// Denied: of a client that lacks the right.
    pub not_permitted: u64,
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
    /// The same, with what the guard and the streams counted.
    #[must_use]
    pub fn with(self, refusals: Refusals, streams: StreamTraffic) -> Self {
        let StreamTraffic { queued, failed, full, malformed: no_frames } = streams;
        Traffic {
            malformed: self.malformed + refusals.malformed,
            other_version: refusals.other_version,
            other_cluster: refusals.other_cluster,
            truncated: refusals.truncated,
            unknown_node: self.unknown_node + refusals.unknown_node,
            foreign_key: refusals.foreign_key,
            unauthenticated: refusals.unauthenticated,
            misdirected: refusals.misdirected,
            expired: refusals.expired,
            revoked: refusals.revoked,
            replayed: refusals.replayed,
            too_old: self.too_old + refusals.too_old,
            from_future: self.from_future + refusals.from_future,
            streamed: queued,
            stream_failed: failed,
            stream_full: full,
            stream_malformed: no_frames,
            ..self
        }
    }

    /// Everything that was dropped or not sent, with its cause.
    #[must_use]
    pub fn dropped(&self) -> [(&'static str, u64); 20] {
        [
            ("malformed", self.malformed),
            ("other version", self.other_version),
            ("other cluster", self.other_cluster),
            ("truncated", self.truncated),
            ("unknown node", self.unknown_node),
            ("foreign key", self.foreign_key),
            ("unauthenticated", self.unauthenticated),
            ("misdirected", self.misdirected),
            ("expired", self.expired),
            ("revoked", self.revoked),
            ("replayed", self.replayed),
            ("too old", self.too_old),
            ("from the future", self.from_future),
            ("not permitted", self.not_permitted),
            ("too large", self.too_large),
            ("unknown client", self.unknown_client),
            ("send failed", self.send_failed),
            ("stream failed", self.stream_failed),
            ("stream full", self.stream_full),
            ("stream malformed", self.stream_malformed),
        ]
    }
}
