//! Which built-in scenario shows that a cluster does not promise something.

use alloc::vec::Vec;

use super::builtin::{ALL, Builtin};
use super::{PlannedAction, Scenario};
use crate::check::property::{ALL as PROPERTIES, Circumstances, Goal, PropertyKind};
use crate::check::{Expected, PropertySpec};
use crate::cluster::{ClusterConfig, Reaping};
use crate::protocol::ReadRepair;
use crate::versions::Versioning;

/// A built-in scenario in which this property is violated by a cluster that is set like this one, as far as the property
/// goes: with disks that stay, clocks that agree, nobody who lies, and requests as the cluster is set. `None` if there is none.
#[must_use]
pub fn counterexample(
    property: &PropertySpec,
    cluster: &ClusterConfig,
) -> Option<&'static Builtin> {
    // What goes on in the background, or where homes do not answer, may as well not happen: a run without it is a run of a
    // cluster with it.
    let is_alike = |scenario: &Scenario| {
        let (theirs, ours) = (&*scenario.cluster, cluster);
        let overlaps = |of: &ClusterConfig| of.quorum().r() + of.quorum().w() > of.quorum().n();
        let may_leave_repair =
            theirs.read_repair() == ReadRepair::Off && ours.read_repair() != ReadRepair::Blocking;
        let reaping = theirs.background().reaping;
        overlaps(theirs) == overlaps(ours)
            && theirs.versioning() == ours.versioning()
            && (theirs.read_repair() == ours.read_repair() || may_leave_repair)
            && (!theirs.sloppy() || ours.sloppy())
            && (reaping == Reaping::Off || reaping == ours.background().reaping)
    };
    let shows = |scenario: &Scenario| {
        scenario.default
            && scenario.script.is_none()
            && scenario.expect.get(property.name) == Some(&Expected::Violated)
            && scenario.shows_a_cluster_as_it_is_set()
            && is_alike(scenario)
    };
    let quorum = cluster.quorum();
    let parsed = ALL.iter().filter_map(|builtin| Some((builtin, builtin.parse().ok()?)));
    let shown = parsed.filter(|(_, scenario)| shows(scenario));
    // Of those that are alike the first, or one that asks for as many homes.
    shown
        .min_by_key(|(_, scenario)| scenario.cluster.quorum() != quorum)
        .map(|(builtin, _)| builtin)
}

impl Scenario {
    /// The circumstances of its keys. Where a retry or a copy may be taken for a write of its own, it counts as if it was.
    #[must_use]
    pub fn circumstances(&self) -> Circumstances {
        let set = Circumstances::of(&self.cluster);
        let operations = self.clients.iter().flat_map(|client| &client.operations);
        let (gets, puts): (Vec<_>, Vec<_>) =
            operations.partition(|operation| operation.action == PlannedAction::Get);
        Circumstances {
            r: gets.iter().filter_map(|get| get.quorum).fold(set.r, usize::min),
            w: puts.iter().filter_map(|put| put.quorum).fold(set.w, usize::min),
            is_sloppy: puts.iter().any(|put| put.sloppy.unwrap_or(set.is_sloppy)),
            lost_disks: usize::from(self.faults.wipes),
            is_minted_twice: self.faults.duplicates > 0
                || self.clients.iter().any(|client| client.attempts > 1),
        }
    }

    /// What its cluster is said to promise, whatever happens in it, of all that is judged on traces. Nothing where something
    /// happens that no cluster knows of itself: a disk is older than it was, a client lies, nodes share a name, the protocol is wrong
    /// on purpose.
    pub fn promised(&self) -> impl Iterator<Item = &'static PropertySpec> {
        let (is_promised, circumstances) = (self.can_be_promised(), self.circumstances());
        PROPERTIES.iter().filter(move |property| {
            let holds = match property.kind {
                PropertyKind::EventuallyAlways { goal, .. } => self.comes_to(goal),
                _ => property.is_promised(&self.cluster, &circumstances) == Some(true),
            };
            is_promised && holds
        })
    }

    /// Whether its cluster is said to come to this in the end.
    fn comes_to(&self, goal: Goal) -> bool {
        let wipes = usize::from(self.faults.wipes);
        let serves = wipes <= 1 || wipes < self.cluster.quorum().w();
        let all_come_back = self.down.is_empty() || self.down_returns;
        let is_whole_again = self.partition.is_empty() || self.heals;
        // A client may be there twice, and name two writes alike.
        let names_tell_apart = self.cluster.versioning() != Versioning::ClientClock;
        let agrees = self.cluster.background().anti_entropy && names_tell_apart;
        match goal {
            Goal::Progress => serves,
            Goal::Convergence => serves && all_come_back && is_whole_again && agrees,
        }
    }

    /// Whether nothing happens in it that no cluster knows of itself.
    fn can_be_promised(&self) -> bool {
        self.faults.rollbacks == 0
            && self.faults.lies == 0
            && self.mints_as == self.cluster.nodes()
            && !self.cluster.is_deviant()
    }

    /// Whether nothing happens in it but what happens to a cluster whose disks stay, and whose requests ask for what it
    /// is set to.
    fn shows_a_cluster_as_it_is_set(&self) -> bool {
        let Circumstances { r, w, is_sloppy, .. } = self.circumstances();
        let set = Circumstances::of(&self.cluster);
        self.can_be_promised()
            && self.faults.wipes == 0
            && self.clocks_ahead.iter().all(|ahead| *ahead == 0)
            && (r, w, is_sloppy) == (set.r, set.w, set.is_sloppy)
    }
}
