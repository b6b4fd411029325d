//! Whether a cluster that nobody writes to has converged, by what its nodes say of themselves.
//!
//! A client that asks every node knows no more than this. The checker looks at what it would say in every
//! state of a scenario: where it finds nothing missing, the homes of every key hold the same.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::cluster::ClusterConfig;
use crate::hash_tree::SetHash;
use crate::ids::{NodeId, NodeSet};

/// What a node says of itself, as far as it matters here.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct NodeSays {
    /// Whether it lost its disk and neither votes nor serves yet.
    pub is_catching_up: bool,
    /// How many keys it holds whose states are too large to be sent.
    pub oversized: u64,
    /// The homes for which it holds hints, and how many.
    pub hints: Vec<(NodeId, u64)>,
    /// Of each range that it is a home of, by the range's homes: the root of its hash tree. `None` where it does
    /// not say.
    pub ranges: Option<Vec<(NodeSet, SetHash)>>,
}

/// What is still missing until all homes of every key hold the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Obstacle {
    /// A node does not answer.
    Silent(NodeId),
    /// It lost its disk and catches up.
    CatchingUp(NodeId),
    /// It holds states that it cannot send.
    Oversized {
        /// Which node.
        node: NodeId,
        /// Of how many keys.
        count: u64,
    },
    /// It holds hints for another.
    Hints {
        /// Which node.
        holder: NodeId,
        /// For whom.
        home: NodeId,
        /// How many.
        count: u64,
    },
    /// The homes of a range hold different states of their keys, or do not all say what they hold.
    Differ(NodeSet),
}

/// What is missing, by what those nodes say that answered: nothing if every node is up, none catches up, holds hints
/// for others or states that it cannot send, and all homes agree about what is in their range. Then no background
/// round has anything left to do.
#[must_use]
pub fn obstacles(cluster: &ClusterConfig, said: &BTreeMap<NodeId, NodeSays>) -> Vec<Obstacle> {
    let mut found = Vec::new();
    for node in cluster.members() {
        let node = *node;
        let Some(says) = said.get(&node) else {
            found.push(Obstacle::Silent(node));
            continue;
        };
        if says.is_catching_up {
            found.push(Obstacle::CatchingUp(node));
        }
        if says.oversized > 0 {
            found.push(Obstacle::Oversized { node, count: says.oversized });
        }
        let hints = says.hints.iter();
        found.extend(hints.map(|(home, count)| Obstacle::Hints {
            holder: node,
            home: *home,
            count: *count,
        }));
    }
    let ranges = cluster.ranges().iter().copied();
    found.extend(ranges.filter(|homes| !agree(said, *homes)).map(Obstacle::Differ));
    found
}

/// Whether the homes of a range that answered hold the same of it, as far as they say.
fn agree(said: &BTreeMap<NodeId, NodeSays>, homes: NodeSet) -> bool {
    let answered = homes.iter().filter_map(|home| said.get(&home));
    let mut roots = answered.map(|says| {
        let mut ranges = says.ranges.iter().flatten();
        ranges.find(|(range, _)| *range == homes).map(|(_, root)| *root)
    });
    match roots.next() {
        None => true,
        // A node that does not say is not known to agree.
        Some(first) => first.is_some() && roots.all(|root| root == first),
    }
}
