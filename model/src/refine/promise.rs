//! Which properties a running cluster promises, by its configuration and by what was asked of it.

use crate::check::PropertySpec;
use crate::check::history::{Judged, Judgement};
use crate::cluster::ClusterConfig;
use crate::protocol::ReadRepair;
use crate::versions::Versioning;

/// A property that is judged on traces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Judgeable {
    ReadFreshness,
    NoLostWrite,
    MonotonicReads,
    ReadYourWrites,
    TrueSiblings,
    UniqueDots,
    QuorumOverlap,
}

/// The smallest quorums that were asked for of a key: a promise is as good as the weakest request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Weakest {
    pub(super) r: usize,
    pub(super) w: usize,
}

impl Judgeable {
    pub(super) const ALL: [Judgeable; 7] = [
        Judgeable::ReadFreshness,
        Judgeable::NoLostWrite,
        Judgeable::MonotonicReads,
        Judgeable::ReadYourWrites,
        Judgeable::TrueSiblings,
        Judgeable::UniqueDots,
        Judgeable::QuorumOverlap,
    ];

    /// The checker's property.
    pub(super) fn spec(self) -> &'static PropertySpec {
        let name = match self {
            Judgeable::ReadFreshness => "read-freshness",
            Judgeable::NoLostWrite => "no-lost-write",
            Judgeable::MonotonicReads => "monotonic-reads",
            Judgeable::ReadYourWrites => "read-your-writes",
            Judgeable::TrueSiblings => "true-siblings",
            Judgeable::UniqueDots => "unique-dots",
            Judgeable::QuorumOverlap => "quorum-overlap",
        };
        PropertySpec::named(name).expect("the checker has every property that is judged here")
    }

    /// What puts the property to the test, in the plural.
    pub(super) fn occasions(self) -> &'static str {
        match self {
            Judgeable::ReadFreshness => "reads after an acknowledged write",
            Judgeable::NoLostWrite => "acknowledged writes",
            Judgeable::MonotonicReads => "reads after a read",
            Judgeable::ReadYourWrites => "reads after an own write",
            Judgeable::TrueSiblings => "states with siblings",
            Judgeable::UniqueDots => "dots",
            Judgeable::QuorumOverlap => "reads after an acknowledged write",
        }
    }

    /// How a read was judged; `None` for a property that is not about reads.
    pub(super) fn of_read(self, judged: &Judged) -> Option<Judgement> {
        match self {
            Judgeable::ReadFreshness => Some(judged.freshness),
            Judgeable::MonotonicReads => Some(judged.monotonic),
            Judgeable::ReadYourWrites => Some(judged.own_writes),
            Judgeable::QuorumOverlap => Some(judged.overlap),
            Judgeable::NoLostWrite | Judgeable::TrueSiblings | Judgeable::UniqueDots => None,
        }
    }

    /// Whether the cluster promises it of a key of which no less was asked than `weakest`.
    ///
    /// No disk is lost in an accepted trace, and all quorums are strict; what is left is R + W > N
    /// where overlap is needed, versions that lose nothing, and blocking repair where reads must
    /// not go back. Such a repair makes reads with the cluster's own R monotonic, no smaller ones.
    pub(super) fn is_promised(self, cluster: &ClusterConfig, weakest: Weakest) -> bool {
        let quorum = cluster.quorum();
        let overlap = weakest.r + weakest.w > quorum.n();
        let exact = cluster.versioning() == Versioning::Dotted;
        let blocking = cluster.read_repair() == ReadRepair::Blocking;
        match self {
            Judgeable::ReadFreshness | Judgeable::ReadYourWrites => overlap && exact,
            Judgeable::NoLostWrite | Judgeable::TrueSiblings => exact,
            Judgeable::UniqueDots => true,
            Judgeable::MonotonicReads => overlap && exact && blocking && weakest.r >= quorum.r(),
            Judgeable::QuorumOverlap => overlap,
        }
    }
}
