//! The inside of a tree: hashes in blocks of siblings, shared between copies of a tree.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::set_hash::SetHash;
use super::shape::{LeafId, TreeShape};

/// What is below a node.
///
/// One array per level would be simpler, and a quarter smaller once all leaves are occupied. But a
/// node keeps a tree for each range, of which a large cluster has hundreds, each with few keys: its
/// memory should follow the keys. And a copy that is then changed must not copy a whole level.
#[derive(Clone, Default)]
pub(super) enum Below {
    /// No entries: no memory either.
    #[default]
    Nothing,
    /// So few leaves that listing them takes less memory than blocks would: those that are not
    /// empty, in ascending order, at most [`few`] and at least one.
    Few(Arc<[(LeafId, SetHash)]>),
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

/// How many leaves are few: a listed one takes twice the memory of one in a block.
fn few(shape: TreeShape) -> usize {
    shape.fanout() / 2
}

impl Below {
    /// Adds to the hash of a leaf and of all nodes above it, below a node of level `level - 1`.
    ///
    /// Touches one block per level. Blocks that are shared with a copy of the tree are copied, the
    /// others are changed in place. A block whose last entry leaves is given back; one that has
    /// few again stays, since a store that shrank by so much will soon have grown again.
    pub(super) fn add(&mut self, shape: TreeShape, level: u8, leaf: LeafId, change: SetHash) {
        let child = shape.child_on_path(leaf, level);
        let emptied = match self {
            Below::Nothing => {
                *self = Below::Few([(leaf, change)].into());
                change == SetHash::EMPTY
            }
            Below::Few(listed) => match listed.binary_search_by_key(&leaf, |(leaf, _)| *leaf) {
                Ok(at) => {
                    let hash = &mut Arc::make_mut(listed)[at].1;
                    *hash += change;
                    if *hash == SetHash::EMPTY {
                        *listed =
                            listed.iter().copied().filter(|(each, _)| *each != leaf).collect();
                    }
                    listed.is_empty()
                }
                Err(at) if listed.len() < few(shape) => {
                    let mut longer = Vec::with_capacity(listed.len() + 1);
                    longer.extend_from_slice(listed);
                    longer.insert(at, (leaf, change));
                    *listed = longer.into();
                    false
                }
                Err(_) => {
                    let mut block = Below::empty_block(shape, level);
                    for (leaf, hash) in listed.iter().copied().chain([(leaf, change)]) {
                        block.add(shape, level, leaf, hash);
                    }
                    *self = block;
                    false
                }
            },
            Below::Leaves(leaves) => {
                let leaves = Arc::make_mut(leaves);
                leaves[child] += change;
                leaves.iter().all(|leaf| *leaf == SetHash::EMPTY)
            }
            Below::Branches(branches) => {
                let branches = Arc::make_mut(branches);
                branches[child].hash += change;
                branches[child].below.add(shape, level + 1, leaf, change);
                // What is below tells, not the hashes: a sum that happens to be zero must not take
                // its entries along.
                branches.iter().all(|branch| matches!(branch.below, Below::Nothing))
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

    /// The hash of the `index`-th node of level `wanted`, which is below a node of level
    /// `level - 1`, and which the shape has.
    pub(super) fn node_hash(&self, shape: TreeShape, level: u8, wanted: u8, index: u32) -> SetHash {
        let child = shape.child_on_path(shape.first_leaf_below(wanted, index), level);
        match self {
            Below::Nothing => SetHash::EMPTY,
            Below::Few(listed) => {
                let below =
                    listed.iter().filter(|(leaf, _)| shape.ancestor(*leaf, wanted) == index);
                below.map(|(_, hash)| *hash).sum()
            }
            Below::Leaves(leaves) => leaves[child],
            Below::Branches(branches) if level == wanted => branches[child].hash,
            Below::Branches(branches) => {
                branches[child].below.node_hash(shape, level + 1, wanted, index)
            }
        }
    }

    /// Bytes of all blocks, with the two counters of a shared block and without what the
    /// allocator adds.
    pub(super) fn memory_bytes(&self) -> usize {
        let counters = 2 * size_of::<usize>();
        match self {
            Below::Nothing => 0,
            Below::Few(listed) => counters + size_of_val::<[_]>(listed),
            Below::Leaves(leaves) => counters + size_of_val::<[_]>(leaves),
            Below::Branches(branches) => {
                let below: usize = branches.iter().map(|branch| branch.below.memory_bytes()).sum();
                counters + size_of_val::<[_]>(branches) + below
            }
        }
    }
}
