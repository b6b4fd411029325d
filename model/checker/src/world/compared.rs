//! Whether a scenario comes out the same, reduced and unreduced: whole searches beside each other.
//!
//! A run of a reduced search is a run of the full model, in which some messages happen to be fast. So verdicts and
//! witnesses are the same, and so are the states that disks come to; and no run, with everything counted that happens
//! in the same step as something else, is shorter than the shortest of the full model.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use derive_where::derive_where;
use thread_local::ThreadLocal;

use super::World;
use super::action::Action;
use super::counters::{Enumerated, Kind};
use super::judged::Judged;
use super::property::{Expected, Property, PropertyKind};
use super::protocol::Protocol;
use super::reduces::Reduces;
use super::state::{ActorState, State};
use crate::looking::Looking;
use crate::memo;
use crate::traversal::{Bounds, Switch, explore};

/// How many steps a run has that shows something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Length {
    /// As the search takes them.
    pub steps: usize,
    /// With everything counted that happens in the same step as something else.
    pub unfused: usize,
}

/// What a search of everything found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Of each property, and of the witness that it was put to the test, by name: a shortest run that shows it, if one does.
    runs: BTreeMap<(&'static str, Shown), Option<Length>>,
    /// What became of each property of endless runs, and whether it was put to the test.
    endings: BTreeMap<&'static str, (Option<Expected>, bool)>,
    /// Names of everything that all disks together come to hold.
    disks: BTreeSet<u64>,
    /// How many distinct states there are.
    pub distinct: usize,
}

/// What a run shows of a property.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Shown {
    ItSelf,
    PutToTheTest,
}

/// Searches everything there is, on one thread. `None` if there are more than so many distinct states.
#[must_use]
pub fn visit<P: Reduces>(
    world: &World<P>,
    properties: &[Property<P>],
    distinct_max: usize,
) -> Option<Found> {
    let system = Judged::new(world, properties.iter().cloned());
    let disks = ThreadLocal::<RefCell<BTreeSet<u64>>>::new();
    let look = |state: &State<P>, _: &mut Vec<Action<P>>| {
        disks.get_or_default().borrow_mut().insert(name_of_disks(state));
    };
    let bounds = Bounds { states_max: Some(distinct_max), ..Bounds::default() };
    let explored = explore(&Looking { system: &system, look }, &bounds, &Switch::default());
    if !explored.is_exhausted() {
        return None;
    }
    let (mut runs, mut endings) = (BTreeMap::new(), BTreeMap::new());
    let uncounted = world.with_fresh_counters();
    let length = |run: &Option<Vec<Action<P>>>| {
        run.as_ref().map(|run| Length { steps: run.len(), unfused: unfused(&uncounted, run) })
    };
    for (property, verdict) in properties.iter().zip(system.verdicts(&explored)) {
        if let PropertyKind::EventuallyAlways { .. } = property.kind {
            endings.insert(property.name, (verdict.found, verdict.witness.is_some()));
            continue;
        }
        runs.insert((property.name, Shown::ItSelf), length(&verdict.run));
        runs.insert((property.name, Shown::PutToTheTest), length(&verdict.witness));
    }
    let disks = disks.into_iter().flat_map(RefCell::into_inner).collect();
    Some(Found { runs, endings, disks, distinct: explored.distinct() })
}

fn name_of_disks<P: Protocol>(state: &State<P>) -> u64 {
    let disk = |seat: &crate::Shared<super::state::Seat<P>>| match &seat.state {
        ActorState::Node(node) => Some(memo::fingerprint_of(&node.store)),
        ActorState::Client(_) => None,
    };
    memo::fingerprint_of(&state.seats.iter().map_while(disk).collect::<Vec<_>>())
}

/// How many steps a run has in the full model, at most: what reaches its receiver within a step is a delivery of its own
/// there; what leaves the network is delivered or lost there, and so is what it causes; and giving up in the
/// step in which an operation begins is a step. What the walk leaves out counts in the world's counters.
///
/// # Panics
/// If it is no run of this world.
#[must_use]
pub fn unfused<P: Reduces>(world: &World<P>, run: &[Action<P>]) -> usize {
    let uncanonical = world.with_protocol(world.protocol().without_canonical_forms());
    let unreduced = world.with_protocol(world.protocol().unreduced());
    let mut state = world.initial_state();
    let mut steps = 0;
    for action in run {
        let mut hops = 0;
        let next = world.apply_telling(&state, action.clone(), |_| hops += 1, |_| {});
        let next = next.expect("a run that was found can be walked again");
        let whole = uncanonical.apply(&state, action.clone());
        let whole = whole.expect("what is left out of states makes no step impossible");
        let (_, deliveries) = unreduced.let_arrive_what_was_left_out(&whole, &next);
        steps += 1 + hops + deliveries;
        steps += usize::from(matches!(action, Action::InvokeLate { .. }));
        state = next;
    }
    steps
}

/// What took part in a comparison that came out the same.
#[derive_where(Clone, Debug)]
pub struct Exercised<P: Protocol> {
    /// How many states there are unreduced.
    pub distinct: usize,
    /// How many there are reduced.
    pub reduced: usize,
    /// What happened unreduced.
    pub kinds: Vec<Kind<P>>,
    /// Which rules left something out.
    pub rules: Vec<P::Rule>,
}

/// How a scenario came out.
#[derive_where(Clone, Debug)]
pub enum Compared<P: Protocol> {
    /// The same, reduced and not.
    Same(Exercised<P>),
    /// Not compared: there are too many states unreduced.
    TooLarge,
    /// Differently.
    Different(Difference),
}

/// A difference between the reduced search and the unreduced one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Difference {
    /// The reduced search has far more states.
    Larger,
    /// Only one of the two shows something.
    Shows {
        /// What.
        what: String,
        /// Whether it is the reduced one.
        by_reduced: bool,
    },
    /// A reduced run, with all counted that happens in one step, is shorter than the shortest.
    Shorter {
        /// What it shows.
        what: String,
        /// Its steps.
        steps: usize,
        /// Those of the shortest run.
        shortest: usize,
    },
    /// A property of where runs end comes out differently.
    Endings {
        /// Which.
        name: &'static str,
    },
    /// One of the two finds a state of the disks that the other does not find.
    Disks {
        /// How many are found unreduced only.
        missed: usize,
        /// How many are found reduced only.
        invented: usize,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Larger => f.write_str("the reduced search is the larger one"),
            Difference::Shows { what, by_reduced: false } => {
                write!(f, "{what}: shown unreduced, missed reduced")
            }
            Difference::Shows { what, by_reduced: true } => {
                write!(f, "{what}: shown reduced, though the full model has no such run")
            }
            Difference::Shorter { what, steps, shortest } => write!(
                f,
                "{what}: shown reduced in what are {steps} steps of the full model, whose shortest run has {shortest}"
            ),
            Difference::Endings { name } => write!(f, "{name}: runs end elsewhere"),
            Difference::Disks { missed, invented } => write!(
                f,
                "disks: {missed} states of them are missed reduced, {invented} are found that the full model does not have"
            ),
        }
    }
}

/// Compares the unreduced search of a world, if it has no more than so many states, with that by its reductions and with
/// that by those which others are compared as well.
#[must_use]
pub fn compare<P: Reduces>(
    world: &World<P>,
    others: &[World<P>],
    properties: &[Property<P>],
    distinct_max: usize,
) -> Compared<P> {
    let unreduced = world.with_protocol(world.protocol().unreduced());
    let Some(full) = visit(&unreduced, properties, distinct_max) else {
        return Compared::TooLarge;
    };
    let mut reduced_states = None;
    for reduced in std::iter::once(world).chain(others) {
        // A reduced search may visit a state in several forms, but not many more of them.
        let Some(found) = visit(reduced, properties, 2 * distinct_max) else {
            return Compared::Different(Difference::Larger);
        };
        if let Err(difference) = compare_found(&full, &found) {
            return Compared::Different(difference);
        }
        reduced_states.get_or_insert(found.distinct);
    }
    let happened = unreduced.counters().fired().into_iter().filter(|(_, count)| *count > 0);
    let left_out = world.counters().left_out_by().into_iter();
    Compared::Same(Exercised {
        distinct: full.distinct,
        reduced: reduced_states.unwrap_or_default(),
        kinds: happened.map(|(kind, _)| kind).collect(),
        rules: left_out.filter(|(_, count)| *count > 0).map(|(rule, _)| rule).collect(),
    })
}

fn compare_found(full: &Found, reduced: &Found) -> Result<(), Difference> {
    for (((name, shown), full), reduced) in full.runs.iter().zip(reduced.runs.values()) {
        let what = || match shown {
            Shown::ItSelf => (*name).to_owned(),
            Shown::PutToTheTest => format!("that {name} is put to the test"),
        };
        match (full, reduced) {
            (Some(full), Some(reduced)) if reduced.unfused < full.steps => {
                let (steps, shortest) = (reduced.unfused, full.steps);
                return Err(Difference::Shorter { what: what(), steps, shortest });
            }
            (Some(_), None) => return Err(Difference::Shows { what: what(), by_reduced: false }),
            (None, Some(_)) => return Err(Difference::Shows { what: what(), by_reduced: true }),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
    for ((name, full), reduced) in full.endings.iter().zip(reduced.endings.values()) {
        if full != reduced {
            return Err(Difference::Endings { name });
        }
    }
    let missed = full.disks.difference(&reduced.disks).count();
    let invented = reduced.disks.difference(&full.disks).count();
    match (missed, invented) {
        (0, 0) => Ok(()),
        _ => Err(Difference::Disks { missed, invented }),
    }
}

/// Sums over the cases of a campaign, by name: the same in whatever order they come.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Tally {
    /// Cases that came out the same.
    pub same: u64,
    /// Cases that were left out, having too many states unreduced.
    pub too_large: u64,
    /// Cases that came out differently.
    pub different: u64,
    /// Unreduced states of the cases that came out the same.
    pub states: u64,
    /// Reduced states of these.
    pub reduced_states: u64,
    /// In how many compared cases each kind of step was taken, each rule left something out and each mode was on.
    exercised: BTreeMap<String, u64>,
}

impl Tally {
    /// Notes how a case with these modes came out.
    pub fn note<P: Protocol>(
        &mut self,
        compared: &Compared<P>,
        modes: impl IntoIterator<Item = String>,
    ) {
        match compared {
            Compared::TooLarge => self.too_large += 1,
            Compared::Different(_) => self.different += 1,
            Compared::Same(exercised) => {
                self.same += 1;
                self.states += exercised.distinct as u64;
                self.reduced_states += exercised.reduced as u64;
                let kinds = exercised.kinds.iter().map(|kind| format!("step {kind}"));
                let rules = exercised.rules.iter().map(|rule| format!("rule {}", rule.name()));
                for name in kinds.chain(rules).chain(modes) {
                    *self.exercised.entry(name).or_default() += 1;
                }
            }
        }
    }

    /// Adds another one.
    pub fn add(&mut self, other: &Tally) {
        self.same += other.same;
        self.too_large += other.too_large;
        self.different += other.different;
        self.states += other.states;
        self.reduced_states += other.reduced_states;
        for (name, cases) in &other.exercised {
            *self.exercised.entry(name.clone()).or_default() += cases;
        }
    }

    /// All cases.
    #[must_use]
    pub fn cases(&self) -> u64 {
        self.same + self.too_large + self.different
    }

    /// In how many compared cases something took part: `step ...`, `rule ...`, or a mode by its name.
    #[must_use]
    pub fn exercised(&self, name: &str) -> u64 {
        self.exercised.get(name).copied().unwrap_or_default()
    }

    /// Everything that took part in a compared case, and in how many.
    pub fn all_exercised(&self) -> impl Iterator<Item = (&str, u64)> {
        self.exercised.iter().map(|(name, cases)| (name.as_str(), *cases))
    }
}

/// The simplest thing near this one of which it is still true, with no more than `tries_max` others looked at; `simpler` gives
/// everything that is a little simpler, what is simplest first.
#[must_use]
pub fn shrunk<T>(
    mut from: T,
    tries_max: usize,
    simpler: impl Fn(&T) -> Vec<T>,
    is_so: impl Fn(&T) -> bool,
) -> T {
    let mut tries = 0;
    'simpler: loop {
        for simpler in simpler(&from) {
            if tries == tries_max {
                return from;
            }
            tries += 1;
            if is_so(&simpler) {
                from = simpler;
                continue 'simpler;
            }
        }
        return from;
    }
}
