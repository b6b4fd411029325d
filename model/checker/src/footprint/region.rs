//! Sets of components.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::Hash;

/// A named part of an actor's state.
pub trait Component: Clone + Ord + Hash + fmt::Debug {
    /// Sorts of components: there may be any number of each.
    type Family: Copy + Ord + Hash + fmt::Debug;

    /// What sort it is of.
    fn family(&self) -> Self::Family;
}

/// A set of components: some that are named, and all of some families.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Region<C: Component> {
    ones: BTreeSet<C>,
    families: BTreeSet<C::Family>,
}

impl<C: Component> Default for Region<C> {
    fn default() -> Self {
        Region { ones: BTreeSet::new(), families: BTreeSet::new() }
    }
}

impl<C: Component> Region<C> {
    /// Adds a component.
    pub fn insert(&mut self, component: C) {
        self.ones.insert(component);
    }

    /// Adds all components of a family, whichever there are or will be.
    pub fn insert_family(&mut self, family: C::Family) {
        self.families.insert(family);
    }

    /// Whether a component is in it.
    #[must_use]
    pub fn contains(&self, component: &C) -> bool {
        self.families.contains(&component.family()) || self.ones.contains(component)
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ones.is_empty() && self.families.is_empty()
    }

    /// Whether some component is, or may be, in both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let has_of = |one: &Self, family: &C::Family| {
            one.families.contains(family) || one.ones.iter().any(|one| one.family() == *family)
        };
        self.ones.intersection(&other.ones).next().is_some()
            || self.families.iter().any(|family| has_of(other, family))
            || other.families.iter().any(|family| has_of(self, family))
    }

    /// Whether everything in it is in the other one.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.ones.iter().all(|one| other.contains(one)) && self.families.is_subset(&other.families)
    }

    /// The components that are in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Region {
            ones: self.ones.union(&other.ones).cloned().collect(),
            families: self.families.union(&other.families).copied().collect(),
        }
    }

    /// The families of what is in it.
    #[must_use]
    pub fn families(&self) -> BTreeSet<C::Family> {
        self.ones.iter().map(Component::family).chain(self.families.iter().copied()).collect()
    }

    /// The same without anything of this family.
    #[must_use]
    pub fn without_family(&self, family: C::Family) -> Self {
        let others = |other: &&C::Family| **other != family;
        Region {
            ones: self.ones.iter().filter(|one| one.family() != family).cloned().collect(),
            families: self.families.iter().filter(others).copied().collect(),
        }
    }

    /// What of it is of this family.
    #[must_use]
    pub fn of_family(&self, family: C::Family) -> Self {
        Region {
            ones: self.ones.iter().filter(|one| one.family() == family).cloned().collect(),
            families: self.families.iter().filter(|own| **own == family).copied().collect(),
        }
    }
}

impl<C: Component> FromIterator<C> for Region<C> {
    fn from_iter<I: IntoIterator<Item = C>>(components: I) -> Self {
        Region { ones: components.into_iter().collect(), families: BTreeSet::new() }
    }
}
