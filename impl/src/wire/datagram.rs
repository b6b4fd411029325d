//! What a datagram can be.

use serde::{Deserialize, Serialize};

use quorate_model::hash_tree::SetHash;
use quorate_model::ids::{NodeId, NodeSet, Peer};
use quorate_model::protocol::Message;
use quorate_model::versions::{Incarnation, Life};

/// One datagram. Only [`Datagram::Protocol`] reaches the protocol; the others ask a process about
/// itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Datagram {
    /// A message of the protocol.
    Protocol {
        /// Who says it.
        from: Peer,
        /// When, by the sender's wall clock, in milliseconds since the Unix epoch.
        sent_ms: u64,
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
    /// An operator gives up what these nodes held: wait for it no longer.
    AcceptLoss {
        /// Returned in the answer.
        token: u64,
        /// Whose holdings are given up.
        lost: NodeSet,
    },
    /// The answer.
    LossAccepted {
        /// That of the question.
        token: u64,
        /// Who answers.
        node: NodeId,
        /// Whether it votes and serves now.
        serves: bool,
    },
}

/// What a running node says of itself.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Who it is, over restarts that kept it.
    pub incarnation: Incarnation,
    /// How often it has started again as that.
    pub life: Life,
    /// Whether it lost its disk and neither votes nor serves yet.
    pub is_catching_up: bool,
    /// What it waits for before it does, by range.
    pub awaited: Vec<Awaited>,
    /// Keys it holds, deleted ones that are not forgotten yet among them.
    pub keys: u64,
    /// Versions of all these keys: more than keys where there are siblings.
    pub versions: u64,
    /// The most versions that one key has.
    pub versions_max: u64,
    /// Keys of which it holds nothing but tombstones.
    pub tombstones: u64,
    /// Keys whose states are too large to be sent: no other node can learn of them.
    pub oversized: u64,
    /// The hints it holds, by the home they are for.
    pub hints: Vec<HintsFor>,
    /// What it holds of each range that it is a home of; `None` when there are too many to tell.
    pub ranges: Option<Vec<RangeStatus>>,
    /// What anti-entropy did with each other home; nothing, where the cluster does without.
    pub syncs: Vec<SyncsWith>,
    /// Requests it waits for answers to.
    pub pending: u64,
    /// Steps its data directory has durably taken.
    pub durable_step: u64,
    /// Milliseconds since it started.
    pub up_ms: u64,
    /// Its datagrams.
    pub traffic: Traffic,
}

/// What a node that catches up waits for, of one range of keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Awaited {
    /// The homes of the range, the node among them.
    pub range: NodeSet,
    /// The homes that have not told everything.
    pub from: NodeSet,
    /// How many of them must, at least.
    pub missing: u32,
}

/// Hints for one home.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HintsFor {
    /// Whom they are for.
    pub home: NodeId,
    /// How many.
    pub count: u64,
    /// For how many milliseconds the node has known of some without a break. When each was made
    /// is not kept: it would be a row more to write, or memory in proportion to the hints.
    pub pending_ms: u64,
}

/// What a node holds of the keys of one range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RangeStatus {
    /// The homes that share the range.
    pub homes: NodeSet,
    /// Equal, for all that accidents can do, where two homes hold the same states of the same keys.
    pub digest: SetHash,
}

/// What anti-entropy with one other home did at a node since it started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SyncsWith {
    /// The other home.
    pub peer: NodeId,
    /// How many milliseconds ago its last message of anti-entropy arrived; `None` if none did.
    /// Every home sends some at each of its intervals, differences or not, so one that is long ago
    /// means that the two do not compare: one is down, or cannot be reached.
    pub heard_ms: Option<u64>,
    /// How often such a message changed what the node holds of a key.
    pub keys_repaired: u64,
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
