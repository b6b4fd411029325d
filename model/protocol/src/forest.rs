//! The trees of one node: what it compares with whom.
//!
//! Two nodes that are both homes of some keys must agree on those keys, and on no others. The keys
//! with the same homes are a *range*, named by its homes, and a node keeps a tree for each range
//! that it is a home of (Dynamo, SOSP 2007, section 4.7: "each node maintains a separate Merkle
//! tree for each key range"). All homes of a range keep a tree of exactly its keys, so any two of
//! them can compare theirs as they are.
//!
//! A range need not be one arc of the ring. With many tokens per node the same homes come up on
//! many arcs; one tree for all of them keeps the trees few.

use alloc::collections::{BTreeMap, BTreeSet};
use core::hash::{Hash, Hasher};

use serde::{Serialize, Serializer};

use crate::cluster::{ClusterConfig, Placement};
use crate::hash_tree::{EntryHash, HashTree, LeafId, SetHash, TreeShape};
use crate::ids::{Key, NodeId, NodeSet};
use crate::ring::RingError;
use crate::versions::RecordDigest;

/// The ranges of a cluster: every set of `n` nodes that is the homes of some keys, each once.
///
/// Placed in order, all keys have the same homes: the first `n` of `nodes`.
///
/// # Errors
/// When there are fewer than `n` nodes, which a validated configuration excludes.
pub fn home_sets(
    placement: &Placement,
    nodes: &[NodeId],
    n: usize,
) -> Result<BTreeSet<NodeSet>, RingError> {
    match placement {
        Placement::Ring(ring) => ring.home_sets(n),
        Placement::InOrder => {
            let first = nodes.get(..n).ok_or(RingError::TooFewNodes { n, nodes: nodes.len() })?;
            Ok(BTreeSet::from([first.iter().copied().collect()]))
        }
    }
}

/// The trees of one node, one for each range it is a home of.
///
/// Comparing, hashing and serialising it takes constant time: it looks at the node, the shape and
/// the [hash of everything](Forest::whole). Every key is in one range only, so the set of all
/// entries decides what is in each tree; see [`HashTree`] for what the hash of a set may stand in
/// for.
#[derive(Clone, Debug)]
pub struct Forest {
    node: NodeId,
    shape: TreeShape,
    /// Has a tree for each range of the node from the start: peers compare empty trees too.
    trees: BTreeMap<NodeSet, HashTree>,
    whole: SetHash,
}

impl Forest {
    /// The trees of a node that holds nothing yet: one for each of the `ranges`, which are the
    /// [home sets](home_sets) of its cluster, that the node is in.
    #[must_use]
    pub fn new(node: NodeId, shape: TreeShape, ranges: impl IntoIterator<Item = NodeSet>) -> Self {
        let own = ranges.into_iter().filter(|range| range.contains(node));
        let trees = own.map(|range| (range, HashTree::new(shape))).collect();
        Forest { node, shape, trees, whole: SetHash::EMPTY }
    }

    /// Follows a change of what the node holds of a key: from the state of one digest to that of
    /// another, `None` being nothing. A key that the node is no home of is ignored, although a
    /// node may hold it for others.
    ///
    /// The cluster must be the one whose ranges the forest was made for. Takes time in the number
    /// of levels, and whatever finding the key's homes takes.
    pub fn follow(
        &mut self,
        cluster: &ClusterConfig,
        key: &Key,
        old: Option<RecordDigest>,
        new: Option<RecordDigest>,
    ) {
        if old == new {
            return;
        }
        let Some(tree) = self.trees.get_mut(&cluster.homes(key)) else { return };
        let hash = |digest| EntryHash::new(key, digest);
        let (old, new) = (old.map(hash), new.map(hash));
        tree.replace(self.shape.leaf_of(key), old, new);
        self.whole += SetHash::change(old, new);
    }

    /// Adds all entries of a set to a leaf of the tree of a range, by the hash of that set. Says whether there is
    /// such a leaf.
    pub fn add(&mut self, range: NodeSet, leaf: LeafId, set: SetHash) -> bool {
        let Some(tree) = self.trees.get_mut(&range) else { return false };
        if leaf.0 >= self.shape.leaves() {
            return false;
        }
        tree.add(leaf, set);
        self.whole += set;
        true
    }

    /// Whose trees they are.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The shape of every tree.
    #[must_use]
    pub fn shape(&self) -> TreeShape {
        self.shape
    }

    /// The tree of a range; `None` where the node is not in it, or no key has these homes.
    #[must_use]
    pub fn tree(&self, range: NodeSet) -> Option<&HashTree> {
        self.trees.get(&range)
    }

    /// The ranges of the node, in ascending order.
    pub fn ranges(&self) -> impl Iterator<Item = NodeSet> + '_ {
        self.trees.keys().copied()
    }

    /// The ranges that two nodes must agree on, this one and a peer, in ascending order. None that
    /// the peer is not a home of; all ranges if the peer is the node itself.
    pub fn ranges_shared_with(&self, peer: NodeId) -> impl Iterator<Item = NodeSet> + '_ {
        self.ranges().filter(move |range| range.contains(peer))
    }

    /// The hash of the entries of all trees.
    #[must_use]
    pub fn whole(&self) -> SetHash {
        self.whole
    }
}

/// By node, shape and content.
impl PartialEq for Forest {
    fn eq(&self, other: &Self) -> bool {
        (self.node, self.shape, self.whole) == (other.node, other.shape, other.whole)
    }
}

impl Eq for Forest {}

/// By node, shape and content.
impl Hash for Forest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.node, self.shape, self.whole).hash(state);
    }
}

/// The hash of the content. Node and shape are configured, and the rest follows from the store.
impl Serialize for Forest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.whole.serialize(to)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use core::hash::BuildHasher;

    use foldhash::quality::FixedState;
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::ReadRepair;
    use crate::quorum::Quorum;
    use crate::ring::Ring;
    use crate::versions::Versioning;

    const N: usize = 3;
    const NODES: u16 = 5;

    struct Cluster {
        config: ClusterConfig,
        ranges: BTreeSet<NodeSet>,
    }

    fn cluster(placement: impl FnOnce(&[String]) -> Placement) -> Cluster {
        let names: Vec<String> = (0..NODES).map(|node| format!("node-{node}")).collect();
        let placement = placement(&names);
        let nodes: Vec<NodeId> = (0..NODES).map(NodeId).collect();
        let ranges = home_sets(&placement, &nodes, N).unwrap();
        let quorum = Quorum::new(N, 2, 2).unwrap();
        let (versioning, repair) = (Versioning::default(), ReadRepair::default());
        let config = ClusterConfig::new(names, placement, quorum, versioning, repair).unwrap();
        Cluster { config, ranges }
    }

    fn ring_of(tokens_per_node: usize) -> Cluster {
        cluster(|names| {
            let named = (0..).map(NodeId).zip(names.iter().map(String::as_str));
            Placement::Ring(Ring::new(named, tokens_per_node).unwrap())
        })
    }

    fn forest(cluster: &Cluster, node: NodeId) -> Forest {
        Forest::new(node, TreeShape::SMALLEST, cluster.ranges.clone())
    }

    fn key(number: u8) -> Key {
        Key::from(number.to_string().as_str())
    }

    proptest! {
        #[test]
        fn each_tree_is_that_of_the_keys_whose_homes_are_its_range(
            tokens in 1..20_usize,
            sets in prop::collection::vec((0..30_u8, prop::option::of(0..4_u64)), 0..60),
        ) {
            let cluster = ring_of(tokens);
            let mut content = BTreeMap::new();
            let mut forests: Vec<Forest> =
                cluster.config.nodes().iter().map(|node| forest(&cluster, *node)).collect();
            for (number, state) in sets {
                let new = state.map(RecordDigest);
                let old = match new {
                    Some(new) => content.insert(number, new),
                    None => content.remove(&number),
                };
                for forest in &mut forests {
                    forest.follow(&cluster.config, &key(number), old, new);
                }
            }
            for forest in &forests {
                for range in &cluster.ranges {
                    let mut expected = HashTree::new(TreeShape::SMALLEST);
                    for (number, state) in &content {
                        let key = key(*number);
                        if cluster.config.homes(&key) == *range {
                            let leaf = expected.shape().leaf_of(&key);
                            expected.replace(leaf, None, Some(EntryHash::new(&key, *state)));
                        }
                    }
                    let expected = range.contains(forest.node()).then_some(expected);
                    prop_assert_eq!(forest.tree(*range), expected.as_ref());
                }
                let roots = forest.ranges().map(|range| forest.tree(range).unwrap().root());
                prop_assert_eq!(forest.whole(), roots.sum());
            }
        }

        #[test]
        fn any_two_homes_of_a_key_share_the_range_that_it_is_in(tokens in 1..20_usize, number: u8) {
            let cluster = ring_of(tokens);
            let homes = cluster.config.homes(&key(number));
            let nodes: Vec<NodeId> = homes.iter().collect();
            for (node, peer) in itertools::iproduct!(nodes.iter().copied(), nodes.iter().copied()) {
                let shared: Vec<_> = forest(&cluster, node).ranges_shared_with(peer).collect();
                prop_assert!(shared.contains(&homes));
                prop_assert!(shared.iter().all(|range| range.contains(node) && range.contains(peer)));
                prop_assert_eq!(shared, Vec::from_iter(forest(&cluster, peer).ranges_shared_with(node)));
            }
        }
    }

    #[test]
    fn placed_in_order_there_is_one_range_and_the_other_nodes_are_in_none() {
        let cluster = cluster(|_| Placement::InOrder);
        let homes: NodeSet = [0, 1, 2].map(NodeId).into_iter().collect();
        assert_eq!(cluster.ranges, BTreeSet::from([homes]));
        assert_eq!(
            Vec::from_iter(forest(&cluster, NodeId(0)).ranges_shared_with(NodeId(2))),
            [homes]
        );
        assert_eq!(forest(&cluster, NodeId(0)).ranges_shared_with(NodeId(3)).count(), 0);
        assert_eq!(forest(&cluster, NodeId(3)).ranges().count(), 0);
    }

    #[test]
    fn with_many_tokens_every_set_of_nodes_is_a_range() {
        assert_eq!(ring_of(128).ranges.len(), 10, "5 over 3");
    }

    #[test]
    fn what_a_node_holds_for_others_is_ignored() {
        let cluster = cluster(|_| Placement::InOrder);
        let mut other = forest(&cluster, NodeId(4));
        other.follow(&cluster.config, &key(1), None, Some(RecordDigest(1)));
        assert_eq!(other, forest(&cluster, NodeId(4)));
    }

    #[test]
    fn a_forest_is_hashed_by_its_content_and_serialised_in_a_few_bytes() {
        let cluster = ring_of(128);
        let empty = forest(&cluster, NodeId(0));
        let mut full = empty.clone();
        for number in 0..100 {
            full.follow(&cluster.config, &key(number), None, Some(RecordDigest(7)));
        }
        let hash = |forest: &Forest| FixedState::default().hash_one(forest);
        assert_ne!((&empty, hash(&empty)), (&full, hash(&full)));
        assert!(postcard::to_allocvec(&full).unwrap().len() <= 10);
        for number in 0..100 {
            full.follow(&cluster.config, &key(number), Some(RecordDigest(7)), None);
        }
        assert_eq!((&empty, hash(&empty)), (&full, hash(&full)));
    }

    #[test]
    fn fewer_nodes_than_homes_have_no_ranges() {
        let refused = home_sets(&Placement::InOrder, &[NodeId(0)], 2);
        assert_eq!(refused, Err(RingError::TooFewNodes { n: 2, nodes: 1 }));
    }
}
