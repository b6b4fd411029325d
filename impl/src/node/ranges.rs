//! A short name of what a node holds of each range, so that homes can be compared from outside.
//!
//! A range is all keys with the same set of homes. Its digest is the exclusive or of a digest of
//! each key with its state, so that a write costs one write's work.

use std::sync::Arc;

use quorate_model::cluster::ClusterConfig;
use quorate_model::ids::{Key, NodeId};
use quorate_model::protocol::Entry;

use crate::wire::RangeStatus;

/// The most ranges that a node tells its digests of: what fits a datagram.
pub const RANGES_MAX: usize = 1_000;

/// Separates this hash from all other uses of BLAKE3.
const CONTEXT: &str = "quorate node: digest of a key and its state in a range, version 1";

/// The digests of the ranges that a node is a home of.
#[derive(Clone, Debug)]
pub struct RangeDigests {
    cluster: Arc<ClusterConfig>,
    /// In the order of the homes.
    ranges: Vec<RangeStatus>,
}

impl RangeDigests {
    /// Those of a node that holds nothing.
    #[must_use]
    pub fn new(node: NodeId, cluster: Arc<ClusterConfig>) -> Self {
        let homes = cluster.ranges().iter().filter(|homes| homes.contains(node));
        let mut ranges: Vec<_> =
            homes.map(|homes| RangeStatus { homes: *homes, digest: 0 }).collect();
        ranges.sort_by_key(|range| range.homes);
        RangeDigests { cluster, ranges }
    }

    /// Follows the replacement of what is held of a key, `None` being nothing.
    pub fn replace(&mut self, key: &Key, old: Option<&Entry>, new: Option<&Entry>) {
        let homes = self.cluster.homes(key);
        // A key that the node is no longer a home of is of no range here.
        let Ok(index) = self.ranges.binary_search_by_key(&homes, |range| range.homes) else {
            return;
        };
        for entry in [old, new].into_iter().flatten() {
            self.ranges[index].digest ^= digest(key, entry);
        }
    }

    /// What to tell of them; `None` when there are more than [`RANGES_MAX`].
    #[must_use]
    pub fn status(&self) -> Option<Vec<RangeStatus>> {
        (self.ranges.len() <= RANGES_MAX).then(|| self.ranges.clone())
    }
}

fn digest(key: &Key, entry: &Entry) -> u128 {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(&entry.state.digest().0.to_le_bytes()).update(&key.0);
    let hash = hasher.finalize();
    u128::from_le_bytes(*hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes"))
}
