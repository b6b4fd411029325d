//! Where runs end: whether, once faults and client operations have ended, every fair run comes to
//! states of a kind, a *goal*, and stays there. For `convergence` these are the states in which the
//! homes of every key agree; for `progress`, those in which every node serves. How it is decided:
//! [`quorate_checker::decision`].

use itertools::Itertools;

use super::state::ClusterState;
use crate::ids::{Key, NodeSet};

/// What is assumed of the world, in words.
pub const FAIRNESS: &str = "after the last fault and the last client operation, every delivery and \
    timer that is possible again and again happens in the end";

/// Whether every node serves; or one is down or the network is split, so that nobody may ask for more.
#[must_use]
pub fn serves(state: &ClusterState) -> bool {
    !state.down.is_empty()
        || !state.groups.is_empty()
        || state.nodes().all(|node| node.replica.serves())
}

/// Whether the homes of a key each hold an equal record of it, or each none.
#[must_use]
pub fn homes_agree(state: &ClusterState, key: &Key, homes: NodeSet) -> bool {
    homes.iter().map(|home| state.node(home).store.held(key)).all_equal()
}
