//! The leaderless protocol's messages, timers and operations, as they are counted.

use alloc::vec::Vec;

use quorate_checker::world::{self, Enumerated};
use quorate_ids::kinds;

use super::leaderless::Leaderless;
use crate::cluster::Reaping;
pub use crate::protocol::MessageKind;
use crate::protocol::{FanOut, ReadRepair, Timer};
use crate::scenario::{PlannedAction, PlannedOperation, Scenario};

/// What can happen, as it is counted.
pub type Kind = world::Kind<Leaderless>;

kinds! {
    /// The kinds of timer of a node.
    pub enum TimerKind of Timer {
        Request: "node timeout",
        Speculate: "speculative retry",
        Handoff: "offer hints",
        Sync: "compare",
        CatchUp: "ask to catch up",
        Register: "stop waiting to keep the incarnation",
        Waiting: "take a put that waited",
        Reap: "look for tombstones",
        Settled: "settled",
    }
}

/// The kinds of operation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum OperationKind {
    /// A put.
    Put,
    /// A delete.
    Delete,
    /// A get.
    Get,
}

impl OperationKind {
    /// Of which kind a planned operation is.
    #[must_use]
    pub fn of(scenario: &Scenario, operation: &PlannedOperation) -> Self {
        match operation.action {
            PlannedAction::Get => OperationKind::Get,
            PlannedAction::Put { write, .. } if scenario.writes[write].value.is_none() => {
                OperationKind::Delete
            }
            PlannedAction::Put { .. } => OperationKind::Put,
        }
    }
}

impl Enumerated for OperationKind {
    const ALL: &'static [Self] = &[OperationKind::Put, OperationKind::Delete, OperationKind::Get];

    fn index(self) -> usize {
        self as usize
    }

    fn name(self) -> &'static str {
        match self {
            OperationKind::Put => "put",
            OperationKind::Delete => "delete",
            OperationKind::Get => "get",
        }
    }
}

/// The kinds that the scenario gives occasion for, so that one of them which never happens is
/// worth a word: it was written down for nothing, or shadows a mistake.
#[must_use]
pub fn applicable(scenario: &Scenario) -> Vec<Kind> {
    let operations = || scenario.clients.iter().flat_map(|client| &client.operations);
    let starts = |kind| operations().any(|one| OperationKind::of(scenario, one) == kind);
    let gets = starts(OperationKind::Get);
    let deletes = starts(OperationKind::Delete);
    let writes = deletes || starts(OperationKind::Put);
    let node_driven = scenario.fan_out == FanOut::NodeDriven;
    let alone = scenario.cluster.quorum().n() == 1;
    let repair = scenario.cluster.read_repair();
    let timeouts = scenario.faults.timeouts > 0;
    let background = scenario.cluster.background();
    let sloppy = scenario.cluster.sloppy() || operations().any(|one| one.sloppy == Some(true));
    let visits_strangers = operations().any(|one| {
        one.action != PlannedAction::Get
            && one.via.iter().any(|via| !scenario.cluster.homes(&one.key).contains(*via))
    });
    let reaps_by_agreement = deletes && background.reaping == Reaping::Agreed;
    let of_message = |kind: MessageKind| match kind {
        MessageKind::Put | MessageKind::PutReply => writes,
        MessageKind::Get | MessageKind::GetReply => gets && node_driven,
        MessageKind::Store | MessageKind::StoreAck => writes && !alone,
        MessageKind::Fetch | MessageKind::FetchReply => gets && !(alone && node_driven),
        MessageKind::Repair => gets && writes && !alone && repair == ReadRepair::Async,
        MessageKind::Probe | MessageKind::ProbeReply => writes && node_driven && visits_strangers,
        MessageKind::StoreHint => sloppy && timeouts,
        MessageKind::Handoff | MessageKind::HandoffAck => sloppy && background.handoff,
        MessageKind::CatchUp | MessageKind::CatchUpPage => scenario.faults.wipes > 0,
        MessageKind::Register | MessageKind::Registered => {
            writes && scenario.faults.crashes > 0 && scenario.cluster.nodes().len() > 1
        }
        MessageKind::ReapAsk | MessageKind::ReapAgree | MessageKind::Reap => reaps_by_agreement,
        MessageKind::SyncHashes | MessageKind::SyncKeys | MessageKind::SyncStates => {
            background.anti_entropy
        }
    };
    let of_timer = |kind: TimerKind| match kind {
        TimerKind::Request => timeouts && node_driven,
        TimerKind::Speculate => gets && node_driven && scenario.cluster.speculative_retry(),
        TimerKind::Handoff => sloppy && background.handoff,
        // Whoever asked asks again only if something was lost.
        TimerKind::CatchUp => scenario.faults.wipes > 0 && scenario.faults.drops > 0,
        // Only if somebody does not answer, or two puts wait at one node.
        TimerKind::Register | TimerKind::Waiting => false,
        TimerKind::Settled => reaps_by_agreement,
        TimerKind::Reap => deletes && background.reaping != Reaping::Off,
        TimerKind::Sync => background.anti_entropy,
    };
    let is_applicable = |kind: &Kind| match *kind {
        Kind::Invoke(kind) => starts(kind),
        Kind::Deliver(kind) => of_message(kind),
        Kind::Expire(kind) => of_timer(kind),
        Kind::ClientTimeout => timeouts,
        Kind::Drop => scenario.faults.drops > 0,
        Kind::Duplicate => scenario.faults.duplicates > 0,
        Kind::Crash => scenario.faults.crashes > 0,
        Kind::Recover => scenario.faults.crashes > 0 || scenario.down_returns,
        Kind::Wipe => scenario.faults.wipes > 0,
        Kind::Snapshot | Kind::Restore => scenario.faults.rollbacks > 0,
        Kind::Partition => scenario.faults.partitions > 0,
        Kind::Heal => scenario.heals,
        Kind::Lie => scenario.faults.lies > 0,
    };
    Kind::all().into_iter().filter(is_applicable).collect()
}
