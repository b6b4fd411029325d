//! What happens, counted over all transitions: so that something that never happens is seen.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use derive_where::derive_where;
pub use quorate_ids::{Enumerated, KindOf};
use thread_local::ThreadLocal;

use super::protocol::Protocol;

/// The kinds of thing that can happen, as they are counted.
#[derive_where(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind<P: Protocol> {
    /// A client starts an operation of this kind.
    Invoke(P::OperationKind),
    /// Delivery of a message of this kind.
    Deliver(P::MessageKind),
    /// Expiry of a node's timer of this kind.
    Expire(P::TimerKind),
    /// Expiry of a client's timer.
    ClientTimeout,
    /// Loss of a message.
    Drop,
    /// Duplication of a message.
    Duplicate,
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
    /// A client lies.
    Lie,
}

impl<P: Protocol> Kind<P> {
    /// What can happen under any protocol, in the order in which it is shown.
    const OF_ALL: [Kind<P>; 11] = [
        Kind::ClientTimeout,
        Kind::Drop,
        Kind::Duplicate,
        Kind::Crash,
        Kind::Recover,
        Kind::Wipe,
        Kind::Snapshot,
        Kind::Restore,
        Kind::Partition,
        Kind::Heal,
        Kind::Lie,
    ];

    /// All kinds, in the order in which they are shown.
    #[must_use]
    pub fn all() -> Vec<Kind<P>> {
        let operations = P::OperationKind::ALL.iter().map(|kind| Kind::Invoke(*kind));
        let messages = P::MessageKind::ALL.iter().map(|kind| Kind::Deliver(*kind));
        let timers = P::TimerKind::ALL.iter().map(|kind| Kind::Expire(*kind));
        operations.chain(messages).chain(timers).chain(Self::OF_ALL).collect()
    }

    /// Its position in [`Kind::all`].
    #[must_use]
    pub fn index(self) -> usize {
        let messages = P::OperationKind::ALL.len();
        let timers = messages + P::MessageKind::ALL.len();
        let others = timers + P::TimerKind::ALL.len();
        match self {
            Kind::Invoke(kind) => kind.index(),
            Kind::Deliver(kind) => messages + kind.index(),
            Kind::Expire(kind) => timers + kind.index(),
            Kind::ClientTimeout => others,
            Kind::Drop => others + 1,
            Kind::Duplicate => others + 2,
            Kind::Crash => others + 3,
            Kind::Recover => others + 4,
            Kind::Wipe => others + 5,
            Kind::Snapshot => others + 6,
            Kind::Restore => others + 7,
            Kind::Partition => others + 8,
            Kind::Heal => others + 9,
            Kind::Lie => others + 10,
        }
    }

    fn count() -> usize {
        P::OperationKind::ALL.len()
            + P::MessageKind::ALL.len()
            + P::TimerKind::ALL.len()
            + Self::OF_ALL.len()
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Kind<P>> {
        Kind::all().into_iter().find(|kind| kind.to_string() == name)
    }
}

/// Its name for people.
impl<P: Protocol> fmt::Display for Kind<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Invoke(kind) => f.write_str(kind.name()),
            Kind::Deliver(kind) => write!(f, "deliver {}", kind.name()),
            Kind::Expire(kind) => f.write_str(kind.name()),
            Kind::ClientTimeout => f.write_str("client timeout"),
            Kind::Drop => f.write_str("drop"),
            Kind::Duplicate => f.write_str("duplicate"),
            Kind::Crash => f.write_str("crash"),
            Kind::Recover => f.write_str("recover"),
            Kind::Wipe => f.write_str("lose disk"),
            Kind::Snapshot => f.write_str("copy disk"),
            Kind::Restore => f.write_str("restore disk"),
            Kind::Partition => f.write_str("partition"),
            Kind::Heal => f.write_str("heal"),
            Kind::Lie => f.write_str("lie"),
        }
    }
}

/// Counters of one check, shared by its threads.
#[derive_where(Debug, Default)]
pub struct Counters<P: Protocol> {
    /// Per thread, so that threads do not wait for each other's counts.
    fired: ThreadLocal<Vec<AtomicU64>>,
    left_out: ThreadLocal<Vec<AtomicU64>>,
    largest: AtomicUsize,
    conditions_met: AtomicU64,
    of: std::marker::PhantomData<P>,
}

fn zeros(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

/// Only the thread whose counts these are writes here: no read-modify-write is needed.
fn add(counts: &[AtomicU64], index: usize, more: u64) {
    let count = &counts[index];
    count.store(count.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

fn sum(counts: &ThreadLocal<Vec<AtomicU64>>, index: usize) -> u64 {
    counts.iter().map(|counts| counts[index].load(Ordering::Relaxed)).sum()
}

impl<P: Protocol> Counters<P> {
    /// Notes that something of this kind has happened.
    pub fn count(&self, kind: Kind<P>) {
        add(self.fired.get_or(|| zeros(Kind::<P>::count())), kind.index(), 1);
    }

    /// Notes that a reduction has just left so many things out.
    pub fn left_out(&self, rule: P::Rule, things: usize) {
        if things > 0 {
            let counts = self.left_out.get_or(|| zeros(P::Rule::ALL.len()));
            add(counts, rule.index(), things as u64);
        }
    }

    /// Notes a figure of which the largest is of interest.
    pub fn saw(&self, figure: usize) {
        if figure > self.largest.load(Ordering::Relaxed) {
            self.largest.fetch_max(figure, Ordering::Relaxed);
        }
    }

    /// The largest figure that was seen.
    #[must_use]
    pub fn largest(&self) -> usize {
        self.largest.load(Ordering::Relaxed)
    }

    /// How often this kind has happened so far.
    #[must_use]
    pub fn count_of(&self, kind: Kind<P>) -> u64 {
        sum(&self.fired, kind.index())
    }

    /// How often each kind happened, over all transitions generated.
    #[must_use]
    pub fn fired(&self) -> Vec<(Kind<P>, u64)> {
        Kind::all().into_iter().map(|kind| (kind, self.count_of(kind))).collect()
    }

    /// How much each reduction has left out: messages in the network, steps, memories.
    #[must_use]
    pub fn left_out_by(&self) -> Vec<(P::Rule, u64)> {
        P::Rule::ALL.iter().map(|rule| (*rule, sum(&self.left_out, rule.index()))).collect()
    }

    /// Notes that some state shows the condition of this number.
    pub fn meet_condition(&self, number: usize) {
        self.conditions_met.fetch_or(1 << number, Ordering::Relaxed);
    }

    /// Which conditions some state was seen to show, by their bits, in a search by Stateright.
    #[must_use]
    pub fn conditions_met(&self) -> u64 {
        self.conditions_met.load(Ordering::Relaxed)
    }
}
