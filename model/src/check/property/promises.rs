//! What a cluster promises of a key: what its traces are judged by, before there are any.

pub use quorate_checker::world::Promise;

use super::{Judging, LostDisks, OnTraces, Promiser, PropertySpec, Weakest};
use crate::cluster::ClusterConfig;

/// What befalls a key and what is asked of it, as far as promises go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Circumstances {
    /// The fewest homes that a read of it asks for.
    pub r: usize,
    /// The fewest acknowledgements that a write of it asks for.
    pub w: usize,
    /// Whether a write may be acknowledged by nodes that are no homes.
    pub is_sloppy: bool,
    /// How many of the nodes that may hold it lose their disks.
    pub lost_disks: usize,
    /// Whether a write is minted twice: its retry is taken for another write.
    pub is_minted_twice: bool,
}

impl Circumstances {
    /// Requests as the cluster is set, and nothing lost.
    #[must_use]
    pub fn of(cluster: &ClusterConfig) -> Self {
        let (quorum, is_sloppy) = (cluster.quorum(), cluster.sloppy());
        let (r, w) = (quorum.r(), quorum.w());
        Circumstances { r, w, is_sloppy, lost_disks: 0, is_minted_twice: false }
    }
}

impl PropertySpec {
    /// Whether a cluster promises this of a key under these circumstances; `None` where it is not judged on traces.
    #[must_use]
    pub fn is_promised(
        &self,
        cluster: &ClusterConfig,
        circumstances: &Circumstances,
    ) -> Option<bool> {
        let OnTraces::Judged(Judging { promised, .. }) = self.on_traces else { return None };
        let Circumstances { r, w, is_sloppy, lost_disks, is_minted_twice } = *circumstances;
        let lost = LostDisks { holders: lost_disks, in_all: lost_disks, is_accepted: false };
        let weakest = Weakest { r, w, is_sloppy };
        Some(promised(&Promiser { cluster, weakest, is_minted_twice, lost }))
    }

    /// Under which losses a cluster promises this of what is asked for as it is set; `None` where it is not judged on
    /// traces.
    #[must_use]
    pub fn promise(&self, cluster: &ClusterConfig) -> Option<Promise> {
        let set = Circumstances::of(cluster);
        let holders = if set.is_sloppy { cluster.members().len() } else { cluster.quorum().n() };
        self.is_promised(cluster, &set)?;
        Some(Promise::of(holders, |lost_disks| {
            self.is_promised(cluster, &Circumstances { lost_disks, ..set }).unwrap_or(false)
        }))
    }
}
