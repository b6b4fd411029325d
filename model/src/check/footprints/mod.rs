//! Every step that a search takes, compared with what it declares to touch.
//!
//! A search remembers each step of each actor, by the actor's state and what reached it. They are all held
//! against their [declarations](crate::protocol::footprint): what was changed and sent; whether the
//! same happens where everything that the step declares not to touch is as it is in another visited state of
//! the same actor; and whether steps that declare to be independent commute. What is not compared is said.

mod declared;
mod pairing;
mod part;
mod reaching;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use quorate_checker::footprint::{Actor, Forgetting, Lapse, commute, each, examine};
use quorate_checker::memo::Fingerprint;
use quorate_checker::world::{self, StepsTaken, Words};
use quorate_checker::{Bounds, Looking, Shared, Switch, explore};

use declared::SeatActor;
pub(crate) use declared::touches;
use pairing::{Pair, Pairing};
pub use part::{Part, Sort};

use super::action::Action;
use super::leaderless::{Command, Leaderless};
use super::model::ClusterModel;
use super::state::{ClusterState, Seat};
use super::system::ClusterSystem;
use crate::ids::Peer;
use crate::protocol::Timer;
use crate::scenario::Scenario;

/// What reaches an actor.
type Event = world::Event<Leaderless>;

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
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Difference {
    /// What kind of input the step takes.
    pub input: &'static str,
    /// In what.
    pub lapse: Lapse<Part, &'static str>,
    /// What kind of input the step takes with which it does not commute.
    pub with: Option<&'static str>,
}

impl fmt::Display for Difference {
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
#[derive(Clone, Debug)]
pub struct Found {
    /// What differs.
    pub difference: Difference,
    /// How many steps differ so.
    pub steps: usize,
    /// One of them, in words.
    pub step: String,
    /// A shortest run to a state in which it is taken, and the action that takes it; empty if none was found.
    pub run: Vec<Action>,
}

/// What came of comparing the steps of one search.
#[derive(Clone, Debug)]
pub struct Comparison {
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
    pub found: Vec<Found>,
}

impl Comparison {
    /// Whether every step did as it declares, and some were taken.
    #[must_use]
    pub fn is_as_declared(&self) -> bool {
        self.found.is_empty() && self.steps > 0 && !self.is_partial
    }
}

/// Compares every step of a scenario's search with its declaration. `None` if the switch stopped it, or the search
/// visits more states than it may.
#[must_use]
pub fn compare(scenario: &Arc<Scenario>, extent: Extent, switch: &Switch) -> Option<Comparison> {
    let taken = Taken::in_search(scenario, extent, switch)?;
    let (mut comparison, found) = taken.compare(extent, None);
    for (found, step) in found {
        let run = reaching::run_to(scenario, &step.seat, &step.event);
        comparison.found.push(Found { run, ..found });
    }
    Some(comparison)
}

/// A declaration that is wrong on purpose: of the steps that take one kind of input, one thing that it lists is
/// forgotten, or called a join.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Wrong {
    /// The kind of input.
    pub input: &'static str,
    /// What is wrong.
    pub how: Forgetting<Sort, &'static str>,
}

impl fmt::Display for Wrong {
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
pub fn forget_each(
    scenario: &Arc<Scenario>,
    extent: Extent,
    switch: &Switch,
    known: &dyn Fn(&Wrong) -> bool,
) -> Option<BTreeMap<Wrong, bool>> {
    let taken = Taken::in_search(scenario, extent, switch)?;
    let mut wrongs: BTreeMap<Wrong, bool> = BTreeMap::new();
    for step in &taken.steps {
        let declared = taken.actor(step.index).footprint(&step.seat, &step.event);
        let input = kind_of(&step.event);
        let ways = Forgetting::of(&declared).into_iter().map(|how| Wrong { input, how });
        wrongs.extend(ways.filter(|wrong| !known(wrong)).map(|wrong| (wrong, false)));
    }
    for (wrong, is_noticed) in &mut wrongs {
        *is_noticed = !taken.compare(extent, Some(*wrong)).1.is_empty();
    }
    Some(wrongs)
}

/// A step that a search took.
#[derive(Clone)]
struct Step {
    index: usize,
    seat: Shared<Seat>,
    event: Event,
}

/// All steps of one search.
struct Taken {
    model: ClusterModel,
    distinct: usize,
    is_partial: bool,
    /// By actor, state and input.
    steps: Vec<Step>,
    /// For each actor, its states.
    states: Vec<Vec<Shared<Seat>>>,
    /// Steps of one actor that are possible in one visited state.
    pairs: Vec<Pair>,
}

impl Taken {
    fn in_search(scenario: &Arc<Scenario>, extent: Extent, switch: &Switch) -> Option<Taken> {
        let model = ClusterModel::new(Arc::clone(scenario));
        let bounds =
            Bounds { threads: extent.threads, states_max: extent.search_max, ..Bounds::default() };
        let (system, pairing) =
            (ClusterSystem::new(&model, []), Pairing::new(&model, extent.pairs));
        let look = |state: &ClusterState, actions: &mut Vec<Action>| pairing.note(state, actions);
        let explored = explore(&Looking { system: &system, look }, &bounds, switch);
        if !explored.is_exhausted() {
            return None;
        }
        let distinct = explored.distinct();
        // Whoever remembers the steps gives them away only if nobody else has them.
        drop((explored, system));
        let pairs = pairing.into_pairs();
        let same = model.with_fresh_steps();
        let StepsTaken { steps: taken, is_partial } = model.into_world().into_steps_taken()?;
        let mut seen = BTreeSet::new();
        let mut states: Vec<BTreeMap<u64, Shared<Seat>>> = Vec::new();
        let environment = same.environment();
        states.resize_with(environment.nodes + environment.clients, BTreeMap::new);
        let mut steps = Vec::new();
        for (seat, event) in taken {
            let index = index_of(&same, &event);
            if seen.insert((index, seat.fingerprint(), event.fingerprint())) {
                states[index].insert(seat.fingerprint(), seat.clone());
                steps.push(Step { index, seat, event });
            }
        }
        // The same order on any number of threads.
        steps.sort_by_key(|step| (step.index, step.seat.fingerprint(), step.event.fingerprint()));
        let states = states.into_iter().map(|of| of.into_values().collect()).collect();
        Some(Taken { model: same, distinct, is_partial, steps, states, pairs })
    }

    fn actor(&self, index: usize) -> SeatActor<'_> {
        SeatActor { model: &self.model, index }
    }

    /// Other states of the actor: always the same ones.
    fn donors(&self, step: &Step) -> Vec<&Seat> {
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
    fn compare(&self, extent: Extent, wrong: Option<Wrong>) -> (Comparison, Vec<(Found, Step)>) {
        let is_concerned = |event: &Event| wrong.is_none_or(|wrong| kind_of(event) == wrong.input);
        let declares = |actor: &SeatActor<'_>, seat: &Seat, event: &Event| {
            let declared = actor.footprint(seat, event);
            match wrong {
                Some(wrong) if kind_of(event) == wrong.input => wrong.how.in_(&declared),
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
        let mut found: BTreeMap<Difference, (usize, Step)> = BTreeMap::new();
        let mut note = |step: &'_ Step, lapse, with: Option<&Event>| {
            let (input, with) = (kind_of(&step.event), with.map(kind_of));
            let difference = Difference { input, lapse, with };
            found.entry(difference).or_insert_with(|| (0, step.clone())).0 += 1;
        };
        let steps: Vec<&Step> =
            self.steps.iter().filter(|step| is_concerned(&step.event)).collect();
        let lapses = each(&steps, extent.threads, |step| {
            let (actor, donors) = (self.actor(step.index), self.donors(step));
            let of_state = |seat: &Seat| declares(&actor, seat, &step.event);
            (donors.len(), examine(&actor, &of_state, &step.seat, &step.event, &donors))
        });
        for (step, (masked, lapses)) in steps.iter().zip(lapses) {
            comparison.masked += masked;
            lapses.into_iter().for_each(|lapse| note(step, lapse, None));
        }
        let is_pair_concerned =
            |pair: &&Pair| is_concerned(&pair.one.event) || is_concerned(&pair.other);
        let pairs: Vec<&Pair> = self.pairs.iter().filter(is_pair_concerned).collect();
        let commuted = each(&pairs, extent.threads, |Pair { one, other }| {
            let actor = self.actor(one.index);
            let of_both = |seat: &Seat, event: &Event| declares(&actor, seat, event);
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
        let told = found.into_iter().map(|(difference, (steps, step))| {
            let found = Found { difference, steps, step: self.told(&step), run: Vec::new() };
            (found, step)
        });
        (comparison, told.collect())
    }

    fn told(&self, step: &Step) -> String {
        let action = match &step.event {
            Event::Receive(sent) => Action::Deliver(sent.clone()),
            Event::Expire(peer, timer) => Action::Expire { peer: *peer, timer: *timer },
            Event::Restart(node) => Action::Recover { node: *node },
            Event::Command(node, command) => {
                Action::Command { node: *node, command: command.clone() }
            }
            Event::Invoke(client, coordinator) => {
                Action::Invoke { client: *client, coordinator: *coordinator }
            }
        };
        self.model.names().action(&action, None)
    }
}

/// In whose seat it is taken.
fn index_of(model: &ClusterModel, event: &Event) -> usize {
    match event {
        Event::Receive(sent) => model.index(sent.to),
        Event::Expire(peer, _) => model.index(*peer),
        Event::Restart(node) | Event::Command(node, _) => node.index(),
        Event::Invoke(client, _) => model.index(Peer::Client(*client)),
    }
}

/// What kind of input it is.
fn kind_of(event: &Event) -> &'static str {
    match event {
        Event::Invoke(..) => "the start of an operation",
        Event::Receive(sent) => sent.message.kind(),
        Event::Expire(_, timer) => match timer {
            Timer::Request(_) => "the timer of a request",
            Timer::Speculate(_) => "the timer of a speculative retry",
            Timer::Handoff => "the timer of handoff",
            Timer::Sync(_) => "the timer of anti-entropy",
            Timer::CatchUp => "the timer of catching up",
            Timer::Register => "the timer of registration",
            Timer::Waiting => "the timer of puts that wait",
            Timer::Reap => "the timer of reaping",
            Timer::Settled => "the end of a wait",
        },
        Event::Restart(_) => "a start",
        Event::Command(_, Command::AcceptLoss { .. }) => "an accepted loss",
    }
}
