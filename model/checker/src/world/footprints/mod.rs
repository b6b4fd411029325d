//! Every step that a search takes, compared with what it declares to touch.
//!
//! A search remembers each step of each actor, by the actor's state and what reached it. They are all held
//! against what the protocol [declares](Footprints): what was changed and sent; whether the
//! same happens where everything that the step declares not to touch is as it is in another visited state of
//! the same actor; and whether steps that declare to be independent commute. What is not compared is said.

mod declaring;
mod pairing;
mod reaching;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use derive_where::derive_where;

pub use declaring::Footprints;

use declaring::SeatActor;
use pairing::{Pair, Pairing};
use quorate_ids::Peer;

use super::World;
use super::action::Action;
use super::judged::Judged;
use super::local::Event;
use super::state::{Seat, State};
use super::taken::StepsTaken;
use super::words::Words;
use crate::footprint::{Actor, Component, Forgetting, Lapse, commute, each, examine};
use crate::looking::Looking;
use crate::memo::Fingerprint;
use crate::shared::Shared;
use crate::traversal::{Bounds, Switch, explore};

/// Sorts of parts.
type Sort<P> = <<P as Footprints>::Part as Component>::Family;

/// How many other states of an actor each of its steps is compared in.
const DONORS: usize = 4;

/// How much is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// Threads.
    pub threads: usize,
    /// How many pairs of steps that are possible at one actor in one visited state are taken in both orders at
    /// most, of all kinds alike.
    pub pairs: usize,
    /// The most states that the search may visit: of a larger one nothing is compared.
    pub search_max: Option<usize>,
}

/// What a step and its declaration differ in.
#[derive_where(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Difference<P: Footprints> {
    /// What kind of input the step takes.
    pub input: &'static str,
    /// In what.
    pub lapse: Lapse<P::Part, &'static str>,
    /// What kind of input the step takes with which it does not commute.
    pub with: Option<&'static str>,
}

impl<P: Footprints> fmt::Display for Difference<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.input)?;
        match &self.lapse {
            Lapse::Changes(part) => write!(f, "changes {part}, which it does not declare to"),
            Lapse::Reads(part) => write!(f, "depends on {part}, which it does not declare to"),
            Lapse::ReadsTogether(parts) => {
                f.write_str("depends on some of these, none of which it declares to read:")?;
                parts.iter().try_for_each(|part| write!(f, " {part};"))
            }
            Lapse::ReadsWhatItJoins(part) => {
                write!(f, "declares to join {part}, and does something else depending on it")
            }
            Lapse::Sends(kind) => write!(f, "sends a {kind}, which it does not declare to"),
            Lapse::Tells => f.write_str("tells observers something, which it does not declare to"),
            Lapse::ChangesElsewhere => f.write_str("changes something that is no component"),
            Lapse::DoesNotCommute => {
                let with = self.with.unwrap_or("another step");
                write!(f, "declares to be independent of {with}, and does not commute with it")
            }
        }
    }
}

/// A difference, how often it came up, and where.
#[derive_where(Clone, Debug)]
pub struct Found<P: Footprints> {
    /// What differs.
    pub difference: Difference<P>,
    /// How many steps differ so.
    pub steps: usize,
    /// One of them, in words.
    pub step: String,
    /// A shortest run to a state in which it is taken, and the action that takes it; empty if none was found.
    pub run: Vec<Action<P>>,
}

/// What came of comparing the steps of one search.
#[derive_where(Clone, Debug)]
pub struct Comparison<P: Footprints> {
    /// How many states the search visits.
    pub distinct: usize,
    /// How many different steps it takes, all of which were compared.
    pub steps: usize,
    /// In how many other states they were taken as well.
    pub masked: usize,
    /// How many pairs of steps declare to be independent, and were taken in both orders.
    pub independent: usize,
    /// How many pairs declare not to be.
    pub dependent: usize,
    /// Whether the search took more steps than are remembered: then some were not compared.
    pub is_partial: bool,
    /// In what steps and declarations differ.
    pub found: Vec<Found<P>>,
}

impl<P: Footprints> Comparison<P> {
    /// Whether every step did as it declares, and some were taken.
    #[must_use]
    pub fn is_as_declared(&self) -> bool {
        self.found.is_empty() && self.steps > 0 && !self.is_partial
    }
}

/// Compares every step of a search of this world with its declaration. `None` if the switch stopped it, or the search
/// visits more states than it may.
#[must_use]
pub fn compare<P: Footprints>(
    world: &World<P>,
    words: &impl Words<P>,
    extent: Extent,
    switch: &Switch,
) -> Option<Comparison<P>> {
    let taken = Taken::in_search(world, extent, switch)?;
    let (mut comparison, found) = taken.compare(extent, None);
    for (difference, (steps, step)) in found {
        let run = reaching::run_to(world, &step.seat, &step.event);
        let step = words.action(&step.action(), None);
        comparison.found.push(Found { difference, steps, step, run });
    }
    Some(comparison)
}

/// A declaration that is wrong on purpose: of the steps that take one kind of input, one thing that it lists is
/// forgotten, or called a join.
#[derive_where(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Wrong<P: Footprints> {
    /// The kind of input.
    pub input: &'static str,
    /// What is wrong.
    pub how: Forgetting<Sort<P>, &'static str>,
}

impl<P: Footprints> fmt::Display for Wrong<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let input = self.input;
        match self.how {
            Forgetting::Reads(sort) => write!(f, "{input} does not declare to read {sort}"),
            Forgetting::Changes(sort) => write!(f, "{input} does not declare to change {sort}"),
            Forgetting::WriteCalledJoin(sort) => write!(f, "{input} declares to join {sort}"),
            Forgetting::Sends(kind) => write!(f, "{input} does not declare to send {kind}"),
            Forgetting::Tells => write!(f, "{input} does not declare to tell observers"),
        }
    }
}

/// The ways in which declarations of the steps of a search can be wrong, but for those that are `known` to be noticed:
/// each with whether the comparison notices it. `None` as for [`compare`].
#[must_use]
pub fn forget_each<P: Footprints>(
    world: &World<P>,
    extent: Extent,
    switch: &Switch,
    known: &dyn Fn(&Wrong<P>) -> bool,
) -> Option<BTreeMap<Wrong<P>, bool>> {
    let taken = Taken::in_search(world, extent, switch)?;
    let mut wrongs: BTreeMap<Wrong<P>, bool> = BTreeMap::new();
    for step in &taken.steps {
        let declared = taken.actor(step.index).footprint(&step.seat, &step.event);
        let input = P::kind_of_input(&step.event);
        let ways = Forgetting::of(&declared).into_iter().map(|how| Wrong { input, how });
        wrongs.extend(ways.filter(|wrong| !known(wrong)).map(|wrong| (wrong, false)));
    }
    for (wrong, is_noticed) in &mut wrongs {
        *is_noticed = !taken.compare(extent, Some(*wrong)).1.is_empty();
    }
    Some(wrongs)
}

/// A step that a search took.
#[derive_where(Clone)]
struct Step<P: Footprints> {
    index: usize,
    seat: Shared<Seat<P>>,
    event: Event<P>,
}

impl<P: Footprints> Step<P> {
    /// What somebody sees who watches the world.
    fn action(&self) -> Action<P> {
        match &self.event {
            Event::Receive(sent) => Action::Deliver(sent.clone()),
            Event::Expire(peer, timer) => Action::Expire { peer: *peer, timer: *timer },
            Event::Restart(node) => Action::Recover { node: *node },
            Event::Command(node, command) => {
                Action::Command { node: *node, command: command.clone() }
            }
            Event::Invoke(client, coordinator) => {
                Action::Invoke { client: *client, coordinator: *coordinator }
            }
        }
    }
}

/// In what steps and declarations differ, how often, and one such step.
type Differences<P> = BTreeMap<Difference<P>, (usize, Step<P>)>;

/// All steps of one search.
struct Taken<P: Footprints> {
    world: World<P>,
    distinct: usize,
    is_partial: bool,
    /// By actor, state and input.
    steps: Vec<Step<P>>,
    /// For each actor, its states.
    states: Vec<Vec<Shared<Seat<P>>>>,
    /// Steps of one actor that are possible in one visited state.
    pairs: Vec<Pair<P>>,
}

impl<P: Footprints> Taken<P> {
    fn in_search(world: &World<P>, extent: Extent, switch: &Switch) -> Option<Taken<P>> {
        let searched = world.with_fresh_steps();
        let bounds =
            Bounds { threads: extent.threads, states_max: extent.search_max, ..Bounds::default() };
        let (system, pairing) = (Judged::new(&searched, []), Pairing::new(world, extent.pairs));
        let look = |state: &State<P>, actions: &mut Vec<Action<P>>| pairing.note(state, actions);
        let explored = explore(&Looking { system: &system, look }, &bounds, switch);
        if !explored.is_exhausted() {
            return None;
        }
        let distinct = explored.distinct();
        // Whoever remembers the steps gives them away only if nobody else has them.
        drop((explored, system));
        let pairs = pairing.into_pairs();
        let StepsTaken { steps: taken, is_partial } = searched.into_steps_taken()?;
        let world = world.with_fresh_steps();
        let mut seen = BTreeSet::new();
        let mut states: Vec<BTreeMap<u64, Shared<Seat<P>>>> = Vec::new();
        let environment = world.environment();
        states.resize_with(environment.nodes + environment.clients, BTreeMap::new);
        let mut steps = Vec::new();
        for (seat, event) in taken {
            let index = index_of(&world, &event);
            if seen.insert((index, seat.fingerprint(), event.fingerprint())) {
                states[index].insert(seat.fingerprint(), seat.clone());
                steps.push(Step { index, seat, event });
            }
        }
        // The same order on any number of threads.
        steps.sort_by_key(|step| (step.index, step.seat.fingerprint(), step.event.fingerprint()));
        let states = states.into_iter().map(|of| of.into_values().collect()).collect();
        Some(Taken { world, distinct, is_partial, steps, states, pairs })
    }

    fn actor(&self, index: usize) -> SeatActor<'_, P> {
        SeatActor { world: &self.world, index }
    }

    /// Other states of the actor: always the same ones.
    fn donors(&self, step: &Step<P>) -> Vec<&Seat<P>> {
        let states = &self.states[step.index];
        let seed = step.seat.fingerprint() ^ step.event.fingerprint().rotate_left(17);
        let at = |number: usize| {
            let mixed = (seed ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed >> 32) as usize % states.len()
        };
        let donors: BTreeSet<usize> = (0..DONORS).map(at).collect();
        donors.into_iter().map(|at| &*states[at]).collect()
    }

    /// Compares all steps, or, where declarations of one kind of input are wrong on purpose, those.
    fn compare(&self, extent: Extent, wrong: Option<Wrong<P>>) -> (Comparison<P>, Differences<P>) {
        let is_concerned =
            |event: &Event<P>| wrong.is_none_or(|wrong| P::kind_of_input(event) == wrong.input);
        let declares = |actor: &SeatActor<'_, P>, seat: &Seat<P>, event: &Event<P>| {
            let declared = actor.footprint(seat, event);
            match wrong {
                Some(wrong) if P::kind_of_input(event) == wrong.input => wrong.how.in_(&declared),
                _ => declared,
            }
        };
        let mut comparison = Comparison {
            distinct: self.distinct,
            steps: self.steps.len(),
            masked: 0,
            independent: 0,
            dependent: 0,
            is_partial: self.is_partial,
            found: Vec::new(),
        };
        let mut found: Differences<P> = BTreeMap::new();
        let mut note = |step: &'_ Step<P>, lapse, with: Option<&Event<P>>| {
            let (input, with) = (P::kind_of_input(&step.event), with.map(P::kind_of_input));
            let difference = Difference { input, lapse, with };
            found.entry(difference).or_insert_with(|| (0, step.clone())).0 += 1;
        };
        let steps: Vec<&Step<P>> =
            self.steps.iter().filter(|step| is_concerned(&step.event)).collect();
        let lapses = each(&steps, extent.threads, |step| {
            let (actor, donors) = (self.actor(step.index), self.donors(step));
            let of_state = |seat: &Seat<P>| declares(&actor, seat, &step.event);
            (donors.len(), examine(&actor, &of_state, &step.seat, &step.event, &donors))
        });
        for (step, (masked, lapses)) in steps.iter().zip(lapses) {
            comparison.masked += masked;
            lapses.into_iter().for_each(|lapse| note(step, lapse, None));
        }
        let is_pair_concerned =
            |pair: &&Pair<P>| is_concerned(&pair.one.event) || is_concerned(&pair.other);
        let pairs: Vec<&Pair<P>> = self.pairs.iter().filter(is_pair_concerned).collect();
        let commuted = each(&pairs, extent.threads, |Pair { one, other }| {
            let actor = self.actor(one.index);
            let of_both = |seat: &Seat<P>, event: &Event<P>| declares(&actor, seat, event);
            commute(&actor, of_both, &one.seat, [&one.event, other])
        });
        for (Pair { one, other }, commutes) in pairs.into_iter().zip(commuted) {
            match commutes {
                None => comparison.dependent += 1,
                Some(true) => comparison.independent += 1,
                Some(false) => {
                    comparison.independent += 1;
                    note(one, Lapse::DoesNotCommute, Some(other));
                }
            }
        }
        (comparison, found)
    }
}

/// In whose seat it is taken.
fn index_of<P: Footprints>(world: &World<P>, event: &Event<P>) -> usize {
    match event {
        Event::Receive(sent) => world.index(sent.to),
        Event::Expire(peer, _) => world.index(*peer),
        Event::Restart(node) | Event::Command(node, _) => node.index(),
        Event::Invoke(client, _) => world.index(Peer::Client(*client)),
    }
}
