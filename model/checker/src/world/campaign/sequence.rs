//! The cases of a campaign, in a row.

use super::draft::Draft;

/// Where a case is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The enumeration of all small scenarios.
    SmallScope,
    /// The random scenario of this number.
    Random(u64),
}

/// One scenario of a campaign.
#[derive(Clone, PartialEq, Debug)]
pub struct Case<D> {
    /// Its place in the row, from zero.
    pub number: u64,
    /// Where it is from.
    pub origin: Origin,
    /// The scenario.
    pub draft: D,
}

/// All small scenarios up to a size, and then random ones for ever.
pub struct Sequence<D> {
    seed: u64,
    next: u64,
    small: Box<dyn Iterator<Item = D> + Send>,
    /// How many small scenarios there were, once none is left.
    small_count: Option<u64>,
}

impl<D: Draft> Sequence<D> {
    /// The sequence of a seed, of which small scenarios have no more than this size.
    #[must_use]
    pub fn new(seed: u64, size: usize) -> Sequence<D> {
        Sequence { seed, next: 0, small: D::small(size), small_count: None }
    }
}

impl<D: Draft> Iterator for Sequence<D> {
    type Item = Case<D>;

    fn next(&mut self) -> Option<Case<D>> {
        let number = self.next;
        self.next += 1;
        if self.small_count.is_none()
            && let Some(draft) = self.small.next()
        {
            return Some(Case { number, origin: Origin::SmallScope, draft });
        }
        let small_count = *self.small_count.get_or_insert(number);
        let random = number - small_count;
        Some(Case { number, origin: Origin::Random(random), draft: D::random(self.seed, random) })
    }
}
