//! Which steps of one actor are possible beside each other.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cell::RefCell;

use quorate_checker::Shared;
use quorate_checker::memo::{self, Fingerprint};
use thread_local::ThreadLocal;

use super::{Event, Step, index_of};
use crate::check::action::Action;
use crate::check::model::ClusterModel;
use crate::check::state::ClusterState;
use crate::ids::Peer;

/// Two steps of one actor that are possible in one visited state.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) one: Step,
    pub(super) other: Event,
}

/// Takes note of pairs while a search looks at its states. Of more than it may keep, it keeps those whose names come first in an order
/// that has nothing to do with them, whatever thread came upon them.
pub(super) struct Pairing {
    model: ClusterModel,
    max: usize,
    by_thread: ThreadLocal<RefCell<BTreeMap<u64, Pair>>>,
}

impl Pairing {
    pub(super) fn new(model: &ClusterModel, max: usize) -> Self {
        Pairing { model: model.clone(), max, by_thread: ThreadLocal::new() }
    }

    /// The pairs, in a fixed order.
    pub(super) fn into_pairs(self) -> Vec<Pair> {
        let of_threads = self.by_thread.into_iter();
        let all: BTreeMap<u64, Pair> = of_threads.flat_map(RefCell::into_inner).collect();
        all.into_values().take(self.max).collect()
    }

    pub(super) fn note(&self, state: &ClusterState, actions: &[Action]) {
        // What is under way can arrive, whether a reduction offers it now or not.
        let up = |to: &Peer| !state.is_down(*to);
        let arrivals = state.network.iter().filter(|sent| up(&sent.to)).cloned();
        let others = actions.iter().filter_map(|action| match action {
            Action::Expire { peer, timer } => Some(Event::Expire(*peer, *timer)),
            Action::Recover { node } => Some(Event::Restart(*node)),
            _ => None,
        });
        let possible: BTreeSet<ByName> =
            arrivals.map(Event::Receive).chain(others).map(ByName).collect();
        let mut by_actor: BTreeMap<usize, Vec<Event>> = BTreeMap::new();
        for ByName(event) in possible {
            let index = index_of(&self.model, &event);
            by_actor.entry(index).or_default().push(event);
        }
        let mut pairs = self.by_thread.get_or_default().borrow_mut();
        for (index, events) in by_actor {
            let seat = &state.seats[index];
            for (position, event) in events.iter().enumerate() {
                for other in &events[position + 1..] {
                    let name = memo::fingerprint_of(&(
                        index,
                        seat.fingerprint(),
                        event.fingerprint(),
                        other.fingerprint(),
                    ));
                    let is_late = pairs.len() >= self.max
                        && pairs.last_key_value().is_some_and(|(last, _)| name > *last);
                    if is_late || pairs.contains_key(&name) {
                        continue;
                    }
                    let one = Step { index, seat: Shared::clone(seat), event: event.clone() };
                    pairs.insert(name, Pair { one, other: other.clone() });
                    if pairs.len() > self.max {
                        pairs.pop_last();
                    }
                }
            }
        }
    }
}

/// An event, in the order of names.
struct ByName(Event);

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint() == other.0.fingerprint()
    }
}

impl Eq for ByName {}

impl PartialOrd for ByName {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByName {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.fingerprint().cmp(&other.0.fingerprint())
    }
}
