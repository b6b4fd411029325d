//! Runs that show something by the means that somebody has in mind.

use std::collections::BTreeMap;
use std::fmt;

use derive_where::derive_where;

use super::World;
use super::action::Action;
use super::counters::Kind;
use super::property::{Expected, Property, PropertyKind};
use super::protocol::Protocol;
use super::state::State;
use crate::explored::Explored;
use crate::memo;
use crate::seeking::Wanted;
use crate::system::System;
use crate::traversal::{Bounds, Switch, Until, explore};

/// What a run that is shown must contain: without it the shortest run may show the property by
/// other means than those the scenario is about.
#[derive_where(Clone, PartialEq, Eq, Debug)]
pub enum ShownWith<P: Protocol> {
    /// A state that is of the kind of this reachability property.
    Reached(String),
    /// Something of this kind happens.
    Happens(Kind<P>),
}

impl<P: Protocol> fmt::Display for ShownWith<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShownWith::Reached(property) => f.write_str(property),
            ShownWith::Happens(kind) => kind.fmt(f),
        }
    }
}

/// Of each property whose run must contain something, what that is.
pub type Shows<P> = BTreeMap<String, ShownWith<P>>;

/// Why a scenario cannot want something in the run of a property: what is wrong with which of the two.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// The property has no run that could contain anything.
    Property(String),
    /// It is nothing that a run could contain.
    With(String),
}

impl<P: Protocol> ShownWith<P> {
    /// What a scenario that expects this wants to see in the run of a property. Of a property of this name it is
    /// said whether it is about where runs end, and whether it asks for something to be reached.
    ///
    /// # Errors
    /// When no run is shown of the property, or nothing is called so.
    pub fn wanted(
        expect: &BTreeMap<String, Expected>,
        property: &str,
        with: &str,
        is_endless: impl Fn(&str) -> bool,
        is_of_reaching: impl Fn(&str) -> bool,
    ) -> Result<Self, Unfit> {
        let has_run = matches!(expect.get(property), Some(Expected::Violated | Expected::Reached));
        if !has_run || is_endless(property) {
            return Err(Unfit::Property(format!(
                "show.{property}: is not a property of single states that `expect` has as \
                 \"violated\" or \"reached\", so no run of it is shown"
            )));
        }
        let is_reached = is_of_reaching(with) && expect.get(with) == Some(&Expected::Reached);
        let reached = is_reached.then(|| ShownWith::Reached(with.to_owned()));
        reached.or(Kind::named(with).map(ShownWith::Happens)).ok_or_else(|| {
            let kinds: Vec<String> = Kind::<P>::all().iter().map(Kind::to_string).collect();
            Unfit::With(format!(
                "show.{property}: `{with}` is neither a property that `expect` has as \
                 \"reached\" nor something that happens; what happens is {}",
                kinds.join(", ")
            ))
        })
    }
}

/// Looks for a shortest run that comes to a state which shows something, in which something else
/// happens at or before it, and no state before that shows it already. States are told apart by
/// whether it has happened. `None` if there is no such run among as many of them as may be visited. What is to be
/// reached is one of these properties.
#[must_use]
pub fn shortest_with<P: Protocol>(
    world: &World<P>,
    properties: &[Property<P>],
    with: &ShownWith<P>,
    shows: Wanted<'_, State<P>>,
    distinct_max: usize,
) -> Option<Vec<Action<P>>> {
    // Counters that nobody else moves say what happened in a step, also in what follows from it; so
    // this is the work of one thread.
    let noting = Noting { world: world.with_fresh_counters(), properties, with, shows };
    let bounds =
        Bounds { states_max: Some(distinct_max), until: Until::AllShown(1), ..Bounds::default() };
    let explored: Explored = explore(&noting, &bounds, &Switch::default());
    explored.first(0).map(|state| explored.run_to(&noting, state))
}

/// A world whose states remember whether something has happened.
struct Noting<'a, P: Protocol> {
    world: World<P>,
    properties: &'a [Property<P>],
    with: &'a ShownWith<P>,
    shows: Wanted<'a, State<P>>,
}

impl<P: Protocol> Noting<'_, P> {
    fn counted(&self) -> u64 {
        match self.with {
            ShownWith::Happens(kind) => self.world.counters().count_of(*kind),
            ShownWith::Reached(_) => 0,
        }
    }

    fn is_reached(&self, state: &State<P>) -> bool {
        let ShownWith::Reached(name) = self.with else { return false };
        let named = self.properties.iter().find(|property| property.name == name);
        match named.map(|property| &property.kind) {
            Some(PropertyKind::Reachability { reached, .. }) => {
                reached(self.world.protocol(), state)
            }
            _ => false,
        }
    }
}

impl<P: Protocol> System for Noting<'_, P> {
    type State = (State<P>, bool);
    type Action = Action<P>;

    fn initial(&self) -> Vec<Self::State> {
        let noted = |state| {
            let has_happened = self.is_reached(&state);
            (state, has_happened)
        };
        self.world.initial().into_iter().map(noted).collect()
    }

    fn actions(&self, (state, has_happened): &Self::State, actions: &mut Vec<Action<P>>) {
        // What happens after a state that shows it has nothing to do with it.
        if *has_happened || !(self.shows)(state) {
            self.world.offer(state, actions);
        }
    }

    fn apply(&self, (state, had_happened): &Self::State, action: Action<P>) -> Option<Self::State> {
        let count = self.counted();
        let next = self.world.apply(state, action)?;
        let has_happened = *had_happened || self.counted() > count || self.is_reached(&next);
        Some((next, has_happened))
    }

    fn fingerprint(&self, (state, has_happened): &Self::State) -> u64 {
        memo::fingerprint_of(&(self.world.fingerprint(state), has_happened))
    }

    fn conditions(&self) -> usize {
        1
    }

    fn shows(&self, _: usize, (state, has_happened): &Self::State) -> bool {
        *has_happened && (self.shows)(state)
    }
}
