//! A set of places in the table.

use std::sync::atomic::{AtomicU64, Ordering};

/// A bit for each place.
#[derive(Debug)]
pub(super) struct Bits(Vec<AtomicU64>);

impl Bits {
    pub(super) fn new(places: usize) -> Self {
        Bits((0..places.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Adds a place, beside other threads that do.
    pub(super) fn insert(&self, place: u32) {
        self.0[place as usize / 64].fetch_or(1 << (place % 64), Ordering::Relaxed);
    }

    /// Adds a place.
    pub(super) fn set(&mut self, place: u32) {
        *self.0[place as usize / 64].get_mut() |= 1 << (place % 64);
    }

    pub(super) fn contains(&self, place: u32) -> bool {
        self.0[place as usize / 64].load(Ordering::Relaxed) >> (place % 64) & 1 == 1
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|word| word.load(Ordering::Relaxed).count_ones() as usize).sum()
    }
}
