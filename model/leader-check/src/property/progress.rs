//! Once faults stop, each log comes to have one leader, whom all follow, and all that it took is committed and answered.
//!
//! So a write that is started then is acknowledged: the first entry of a new leader has been, and what it takes of
//! others has not become more. Convergence says nothing of that: nodes agree also if nobody leads for ever.

use quorate_checker::world::Property;
use quorate_ids::NodeId;
use quorate_leader::shards::ShardId;

use crate::leader_based::{ClusterState, LeaderBased};
use crate::view;

/// What a log lacks to go on.
enum Lack {
    Leader,
    Follower(NodeId),
    Commitment(NodeId),
    Answer(NodeId),
}

fn lacks(protocol: &LeaderBased, state: &ClusterState, shard: ShardId) -> Option<Lack> {
    let mut leaders = view::leaders(state, shard);
    let (Some((leader, epoch, store)), None) = (leaders.next(), leaders.next()) else {
        return Some(Lack::Leader);
    };
    let follows = |(id, node)| {
        let replica = view::replica(node, shard);
        replica.is_some_and(|replica| replica.leader(id) == Some(leader))
            && view::epoch(node, shard) == epoch
    };
    if let Some((node, _)) = protocol.remaining(state).find(|remaining| !follows(*remaining)) {
        return Some(Lack::Follower(node));
    }
    if store.committed_index() < store.last_position().index {
        return Some(Lack::Commitment(leader));
    }
    let owes = view::leadership(state.node(leader), shard).is_some_and(|known| known.owed() > 0);
    owes.then_some(Lack::Answer(leader))
}

/// Whether nobody lacks anything; a node that is down and returns is awaited, and so is a network that is split.
fn goes_on(protocol: &LeaderBased, state: &ClusterState) -> bool {
    state.groups.is_empty()
        && protocol
            .client_config()
            .shards
            .ids()
            .all(|shard| lacks(protocol, state, shard).is_none())
}

pub(super) const STATEMENT: &str = "once faults and clients have ended, each log comes to have one leader, whom all nodes that are not gone for good follow, and all that it took is committed and answered";

pub(super) fn property() -> Property<LeaderBased> {
    Property::eventually_always("progress", goes_on).explained(|protocol, state| {
        let name = |node: NodeId| protocol.scenario().nodes[node.index()].as_str();
        let mut shards = protocol.client_config().shards.ids();
        Some(match shards.find_map(|shard| lacks(protocol, state, shard))? {
            Lack::Leader => "there is not one leader".to_owned(),
            Lack::Follower(node) => format!("{} does not follow the leader", name(node)),
            Lack::Commitment(leader) => format!("{} cannot commit what it holds", name(leader)),
            Lack::Answer(leader) => format!("{} owes a client an answer", name(leader)),
        })
    })
}
