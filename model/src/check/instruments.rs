//! What a check counts beside its states, and the switch that cuts it short.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use thread_local::ThreadLocal;

use super::stateright_properties::Discovered;
use crate::protocol::{FanOut, ReadRepair};
use crate::scenario::{PlannedAction, PlannedOperation, Scenario};

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
}

impl Kind {
    /// All kinds, in the order they are shown.
    pub const ALL: [Kind; 16] = [
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
    ];

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
            Kind::ClientTimeout => timeouts && (!node_driven || !scenario.reductions.client_hops),
        })
        .collect()
}

/// Counters and the stop switch of one check, shared by its threads.
///
/// A stopped model offers no more actions, and remembers whether it withheld any: so a check
/// that was cut short cannot be taken for one that was exhausted.
#[derive(Debug, Default)]
pub struct Instruments {
    /// Per thread, so that threads do not wait for each other's counts.
    fired: ThreadLocal<[AtomicU64; Kind::ALL.len()]>,
    siblings_max: AtomicUsize,
    pub(crate) discovered: Discovered,
    stop: AtomicBool,
    cut: AtomicBool,
}

impl Instruments {
    pub(crate) fn count(&self, kind: Kind) {
        // Only this thread writes here: no read-modify-write is needed.
        let count = &self.fired.get_or_default()[kind as usize];
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub(crate) fn saw_siblings(&self, siblings: usize) {
        if siblings > self.siblings_max.load(Ordering::Relaxed) {
            self.siblings_max.fetch_max(siblings, Ordering::Relaxed);
        }
    }

    /// Whether a state may be expanded; notes it if not.
    pub(crate) fn may_expand(&self) -> bool {
        let stopped = self.stop.load(Ordering::Relaxed);
        if stopped {
            self.cut.store(true, Ordering::Relaxed);
        }
        !stopped
    }

    /// Makes the model offer no more actions.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Makes the model offer actions again, once the search has ended: its runs are made anew from
    /// the actions it chose. [`Instruments::was_cut`] stays as it is.
    pub fn resume(&self) {
        self.stop.store(false, Ordering::Relaxed);
    }

    /// Whether some state was not expanded because of [`Instruments::stop`].
    #[must_use]
    pub fn was_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
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

    /// The most versions any node held of one key.
    #[must_use]
    pub fn siblings_max(&self) -> usize {
        self.siblings_max.load(Ordering::Relaxed)
    }
}
