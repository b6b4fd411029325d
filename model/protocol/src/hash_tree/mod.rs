//! A tree of hashes over a node's entries, by which two nodes find the few keys on which they
//! differ without naming the many on which they agree.
//!
//! Two nodes compare roots, and below every pair of nodes that differ the children, until they
//! have the leaves that differ: Merkle trees, as Dynamo uses them (SOSP 2007, section 4.7). The
//! leaves are ranges of key positions, fixed by the [shape](TreeShape) and not by the entries, so
//! that a leaf means the same keys on both sides. The hash of a node is not the hash of its
//! children's hashes but the [sum](SetHash) of its entries', so that a write changes the tree
//! along one path without a look at anything else.

mod block;
mod descent;
mod position;
mod set_hash;
mod shape;

pub use descent::{Descent, differing_children, differing_leaves};
pub use position::{RowPlace, key_position, row_place, rows_within};
pub use set_hash::{EntryHash, SetHash};
pub use shape::{FANOUT_BITS_MAX, LEAF_BITS_MAX, LeafId, ShapeError, TreeShape};

use core::fmt;
use core::hash::{Hash, Hasher};
use core::mem::size_of;

use serde::{Serialize, Serializer};

use block::Below;

/// The hashes of a set of entries, by the ranges of positions they lie in.
///
/// A clone shares everything with the original; a change then copies the blocks on one path.
///
/// Comparing, hashing and serialising a tree looks at its shape and its root alone, so it takes
/// constant time. Nothing is lost by that: a tree is a function of its set of entries, and the
/// root is the hash of that set. Two trees of one shape and root have equal content but for an
/// accident of probability 2^-64, the same that makes any two nodes of trees look equal.
#[derive(Clone)]
pub struct HashTree {
    shape: TreeShape,
    root: SetHash,
    below: Below,
}

impl HashTree {
    /// The tree of no entries.
    #[must_use]
    pub fn new(shape: TreeShape) -> Self {
        HashTree { shape, root: SetHash::EMPTY, below: Below::Nothing }
    }

    /// How wide and how deep it is.
    #[must_use]
    pub fn shape(&self) -> TreeShape {
        self.shape
    }

    /// Follows the replacement of a key's entry: `old` leaves the set, `new` joins it. Takes time
    /// in the number of levels.
    ///
    /// The caller knows what was there: an `old` that was not in this leaf leaves a tree that is
    /// the tree of no set.
    ///
    /// # Panics
    /// If the shape has no such leaf. Those of [`TreeShape::leaf_of`] it has.
    pub fn replace(&mut self, leaf: LeafId, old: Option<EntryHash>, new: Option<EntryHash>) {
        self.add(leaf, SetHash::change(old, new));
    }

    /// Adds to the hash of a leaf: all entries of a set at once, by the hash of that set.
    ///
    /// # Panics
    /// If the shape has no such leaf.
    pub fn add(&mut self, leaf: LeafId, change: SetHash) {
        assert!(leaf.0 < self.shape.leaves(), "a tree of this shape has no leaf {}", leaf.0);
        if change != SetHash::EMPTY {
            self.root += change;
            self.below.add(self.shape, 1, leaf, change);
        }
    }

    /// The hash of all entries.
    #[must_use]
    pub fn root(&self) -> SetHash {
        self.root
    }

    /// The hash of the entries below the `index`-th node of a level, the root's being 0.
    ///
    /// [`SetHash::EMPTY`] where the tree has no such node, so that a node named by a peer may be
    /// asked for as it is.
    #[must_use]
    pub fn node_hash(&self, level: u8, index: u32) -> SetHash {
        match level {
            _ if index >= self.shape.nodes_at(level) => SetHash::EMPTY,
            0 => self.root,
            _ => self.below.node_hash(self.shape, 1, level, index),
        }
    }

    /// The children of a node that are not empty, in ascending order: the index of each among the
    /// nodes of the next level, and its hash.
    ///
    /// None of a leaf, nor of a node that the tree does not have.
    pub fn children(&self, level: u8, index: u32) -> impl Iterator<Item = (u32, SetHash)> + '_ {
        let inner = level < self.shape.levels() && index < self.shape.nodes_at(level);
        let fanout = self.shape.fanout() as u32;
        let children = if inner { index * fanout..(index + 1) * fanout } else { 0..0 };
        children
            .map(move |child| (child, self.node_hash(level + 1, child)))
            .filter(|(_, hash)| *hash != SetHash::EMPTY)
    }

    /// Bytes of memory that the tree takes, with what it shares with other trees and without what
    /// the allocator adds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<HashTree>() + self.below.memory_bytes()
    }
}

/// By shape and root.
impl PartialEq for HashTree {
    fn eq(&self, other: &Self) -> bool {
        (self.shape, self.root) == (other.shape, other.root)
    }
}

impl Eq for HashTree {}

/// By shape and root.
impl Hash for HashTree {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.shape, self.root).hash(state);
    }
}

/// The root. The shape is configured, and the rest follows from the store.
impl Serialize for HashTree {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.root.serialize(to)
    }
}

/// `tree 0123456789abcdef`
impl fmt::Debug for HashTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tree {}", self.root)
    }
}

#[cfg(test)]
mod tests;
