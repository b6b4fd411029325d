//! Which steps of one actor are possible beside each other.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use derive_where::derive_where;
use quorate_ids::Peer;
use thread_local::ThreadLocal;

use super::{Event, Footprints, Step, index_of};
use crate::memo::{self, Fingerprint};
use crate::shared::Shared;
use crate::world::World;
use crate::world::action::Action;
use crate::world::state::State;

/// Two steps of one actor that are possible in one visited state.
#[derive_where(Clone)]
pub(super) struct Pair<P: Footprints> {
    pub(super) one: Step<P>,
    pub(super) other: Event<P>,
}

/// Takes note of pairs while a search looks at its states. Of more than it may keep, it keeps those whose names come first in an order
/// that has nothing to do with them, whatever thread came upon them.
pub(super) struct Pairing<P: Footprints> {
    world: World<P>,
    max: usize,
    by_thread: ThreadLocal<RefCell<BTreeMap<u64, Pair<P>>>>,
}

impl<P: Footprints> Pairing<P> {
    pub(super) fn new(world: &World<P>, max: usize) -> Self {
        Pairing { world: world.clone(), max, by_thread: ThreadLocal::new() }
    }

    /// The pairs, in a fixed order.
    pub(super) fn into_pairs(self) -> Vec<Pair<P>> {
        let of_threads = self.by_thread.into_iter();
        let all: BTreeMap<u64, Pair<P>> = of_threads.flat_map(RefCell::into_inner).collect();
        all.into_values().take(self.max).collect()
    }

    pub(super) fn note(&self, state: &State<P>, actions: &[Action<P>]) {
        // What is under way can arrive, whether a reduction offers it now or not.
        let up = |to: &Peer| !state.is_down(*to);
        let arrivals = state.network.iter().filter(|sent| up(&sent.to)).cloned();
        let others = actions.iter().filter_map(|action| match action {
            Action::Expire { peer, timer } => Some(Event::Expire(*peer, *timer)),
            Action::Recover { node } => Some(Event::Restart(*node)),
            _ => None,
        });
        let possible: BTreeSet<ByName<P>> =
            arrivals.map(Event::Receive).chain(others).map(ByName).collect();
        let mut by_actor: BTreeMap<usize, Vec<Event<P>>> = BTreeMap::new();
        for ByName(event) in possible {
            let index = index_of(&self.world, &event);
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
struct ByName<P: Footprints>(Event<P>);

impl<P: Footprints> PartialEq for ByName<P> {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint() == other.0.fingerprint()
    }
}

impl<P: Footprints> Eq for ByName<P> {}

impl<P: Footprints> PartialOrd for ByName<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P: Footprints> Ord for ByName<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.fingerprint().cmp(&other.0.fingerprint())
    }
}
