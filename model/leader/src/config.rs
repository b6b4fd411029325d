//! What a cluster is told before it starts.

use quorate_ids::{NodeId, NodeSet};
use serde::{Deserialize, Serialize};

use crate::deviation::Deviations;
use crate::limits::Limits;
use crate::names::Epoch;

/// Whose acknowledgements a write waits for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replication {
    /// Nobody's: the leader alone has it.
    Async,
    /// That of one follower, the synchronous one.
    SemiSync,
    /// Those of all followers.
    Sync,
    /// More than half of all nodes have it.
    Majority,
}

/// How a leader is found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ElectionKind {
    /// An operator promotes a node, whatever its log says.
    Manual,
    /// The highest node that is up, whatever its log says (Garcia-Molina 1982).
    Bully,
    /// Whoever a majority votes for, each node once an epoch and only for a log at least as up to date as its own
    /// (Ongaro and Ousterhout 2014).
    Raft,
}

/// What the log ships.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogKind {
    /// What the row holds after the leader has executed the statement.
    Row,
    /// The statement, which every replica executes itself.
    Statement,
    /// The statement, or its value where executing it twice does not come to the same.
    Replaced,
}

/// Where a client reads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// From the leader, as it believes itself to be.
    Leader,
    /// From the leader, after a round of heartbeats has confirmed that it leads (read index, Ongaro 2014, 6.4).
    Confirmed,
    /// From any replica.
    Any,
    /// From one replica, as long as it answers.
    Sticky,
    /// From the leader for keys that the client wrote, and from any replica otherwise.
    OwnWrites,
    /// From any replica that has come as far as the client has seen.
    Position,
}

/// Everything that all nodes of a cluster agree on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClusterConfig {
    /// How many nodes there are.
    pub nodes: usize,
    /// Whose acknowledgements a write waits for.
    pub replication: Replication,
    /// How a leader is found.
    pub election: ElectionKind,
    /// Whether leaders have epochs, which followers enforce: fencing. Bully without is as in the textbook.
    pub fencing: bool,
    /// What the log ships.
    pub log: LogKind,
    /// Compact the log once it has so many committed entries; never if `None`.
    pub snapshot_after: Option<u32>,
    /// How many entries a message has at most.
    pub entries_max: u32,
    /// How many rows a page of a snapshot has at most.
    pub page_rows: usize,
    /// Of how many clients the log remembers the last write ([`sessions`](crate::sessions)); of all for ever if `None`.
    pub sessions: Option<u32>,
    /// What a node keeps to, so that no client makes it grow without bound.
    pub limits: Limits,
    /// What is done wrongly on purpose: nothing in a cluster that is meant to work.
    pub deviations: Deviations,
}

impl ClusterConfig {
    /// All nodes, in order.
    pub fn node_ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes).map(|index| NodeId(index as u16))
    }

    /// How many nodes are more than half.
    #[must_use]
    pub fn majority(&self) -> usize {
        self.nodes / 2 + 1
    }

    /// Whether these are more than half of all.
    #[must_use]
    pub fn is_majority(&self, nodes: NodeSet) -> bool {
        nodes.len() >= self.majority()
    }

    /// The epoch in which the first leader leads, which is appointed when the cluster is founded.
    #[must_use]
    pub fn founding_epoch(&self) -> Epoch {
        Epoch::of(u32::from(self.fencing))
    }
}

/// What one node is told, about one log.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NodeConfig {
    /// Which node it is.
    pub node: NodeId,
    /// Who leads when the cluster is founded.
    pub first_leader: NodeId,
    /// What all agree on.
    pub cluster: alloc::sync::Arc<ClusterConfig>,
}

impl NodeConfig {
    /// All other nodes, in order.
    pub fn others(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        let node = self.node;
        self.cluster.node_ids().filter(move |other| *other != node)
    }

    /// The least epoch above this one that no other node ever claims, nor this one in another life: where nobody votes, each
    /// node has numbers of its own. There is none where epochs end.
    #[must_use]
    pub fn own_epoch_after(&self, known: Epoch, life: u64) -> Option<Epoch> {
        let (nodes, own) = (self.cluster.nodes as u32, u32::from(self.node.0));
        let next = known.next()?.number;
        let number = next.checked_add((nodes + own - next % nodes) % nodes)?;
        Some(Epoch { number, life })
    }
}
