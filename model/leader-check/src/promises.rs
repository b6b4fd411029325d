//! What a cluster with a leader promises: what its traces are judged by, before there are any.
//!
//! Of clusters whose leaders have epochs, that do nothing wrong on purpose, and of whose disks none is older than it was.

pub use quorate_checker::world::Promise;

use quorate_checker::world::{Environment, Faults};
use quorate_leader::config::{ElectionKind, LogKind, Reads, Replication};

use crate::setting::LeaderFile;

/// The properties that are judged on traces, in the order of reports.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Judged {
    /// No epoch is led twice.
    OneLeaderPerEpoch,
    /// Logs that share an entry are the same up to it.
    LogMatching,
    /// A request is done once.
    ExactlyOnce,
    /// A later leader has what was committed.
    LeaderCompleteness,
    /// What was acknowledged is kept.
    NoLostWrite,
    /// Whoever begins later sees what was told before.
    Linearizable,
    /// A client sees what it wrote.
    ReadYourWrites,
    /// A client sees what it had seen.
    MonotonicReads,
}

impl Judged {
    /// All of them.
    pub const ALL: [Judged; 8] = [
        Judged::OneLeaderPerEpoch,
        Judged::LogMatching,
        Judged::ExactlyOnce,
        Judged::LeaderCompleteness,
        Judged::NoLostWrite,
        Judged::Linearizable,
        Judged::ReadYourWrites,
        Judged::MonotonicReads,
    ];

    /// Whether it depends on where clients read.
    #[must_use]
    pub fn is_about_reads(self) -> bool {
        matches!(self, Judged::Linearizable | Judged::ReadYourWrites | Judged::MonotonicReads)
    }

    /// The name of the [property](crate::property) that scenarios know it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Judged::OneLeaderPerEpoch => "one-leader-per-epoch",
            Judged::LogMatching => "log-matching",
            Judged::ExactlyOnce => "exactly-once",
            Judged::LeaderCompleteness => "leader-completeness",
            Judged::NoLostWrite => "no-lost-write",
            Judged::Linearizable => "linearizable",
            Judged::ReadYourWrites => "read-your-writes",
            Judged::MonotonicReads => "monotonic-reads",
        }
    }
}

/// What befalls a cluster and how it is read, as far as promises go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Circumstances {
    /// Where all clients read.
    pub reads: Reads,
    /// How many disks are lost: empty when their nodes return, or gone with them.
    pub lost_disks: usize,
    /// Whether clients write what a clock shows or a draw comes to.
    pub draws: bool,
}

/// The settings that promises depend on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Promiser {
    /// How many nodes there are.
    pub nodes: usize,
    /// Whose acknowledgements a write waits for.
    pub replication: Replication,
    /// How a leader is found.
    pub election: ElectionKind,
    /// What the log ships.
    pub log: LogKind,
}

impl Promiser {
    /// Whether a later leader has everything that was acknowledged, while so many disks are lost.
    ///
    /// It has the votes of so many, each for a log at least as up to date as its own, that one of them holds it. A node that
    /// lost its disk belongs to nobody until all others have told what they know, so one such loss breaks nothing as long as
    /// what is acknowledged is on two disks; a second may take a vote or an entry away before the first is made good.
    #[must_use]
    pub fn is_safe(&self, lost_disks: usize) -> bool {
        let majority = self.nodes / 2 + 1;
        let holders = match self.replication {
            Replication::Async => 1,
            Replication::SemiSync => self.nodes.min(2),
            Replication::Majority => majority,
            Replication::Sync => self.nodes,
        };
        let elects_the_complete =
            self.election == ElectionKind::Raft && holders + majority > self.nodes;
        elects_the_complete && lost_disks <= usize::from(holders > 1)
    }

    /// Whether no epoch is led twice, and no log goes back, while so many disks are lost. Where nobody votes there is no
    /// vote to forget: whoever leads claims an epoch that nobody had.
    #[must_use]
    pub fn keeps_order(&self, lost_disks: usize) -> bool {
        lost_disks == 0 || self.election != ElectionKind::Raft || self.is_safe(lost_disks)
    }

    /// Whether somebody comes to lead by itself in the end, once all nodes are back, of which so many have lost their disks.
    /// Where a majority elects, the others must be one: who has lost a disk votes once it has heard from a leader.
    #[must_use]
    pub fn finds_leaders(&self, lost_disks: usize) -> bool {
        match self.election {
            ElectionKind::Manual => false,
            ElectionKind::Bully => true,
            ElectionKind::Raft => {
                lost_disks == 0 || self.nodes.saturating_sub(lost_disks) > self.nodes / 2
            }
        }
    }

    /// Whether replicas that have applied the same hold the same: where each executes what it is told, not once clients have
    /// written what a clock shows or a draw comes to.
    #[must_use]
    pub fn rows_agree(&self, draws: bool) -> bool {
        self.log != LogKind::Statement || !draws
    }

    /// Whether it promises a property, as scenarios judge it, under these circumstances.
    #[must_use]
    pub fn is_promised(&self, property: Judged, under: &Circumstances) -> bool {
        let is_safe = self.is_safe(under.lost_disks);
        match property {
            Judged::OneLeaderPerEpoch | Judged::LogMatching => self.keeps_order(under.lost_disks),
            // An addition that is lost counts for nothing. Of traces this says only that none counts twice.
            Judged::ExactlyOnce => is_safe,
            Judged::LeaderCompleteness | Judged::NoLostWrite => is_safe,
            Judged::Linearizable => {
                is_safe && self.rows_agree(under.draws) && under.reads == Reads::Confirmed
            }
            Judged::ReadYourWrites | Judged::MonotonicReads => {
                let sees_all = matches!(under.reads, Reads::Confirmed | Reads::Position);
                is_safe && self.rows_agree(under.draws) && sees_all
            }
        }
    }

    /// Under which losses it promises a property to clients that read like this, and write nothing drawn.
    #[must_use]
    pub fn promise(&self, property: Judged, reads: Reads) -> Promise {
        Promise::of(self.nodes, |lost_disks| {
            self.is_promised(property, &Circumstances { reads, lost_disks, draws: false })
        })
    }
}

/// What promises depend on in a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    /// Its cluster.
    pub promiser: Promiser,
    /// What may befall it.
    pub under: Circumstances,
}

impl Told {
    /// That of a scenario; `None` where its cluster is none that promises are about.
    #[must_use]
    pub fn of(scenario: &LeaderFile) -> Option<Self> {
        let setting = &scenario.protocol;
        let Faults { wipes, rollbacks, crashes, .. } =
            scenario.environment(setting.clients.len()).faults;
        if !setting.epochs || !setting.deviations.is_empty() || rollbacks > 0 {
            return None;
        }
        let promiser = Promiser {
            nodes: scenario.nodes.len(),
            replication: setting.replication,
            election: setting.election,
            log: setting.log,
        };
        let gone = if setting.crashed_stay_down { crashes } else { 0 };
        let under = Circumstances {
            reads: setting.reads,
            lost_disks: usize::from(wipes) + usize::from(gone),
            draws: setting.draws(),
        };
        Some(Told { promiser, under })
    }
}

/// What every cluster comes to in the end that finds leaders by itself: once faults have stopped, all nodes are back and the
/// network is whole.
pub const IN_THE_END: [&str; 2] = ["convergence", "progress"];

/// The names of the properties that the cluster of a scenario is said to promise, whatever happens in it. None where it is
/// no cluster that promises are about.
pub fn promised(scenario: &LeaderFile) -> impl Iterator<Item = &'static str> + use<> {
    let told = Told::of(scenario);
    let judged = Judged::ALL.into_iter().filter(move |property| {
        told.is_some_and(|Told { promiser, under }| promiser.is_promised(*property, &under))
    });
    let in_the_end = if comes_to_an_end(scenario) { &IN_THE_END[..] } else { &[] };
    judged.map(Judged::name).chain(in_the_end.iter().copied())
}

/// Whether the cluster of a scenario comes to agree and to go on.
fn comes_to_an_end(scenario: &LeaderFile) -> bool {
    let setting = &scenario.protocol;
    let Environment { faults, down, down_returns, partition, heals, .. } =
        scenario.environment(setting.clients.len());
    let all_come_back =
        (down.is_empty() || down_returns) && (faults.crashes == 0 || !setting.crashed_stay_down);
    let is_whole_again = partition.is_empty() || heals;
    Told::of(scenario).is_some_and(|Told { promiser, under }| {
        promiser.keeps_order(under.lost_disks)
            && promiser.finds_leaders(under.lost_disks)
            && promiser.rows_agree(under.draws)
            && all_come_back
            && is_whole_again
    })
}
