//! What follows from declarations, worked out once for each outlook.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use quorate_ids::Peer;

use super::{Declares, Ever, Touches};

/// A set of numbers.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    fn insert(&mut self, number: usize) -> bool {
        let word = number / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] >> (number % 64) & 1 == 0;
        self.0[word] |= 1 << (number % 64);
        is_new
    }

    fn contains(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Adds all of another set.
    pub(super) fn add(&mut self, other: &Bits) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
    }

    fn meets(&self, other: &Bits) -> bool {
        self.0.iter().zip(&other.0).any(|(one, other)| one & other != 0)
    }
}

/// What disturbs an event of a class that touches this.
type Known<P> = HashMap<(usize, Touches<P>), Arc<Bits>>;

/// Which classes of events there are, what each touches, and what each may lead to.
pub(super) struct Table<P: Declares> {
    outlook: P::Outlook,
    places: Vec<(Peer, P::Class)>,
    ids: HashMap<(Peer, P::Class), usize>,
    ever: Vec<Ever<P>>,
    /// What each may lead to over any number of steps, itself among it.
    leads_to: Vec<Bits>,
    /// Whether each may lead to itself over deliveries alone.
    returns: Vec<bool>,
    known: Mutex<Known<P>>,
}

impl<P: Declares> Table<P> {
    /// All that these may lead to.
    pub(super) fn new(
        protocol: &P,
        outlook: &P::Outlook,
        mut places: Vec<(Peer, P::Class)>,
    ) -> Self {
        places.sort();
        places.dedup();
        let mut ids: HashMap<(Peer, P::Class), usize> =
            places.iter().cloned().zip(0..places.len()).collect();
        let mut ever: Vec<Ever<P>> = Vec::new();
        while let Some((peer, class)) = places.get(ever.len()) {
            let found = protocol.ever(outlook, *peer, class);
            for place in &found.leads_to {
                if !ids.contains_key(place) {
                    ids.insert(place.clone(), places.len());
                    places.push(place.clone());
                }
            }
            ever.push(found);
        }
        let next: Vec<Vec<usize>> = ever
            .iter()
            .map(|ever| ever.leads_to.iter().map(|place| ids[place]).collect())
            .collect();
        let is_arrival: Vec<bool> =
            places.iter().map(|(_, class)| protocol.is_arrival(class)).collect();
        let leads_to = (0..places.len())
            .map(|id| {
                let mut all = reached(id, &next, |_| true);
                all.insert(id);
                all
            })
            .collect();
        let over_arrivals =
            |id: usize| is_arrival[id] && reached(id, &next, |id| is_arrival[id]).contains(id);
        let returns = (0..places.len()).map(over_arrivals).collect();
        let outlook = outlook.clone();
        Table { outlook, places, ids, ever, leads_to, returns, known: Mutex::default() }
    }

    /// All classes that it knows, each with at whom.
    pub(super) fn places(&self) -> &[(Peer, P::Class)] {
        &self.places
    }

    /// The number of a class at an actor, if it is known.
    pub(super) fn id(&self, peer: Peer, class: &P::Class) -> Option<usize> {
        self.ids.get(&(peer, class.clone())).copied()
    }

    fn known_id(&self, peer: Peer, class: &P::Class) -> usize {
        self.id(peer, class).expect("whatever is under way is in the table")
    }

    /// Whether a delivery of this class may lead to one of the same, over deliveries alone.
    pub(super) fn leads_to_itself(&self, peer: Peer, class: &P::Class) -> bool {
        self.returns[self.known_id(peer, class)]
    }

    /// Whether something of this class is one of these, or may lead to one, over any number of steps.
    pub(super) fn may_lead_to(&self, peer: Peer, class: &P::Class, these: &Bits) -> bool {
        self.leads_to[self.known_id(peer, class)].meets(these)
    }

    /// All that an event which touches this is not independent of.
    pub(super) fn disturbing(
        &self,
        protocol: &P,
        peer: Peer,
        class: &P::Class,
        touches: &Touches<P>,
    ) -> Arc<Bits> {
        let key = (self.known_id(peer, class), touches.clone());
        let mut known = self.known.lock().expect("nobody panics with it");
        let work_out = || {
            let mut disturbing = Bits::default();
            for (id, ((at, other), ever)) in self.places.iter().zip(&self.ever).enumerate() {
                if *at == peer && !touches.is_independent_of(&ever.touches)
                    || protocol.is_watched(&self.outlook, (peer, class), (*at, other))
                {
                    disturbing.insert(id);
                }
            }
            Arc::new(disturbing)
        };
        Arc::clone(known.entry(key).or_insert_with(work_out))
    }
}

/// All that can be reached from one of these over at least one edge, by way of those that are wanted.
fn reached(from: usize, next: &[Vec<usize>], is_wanted: impl Fn(usize) -> bool) -> Bits {
    let mut reached = Bits::default();
    let mut waiting = Vec::from([from]);
    while let Some(at) = waiting.pop() {
        for id in next[at].iter().copied().filter(|id| is_wanted(*id)) {
            if reached.insert(id) {
                waiting.push(id);
            }
        }
    }
    reached
}
