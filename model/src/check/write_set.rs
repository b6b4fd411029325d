//! Sets of planned writes, the ghost's notion of what someone has seen.

use core::fmt;

/// A set of writes by their position in [`crate::scenario::Scenario::writes`].
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteSet(u128);

impl WriteSet {
    /// The set without members.
    pub const EMPTY: WriteSet = WriteSet(0);

    /// The set of this write alone.
    #[must_use]
    pub fn only(write: usize) -> Self {
        WriteSet(1 << write)
    }

    /// Adds a write.
    pub fn insert(&mut self, write: usize) {
        self.0 |= 1 << write;
    }

    /// Whether the write is a member.
    #[must_use]
    pub fn contains(self, write: usize) -> bool {
        self.0 >> write & 1 == 1
    }

    /// The members of either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        WriteSet(self.0 | other.0)
    }

    /// The members of both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        WriteSet(self.0 & other.0)
    }

    /// The members that are none of `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        WriteSet(self.0 & !other.0)
    }

    /// Whether every member is one of `other` too.
    #[must_use]
    pub fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many members there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The members in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let lowest = (rest != 0).then(|| rest.trailing_zeros() as usize);
            rest &= rest.wrapping_sub(1);
            lowest
        })
    }
}

impl FromIterator<usize> for WriteSet {
    fn from_iter<I: IntoIterator<Item = usize>>(writes: I) -> Self {
        let mut set = WriteSet::EMPTY;
        writes.into_iter().for_each(|write| set.insert(write));
        set
    }
}

impl fmt::Debug for WriteSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
