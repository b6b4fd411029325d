//! How keys spread over the leaves of a tree, which all nodes of a cluster must agree on.

use core::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::position::key_position;
use crate::ids::Key;

/// The most bits of a position that choose a leaf: beyond 16 million leaves a tree would take
/// more memory than a node should spend on it.
pub const LEAF_BITS_MAX: u8 = 24;

/// The most bits of a position that choose a child: the hashes of 256 children fit a datagram.
pub const FANOUT_BITS_MAX: u8 = 8;

/// A leaf of a tree: the number of leaves on its left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LeafId(pub u32);

/// How wide and how deep a tree is. The root is level 0; the leaves are the last level.
///
/// Trees can be compared only if they have the same shape. The top bits of a key's
/// [position](key_position) name its path: the first few choose a child of the root, the next few
/// a child of that, until the leaf.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TreeShape {
    fanout_bits: u8,
    levels: u8,
}

/// Why there is no tree of a shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ShapeError {
    /// Inner nodes would have one child, or too many.
    #[error("{fanout_bits} bits choose a child, but a tree takes 1 to {FANOUT_BITS_MAX}")]
    Fanout {
        /// What was asked for.
        fanout_bits: u8,
    },
    /// There would be no leaves, or too many.
    #[error(
        "{levels} levels of {fanout_bits} bits each, but a tree has at least one level below its \
         root and at most {LEAF_BITS_MAX} bits"
    )]
    Levels {
        /// The bits that choose a child.
        fanout_bits: u8,
        /// The levels asked for.
        levels: u8,
    },
}

impl TreeShape {
    /// What nodes use: fanout 16, four levels below the root, 65,536 leaves.
    ///
    /// A leaf holds about one key in 65,536, so a leaf that differs makes two nodes list few keys
    /// that do not, up to some millions of keys; and the 16 hashes of a node's children fit a
    /// datagram many times over.
    pub const NODES: TreeShape = TreeShape { fanout_bits: 4, levels: 4 };

    /// The smallest tree: two leaves below the root. For the checker, whose scenarios have one or
    /// two keys.
    pub const SMALLEST: TreeShape = TreeShape { fanout_bits: 1, levels: 1 };

    /// A tree whose inner nodes have 2 to the `fanout_bits` children each, with `levels` levels
    /// below the root.
    ///
    /// # Errors
    /// When either is zero, or there would be more than 2 to the [`FANOUT_BITS_MAX`] children or
    /// 2 to the [`LEAF_BITS_MAX`] leaves.
    pub fn new(fanout_bits: u8, levels: u8) -> Result<TreeShape, ShapeError> {
        if !(1..=FANOUT_BITS_MAX).contains(&fanout_bits) {
            return Err(ShapeError::Fanout { fanout_bits });
        }
        if levels == 0 || levels > LEAF_BITS_MAX / fanout_bits {
            return Err(ShapeError::Levels { fanout_bits, levels });
        }
        Ok(TreeShape { fanout_bits, levels })
    }

    /// How many children every inner node has.
    #[must_use]
    pub fn fanout(self) -> usize {
        1 << self.fanout_bits
    }

    /// How many levels there are below the root, which is also the level of the leaves.
    #[must_use]
    pub fn levels(self) -> u8 {
        self.levels
    }

    /// How many nodes a level has; zero where the tree has no such level.
    #[must_use]
    pub fn nodes_at(self, level: u8) -> u32 {
        if level > self.levels { 0 } else { 1 << (self.fanout_bits * level) }
    }

    /// How many leaves there are.
    #[must_use]
    pub fn leaves(self) -> u32 {
        self.nodes_at(self.levels)
    }

    /// The leaf that a key belongs to.
    #[must_use]
    pub fn leaf_of(self, key: &Key) -> LeafId {
        self.leaf_at(key_position(key))
    }

    /// The leaf that a position belongs to.
    #[must_use]
    pub fn leaf_at(self, position: u64) -> LeafId {
        LeafId((position >> self.bits_below_leaf()) as u32)
    }

    /// The positions of exactly the keys that belong to a leaf; none where the tree has no such
    /// leaf, so that a leaf named by a peer may be asked for as it is.
    #[must_use]
    pub fn leaf_range(self, leaf: LeafId) -> RangeInclusive<u64> {
        if leaf.0 >= self.leaves() {
            return RangeInclusive::new(1, 0);
        }
        let start = u64::from(leaf.0) << self.bits_below_leaf();
        let within = (1 << self.bits_below_leaf()) - 1;
        start..=start | within
    }

    /// The bits of a position that tell keys of one leaf apart. At least 64 - [`LEAF_BITS_MAX`].
    fn bits_below_leaf(self) -> u8 {
        64 - self.fanout_bits * self.levels
    }

    /// Which child of its parent at level `level - 1` the path to a leaf takes, for a level from 1
    /// to that of the leaves.
    pub(super) fn child_on_path(self, leaf: LeafId, level: u8) -> usize {
        self.ancestor(leaf, level) as usize % self.fanout()
    }

    /// The index, among the nodes of a level, of the one above a leaf (or the leaf itself).
    pub(super) fn ancestor(self, leaf: LeafId, level: u8) -> u32 {
        leaf.0 >> (self.fanout_bits * (self.levels - level))
    }

    /// The leftmost leaf below a node, which the shape must have.
    pub(super) fn first_leaf_below(self, level: u8, index: u32) -> LeafId {
        LeafId(index << (self.fanout_bits * (self.levels - level)))
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::ToString;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::ids::NodeId;
    use crate::ring::{Ring, TOKENS_PER_NODE_DEFAULT};

    fn numbered_keys(count: usize) -> impl Iterator<Item = Key> {
        (0..count).map(|number| Key::from(format!("key-{number}").as_str()))
    }

    #[test]
    fn shapes_without_children_or_leaves_or_with_too_many_are_refused() {
        for (fanout_bits, levels) in [(1, 1), (4, 4), (8, 3), (1, 24)] {
            let shape = TreeShape::new(fanout_bits, levels).unwrap();
            assert_eq!(shape.leaves(), 1 << (fanout_bits * levels));
        }
        for fanout_bits in [0, 9, u8::MAX] {
            assert_eq!(TreeShape::new(fanout_bits, 1), Err(ShapeError::Fanout { fanout_bits }));
        }
        for (fanout_bits, levels) in [(4, 0), (4, 7), (1, u8::MAX)] {
            let refused = TreeShape::new(fanout_bits, levels);
            assert_eq!(refused, Err(ShapeError::Levels { fanout_bits, levels }));
        }
        assert_eq!(
            TreeShape::new(4, 7).unwrap_err().to_string(),
            "7 levels of 4 bits each, but a tree has at least one level below its root and at \
             most 24 bits"
        );
    }

    #[test]
    fn the_ranges_of_the_leaves_cover_all_positions_without_gap_or_overlap() {
        for shape in [TreeShape::SMALLEST, TreeShape::NODES, TreeShape::new(3, 3).unwrap()] {
            let mut next = Some(0);
            for leaf in (0..shape.leaves()).map(LeafId) {
                let range = shape.leaf_range(leaf);
                assert_eq!(Some(*range.start()), next);
                assert_eq!(shape.leaf_at(*range.start()), leaf);
                assert_eq!(shape.leaf_at(*range.end()), leaf);
                next = range.end().checked_add(1);
            }
            assert_eq!(next, None, "the last leaf ends at the last position");
        }
    }

    #[test]
    fn a_leaf_that_the_tree_does_not_have_has_no_positions() {
        for leaf in [65_536, u32::MAX] {
            assert!(TreeShape::NODES.leaf_range(LeafId(leaf)).is_empty());
        }
    }

    #[test]
    fn keys_with_the_same_homes_spread_over_all_leaves() {
        const KEYS: usize = 20_000;
        let names = ["ada", "bob", "cyd", "dan", "eve"];
        let ring = Ring::new((0..).map(NodeId).zip(names), TOKENS_PER_NODE_DEFAULT).unwrap();
        let shape = TreeShape::new(4, 1).unwrap();
        let mut occupied = BTreeMap::<Vec<NodeId>, Vec<usize>>::new();
        for key in numbered_keys(KEYS) {
            let mut homes = ring.homes(&key, 3).unwrap();
            homes.sort_unstable();
            let leaves = occupied.entry(homes).or_insert_with(|| vec![0; shape.fanout()]);
            leaves[shape.leaf_of(&key).0 as usize] += 1;
        }
        assert_eq!(occupied.len(), 10);
        for (homes, leaves) in occupied {
            let fair = leaves.iter().sum::<usize>() / leaves.len();
            for keys in leaves {
                // Six standard deviations of a fair share.
                let off = keys.abs_diff(fair);
                assert!(off * off <= 36 * fair, "{keys} of {homes:?} where {fair} were fair");
            }
        }
    }
}
