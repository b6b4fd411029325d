//! What a step touches, declared, and what follows from it.
//!
//! A [`Footprint`] says which [components](Component) of its actor a step may read, write or *join*, which
//! kinds of message it may send, and whether it may tell an observer something. Two steps of one actor are
//! [independent](Footprint::is_independent_of) if neither changes what the other reads, and what both change
//! both join. Independent steps commute: in either order the same state comes out, and the same is sent. That is
//! the independence relation of partial order reduction (Mazurkiewicz 1977; Godefroid 1996), and of
//! movers (Lipton 1975); a join is a step that commutes with itself, like the updates of a join
//! semilattice (Shapiro, Preguiça, Baquero and Zawirski 2011).
//!
//! A declaration is worth what it is held against. [`examine`] takes a step and compares it with its
//! declaration, and [`commute`] takes two in both orders. Both know actors by the trait [`Actor`] only.

mod each;
mod examine;
mod forgetting;
mod region;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::hash::Hash;

pub use each::each;
pub use examine::{Actor, Lapse, Stepped, commute, examine};
pub use forgetting::Forgetting;
pub use region::{Component, Region};

/// What a step may touch and cause.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Footprint<C: Component, K: Ord> {
    /// What it may read.
    pub reads: Region<C>,
    /// What it may change, depending on what it was or not.
    pub writes: Region<C>,
    /// What it may change by an update that commutes with every other join of the component, and of
    /// which nothing else that the step does depends.
    pub joins: Region<C>,
    /// The kinds of message that it may send.
    pub sends: BTreeSet<K>,
    /// Whether it may tell an observer something.
    pub tells: bool,
}

impl<C: Component, K: Ord> Default for Footprint<C, K> {
    fn default() -> Self {
        Footprint {
            reads: Region::default(),
            writes: Region::default(),
            joins: Region::default(),
            sends: BTreeSet::new(),
            tells: false,
        }
    }
}

impl<C: Component, K: Ord + Copy + Hash> Footprint<C, K> {
    /// Whether two steps of one actor commute as far as they declare: neither changes what the other
    /// reads, and of what both change, both join it.
    #[must_use]
    pub fn is_independent_of(&self, other: &Self) -> bool {
        let disturbs = |one: &Self, other: &Self| {
            one.writes.meets(&other.reads)
                || one.joins.meets(&other.reads)
                || one.writes.meets(&other.joins)
        };
        !disturbs(self, other) && !disturbs(other, self) && !self.writes.meets(&other.writes)
    }

    /// Whether it says of a step all that the other one says: whatever is not independent of a step that declares the
    /// other is not independent of one that declares this.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.writes.is_within(&self.writes)
            && other.joins.is_within(&self.joins.union(&self.writes))
            && other.reads.is_within(&self.reads.union(&self.writes))
            && self.tells >= other.tells
    }

    /// Whether a step may change a component.
    #[must_use]
    pub fn changes(&self, component: &C) -> bool {
        self.writes.contains(component) || self.joins.contains(component)
    }

    /// Whether a step may look at a component, change it, or both.
    #[must_use]
    pub fn touches(&self, component: &C) -> bool {
        self.reads.contains(component) || self.changes(component)
    }

    /// What a step may do that does what one of these may do.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Footprint {
            reads: self.reads.union(&other.reads),
            writes: self.writes.union(&other.writes),
            joins: self.joins.union(&other.joins),
            sends: self.sends.union(&other.sends).copied().collect(),
            tells: self.tells || other.tells,
        }
    }
}
