//! The cases of a campaign, in a row.

use alloc::boxed::Box;

use super::draft::Draft;
use super::random;
use super::small_scope::boxed_up_to;

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
pub struct Case {
    /// Its place in the row, from zero.
    pub number: u64,
    /// Where it is from.
    pub origin: Origin,
    /// The scenario.
    pub draft: Draft,
}

/// All small scenarios up to a size, and then random ones for ever.
pub struct Sequence {
    seed: u64,
    next: u64,
    small: Box<dyn Iterator<Item = Draft> + Send>,
    /// How many small scenarios there were, once none is left.
    small_count: Option<u64>,
}

impl Sequence {
    /// The sequence of a seed, of which small scenarios have no more than this size.
    #[must_use]
    pub fn new(seed: u64, size: usize) -> Sequence {
        Sequence { seed, next: 0, small: boxed_up_to(size), small_count: None }
    }
}

impl Iterator for Sequence {
    type Item = Case;

    fn next(&mut self) -> Option<Case> {
        let number = self.next;
        self.next += 1;
        if self.small_count.is_none()
            && let Some(draft) = self.small.next()
        {
            return Some(Case { number, origin: Origin::SmallScope, draft });
        }
        let small_count = *self.small_count.get_or_insert(number);
        let random = number - small_count;
        let draft = random::draft(&random::tape(self.seed, random));
        Some(Case { number, origin: Origin::Random(random), draft })
    }
}
