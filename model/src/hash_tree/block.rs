//! The inside of a tree: hashes in blocks of siblings, shared between copies of a tree.

use alloc::sync::Arc;
use alloc::vec;
use core::mem::size_of;

use super::set_hash::{Replacement, SetHash};
use super::shape::{LeafId, TreeShape};

/// What is below a node.
///
/// A tree of blocks rather than one array per level, for two reasons that were measured: a node
/// keeps a tree for each range, of which a large cluster has hundreds, most of them nearly empty;
/// and a copy that is then changed must not copy a whole level. A full tree takes a tenth more
/// than arrays would.
#[derive(Clone, Default)]
pub(super) enum Below {
    /// No entries: no memory either.
    #[default]
    Nothing,
    /// Inner nodes, all children of one.
    Branches(Arc<[Branch]>),
    /// Leaves, all children of one.
    Leaves(Arc<[SetHash]>),
}

/// An inner node below the root.
#[derive(Clone, Default)]
pub(super) struct Branch {
    hash: SetHash,
    below: Below,
}

impl Below {
    /// Follows a replacement below a node of level `level - 1`, along the path to a leaf.
    ///
    /// Touches one node per level. Blocks that are shared with a copy of the tree are copied, the
    /// others are changed in place; a block without entries is given back.
    pub(super) fn replace(
        &mut self,
        shape: TreeShape,
        level: u8,
        leaf: LeafId,
        replacement: Replacement,
    ) {
        if let Below::Nothing = self {
            *self = Below::empty_block(shape, level);
        }
        let child = shape.child_on_path(leaf, level);
        let emptied = match self {
            Below::Nothing => true,
            Below::Leaves(leaves) => {
                let leaves = Arc::make_mut(leaves);
                leaves[child].replace(replacement);
                leaves[child] == SetHash::EMPTY && leaves.iter().all(|leaf| *leaf == SetHash::EMPTY)
            }
            Below::Branches(branches) => {
                let branches = Arc::make_mut(branches);
                branches[child].hash.replace(replacement);
                branches[child].below.replace(shape, level + 1, leaf, replacement);
                // The blocks below tell, not the hashes: a sum that happens to be zero must not
                // take its entries along.
                let nothing = |branch: &Branch| matches!(branch.below, Below::Nothing);
                nothing(&branches[child]) && branches.iter().all(nothing)
            }
        };
        if emptied {
            *self = Below::Nothing;
        }
    }

    /// A block of nodes of a level, all without entries.
    fn empty_block(shape: TreeShape, level: u8) -> Below {
        if level == shape.levels() {
            Below::Leaves(vec![SetHash::EMPTY; shape.fanout()].into())
        } else {
            Below::Branches(vec![Branch::default(); shape.fanout()].into())
        }
    }

    /// The hash of a child, and what is below it.
    pub(super) fn child(&self, child: usize) -> (SetHash, &Below) {
        match self {
            Below::Nothing => (SetHash::EMPTY, &Below::Nothing),
            Below::Leaves(leaves) => (leaves[child], &Below::Nothing),
            Below::Branches(branches) => (branches[child].hash, &branches[child].below),
        }
    }

    /// Bytes of all blocks, with the two counters of a shared block and without what the
    /// allocator adds.
    pub(super) fn memory_bytes(&self) -> usize {
        let counters = 2 * size_of::<usize>();
        match self {
            Below::Nothing => 0,
            Below::Leaves(leaves) => counters + size_of_val::<[SetHash]>(leaves),
            Below::Branches(branches) => {
                let below: usize = branches.iter().map(|branch| branch.below.memory_bytes()).sum();
                counters + size_of_val::<[Branch]>(branches) + below
            }
        }
    }
}
