//! The names of all states that were visited, each at a place of its own.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use foldhash::fast::FixedState;

/// No state is at this place. A state whose name is this passes for one whose name is [`ALIAS`].
const EMPTY: u64 = 0;
const ALIAS: u64 = 1;

/// A table of fixed size with linear probing. A name that was entered stays where it is.
#[derive(Debug)]
pub(super) struct Table {
    places: Vec<AtomicU64>,
    entered: AtomicUsize,
    entered_max: usize,
    hasher: FixedState,
}

/// What entering a name came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entry {
    /// It is at this place now.
    New(u32),
    /// It was at this place already.
    Known(u32),
    /// It is not there, and there may be no more.
    Full,
}

impl Table {
    pub(super) fn new(entered_max: usize) -> Self {
        let places = (entered_max + entered_max / 4).max(64);
        assert!(u32::try_from(places).is_ok(), "the table would have 2^32 places");
        Table {
            places: (0..places).map(|_| AtomicU64::new(EMPTY)).collect(),
            entered: AtomicUsize::new(0),
            entered_max,
            hasher: FixedState::default(),
        }
    }

    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    pub(super) fn entered(&self) -> usize {
        self.entered.load(Ordering::Relaxed)
    }

    /// Where the search for a name begins, and how it is kept.
    fn start(&self, name: u64) -> (usize, u64) {
        // Names of symmetric states are the least of several, and so are not evenly spread.
        let hash = u128::from(self.hasher.hash_one(name));
        let at = ((hash * self.places.len() as u128) >> 64) as usize;
        (at, if name == EMPTY { ALIAS } else { name })
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 == self.places.len() { 0 } else { at + 1 }
    }

    /// Enters a name, unless it is there.
    pub(super) fn enter(&self, name: u64) -> Entry {
        let (mut at, name) = self.start(name);
        loop {
            let mut found = self.places[at].load(Ordering::Relaxed);
            if found == EMPTY {
                let has_room = |entered: usize| (entered < self.entered_max).then_some(entered + 1);
                let ordering = Ordering::Relaxed;
                if self.entered.fetch_update(ordering, ordering, has_room).is_err() {
                    return Entry::Full;
                }
                match self.places[at].compare_exchange(EMPTY, name, ordering, ordering) {
                    Ok(_) => return Entry::New(at as u32),
                    Err(other) => {
                        self.entered.fetch_sub(1, Ordering::Relaxed);
                        found = other;
                    }
                }
            }
            if found == name {
                return Entry::Known(at as u32);
            }
            at = self.after(at);
        }
    }

    /// Where a name is, if it was entered.
    pub(super) fn place_of(&self, name: u64) -> Option<u32> {
        let (mut at, name) = self.start(name);
        loop {
            match self.places[at].load(Ordering::Relaxed) {
                EMPTY => return None,
                found if found == name => return Some(at as u32),
                _ => at = self.after(at),
            }
        }
    }

    /// The places at which there is a name.
    pub(super) fn taken(&self) -> impl Iterator<Item = u32> {
        let is_taken = |(_, name): &(u32, &AtomicU64)| name.load(Ordering::Relaxed) != EMPTY;
        (0..).zip(&self.places).filter(is_taken).map(|(place, _)| place)
    }
}
