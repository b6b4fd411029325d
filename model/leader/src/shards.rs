//! Keys may belong to several logs, each with a leader of its own. A log knows nothing of the others: a node has a
//! [`Replica`](crate::replica::Replica) and a store for each, and messages and timers name theirs.

use alloc::vec::Vec;

use quorate_ids::NodeId;
use serde::{Deserialize, Serialize};

use crate::names::Key;

/// One of the logs, by its place among them.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
pub struct ShardId(pub u16);

/// One of the logs of a cluster.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Shard {
    /// Who leads it when the cluster is founded.
    pub first_leader: NodeId,
    /// The first key that belongs to it: shards are ranges of keys, and the first shard begins before every key.
    pub from: Option<Key>,
}

/// The logs of a cluster, in the order of their keys.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Shards(pub Vec<Shard>);

impl Shards {
    /// The log that a key belongs to.
    #[must_use]
    pub fn of(&self, key: &Key) -> ShardId {
        let begun = |shard: &&Shard| shard.from.as_ref().is_none_or(|from| from <= key);
        ShardId(self.0.iter().filter(begun).count().saturating_sub(1) as u16)
    }

    /// All of them, in order.
    pub fn ids(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..self.0.len() as u16).map(ShardId)
    }
}
