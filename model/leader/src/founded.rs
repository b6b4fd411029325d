//! For tests of single rules: usual settings, and a leader that was just founded, as a whole node.

use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_ids::NodeId;

use crate::config::{ClusterConfig, ElectionKind, LogKind, NodeConfig, Replication};
use crate::deviation::Deviations;
use crate::effect::{Effect, Input};
use crate::limits::Limits;
use crate::message::Message;
use crate::replica::Replica;
use crate::statement::Surroundings;
use crate::store::MemoryStore;

/// A cluster of so many nodes, with usual settings.
pub(crate) fn raft(nodes: usize) -> ClusterConfig {
    ClusterConfig {
        nodes,
        replication: Replication::Majority,
        election: ElectionKind::Raft,
        fencing: true,
        log: LogKind::Row,
        snapshot_after: None,
        entries_max: 256,
        page_rows: 8,
        sessions: None,
        limits: Limits::default(),
        deviations: Deviations::default(),
    }
}

/// The first leader of a cluster. Alone, it commits at once; others say nothing but what a test says for them.
pub(crate) struct Founded {
    pub(crate) config: NodeConfig,
    pub(crate) replica: Replica,
    pub(crate) store: MemoryStore,
}

impl Founded {
    /// The one of this cluster.
    pub(crate) fn of(cluster: ClusterConfig) -> Self {
        let (node, cluster) = (NodeId(0), Arc::new(cluster));
        let config = NodeConfig { node, first_leader: node, cluster };
        let (replica, store) = Default::default();
        let mut leader = Founded { config, replica, store };
        leader.step(Input::Start { life: 0, founding: true });
        leader
    }

    /// What it sends after a step.
    pub(crate) fn step(&mut self, input: Input) -> Vec<Message> {
        let around = Surroundings::default();
        let Ok(step) = self.replica.step(&self.config, &self.store, around, input);
        self.store.apply(step.changes);
        let sent = step.effects.into_iter().filter_map(|effect| match effect {
            Effect::Send { message, .. } => Some(message),
            _ => None,
        });
        sent.collect()
    }
}
