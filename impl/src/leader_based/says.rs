//! What a node says of itself, and what an operator can tell it.

use std::collections::BTreeMap;
use std::time::Duration;

use quorate_leader::names::{Epoch, Index, Position};
use quorate_model::ids::NodeId;
use serde::{Deserialize, Serialize};

use super::WithLeader;
use crate::client::{ClientError, Probe, addressed};
use crate::config::ClusterFile;
use crate::wire::{KnownNodes, NamesNodes, Traffic};

/// What a node is, in a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// It takes the log from a leader, if it knows one.
    Follower,
    /// It stands for leader.
    Candidate,
    /// It leads, as far as it knows.
    Leader,
}

impl RoleName {
    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RoleName::Follower => "follower",
            RoleName::Candidate => "candidate",
            RoleName::Leader => "leader",
        }
    }
}

/// What a node says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LeaderStatus {
    /// What it is.
    pub role: RoleName,
    /// Whom it believes to lead, itself included.
    pub leader: Option<NodeId>,
    /// The latest epoch that it knows of.
    pub epoch: Epoch,
    /// The last entry of its log.
    pub last: Position,
    /// Up to where its log is committed and applied, as far as it knows.
    pub committed: Index,
    /// Up to where it is compacted.
    pub base: Position,
    /// How many rows it holds.
    pub rows: u64,
    /// Whether it holds all that it once acknowledged: not after a lost disk, until it has caught up.
    pub is_caught_up: bool,
    /// What a leader knows of its followers; of other nodes empty.
    pub followers: Vec<Follower>,
    /// How many requests wait at it to be answered.
    pub waiting: u64,
    /// The last step that is durable, or on its way to the disk.
    pub step: u64,
    /// For how long it has been up, in milliseconds.
    pub up_ms: u64,
    /// Its messages.
    pub traffic: Traffic,
}

/// What a leader knows of a follower.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Follower {
    /// Which.
    pub node: NodeId,
    /// Up to where it is known to hold the log.
    pub matched: Index,
    /// How many entries it lacks.
    pub lag_entries: u32,
    /// For how long it has lacked something.
    pub lag_ms: u64,
    /// Whether it is the synchronous one.
    pub is_synchronous: bool,
}

impl NamesNodes for LeaderStatus {
    fn names_only(&self, known: KnownNodes) -> bool {
        self.leader.is_none_or(|leader| known.node(leader))
            && self.followers.iter().all(|follower| known.node(follower.node))
    }
}

/// An operator promotes a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Promote;

impl NamesNodes for Promote {
    fn names_only(&self, _: KnownNodes) -> bool {
        true
    }
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Promoted {
    /// Whether the node leads now. Under an election it only stands.
    pub leads: bool,
}

/// The status of every node that answers in time.
///
/// # Errors
/// When nobody can be asked.
pub fn statuses(
    cluster: &ClusterFile,
    timeout: Duration,
) -> Result<BTreeMap<NodeId, LeaderStatus>, ClientError> {
    let nodes = addressed(cluster, cluster.cluster.members().iter().copied());
    Probe::<WithLeader>::new(cluster)?.status(&nodes, timeout)
}

/// Promotes a node; `None` if it does not answer in time.
///
/// # Errors
/// When it cannot be asked.
pub fn promote(
    cluster: &ClusterFile,
    node: NodeId,
    timeout: Duration,
) -> Result<Option<Promoted>, ClientError> {
    let node = (node, cluster.node(node).address);
    Probe::<WithLeader>::new(cluster)?.command(node, Promote, timeout)
}
