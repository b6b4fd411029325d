//! Once faults stop, all nodes come to hold the same rows, and stay there.

use quorate_checker::world::Property;
use quorate_leader::shards::ShardId;

use crate::leader_based::{ClusterState, LeaderBased};
use crate::view;

fn agree(protocol: &LeaderBased, state: &ClusterState) -> bool {
    let all_agree = |shard: ShardId| {
        let mut rows = protocol
            .remaining(state)
            .map(|(_, node)| view::store(node, shard).map(|store| store.all_rows()));
        let first = rows.next();
        first.is_none_or(|first| rows.all(|rows| rows == first))
    };
    protocol.client_config().shards.ids().all(all_agree)
}

pub(super) const STATEMENT: &str = "once faults and clients have ended, all nodes that are not gone for good come to hold the same rows, and stay there";

pub(super) fn property() -> Property<LeaderBased> {
    Property::eventually_always("convergence", agree)
}
