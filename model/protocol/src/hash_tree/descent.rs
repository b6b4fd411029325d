//! Finding what differs: comparing two trees from the root down.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use itertools::{EitherOrBoth, Itertools};

use super::{HashTree, LeafId, SetHash};

/// What a comparison of two trees found, and what it took.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Descent {
    /// The leaves in which the trees differ, in ascending order.
    pub leaves: Vec<LeafId>,
    /// Pairs of hashes compared. For `d` keys that differ at most `1 + d * levels * fanout`: the
    /// roots, and on each level all children of at most `d` nodes.
    pub compared: usize,
    /// Hashes that one side must send the other: its root, and those children it compares that
    /// are not empty on its side.
    pub sent: usize,
    /// Inner nodes whose children were compared.
    pub opened: usize,
}

/// Compares two trees that are both at hand: what two nodes do with messages, without them.
///
/// # Panics
/// If the trees are of different shapes, whose leaves hold different keys.
#[must_use]
pub fn differing_leaves(mine: &HashTree, theirs: &HashTree) -> Descent {
    assert_eq!(mine.shape(), theirs.shape(), "trees of two shapes cannot be compared");
    let mut descent = Descent { compared: 1, sent: 1, ..Descent::default() };
    let mut differing = if mine.root() == theirs.root() { vec![] } else { vec![0] };
    for level in 0..mine.shape().levels() {
        let mut below = Vec::new();
        for index in differing {
            descent.opened += 1;
            for child in
                compare_children(mine.children(level, index), theirs.children(level, index))
            {
                descent.compared += 1;
                descent.sent += usize::from(child.sent);
                below.extend(child.differs.then_some(child.index));
            }
        }
        differing = below;
    }
    descent.leaves = differing.into_iter().map(LeafId).collect();
    descent
}

/// Which children of one node differ, given those that are not empty on either side in ascending
/// order: [`HashTree::children`] of this node's tree, and the same from a peer.
///
/// What a peer sends may be anything. Indices that are out of order or do not exist are answered
/// with some indices, each of which was in one of the two lists.
pub fn differing_children(
    mine: impl Iterator<Item = (u32, SetHash)>,
    theirs: impl Iterator<Item = (u32, SetHash)>,
) -> impl Iterator<Item = u32> {
    compare_children(mine, theirs).filter(|child| child.differs).map(|child| child.index)
}

/// A child that is not empty on at least one side.
struct ComparedChild {
    index: u32,
    differs: bool,
    /// Whether it is in the list of `mine`, which travels.
    sent: bool,
}

fn compare_children(
    mine: impl Iterator<Item = (u32, SetHash)>,
    theirs: impl Iterator<Item = (u32, SetHash)>,
) -> impl Iterator<Item = ComparedChild> {
    let by_index =
        |mine: &(u32, SetHash), theirs: &(u32, SetHash)| -> Ordering { mine.0.cmp(&theirs.0) };
    mine.merge_join_by(theirs, by_index).map(|child| match child {
        EitherOrBoth::Both((index, mine), (_, theirs)) => {
            ComparedChild { index, differs: mine != theirs, sent: true }
        }
        EitherOrBoth::Left((index, _)) => ComparedChild { index, differs: true, sent: true },
        EitherOrBoth::Right((index, _)) => ComparedChild { index, differs: true, sent: false },
    })
}
