//! What a node of the leaderless protocol and an operator say to each other.

use serde::{Deserialize, Serialize};

use quorate_model::hash_tree::SetHash;
use quorate_model::ids::{NodeId, NodeSet};
use quorate_model::versions::{Incarnation, Life};

use crate::wire::Traffic;

/// An operator gives up what these nodes held: wait for it no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AcceptLoss {
    /// Whose holdings are given up.
    pub lost: NodeSet,
}

/// The answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LossAccepted {
    /// Whether the node votes and serves now.
    pub serves: bool,
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
