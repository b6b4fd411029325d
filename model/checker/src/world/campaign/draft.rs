//! Scenarios that can be made up, made simpler, and written down.

use std::fmt;

use super::compare::{Compared, Difference, compare};
use crate::world::World;
use crate::world::counters::Kind;
use crate::world::property::Property;
use crate::world::protocol::Protocol;
use crate::world::reduces::Reduces;

/// A scenario of some protocol as it may be written down. Nothing says that the format takes it.
pub trait Draft: Clone + PartialEq + fmt::Debug + Send + Sync + Sized + 'static {
    /// Of which protocol.
    type Protocol: Reduces;
    /// A way for its reductions to be wrong on purpose.
    type Wrong: Wrong<Rule = <Self::Protocol as Protocol>::Rule>;

    /// What a scenario may have, beside faults, that makes protocol or rules do something else, by name. A campaign fails if too few
    /// compared cases have one.
    fn modes() -> Vec<&'static str>;

    /// Kinds of step that no scenario of the protocol has.
    fn never() -> Vec<Kind<Self::Protocol>> {
        Vec::new()
    }

    /// All small scenarios up to this size, in order of size, where they are enumerated.
    fn small(size: usize) -> Box<dyn Iterator<Item = Self> + Send> {
        let _ = size;
        Box::new(std::iter::empty())
    }

    /// What some cluster promises.
    fn promises() -> Vec<&'static str> {
        Vec::new()
    }

    /// The random scenario of this number, from a seed: always the same.
    fn random(seed: u64, number: u64) -> Self;

    /// The text of the scenario file.
    fn toml(&self) -> String;

    /// What is compared of it, if the format takes it.
    fn readied(&self) -> Option<Readied<Self::Protocol>>;

    /// Everything that is this scenario with one thing less, what makes it smallest first.
    fn simpler(&self) -> Vec<Self>;

    /// The one reduction that is switched, if one is: off, or, where it is not usual, on.
    fn switched(&self) -> Option<<Self::Protocol as Protocol>::Rule>;

    /// The same with this reduction switched, and no other.
    #[must_use]
    fn with_switched(&self, rule: Option<<Self::Protocol as Protocol>::Rule>) -> Self;

    /// A protocol whose reductions are wrong in this way.
    fn made_wrong(protocol: &Self::Protocol, wrong: Self::Wrong) -> Self::Protocol;

    /// How it comes out; `None` if the format refuses it.
    fn compared(&self, distinct_max: usize) -> Option<Compared<Self::Protocol>> {
        Some(self.readied()?.compared(distinct_max))
    }
}

/// What is compared of a scenario.
pub struct Readied<P: Protocol> {
    /// Everything that may happen, by the reductions of the scenario.
    pub world: World<P>,
    /// What is judged.
    pub properties: Vec<Property<P>>,
    /// Which modes it has, in the order of [`Draft::modes`].
    pub modes: Vec<bool>,
    /// Which properties its cluster is said to promise, whatever happens in it.
    pub promised: Vec<&'static str>,
}

impl<P: Reduces> Readied<P> {
    /// How it comes out, and whether what is promised holds.
    #[must_use]
    pub fn compared(&self, distinct_max: usize) -> Compared<P> {
        let compared = compare(&self.world, self.properties.clone(), distinct_max);
        let Compared::Same(exercised) = &compared else { return compared };
        match self.promised.iter().find(|property| exercised.violates(property)) {
            Some(property) => Compared::Different {
                difference: Difference::Promised { property },
                switched: None,
            },
            None => compared,
        }
    }
}

/// One way for the reductions of a protocol to be wrong: see [`wrong_rules`](crate::wrong_rules).
pub trait Wrong: Copy + Ord + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The rules of the protocol.
    type Rule;

    /// All there are in this build.
    fn all() -> &'static [Self];

    /// The rule that it makes wrong.
    fn rule(self) -> Self::Rule;

    /// What is done wrongly, in words.
    fn statement(self) -> &'static str;
}

/// The simplest scenario near this one of which it is still true, with no more than `tries_max` others
/// looked at.
#[must_use]
pub fn shrunk<D: Draft>(mut draft: D, tries_max: usize, is_so: impl Fn(&D) -> bool) -> D {
    let mut tries = 0;
    'simpler: loop {
        for simpler in draft.simpler() {
            if tries == tries_max {
                return draft;
            }
            tries += 1;
            if is_so(&simpler) {
                draft = simpler;
                continue 'simpler;
            }
        }
        return draft;
    }
}
