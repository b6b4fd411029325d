//! What one log looks like in a state, node by node.

use quorate_checker::world::NodeState;
use quorate_ids::NodeId;
use quorate_leader::names::Epoch;
use quorate_leader::replica::{Leadership, Replica};
use quorate_leader::shards::ShardId;
use quorate_leader::store::MemoryStore;

use crate::leader_based::{ClusterState, LeaderBased};

/// What a node keeps of a log until it stops; `None` if it is down.
pub(crate) fn replica(node: &NodeState<LeaderBased>, shard: ShardId) -> Option<&Replica> {
    node.replica.get(usize::from(shard.0))
}

/// What it keeps of it on disk; `None` if that was lost.
pub(crate) fn store(node: &NodeState<LeaderBased>, shard: ShardId) -> Option<&MemoryStore> {
    node.store.get(usize::from(shard.0))
}

/// The latest epoch that a node knows of.
pub(crate) fn epoch(node: &NodeState<LeaderBased>, shard: ShardId) -> Epoch {
    store(node, shard).map(|store| store.latest_ballot().epoch).unwrap_or_default()
}

/// What a node knows as a leader, if it takes itself for one.
pub(crate) fn leadership(node: &NodeState<LeaderBased>, shard: ShardId) -> Option<&Leadership> {
    replica(node, shard)?.leadership()
}

/// The nodes that take themselves for leaders, with their epochs.
pub(crate) fn leaders(
    state: &ClusterState,
    shard: ShardId,
) -> impl Iterator<Item = (NodeId, Epoch, &MemoryStore)> {
    (0..).map(NodeId).zip(state.nodes()).filter_map(move |(id, node)| {
        leadership(node, shard)?;
        Some((id, epoch(node, shard), store(node, shard)?))
    })
}
