//! The consistent-hashing ring: which nodes keep a key, computed alike by everyone who knows the
//! nodes' names.
//!
//! Hash values form a circle. Every node owns several points of it, its *tokens*, and a key
//! belongs to the nodes met first when walking clockwise, towards larger hashes, from the key's
//! own hash. A node that joins or leaves then only moves the keys next to its tokens (Karger et
//! al., STOC 1997). Many tokens per node even out the arcs between them, and the walk counts a
//! node only once, however many of its tokens it passes (Dynamo, SOSP 2007, sections 4.2, 4.3
//! and 6.2).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use itertools::Itertools;

use crate::ids::{Key, NODES_MAX, NodeId, NodeSet};
use crate::key_hash::{Purpose, number};

/// How many tokens each node owns unless told otherwise.
///
/// A node's share of the circle spreads around the fair share by about one part in the square
/// root of this number. At 128 no node of 2 to 16 was measured above 1.36 times its fair share;
/// the tests hold it below 1.5 times.
pub const TOKENS_PER_NODE_DEFAULT: usize = 128;

/// Separates the hashes of tokens from all other uses of BLAKE3. Changing it moves every token.
const TOKEN_CONTEXT: &str = "quorate ring: position of a token, version 1";

/// The placement of keys on nodes.
///
/// Holds at least one token of every node, in ascending order of position. Tokens of different
/// nodes at the same position follow in the byte order of the nodes' names. Both depend on the
/// names alone, so neither the numbering of the nodes nor the order they are listed in decides
/// where a key lives, and no token moves when another node joins or leaves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ring {
    tokens: Vec<Token>,
    nodes: NodeSet,
}

/// A point of the circle and the node that owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Token {
    position: u64,
    node: NodeId,
}

/// Why there is no ring, or no answer from it. A ring that was asked stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// No node was listed.
    #[error("the ring has no nodes: list at least one")]
    NoNodes,
    /// The nodes were to own no tokens.
    #[error(
        "each node owns 0 tokens, so no key has a home: \
         set tokens per node to 1 or more, {TOKENS_PER_NODE_DEFAULT} unless you know better"
    )]
    NoTokens,
    /// More than [`NODES_MAX`] nodes were listed.
    #[error("{count} nodes are listed, but a cluster has at most {NODES_MAX}: remove some")]
    TooManyNodes {
        /// How many were listed.
        count: usize,
    },
    /// A node is numbered beyond what a [`NodeSet`] can hold.
    #[error("node {node} is numbered too high: number the nodes from n0, below n{NODES_MAX}")]
    NodeOutOfRange {
        /// The node with the high number.
        node: NodeId,
    },
    /// Two of the nodes have the same number.
    #[error("node {node} is listed twice: give every node its own number")]
    DuplicateNode {
        /// The number they share.
        node: NodeId,
    },
    /// Two of the nodes have the same name, and would own the same tokens.
    #[error("nodes {first} and {second} are both named {name:?}: rename one of them")]
    DuplicateName {
        /// The name they share.
        name: String,
        /// The one listed first.
        first: NodeId,
        /// The one listed later.
        second: NodeId,
    },
    /// A key was to have more homes than there are nodes.
    #[error(
        "a key cannot have N = {n} homes on {nodes} nodes: lower N to at most {nodes} or add nodes"
    )]
    TooFewNodes {
        /// How many homes were asked for.
        n: usize,
        /// How many nodes there are.
        nodes: usize,
    },
}

impl Ring {
    /// Places `tokens_per_node` tokens for each of the nodes, at positions that follow from the
    /// node's name and the token's index among them.
    ///
    /// The numbers of the nodes need not be dense: after a node has left, the others keep theirs.
    ///
    /// # Errors
    /// When there are no nodes, no tokens, more than [`NODES_MAX`] nodes, a node numbered
    /// [`NODES_MAX`] or higher, or two nodes of the same number or name.
    pub fn new<'name>(
        nodes: impl IntoIterator<Item = (NodeId, &'name str)>,
        tokens_per_node: usize,
    ) -> Result<Ring, RingError> {
        let token_hasher = blake3::Hasher::new_derive_key(TOKEN_CONTEXT);
        Ring::place(nodes, tokens_per_node, |name, index| {
            // The index has a fixed width, so no name and index run together into another pair.
            let mut hasher = token_hasher.clone();
            hasher.update(name.as_bytes()).update(&index.to_le_bytes());
            number(&hasher)
        })
    }

    /// As [`Ring::new`], at the positions that `place_token` gives for a name and an index. Tests
    /// use it for ties, which 64 bits of BLAKE3 do not yield on demand.
    fn place<'name>(
        nodes: impl IntoIterator<Item = (NodeId, &'name str)>,
        tokens_per_node: usize,
        place_token: impl Fn(&str, u64) -> u64,
    ) -> Result<Ring, RingError> {
        let named: Vec<(NodeId, &str)> = nodes.into_iter().collect();
        let nodes = check_nodes(&named)?;
        if tokens_per_node == 0 {
            return Err(RingError::NoTokens);
        }
        let mut placed: Vec<(u64, &str, NodeId)> = named
            .into_iter()
            .cartesian_product(0..tokens_per_node as u64)
            .map(|((node, name), index)| (place_token(name, index), name, node))
            .collect();
        // By position, then by name. The number cannot decide: no two nodes share a name.
        placed.sort_unstable();
        let tokens =
            placed.into_iter().map(|(position, _, node)| Token { position, node }).collect();
        Ok(Ring { tokens, nodes })
    }

    /// All nodes in the order the key prefers them: each once, as the walk clockwise from the
    /// key's hash meets them. For N replicas the first N are the key's homes, and the rest are
    /// the fallbacks in the order they stand in.
    #[must_use]
    pub fn preference_list(&self, key: &Key) -> Vec<NodeId> {
        self.distinct_nodes_from(key_position(key)).collect()
    }

    /// The `n` distinct nodes that keep the key, the most preferred first: the beginning of its
    /// [preference list](Ring::preference_list). None for `n = 0`.
    ///
    /// # Errors
    /// [`RingError::TooFewNodes`] when there are fewer than `n` nodes.
    pub fn homes(&self, key: &Key, n: usize) -> Result<Vec<NodeId>, RingError> {
        let nodes = self.nodes.len();
        if n > nodes {
            return Err(RingError::TooFewNodes { n, nodes });
        }
        Ok(self.distinct_nodes_from(key_position(key)).take(n).collect())
    }

    /// The same as a set; all nodes, if there are fewer.
    #[must_use]
    pub fn home_set(&self, key: &Key, n: usize) -> NodeSet {
        self.distinct_nodes_from(key_position(key)).take(n).collect()
    }

    /// Every set of `n` nodes that is the homes of some keys, each once.
    ///
    /// Keys between two tokens have the same homes, so there are at most as many sets as tokens.
    ///
    /// # Errors
    /// [`RingError::TooFewNodes`] when there are fewer than `n` nodes.
    pub fn home_sets(&self, n: usize) -> Result<BTreeSet<NodeSet>, RingError> {
        let nodes = self.nodes.len();
        if n > nodes {
            return Err(RingError::TooFewNodes { n, nodes });
        }
        let arc_ends = self.tokens.iter().map(|token| token.position);
        Ok(arc_ends.map(|end| self.distinct_nodes_from(end).take(n).collect()).collect())
    }

    /// The nodes on the ring.
    #[must_use]
    pub fn nodes(&self) -> NodeSet {
        self.nodes
    }

    /// Every token once, clockwise from the first at or after `position`.
    fn tokens_from(&self, position: u64) -> impl Iterator<Item = Token> {
        let start = self.tokens.partition_point(|token| token.position < position);
        let (before, after) = self.tokens.split_at(start);
        after.iter().chain(before).copied()
    }

    /// Every node once, where the walk clockwise from `position` first meets it.
    fn distinct_nodes_from(&self, position: u64) -> impl Iterator<Item = NodeId> {
        let mut met = NodeSet::EMPTY;
        self.tokens_from(position)
            .map(|token| token.node)
            .filter(move |node| met.insert(*node))
            // Spares the walk over all remaining tokens once there is nobody left to meet.
            .take(self.nodes.len())
    }

    /// What [`Ring::homes`] must not be: the owners of the next `n` tokens, which may be several
    /// tokens of one node. Exists to show what the walk to distinct nodes prevents.
    #[cfg(test)]
    pub(crate) fn homes_without_skipping_repeats(&self, key: &Key, n: usize) -> Vec<NodeId> {
        self.tokens_from(key_position(key)).map(|token| token.node).take(n).collect()
    }
}

/// The set of the nodes, if they are a cluster: neither none nor too many, all told apart.
fn check_nodes(named: &[(NodeId, &str)]) -> Result<NodeSet, RingError> {
    if named.is_empty() {
        return Err(RingError::NoNodes);
    }
    if named.len() > NODES_MAX {
        return Err(RingError::TooManyNodes { count: named.len() });
    }
    let mut nodes = NodeSet::EMPTY;
    let mut names = BTreeMap::new();
    for &(node, name) in named {
        if node.index() >= NODES_MAX {
            return Err(RingError::NodeOutOfRange { node });
        }
        if !nodes.insert(node) {
            return Err(RingError::DuplicateNode { node });
        }
        if let Some(first) = names.insert(name, node) {
            return Err(RingError::DuplicateName { name: name.to_string(), first, second: node });
        }
    }
    Ok(nodes)
}

/// Where on the circle a key begins its walk.
fn key_position(key: &Key) -> u64 {
    number(Purpose::RingPosition.hasher().update(&key.0))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    /// Most nodes of the clusters tried here.
    const NODES_TRIED: usize = 16;

    /// All of the circle, in positions.
    const CIRCLE: u128 = 1 << 64;

    /// What no node's share may exceed, in percent of the fair share. The measured clusters below
    /// reach 136. A share is nearly Gamma-distributed with shape 128, so by Chernoff's bound a node
    /// exceeds 150 percent with a probability below 6e-6: rare enough to be true of the clusters
    /// people build, not of every cluster that could be.
    const SHARE_MEASURED_PERCENT: u128 = 150;

    /// The same for clusters with names drawn at random on every test run: below 1e-16 by the
    /// same bound, so that a failure means a broken ring and not a bad draw.
    const SHARE_RANDOM_PERCENT: u128 = 200;

    /// Numbers the nodes in the order of the names.
    fn ring(names: &[&str], tokens_per_node: usize) -> Ring {
        Ring::new(numbered(names), tokens_per_node).unwrap()
    }

    /// A ring that is all ties: every token sits on one of four positions.
    fn tied_ring(names: &[&str], tokens_per_node: usize) -> Ring {
        let coarse = |name: &str, index: u64| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(name.as_bytes()).update(&index.to_le_bytes());
            (number(&hasher) >> 62) << 62
        };
        Ring::place(numbered(names), tokens_per_node, coarse).unwrap()
    }

    fn numbered<'name>(names: &[&'name str]) -> Vec<(NodeId, &'name str)> {
        (0..).map(NodeId).zip(names.iter().copied()).collect()
    }

    fn named(names: &[&str], nodes: impl IntoIterator<Item = NodeId>) -> Vec<String> {
        nodes.into_iter().map(|node| names[node.index()].to_string()).collect()
    }

    fn all_distinct(nodes: &[NodeId]) -> bool {
        nodes.iter().copied().collect::<NodeSet>().len() == nodes.len()
    }

    /// How many positions belong to each node first: the arcs that end at its tokens.
    fn shares(ring: &Ring) -> BTreeMap<NodeId, u128> {
        let mut shares = BTreeMap::new();
        for (before, token) in ring.tokens.iter().circular_tuple_windows() {
            let arc = token.position.wrapping_sub(before.position);
            *shares.entry(token.node).or_insert(0) += u128::from(arc);
        }
        assert_eq!(shares.values().sum::<u128>(), CIRCLE);
        shares
    }

    /// The largest share, in percent of the fair share, rounded up.
    fn largest_share_percent(ring: &Ring) -> u128 {
        let largest = *shares(ring).values().max().unwrap();
        (largest * ring.nodes().len() as u128 * 100).div_ceil(CIRCLE)
    }

    /// Asserts, for every key there could be, that with and without the node `newcomer` the homes
    /// differ in nothing but it. Keys are told apart only by the arc they lie on, so one position
    /// per arc stands for all keys.
    fn assert_only_the_newcomer_differs(
        names: &[&str],
        newcomer: &str,
        build: impl Fn(&[&str]) -> Ring,
    ) {
        let without_names: Vec<&str> =
            names.iter().copied().filter(|name| *name != newcomer).collect();
        let (with, without) = (build(names), build(&without_names));
        for arc_end in with.tokens.iter().map(|token| token.position) {
            let preferred = named(names, with.distinct_nodes_from(arc_end));
            let preferred_without = named(&without_names, without.distinct_nodes_from(arc_end));
            for n in 1..=without_names.len() {
                let homes = &preferred[..n];
                let homes_without = &preferred_without[..n];
                let mut expected = homes_without.to_vec();
                if let Some(at) = homes.iter().position(|name| name == newcomer) {
                    expected.insert(at, newcomer.to_string());
                    expected.truncate(n);
                }
                assert_eq!(homes, expected, "{newcomer} moved others from {arc_end}");
            }
        }
    }

    fn names(count: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<String>> {
        prop::collection::btree_set("[a-z]{1,8}(:[0-9]{4})?", count)
            .prop_map(Vec::from_iter)
            .prop_shuffle()
    }

    fn keys() -> impl Strategy<Value = Key> {
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Key(bytes.into()))
    }

    fn borrowed(names: &[String]) -> Vec<&str> {
        names.iter().map(String::as_str).collect()
    }

    proptest! {
        #[test]
        fn the_preference_list_names_every_node_once(
            names in names(1..=NODES_TRIED), tokens in 1..10_usize, key in keys(),
        ) {
            let ring = ring(&borrowed(&names), tokens);
            let mut preferred = ring.preference_list(&key);
            preferred.sort_unstable();
            prop_assert_eq!(preferred, ring.nodes().iter().collect::<Vec<_>>());
        }

        #[test]
        fn homes_are_distinct_and_begin_the_preference_list(
            names in names(1..=NODES_TRIED), tokens in 1..10_usize, key in keys(),
        ) {
            let ring = ring(&borrowed(&names), tokens);
            let preferred = ring.preference_list(&key);
            for n in 0..=names.len() {
                let homes = ring.homes(&key, n).unwrap();
                prop_assert!(all_distinct(&homes));
                prop_assert_eq!(&homes, &preferred[..n]);
            }
        }

        #[test]
        fn the_homes_of_every_key_are_among_the_home_sets(
            names in names(1..=NODES_TRIED), tokens in 1..10_usize, keys in prop::collection::vec(keys(), 20),
        ) {
            for ring in [ring(&borrowed(&names), tokens), tied_ring(&borrowed(&names), tokens)] {
                for n in 1..=names.len() {
                    let sets = ring.home_sets(n).unwrap();
                    prop_assert!(sets.iter().all(|set| set.len() == n));
                    for key in &keys {
                        prop_assert!(sets.contains(&ring.homes(key, n).unwrap().into_iter().collect()));
                    }
                }
                prop_assert_eq!(ring.home_sets(names.len()).unwrap(), BTreeSet::from([ring.nodes()]));
            }
        }

        #[test]
        fn a_node_that_joins_or_leaves_changes_homes_only_by_its_own_name(
            names in names(2..=8_usize), tokens in 1..10_usize, moving in any::<prop::sample::Index>(),
        ) {
            let names = borrowed(&names);
            let newcomer = names[moving.index(names.len())];
            assert_only_the_newcomer_differs(&names, newcomer, |names| ring(names, tokens));
            assert_only_the_newcomer_differs(&names, newcomer, |names| tied_ring(names, tokens));
        }

        #[test]
        fn numbering_the_nodes_differently_places_keys_alike(
            (names, renumbered) in names(1..=NODES_TRIED)
                .prop_flat_map(|names| (Just(names.clone()), Just(names).prop_shuffle())),
            tokens in 1..10_usize,
            key in keys(),
        ) {
            let (names, renumbered) = (borrowed(&names), borrowed(&renumbered));
            for build in [ring, tied_ring] {
                prop_assert_eq!(
                    named(&names, build(&names, tokens).preference_list(&key)),
                    named(&renumbered, build(&renumbered, tokens).preference_list(&key)),
                );
            }
        }

        #[test]
        fn no_node_of_a_random_cluster_has_twice_its_fair_share(names in names(1..=NODES_TRIED)) {
            let ring = ring(&borrowed(&names), TOKENS_PER_NODE_DEFAULT);
            prop_assert!(largest_share_percent(&ring) <= SHARE_RANDOM_PERCENT);
        }
    }

    #[test]
    fn no_node_of_the_measured_clusters_has_half_more_than_its_fair_share() {
        let largest = (0..100)
            .cartesian_product(2..=NODES_TRIED)
            .map(|(cluster, count)| {
                let names: Vec<String> =
                    (0..count).map(|node| format!("cluster-{cluster}-node-{node}")).collect();
                largest_share_percent(&ring(&borrowed(&names), TOKENS_PER_NODE_DEFAULT))
            })
            .max()
            .unwrap();
        assert!(largest <= SHARE_MEASURED_PERCENT, "{largest} percent of the fair share");
    }

    #[test]
    fn walking_tokens_without_skipping_repeats_can_name_a_node_twice() {
        let ring = ring(&["ada", "bob", "cyd"], 8);
        let keys = || (0..1000).map(|number| Key::from(format!("key-{number}").as_str()));
        let names_a_node_twice =
            |key: &Key| !all_distinct(&ring.homes_without_skipping_repeats(key, 3));
        let collisions = keys().filter(names_a_node_twice).count();
        // Three tokens of three equal owners are all different in 2 cases of 9 only.
        assert!(collisions > 500, "{collisions} of 1000 keys");
        assert!(keys().all(|key| all_distinct(&ring.homes(&key, 3).unwrap())));
    }

    #[test]
    fn tokens_at_the_same_position_follow_in_the_order_of_names() {
        let ring = Ring::place(
            [(NodeId(0), "cyd"), (NodeId(1), "ada"), (NodeId(2), "bob")],
            2,
            |_, index| index,
        )
        .unwrap();
        let walk: Vec<NodeId> = ring.tokens_from(1).map(|token| token.node).collect();
        assert_eq!(walk, [1, 2, 0, 1, 2, 0].map(NodeId));
    }

    #[test]
    fn a_walk_starts_at_the_token_it_stands_on_and_wraps_past_the_last() {
        let ring = Ring::place([(NodeId(0), "a"), (NodeId(1), "b")], 1, |name, _| match name {
            "a" => 10,
            _ => 20,
        })
        .unwrap();
        let first = |position| ring.distinct_nodes_from(position).next();
        assert_eq!(
            [0, 10, 11, 20, 21, u64::MAX].map(first),
            [0, 0, 1, 1, 0, 0].map(|node| Some(NodeId(node)))
        );
    }

    #[test]
    fn positions_are_the_same_in_every_release() {
        let positions: Vec<u64> =
            ring(&["ada"], 2).tokens.iter().map(|token| token.position).collect();
        assert_eq!(
            positions,
            [12_017_168_664_896_163_887, 14_016_860_607_166_043_102],
            "tokens moved, and with them the data of every cluster"
        );
        assert_eq!(key_position(&Key::from("apple")), 15_977_258_158_888_447_795, "keys moved");
    }

    #[test]
    fn a_key_and_a_token_of_the_same_bytes_have_different_positions() {
        let mut token_bytes = b"ada".to_vec();
        token_bytes.extend(0_u64.to_le_bytes());
        let position = key_position(&Key(token_bytes.into()));
        assert_ne!(ring(&["ada"], 1).tokens[0].position, position);
    }

    #[test]
    fn nodes_need_not_be_numbered_densely() {
        let ring = Ring::new([(NodeId(127), "ada"), (NodeId(5), "bob")], 4).unwrap();
        let preferred: BTreeSet<NodeId> =
            ring.preference_list(&Key::from("apple")).into_iter().collect();
        assert_eq!(preferred, BTreeSet::from([NodeId(5), NodeId(127)]));
    }

    #[test]
    fn the_largest_cluster_has_a_ring_and_one_node_more_has_none() {
        let names: Vec<String> = (0..=NODES_MAX).map(|node| format!("node-{node}")).collect();
        let names = borrowed(&names);
        let largest = ring(&names[..NODES_MAX], 1);
        assert_eq!(largest.preference_list(&Key::from("apple")).len(), NODES_MAX);
        assert_eq!(
            Ring::new(numbered(&names), 1),
            Err(RingError::TooManyNodes { count: NODES_MAX + 1 })
        );
    }

    #[test]
    fn a_cluster_that_cannot_be_a_ring_is_refused_with_the_reason() {
        let refused = |nodes: Vec<(NodeId, &str)>, tokens| Ring::new(nodes, tokens).unwrap_err();
        assert_eq!(refused(vec![], 8), RingError::NoNodes);
        assert_eq!(refused(numbered(&["ada"]), 0), RingError::NoTokens);
        assert_eq!(
            refused(vec![(NodeId(128), "ada")], 8),
            RingError::NodeOutOfRange { node: NodeId(128) }
        );
        assert_eq!(
            refused(vec![(NodeId(3), "ada"), (NodeId(3), "bob")], 8),
            RingError::DuplicateNode { node: NodeId(3) }
        );
        assert_eq!(
            refused(numbered(&["ada", "bob", "ada"]), 8).to_string(),
            "nodes n0 and n2 are both named \"ada\": rename one of them"
        );
    }

    #[test]
    fn more_homes_than_nodes_are_refused_with_what_to_do() {
        let refused = ring(&["ada", "bob"], 8).homes(&Key::from("apple"), 3).unwrap_err();
        assert_eq!(refused, RingError::TooFewNodes { n: 3, nodes: 2 });
        assert_eq!(ring(&["ada", "bob"], 8).home_sets(3), Err(refused.clone()));
        assert_eq!(
            refused.to_string(),
            "a key cannot have N = 3 homes on 2 nodes: lower N to at most 2 or add nodes"
        );
    }
}
