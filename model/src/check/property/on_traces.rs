//! How properties are judged on what running nodes and clients wrote down.

use super::View;
use crate::check::history::{Happening, Judgement};
use crate::cluster::{ClusterConfig, Reaping};
use crate::protocol::ReadRepair;
use crate::versions::Versioning;

/// Whether a property is judged on traces, and how.
#[derive(Clone, Copy, Debug)]
pub enum OnTraces {
    /// It is not, for this reason.
    NotJudged(&'static str),
    /// It is.
    Judged(Judging),
}

impl OnTraces {
    /// Of what should be reachable, or not.
    pub(super) const REACHABLE: OnTraces = OnTraces::NotJudged(
        "whether something can be reached is asked of all runs; a trace is one, and the table of its \
         steps says what happened in it",
    );

    /// Of where runs end.
    pub(super) const ENDINGS: OnTraces = OnTraces::NotJudged(
        "where runs end is asked of runs that go on until nothing is left to do; traces stop where the \
         nodes were stopped",
    );

    /// Of reads, each of which is judged when it is answered.
    pub(super) const fn of_reads(
        promised: fn(&Promiser<'_>) -> bool,
        occasions: &'static str,
        judged: fn(&View<'_>, usize) -> Judgement,
    ) -> OnTraces {
        OnTraces::Judged(Judging { promised, occasions, tested: Tested::Read(judged) })
    }

    /// Of what is judged on states, where it is told by what happened whether one puts it to the test.
    pub(super) const fn of_states(
        promised: fn(&Promiser<'_>) -> bool,
        occasions: &'static str,
        is_test: fn(&View<'_>, &Happening<'_>) -> bool,
    ) -> OnTraces {
        OnTraces::Judged(Judging { promised, occasions, tested: Tested::State(is_test) })
    }
}

/// How a property is judged on traces.
#[derive(Clone, Copy, Debug)]
pub struct Judging {
    /// Whether a cluster promises it of a key.
    pub(crate) promised: fn(&Promiser<'_>) -> bool,
    /// What puts it to the test, in the plural.
    pub(crate) occasions: &'static str,
    pub(crate) tested: Tested,
}

/// How it is told what puts a property to the test.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tested {
    /// Reads do, and each is judged: how the last read of a client was.
    Read(fn(&View<'_>, usize) -> Judgement),
    /// Something that happened does: whether this is such a thing.
    State(fn(&View<'_>, &Happening<'_>) -> bool),
}

/// A running cluster, as far as its promises about one key go.
///
/// R + W > N homes where overlap is needed, which no sloppy write promises; versions that lose nothing; and blocking
/// repair where reads must not go back. Such a repair makes reads with the cluster's own R monotonic, no smaller
/// ones. Where tombstones are reaped, a read cannot tell a delete from nothing; where that goes by age, what
/// a delete covered may come back. And disks that stay, or few that are lost.
#[derive(Clone, Copy, Debug)]
pub struct Promiser<'a> {
    /// How it is set.
    pub(crate) cluster: &'a ClusterConfig,
    /// The least that was asked for of the key.
    pub(crate) weakest: Weakest,
    /// Whether one of its writes was minted under two dots: a coordinator that has forgotten what it
    /// minted takes a retry for a second write, of the same value.
    pub(crate) is_minted_twice: bool,
    /// The disks that were lost.
    pub(crate) lost: LostDisks,
}

/// The disks that were lost, as far as the promises about one key go.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct LostDisks {
    /// How many nodes that may hold the key lost theirs, once or more often: of its homes, or where a write may be
    /// sloppy of all.
    pub(crate) holders: usize,
    /// How many disks were lost in all.
    pub(crate) in_all: usize,
    /// Whether an operator accepted that what some held is lost.
    pub(crate) is_accepted: bool,
}

/// The least that was asked for of a key: a promise is as good as the weakest request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Weakest {
    pub(crate) r: usize,
    pub(crate) w: usize,
    /// Whether some write might be acknowledged by nodes that are no homes.
    pub(crate) is_sloppy: bool,
}

impl Promiser<'_> {
    /// Whether each read quorum meets each write quorum.
    pub(super) fn overlaps(&self) -> bool {
        let Weakest { r, w, is_sloppy } = self.weakest;
        r + w > self.cluster.quorum().n() && !is_sloppy
    }

    /// Whether reads return what was acknowledged before they began.
    pub(super) fn is_fresh(&self) -> bool {
        self.overlaps()
            && self.is_exact()
            && self.cluster.background().reaping == Reaping::Off
            && self.catches_up_with_all()
    }

    /// Whether reads with this key's R leave what they returned where the next such read finds it: of a value that was
    /// not acknowledged, nobody who catches up knows whether a read returned it.
    pub(super) fn repairs_before_answering(&self) -> bool {
        self.cluster.read_repair() == ReadRepair::Blocking
            && self.weakest.r >= self.cluster.quorum().r()
            && self.lost.holders == 0
    }

    /// Whether of the W nodes that acknowledged a write one has kept its disk.
    pub(super) fn keeps_writes(&self) -> bool {
        let is_agreed_by_all = self.cluster.background().reaping == Reaping::Off;
        self.lost.holders == 0 || self.lost.holders < self.weakest.w && is_agreed_by_all
    }

    /// Whether a home that lost its disk has heard all who may know what it had acknowledged before it serves.
    ///
    /// What it had acknowledged may be a write that is acknowledged only later, of which none but its coordinator
    /// knows yet. All other homes are heard, and so that one, if it is a home. Each start of the same node asks anew,
    /// however often it loses its disk.
    fn catches_up_with_all(&self) -> bool {
        let hears_all = !self.cluster.takes_client_driven();
        let is_one = self.lost.holders == 1 && hears_all && !self.lost.is_accepted;
        self.lost.holders == 0 || self.keeps_writes() && is_one
    }

    /// Whether no disk was lost at all.
    pub(super) fn keeps_disks(&self) -> bool {
        self.lost.in_all == 0
    }

    /// Whether versions tell exactly what their writers had seen.
    pub(super) fn is_exact(&self) -> bool {
        self.cluster.versioning() == Versioning::Dotted
    }

    /// Whether what goes with a tombstone stays away.
    pub(super) fn forgets_safely(&self) -> bool {
        self.cluster.background().reaping != Reaping::ByAge
    }
}
