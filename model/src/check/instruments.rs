//! What a check counts beside its states.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use thread_local::ThreadLocal;

use crate::cluster::Reaping;
use crate::ids::Peer;
use crate::protocol::{FanOut, Message, ReadRepair, Timer};
use crate::scenario::{PlannedAction, PlannedOperation, Rule, Scenario};

/// The kinds of thing that can happen, as they are counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A client starts a put.
    InvokePut,
    /// A client starts a delete.
    InvokeDelete,
    /// A client starts a get.
    InvokeGet,
    /// Delivery of a `Put`.
    Put,
    /// Delivery of a `PutReply`.
    PutReply,
    /// Delivery of a `Get`.
    Get,
    /// Delivery of a `GetReply`.
    GetReply,
    /// Delivery of a `Store`.
    Store,
    /// Delivery of a `StoreAck`.
    StoreAck,
    /// Delivery of a `Fetch`.
    Fetch,
    /// Delivery of a `FetchReply`.
    FetchReply,
    /// Delivery of a `Repair`.
    Repair,
    /// Loss of a message.
    Drop,
    /// Duplication of a message.
    Duplicate,
    /// Expiry of a node's timer.
    NodeTimeout,
    /// Expiry of a client's timer.
    ClientTimeout,
    /// Delivery of a `Probe`.
    Probe,
    /// Delivery of a `ProbeReply`.
    ProbeReply,
    /// Delivery of a `StoreHint`.
    StoreHint,
    /// Delivery of a `Handoff`.
    Handoff,
    /// Delivery of a `HandoffAck`.
    HandoffAck,
    /// Delivery of a `CatchUp`.
    CatchUp,
    /// Delivery of a `CatchUpPage`.
    CatchUpPage,
    /// Delivery of a `Register`.
    Register,
    /// Delivery of a `Registered`.
    Registered,
    /// Delivery of a `ReapAsk`.
    ReapAsk,
    /// Delivery of a `ReapAgree`.
    ReapAgree,
    /// Delivery of a `Reap`.
    Reap,
    /// Delivery of a `SyncHashes`.
    SyncHashes,
    /// Delivery of a `SyncKeys`.
    SyncKeys,
    /// Delivery of a `SyncStates`.
    SyncStates,
    /// A node offers its hints.
    HandoffTimer,
    /// Two homes compare what they hold.
    SyncTimer,
    /// A node that lost its disk asks again.
    CatchUpTimer,
    /// A node waits no longer to keep its incarnation.
    RegisterTimer,
    /// A node takes the next put that waited for that.
    WaitingTimer,
    /// A node looks for tombstones.
    ReapTimer,
    /// A node knows that nothing older is under way.
    SettledTimer,
    /// A node stops.
    Crash,
    /// A node starts again.
    Recover,
    /// A disk is lost.
    Wipe,
    /// A disk is copied.
    Snapshot,
    /// A disk is replaced by an older copy.
    Restore,
    /// The network splits.
    Partition,
    /// The network is whole again.
    Heal,
}

impl Kind {
    /// The delivery of this message.
    #[must_use]
    pub fn of_delivery(message: &Message) -> Kind {
        match message {
            Message::Put(_) => Kind::Put,
            Message::PutReply { .. } => Kind::PutReply,
            Message::Get(_) => Kind::Get,
            Message::GetReply { .. } => Kind::GetReply,
            Message::Store { .. } => Kind::Store,
            Message::StoreAck { .. } => Kind::StoreAck,
            Message::Fetch { .. } => Kind::Fetch,
            Message::FetchReply { .. } => Kind::FetchReply,
            Message::Repair { .. } => Kind::Repair,
            Message::Probe { .. } => Kind::Probe,
            Message::ProbeReply { .. } => Kind::ProbeReply,
            Message::StoreHint { .. } => Kind::StoreHint,
            Message::Handoff { .. } => Kind::Handoff,
            Message::HandoffAck { .. } => Kind::HandoffAck,
            Message::CatchUp { .. } => Kind::CatchUp,
            Message::CatchUpPage { .. } => Kind::CatchUpPage,
            Message::Register { .. } => Kind::Register,
            Message::Registered { .. } => Kind::Registered,
            Message::ReapAsk { .. } => Kind::ReapAsk,
            Message::ReapAgree { .. } => Kind::ReapAgree,
            Message::Reap { .. } => Kind::Reap,
            Message::SyncHashes { .. } => Kind::SyncHashes,
            Message::SyncKeys { .. } => Kind::SyncKeys,
            Message::SyncStates { .. } => Kind::SyncStates,
        }
    }

    /// The expiry of this timer.
    #[must_use]
    pub fn of_expiry(peer: Peer, timer: Timer) -> Kind {
        match (peer, timer) {
            (Peer::Client(_), _) => Kind::ClientTimeout,
            (_, Timer::Request(_)) => Kind::NodeTimeout,
            (_, Timer::Handoff) => Kind::HandoffTimer,
            (_, Timer::Sync(_)) => Kind::SyncTimer,
            (_, Timer::CatchUp) => Kind::CatchUpTimer,
            (_, Timer::Register) => Kind::RegisterTimer,
            (_, Timer::Waiting) => Kind::WaitingTimer,
            (_, Timer::Reap) => Kind::ReapTimer,
            (_, Timer::Settled) => Kind::SettledTimer,
        }
    }

    /// All kinds, in the order they are shown.
    pub const ALL: [Kind; 45] = [
        Kind::InvokePut,
        Kind::InvokeDelete,
        Kind::InvokeGet,
        Kind::Put,
        Kind::PutReply,
        Kind::Get,
        Kind::GetReply,
        Kind::Store,
        Kind::StoreAck,
        Kind::Fetch,
        Kind::FetchReply,
        Kind::Repair,
        Kind::Drop,
        Kind::Duplicate,
        Kind::NodeTimeout,
        Kind::ClientTimeout,
        Kind::Probe,
        Kind::ProbeReply,
        Kind::StoreHint,
        Kind::Handoff,
        Kind::HandoffAck,
        Kind::CatchUp,
        Kind::CatchUpPage,
        Kind::Register,
        Kind::Registered,
        Kind::ReapAsk,
        Kind::ReapAgree,
        Kind::Reap,
        Kind::SyncHashes,
        Kind::SyncKeys,
        Kind::SyncStates,
        Kind::HandoffTimer,
        Kind::SyncTimer,
        Kind::CatchUpTimer,
        Kind::RegisterTimer,
        Kind::WaitingTimer,
        Kind::ReapTimer,
        Kind::SettledTimer,
        Kind::Crash,
        Kind::Recover,
        Kind::Wipe,
        Kind::Snapshot,
        Kind::Restore,
        Kind::Partition,
        Kind::Heal,
    ];

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::InvokePut => "put",
            Kind::InvokeDelete => "delete",
            Kind::InvokeGet => "get",
            Kind::Put => "deliver Put",
            Kind::PutReply => "deliver PutReply",
            Kind::Get => "deliver Get",
            Kind::GetReply => "deliver GetReply",
            Kind::Store => "deliver Store",
            Kind::StoreAck => "deliver StoreAck",
            Kind::Fetch => "deliver Fetch",
            Kind::FetchReply => "deliver FetchReply",
            Kind::Repair => "deliver Repair",
            Kind::Drop => "drop",
            Kind::Duplicate => "duplicate",
            Kind::NodeTimeout => "node timeout",
            Kind::ClientTimeout => "client timeout",
            Kind::Probe => "deliver Probe",
            Kind::ProbeReply => "deliver ProbeReply",
            Kind::StoreHint => "deliver StoreHint",
            Kind::Handoff => "deliver Handoff",
            Kind::HandoffAck => "deliver HandoffAck",
            Kind::CatchUp => "deliver CatchUp",
            Kind::CatchUpPage => "deliver CatchUpPage",
            Kind::Register => "deliver Register",
            Kind::Registered => "deliver Registered",
            Kind::ReapAsk => "deliver ReapAsk",
            Kind::ReapAgree => "deliver ReapAgree",
            Kind::Reap => "deliver Reap",
            Kind::SyncHashes => "deliver SyncHashes",
            Kind::SyncKeys => "deliver SyncKeys",
            Kind::SyncStates => "deliver SyncStates",
            Kind::HandoffTimer => "offer hints",
            Kind::SyncTimer => "compare",
            Kind::CatchUpTimer => "ask to catch up",
            Kind::RegisterTimer => "stop waiting to keep the incarnation",
            Kind::WaitingTimer => "take a put that waited",
            Kind::ReapTimer => "look for tombstones",
            Kind::SettledTimer => "settled",
            Kind::Crash => "crash",
            Kind::Recover => "recover",
            Kind::Wipe => "lose disk",
            Kind::Snapshot => "copy disk",
            Kind::Restore => "restore disk",
            Kind::Partition => "partition",
            Kind::Heal => "heal",
        }
    }
}

/// The kinds that the scenario gives occasion for, so that one of them which never happens is
/// worth a word: it was written down for nothing, or shadows a mistake.
#[must_use]
pub fn applicable(scenario: &Scenario) -> Vec<Kind> {
    let operations = || scenario.clients.iter().flat_map(|client| &client.operations);
    let is_delete = |operation: &PlannedOperation| match operation.action {
        PlannedAction::Put { write, .. } => scenario.writes[write].value.is_none(),
        PlannedAction::Get => false,
    };
    let gets = operations().any(|operation| operation.action == PlannedAction::Get);
    let deletes = operations().any(is_delete);
    let puts = operations()
        .any(|operation| operation.action != PlannedAction::Get && !is_delete(operation));
    let writes = puts || deletes;
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
    Kind::ALL
        .into_iter()
        .filter(|kind| match kind {
            Kind::InvokePut => puts,
            Kind::InvokeDelete => deletes,
            Kind::InvokeGet => gets,
            Kind::Put | Kind::PutReply => writes,
            Kind::Get | Kind::GetReply => gets && node_driven,
            Kind::Store | Kind::StoreAck => writes && !alone,
            Kind::Fetch | Kind::FetchReply => gets && !(alone && node_driven),
            Kind::Repair => gets && writes && !alone && repair == ReadRepair::Async,
            Kind::Drop => scenario.faults.drops > 0,
            Kind::Duplicate => scenario.faults.duplicates > 0,
            Kind::NodeTimeout => timeouts && node_driven,
            Kind::ClientTimeout => timeouts,
            Kind::Probe | Kind::ProbeReply => writes && node_driven && visits_strangers,
            Kind::StoreHint => sloppy && timeouts,
            Kind::Handoff | Kind::HandoffAck | Kind::HandoffTimer => sloppy && background.handoff,
            Kind::CatchUp | Kind::CatchUpPage => scenario.faults.wipes > 0,
            // Whoever asked asks again only if something was lost.
            Kind::CatchUpTimer => scenario.faults.wipes > 0 && scenario.faults.drops > 0,
            Kind::Register | Kind::Registered => {
                writes && scenario.faults.crashes > 0 && scenario.cluster.nodes().len() > 1
            }
            // Only if somebody does not answer, or two puts wait at one node.
            Kind::RegisterTimer | Kind::WaitingTimer => false,
            Kind::ReapAsk | Kind::ReapAgree | Kind::Reap | Kind::SettledTimer => {
                deletes && background.reaping == Reaping::Agreed
            }
            Kind::ReapTimer => deletes && background.reaping != Reaping::Off,
            Kind::SyncHashes | Kind::SyncKeys | Kind::SyncStates | Kind::SyncTimer => {
                background.anti_entropy
            }
            Kind::Crash => scenario.faults.crashes > 0,
            Kind::Recover => scenario.faults.crashes > 0 || scenario.down_returns,
            Kind::Wipe => scenario.faults.wipes > 0,
            Kind::Snapshot | Kind::Restore => scenario.faults.rollbacks > 0,
            Kind::Partition => scenario.faults.partitions > 0,
            Kind::Heal => scenario.heals,
        })
        .collect()
}

fn zeros() -> [AtomicU64; Kind::ALL.len()] {
    core::array::from_fn(|_| AtomicU64::new(0))
}

/// Counters of one check, shared by its threads.
#[derive(Debug, Default)]
pub struct Instruments {
    /// Per thread, so that threads do not wait for each other's counts.
    fired: ThreadLocal<[AtomicU64; Kind::ALL.len()]>,
    left_out: ThreadLocal<[AtomicU64; Rule::ALL.len()]>,
    siblings_max: AtomicUsize,
    conditions_met: AtomicU64,
}

impl Instruments {
    pub(crate) fn count(&self, kind: Kind) {
        // Only this thread writes here: no read-modify-write is needed.
        let count = &self.fired.get_or(zeros)[kind as usize];
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Notes that a reduction has just left so many things out.
    pub(crate) fn left_out(&self, rule: Rule, things: usize) {
        if things == 0 {
            return;
        }
        let count =
            &self.left_out.get_or(|| core::array::from_fn(|_| AtomicU64::new(0)))[rule as usize];
        count.store(count.load(Ordering::Relaxed) + things as u64, Ordering::Relaxed);
    }

    pub(crate) fn saw_siblings(&self, siblings: usize) {
        if siblings > self.siblings_max.load(Ordering::Relaxed) {
            self.siblings_max.fetch_max(siblings, Ordering::Relaxed);
        }
    }

    /// How often this kind has happened so far.
    #[must_use]
    pub(crate) fn count_of(&self, kind: Kind) -> u64 {
        self.fired.iter().map(|fired| fired[kind as usize].load(Ordering::Relaxed)).sum()
    }

    /// Notes that some state shows the model's condition of this number.
    pub(crate) fn meet_condition(&self, number: usize) {
        self.conditions_met.fetch_or(1 << number, Ordering::Relaxed);
    }

    /// Which of the model's [conditions](super::ClusterModel::conditions) some state was seen to show, by
    /// their bits, in a search by Stateright.
    #[must_use]
    pub fn conditions_met(&self) -> u64 {
        self.conditions_met.load(Ordering::Relaxed)
    }

    /// How often each kind happened, over all transitions generated.
    #[must_use]
    pub fn fired(&self) -> Vec<(Kind, u64)> {
        Kind::ALL
            .into_iter()
            .map(|kind| {
                let counts = self.fired.iter().map(|fired| &fired[kind as usize]);
                (kind, counts.map(|count| count.load(Ordering::Relaxed)).sum())
            })
            .collect()
    }

    /// How much each reduction has left out: messages in the network, steps, memories of requests.
    #[must_use]
    pub fn left_out_by(&self) -> [(Rule, u64); Rule::ALL.len()] {
        Rule::ALL.map(|rule| {
            let counts = self.left_out.iter().map(|left_out| &left_out[rule as usize]);
            (rule, counts.map(|count| count.load(Ordering::Relaxed)).sum())
        })
    }

    /// The most versions any node held of one key.
    #[must_use]
    pub fn siblings_max(&self) -> usize {
        self.siblings_max.load(Ordering::Relaxed)
    }
}
