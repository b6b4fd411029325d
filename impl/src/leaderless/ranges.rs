//! A short name of what a node holds of each range, so that homes can be compared from outside.
//!
//! A range is all keys with the same set of homes. Its digest is the root of the hash tree that
//! anti-entropy compares: where two homes have equal roots, they find nothing to exchange.

use std::sync::Arc;

use quorate_model::cluster::ClusterConfig;
use quorate_model::forest::Forest;
use quorate_model::ids::{Key, NodeId};
use quorate_model::protocol::Entry;

use super::RangeStatus;
use crate::storage::{Storage, StorageError};

/// The most ranges that a node tells its digests of: what fits a datagram.
pub const RANGES_MAX: usize = 1_000;

/// The digests of the ranges that a node is a home of.
#[derive(Clone, Debug)]
pub struct RangeDigests {
    cluster: Arc<ClusterConfig>,
    /// Trees of what is durable, where the replica keeps none because it compares with nobody.
    forest: Option<Forest>,
}

impl RangeDigests {
    /// Those of a store as it is now. It is read only where the cluster does without anti-entropy.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(
        node: NodeId,
        cluster: Arc<ClusterConfig>,
        storage: &Storage,
    ) -> Result<Self, StorageError> {
        let mut digests = RangeDigests { forest: None, cluster };
        if !digests.cluster.background().anti_entropy {
            let shape = digests.cluster.limits().tree_shape;
            let ranges = digests.cluster.ranges().iter().copied();
            digests.forest = Some(Forest::new(node, shape, ranges));
            storage.visit_entries(|key, entry| digests.replace(key, None, Some(entry)))?;
        }
        Ok(digests)
    }

    /// Follows the replacement of what is durably held of a key, `None` being nothing.
    pub fn replace(&mut self, key: &Key, old: Option<&Entry>, new: Option<&Entry>) {
        if let Some(forest) = &mut self.forest {
            let digest = |entry: &Entry| entry.state.digest();
            forest.follow(&self.cluster, key, old.map(digest), new.map(digest));
        }
    }

    /// What to tell of them, given the trees of the replica, if it keeps any; `None` when there are
    /// more than [`RANGES_MAX`].
    #[must_use]
    pub fn status(&self, of_replica: Option<&Forest>) -> Option<Vec<RangeStatus>> {
        let forest = of_replica.or(self.forest.as_ref())?;
        let ranges = forest
            .ranges()
            .filter_map(|homes| Some(RangeStatus { homes, digest: forest.tree(homes)?.root() }));
        let ranges: Vec<_> = ranges.take(RANGES_MAX + 1).collect();
        (ranges.len() <= RANGES_MAX).then_some(ranges)
    }
}

#[cfg(test)]
mod tests {
    use quorate_model::cluster::{Background, BytesMax, ClusterSpec};
    use quorate_model::ids::{ClientId, Timestamp, Value};
    use quorate_model::protocol::{Change, Input, NodeConfig, Replica};
    use quorate_model::versions::{
        ActorId, Dot, Epoch, Incarnation, Record, VersionVector, Versioning, Write,
    };

    use super::*;
    use crate::storage::{Owner, StagedChanges};

    const NODE: NodeId = NodeId(2);

    fn cluster(anti_entropy: bool) -> Arc<ClusterConfig> {
        let spec = ClusterSpec {
            nodes: ["n1", "n2", "n3", "n4", "n5"].map(String::from).to_vec(),
            n: 3,
            r: 2,
            w: 2,
            versioning: Default::default(),
            read_repair: Default::default(),
            speculative_retry: false,
            placement: Default::default(),
            tokens_per_node: 128,
            sloppy: false,
            background: Background { anti_entropy, ..Background::default() },
            client_fan_out: false,
            limits: BytesMax::default(),
            left: Vec::new(),
            deviations: Vec::new(),
        };
        Arc::new(spec.build().unwrap())
    }

    fn entry(counter: u64) -> Entry {
        let node = NodeId(0);
        let actor = ActorId::Node { node, incarnation: Incarnation(1), epoch: Epoch(0) };
        let mut state = Record::empty(Versioning::Dotted);
        state.put(&Write {
            dot: Dot { actor, counter },
            client: ClientId(0),
            context: VersionVector::new(),
            timestamp: Timestamp(0),
            value: Some(Value::from("value")),
        });
        Entry::received(Arc::new(state))
    }

    /// The digests of a replica that starts on this store and compares with others.
    fn of_replica(storage: &Storage) -> Option<Vec<RangeStatus>> {
        let config = NodeConfig::new(NODE, cluster(true));
        let mut replica = Replica::default();
        let start = Input::Start { incarnation: Incarnation(3), founding: true };
        replica.step(&config, storage, Timestamp(0), start).unwrap();
        let digests = RangeDigests::open(NODE, cluster(true), storage).unwrap();
        digests.status(replica.forest())
    }

    #[test]
    fn a_node_without_anti_entropy_tells_the_same_digests_as_one_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let owner = Owner { node: "n3".to_string(), versioning: Versioning::Dotted };
        let mut storage = Storage::open(directory.path(), &owner, 1 << 20).unwrap();
        let mut digests = RangeDigests::open(NODE, cluster(false), &storage).unwrap();
        let empty = digests.status(None);
        assert_eq!(empty.as_ref().unwrap().len(), 6, "4 over 2");
        assert_eq!(of_replica(&storage), empty);
        let change = |key: u64, counter| {
            let key = Key::from(&*key.to_string());
            match counter {
                0 => Change::RemoveEntry { key },
                counter => Change::Entry { key, entry: entry(counter) },
            }
        };
        let groups: [Vec<Change>; 3] = [
            (0..40).map(|key| change(key, 1)).collect(),
            (0..10).map(|key| change(key, 2)).collect(),
            (5..20).map(|key| change(key, 0)).collect(),
        ];
        for (step, changes) in (1..).zip(groups) {
            let before = digests.status(None);
            let mut group = StagedChanges::default();
            group.stage(&storage, changes).unwrap();
            storage.begin(&group, step, |key, old, new| digests.replace(key, old, new)).unwrap();
            assert_ne!(digests.status(None), before);
            assert_eq!(digests.status(None), of_replica(&storage));
            let opened = RangeDigests::open(NODE, cluster(false), &storage).unwrap();
            assert_eq!(opened.status(None), digests.status(None));
        }
    }
}
