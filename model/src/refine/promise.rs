//! Which properties a running cluster promises, by its configuration and by what was asked of it.

use crate::check::PropertySpec;
use crate::check::history::{Judged, Judgement};
use crate::cluster::{ClusterConfig, Reaping};
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

/// The least that was asked for of a key: a promise is as good as the weakest request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Weakest {
    pub(super) r: usize,
    pub(super) w: usize,
    /// Whether some write might be acknowledged by nodes that are no homes.
    pub(super) is_sloppy: bool,
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
    /// No disk is lost in an accepted trace. What is left is R + W > N homes where overlap is
    /// needed, which no sloppy write promises; versions that lose nothing; and blocking repair where
    /// reads must not go back. Such a repair makes reads with the cluster's own R monotonic, no
    /// smaller ones. Where tombstones are reaped, a read cannot tell a delete from nothing; where
    /// that goes by age, what a delete covered may come back.
    pub(super) fn is_promised(self, cluster: &ClusterConfig, weakest: Weakest) -> bool {
        let quorum = cluster.quorum();
        let overlap = weakest.r + weakest.w > quorum.n() && !weakest.is_sloppy;
        let reaping = cluster.background().reaping;
        let keeps_deletes = reaping == Reaping::Off;
        let exact = cluster.versioning() == Versioning::Dotted;
        let blocking = cluster.read_repair() == ReadRepair::Blocking;
        match self {
            Judgeable::ReadFreshness | Judgeable::ReadYourWrites => {
                overlap && exact && keeps_deletes
            }
            Judgeable::NoLostWrite | Judgeable::TrueSiblings => exact && reaping != Reaping::ByAge,
            Judgeable::UniqueDots => true,
            Judgeable::MonotonicReads => {
                overlap && exact && keeps_deletes && blocking && weakest.r >= quorum.r()
            }
            Judgeable::QuorumOverlap => overlap,
        }
    }
}
