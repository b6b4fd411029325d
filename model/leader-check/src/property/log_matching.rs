//! If two logs hold an entry of one epoch at one index, they are the same up to there (Ongaro and Ousterhout 2014).

use quorate_checker::world::Property;
use quorate_leader::names::Index;
use quorate_leader::shards::ShardId;
use quorate_leader::store::MemoryStore;

use crate::leader_based::{ClusterState, LeaderBased};
use crate::view;

/// The last index at which both hold an entry of one epoch, above what either has compacted.
fn last_match(one: &MemoryStore, other: &MemoryStore) -> Option<Index> {
    let last = one.last_position().index.min(other.last_position().index);
    (1..=last.0).rev().map(Index).find(|index| {
        let epochs = [one, other].map(|store| store.entry_at(*index).map(|entry| entry.epoch));
        epochs[0].is_some() && epochs[0] == epochs[1]
    })
}

fn is_same_up_to(one: &MemoryStore, other: &MemoryStore, last: Index) -> bool {
    (1..=last.0).map(Index).all(|index| match (one.entry_at(index), other.entry_at(index)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    })
}

fn pairs<'a>(
    protocol: &'a LeaderBased,
    state: &'a ClusterState,
) -> impl Iterator<Item = (&'a MemoryStore, &'a MemoryStore)> {
    let logs = |shard: ShardId| {
        let nodes: Vec<_> = state.nodes().filter_map(|node| view::store(node, shard)).collect();
        let pairs: Vec<_> = (0..nodes.len())
            .flat_map(|one| (0..one).map(move |other| (one, other)))
            .map(|(one, other)| (nodes[one], nodes[other]))
            .collect();
        pairs
    };
    protocol.client_config().shards.ids().flat_map(logs)
}

pub(super) const STATEMENT: &str =
    "if two logs hold an entry of one epoch at one index, they are the same up to there";

pub(super) fn property() -> Property<LeaderBased> {
    Property::always(
        "log-matching",
        |protocol, state| {
            pairs(protocol, state).all(|(one, other)| {
                last_match(one, other).is_none_or(|last| is_same_up_to(one, other, last))
            })
        },
        // The witness: two logs share an entry and go on differently.
        |protocol, state| {
            pairs(protocol, state).any(|(one, other)| {
                last_match(one, other).is_some() && one.last_position() != other.last_position()
            })
        },
    )
}
