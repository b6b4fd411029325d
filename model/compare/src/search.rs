//! One search: one setting, one program, one budget of faults.

use quorate_checker::decision::Outcome;
use quorate_checker::world::{Action, Envelope, diagram, numbered};
use quorate_checker::{Bounds, Cut, Explored, Switch, System, Until, explore};

use quorate_ids::Peer;

use crate::comparable::Comparable;
use crate::property::Property;
use crate::setting::{Case, InWorld};
use crate::watched::{GOALS, Watched, shown_by, tested_by};

/// What a search found of a property.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Found {
    /// The steps of a run that shows it.
    pub steps: Option<usize>,
    /// Whether it was put to the test.
    pub tested: bool,
}

/// What a search found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Searched {
    /// Of each property, in order.
    pub found: Vec<Found>,
    /// How many states it visited.
    pub states: usize,
    /// The steps up to which it visited everything, if it was cut.
    pub cut_at: Option<usize>,
}

/// How far a search goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// The most states.
    pub states_max: usize,
}

fn explored<P: Comparable>(watched: &Watched<P>, bounds: &Bounds) -> Explored {
    explore(watched, bounds, &Switch::default())
}

impl Extent {
    fn bounds(self) -> Bounds {
        Bounds { states_max: Some(self.states_max), ..Bounds::default() }
    }
}

struct Search(Extent);

impl InWorld<Searched> for Search {
    fn take<P: Comparable>(self, watched: Watched<P>) -> Searched {
        let explored = explored(&watched, &self.0.bounds());
        let runs = runs(&watched, &explored);
        let found = runs.into_iter().map(|run| Found {
            steps: run.shown.map(|(run, _)| steps_of(&watched, &run)),
            tested: run.tested,
        });
        Searched {
            found: found.collect(),
            states: explored.distinct(),
            // The states of the last level may not all have been visited.
            cut_at: explored.cut().map(|_| explored.depth().saturating_sub(1)),
        }
    }
}

/// What was found of a property.
struct Shown<A> {
    /// A run that shows it, and how many of its last steps happen again and again.
    shown: Option<(Vec<A>, usize)>,
    tested: bool,
}

fn runs<S: System>(system: &S, explored: &Explored) -> Vec<Shown<S::Action>> {
    let decisions = explored.decide(system);
    let of = |property: Property| match GOALS.iter().position(|goal| *goal == property) {
        Some(goal) => {
            let decision = &decisions[goal];
            let shown = match &decision.outcome {
                Outcome::Violated(violation) => {
                    let run = [violation.stem.clone(), violation.cycle.clone()].concat();
                    Some((run, violation.cycle.len()))
                }
                Outcome::Holds | Outcome::Undecided => None,
            };
            Shown { shown, tested: explored.first(tested_by(property)).is_some() }
        }
        None => {
            let shown = explored.first(shown_by(property));
            Shown {
                shown: shown.map(|state| (explored.run_to(system, state), 0)),
                tested: explored.first(tested_by(property)).is_some(),
            }
        }
    };
    Property::ALL.into_iter().map(of).collect()
}

/// The steps of a run: each start of an operation, each message between nodes that arrives, each timer and each fault.
/// Messages that take no time are counted too, so that reductions make no run shorter than it is.
fn steps_of<P: Comparable>(watched: &Watched<P>, run: &[Action<P>]) -> usize {
    let mut moment = watched.initial().swap_remove(0);
    let mut steps = run.len();
    for action in run {
        let is_between_nodes =
            |sent: &Envelope<P>| matches!((sent.from, sent.to), (Peer::Node(_), Peer::Node(_)));
        let on_hop = |sent: &Envelope<P>| steps += usize::from(is_between_nodes(sent));
        let next = watched.apply_telling(&moment, action.clone(), on_hop);
        moment = next.expect("a run that was found can be walked again");
    }
    steps
}

/// Visits every state of a case, as far as the extent goes.
#[must_use]
pub fn search(case: &Case<'_>, extent: Extent) -> Searched {
    case.with(Search(extent))
}

/// A run that shows a property, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Its steps, numbered, each with what it changed.
    pub steps: Vec<String>,
    /// Its sequence diagram, as SVG.
    pub diagram: String,
    /// How many steps it has, each message between nodes counted.
    pub length: usize,
}

struct Show {
    property: Property,
    extent: Extent,
    shorter_than: Option<usize>,
}

impl InWorld<Looked> for Show {
    fn take<P: Comparable>(self, watched: Watched<P>) -> Looked {
        let mut bounds = self.extent.bounds();
        // How runs end is decided on all of them.
        if !self.property.is_of_endings() {
            bounds.until = Until::AnyShown(1 << shown_by(self.property));
            // A run has at least as many steps as the search takes.
            bounds.depth_max = self.shorter_than.map(|steps| steps.saturating_sub(1));
        }
        let explored = explored(&watched, &bounds);
        let is_cut = matches!(explored.cut(), Some(Cut::States(_)));
        let shown = runs(&watched, &explored).swap_remove(self.property as usize).shown;
        Looked { told: shown.map(|(run, cycle)| tell(&watched, &run, cycle)), is_cut }
    }
}

/// What came of looking for a run.
struct Looked {
    told: Option<Told>,
    /// Whether there are more states than were visited.
    is_cut: bool,
}

/// Tells a run whose last steps, so many, happen again and again.
fn tell<P: Comparable>(watched: &Watched<P>, run: &[Action<P>], cycle: usize) -> Told {
    let words = watched.world.protocol().words();
    // The world counts timeouts, and has more of them than any run spends.
    let (steps, _) = watched.world.walk_along(&words, run, |_, _| true);
    assert_eq!(steps.len(), run.len(), "a run that was found can be walked again");
    let diagram = diagram::sequence(&watched.world, &words, run);
    Told { steps: numbered(&steps, cycle), diagram, length: steps_of(watched, run) }
}

/// A shortest run of a case that shows a property, if the search finds one.
#[must_use]
pub fn show(case: &Case<'_>, property: Property, extent: Extent) -> Option<Told> {
    case.with(Show { property, extent, shorter_than: None }).told
}

/// What came of looking for a run in several cases.
#[derive(Clone, Debug)]
pub struct Shortest<'a> {
    /// The first of the cases that has a run as short as any, with the run.
    pub found: Option<(Case<'a>, Told)>,
    /// In how many of them there are more states than were visited.
    pub cut: usize,
}

/// Looks for the shortest run that shows a property.
#[must_use]
pub fn shortest<'a>(
    cases: impl IntoIterator<Item = Case<'a>>,
    property: Property,
    extent: Extent,
) -> Shortest<'a> {
    let mut shortest = Shortest { found: None, cut: 0 };
    for case in cases {
        let shorter_than = shortest.found.as_ref().map(|(_, told)| told.length);
        let looked = case.with(Show { property, extent, shorter_than });
        shortest.cut += usize::from(looked.is_cut);
        let is_shorter = |told: &Told| shorter_than.is_none_or(|length| told.length < length);
        if let Some(told) = looked.told.filter(is_shorter) {
            shortest.found = Some((case, told));
        }
    }
    shortest
}
