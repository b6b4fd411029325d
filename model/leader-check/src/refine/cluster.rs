//! What all processes of a running cluster agree on, as headers of traces tell it.

use std::sync::Arc;

use quorate_ids::{NODES_MAX, NodeId};
use quorate_leader::client::ClientConfig;
use quorate_leader::config::{
    ClusterConfig, ElectionKind, LogKind, NodeConfig, Reads, Replication,
};
use quorate_leader::deviation::Deviations;
use quorate_leader::limits::Limits;
use quorate_leader::shards::{Shard, Shards};
use serde::{Deserialize, Serialize};

use crate::promises::Promiser;
use crate::setting::ProtocolName;

/// A running cluster. It has one log, epochs, and no deviation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Which protocol: tells headers of this one from those of others.
    pub protocol: ProtocolName,
    /// The names of the nodes. The first leads when the cluster is founded.
    pub nodes: Vec<String>,
    /// Whose acknowledgements a write waits for.
    pub replication: Replication,
    /// How a leader is found.
    pub election: ElectionKind,
    /// What the log ships.
    pub log: LogKind,
    /// Compact the log once it has so many committed entries; never if `None`.
    pub snapshot_after: Option<u32>,
    /// Of how many clients the log remembers the last write; of all if `None`.
    #[serde(default)]
    pub sessions: Option<u32>,
    /// How many entries a message has at most.
    pub entries_max: u32,
    /// How many rows a page of a snapshot has at most.
    pub page_rows: usize,
    /// What a node keeps to, so that no client makes it grow without bound.
    #[serde(default)]
    pub limits: Limits,
}

impl Cluster {
    /// Whether there can be such a cluster.
    ///
    /// # Errors
    /// Why there cannot.
    pub fn check(&self) -> Result<(), String> {
        if self.nodes.is_empty() || self.nodes.len() > NODES_MAX {
            return Err(format!("{} nodes: there must be 1 to {NODES_MAX}", self.nodes.len()));
        }
        if self.entries_max == 0 || self.page_rows == 0 || self.snapshot_after == Some(0) {
            return Err("entries_max, page_rows and snapshot_after must be at least 1".to_owned());
        }
        if self.sessions == Some(0) {
            return Err("sessions must be at least 1".to_owned());
        }
        let (bytes, least) = (self.limits.pending_bytes_max, self.limits.request_bytes_most());
        if bytes < least {
            return Err(format!(
                "pending_bytes_max = {bytes}, but one put of the largest key and value takes {least}"
            ));
        }
        Ok(())
    }

    /// What a node is told.
    #[must_use]
    pub fn node(&self, node: NodeId) -> NodeConfig {
        let cluster = Arc::new(ClusterConfig {
            nodes: self.nodes.len(),
            replication: self.replication,
            election: self.election,
            fencing: true,
            log: self.log,
            snapshot_after: self.snapshot_after,
            entries_max: self.entries_max,
            page_rows: self.page_rows,
            sessions: self.sessions,
            limits: self.limits,
            deviations: Deviations::default(),
        });
        NodeConfig { node, first_leader: NodeId(0), cluster }
    }

    /// What a client is told that reads like this.
    #[must_use]
    pub fn client(&self, reads: Reads, attempts: u8) -> ClientConfig {
        ClientConfig {
            nodes: self.nodes.len(),
            shards: Shards(vec![Shard { first_leader: NodeId(0), from: None }]),
            reads,
            attempts: attempts.max(1),
            waits_for_leader: true,
            has_sessions: self.sessions.is_some(),
        }
    }

    /// What its promises depend on.
    #[must_use]
    pub fn promiser(&self) -> Promiser {
        let Cluster { replication, election, log, .. } = *self;
        Promiser { nodes: self.nodes.len(), replication, election, log }
    }
}
