//! Whether a scenario comes out the same, reduced and unreduced: whole searches beside each other.
//!
//! A run of a reduced search is a run of the full model, in which some messages happen to be fast. So verdicts and
//! witnesses are the same, and so are the states that disks come to; and no run, with everything counted that happens
//! in the same step as something else, is shorter than the shortest of the full model.

use std::fmt;

use derive_where::derive_where;

use super::visit::{Ending, Found, Shown, visit};
use crate::world::World;
use crate::world::counters::{Enumerated, Kind};
use crate::world::property::{Expected, Property};
use crate::world::protocol::Protocol;
use crate::world::reduces::Reduces;

/// How a scenario came out.
#[derive_where(Clone, PartialEq, Eq, Debug)]
pub enum Compared<P: Protocol> {
    /// The same, reduced and not.
    Same(Exercised<P>),
    /// Not compared: there are too many states unreduced.
    TooLarge,
    /// Differently.
    Different {
        /// How.
        difference: Difference,
        /// The one reduction that is to be switched for it to show, if it does not show with those of the scenario.
        switched: Option<P::Rule>,
    },
}

/// Where there are no more unreduced states than this, the rules are compared with one of them left out
/// as well: what a rule takes away may hide what another one misses.
const THOROUGH_MAX: usize = 1_000;

/// What took part in a comparison.
#[derive_where(Clone, Default, PartialEq, Eq, Debug)]
pub struct Exercised<P: Protocol> {
    /// How many states there are unreduced.
    pub distinct: usize,
    /// How many there are reduced.
    pub reduced: usize,
    /// What happened unreduced.
    pub kinds: Vec<Kind<P>>,
    /// Which rules left something out.
    pub rules: Vec<P::Rule>,
    /// What was shown.
    pub shown: Vec<Shown>,
    /// What became of each property of endless runs.
    pub endings: Vec<Ending>,
}

impl<P: Protocol> Exercised<P> {
    /// Whether a property is violated.
    #[must_use]
    pub fn violates(&self, property: &'static str) -> bool {
        let ends =
            |ending: &Ending| ending.name == property && ending.found == Some(Expected::Violated);
        self.endings.iter().any(ends) || self.shown.contains(&Shown::Property(property))
    }

    /// Whether a property was put to the test.
    #[must_use]
    pub fn has_tested(&self, property: &'static str) -> bool {
        self.endings.iter().any(|ending| ending.name == property && ending.tested)
            || self.shown.contains(&Shown::Witness(property))
    }
}

/// A difference between the two.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Difference {
    /// The reduced search has far more states than the unreduced one.
    Larger,
    /// Something is shown by one of the two only.
    Verdict {
        /// What.
        shown: Shown,
        /// By the reduced one, or by the unreduced one.
        by_reduced: bool,
    },
    /// One of the two finds a state of the disks that the other does not find.
    Disks {
        /// How many are found unreduced only.
        missed: usize,
        /// How many are found reduced only.
        invented: usize,
    },
    /// A reduced run, with all counted that happens in one step, is shorter than the shortest.
    Shorter {
        /// What it shows.
        shown: Shown,
        /// Its steps.
        steps: usize,
        /// Those of the shortest run.
        shortest: usize,
    },
    /// By the rules alone that fuse and choose nothing, a shortest run is longer than the shortest.
    Longer {
        /// What it shows.
        shown: Shown,
        /// Its steps.
        steps: usize,
        /// Those of the shortest run.
        shortest: usize,
    },
    /// Fair runs end elsewhere.
    Endings {
        /// What becomes of a property unreduced.
        unreduced: Ending,
        /// What becomes of it reduced.
        reduced: Ending,
    },
    /// Both find that something is violated which such a cluster is said to promise.
    Promised {
        /// What.
        property: &'static str,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Larger => f.write_str("the reduced search is the larger one"),
            Difference::Verdict { shown, by_reduced: false } => {
                write!(f, "{shown}: found unreduced, missed reduced")
            }
            Difference::Verdict { shown, by_reduced: true } => {
                write!(f, "{shown}: found reduced, though the full model has no such run")
            }
            Difference::Disks { missed, invented } => write!(
                f,
                "disks: {missed} states of them are missed reduced, {invented} are found that the \
                 full model does not have"
            ),
            Difference::Shorter { shown, steps, shortest } => write!(
                f,
                "{shown}: found reduced in what are {steps} steps of the full model, whose shortest \
                 run has {shortest}"
            ),
            Difference::Longer { shown, steps, shortest } => write!(
                f,
                "{shown}: the shortest run has {shortest} steps, and {steps} by the rules that fuse \
                 and choose nothing"
            ),
            Difference::Endings { unreduced, reduced } => {
                write!(f, "{unreduced}, but reduced {reduced}")
            }
            Difference::Promised { property } => {
                write!(f, "{property} is violated, though such a cluster is said to promise it")
            }
        }
    }
}

/// What the unreduced model of a scenario gives, to be compared with.
pub struct Reference<P: Reduces> {
    unreduced: World<P>,
    properties: Vec<Property<P>>,
    distinct_max: usize,
    full: Found,
}

impl<P: Reduces> Reference<P> {
    /// That of a world, in which these properties are judged. `None` if it has more than so many states.
    #[must_use]
    pub fn new(
        world: &World<P>,
        properties: Vec<Property<P>>,
        distinct_max: usize,
    ) -> Option<Reference<P>> {
        let unreduced = world.with_protocol(world.protocol().unreduced());
        let full = visit(&unreduced, &properties, distinct_max)?;
        Some(Reference { unreduced, properties, distinct_max, full })
    }

    /// How many states there are.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.full.distinct
    }

    /// The protocol without reductions.
    #[must_use]
    pub fn protocol(&self) -> &P {
        self.unreduced.protocol()
    }

    /// Compares it with what a search by these reductions gives, and by the others that the protocol has compared
    /// beside them: one of them less, where there are few states.
    ///
    /// # Errors
    /// The first difference, and which one was switched for it to show.
    pub fn compared_thoroughly(
        &self,
        reduced: &P,
    ) -> Result<Exercised<P>, (Difference, Option<P::Rule>)> {
        let mut exercised = self.compared_with(reduced).map_err(|difference| (difference, None))?;
        let is_small = self.full.distinct <= THOROUGH_MAX;
        for (switched, rules) in reduced.alternatives(&exercised.rules, is_small) {
            let other = self
                .compared_with(&reduced.with_rules(&rules))
                .map_err(|difference| (difference, Some(switched)))?;
            let is_news = |rule: &P::Rule| !exercised.rules.contains(rule);
            let news: Vec<P::Rule> = other.rules.into_iter().filter(is_news).collect();
            exercised.rules.extend(news);
        }
        Ok(exercised)
    }

    /// Compares it with what a search by these reductions gives.
    ///
    /// # Errors
    /// The first difference.
    pub fn compared_with(&self, reduced: &P) -> Result<Exercised<P>, Difference> {
        let world = self.unreduced.with_protocol(reduced.clone());
        let found = self.visit(&world)?;
        let exercised = self.exercised(&world, found.distinct);
        self.compare_runs(&found)?;
        // Of two runs that differ in the names of nodes and clients only one is looked at: what disks can hold is
        // compared without that.
        let exchanges = |rule: &P::Rule| P::takes_disks_for_the_same(*rule);
        if exercised.rules.iter().any(exchanges) {
            self.compare_disks(&self.visit_by(reduced, |rule| !exchanges(&rule))?)?;
        } else {
            self.compare_disks(&found)?;
        }
        self.compare_lengths(reduced)?;
        for (unreduced, reduced) in self.full.endings.iter().zip(found.endings) {
            if *unreduced != reduced {
                return Err(Difference::Endings { unreduced: *unreduced, reduced });
            }
        }
        Ok(exercised)
    }

    fn visit(&self, world: &World<P>) -> Result<Found, Difference> {
        // A reduced search may visit a state in several forms, but not many more of them.
        visit(world, &self.properties, 2 * self.distinct_max).ok_or(Difference::Larger)
    }

    /// Searches by some of these reductions.
    fn visit_by(&self, reduced: &P, some: impl Fn(P::Rule) -> bool) -> Result<Found, Difference> {
        let rules = P::Rule::ALL.iter().copied().filter(|rule| reduced.reduces(*rule));
        let rules: Vec<P::Rule> = rules.filter(|rule| some(*rule)).collect();
        self.visit(&self.unreduced.with_protocol(reduced.with_rules(&rules)))
    }

    fn exercised(&self, reduced: &World<P>, distinct: usize) -> Exercised<P> {
        let happened =
            self.unreduced.counters().fired().into_iter().filter(|(_, count)| *count > 0);
        let left_out = reduced.counters().left_out_by().into_iter();
        Exercised {
            distinct: self.full.distinct,
            reduced: distinct,
            kinds: happened.map(|(kind, _)| kind).collect(),
            rules: left_out.filter(|(_, count)| *count > 0).map(|(rule, _)| rule).collect(),
            shown: self.full.runs.iter().filter_map(|(shown, run)| run.map(|_| *shown)).collect(),
            endings: self.full.endings.clone(),
        }
    }

    fn compare_runs(&self, reduced: &Found) -> Result<(), Difference> {
        for ((shown, full), reduced) in self.full.runs.iter().zip(reduced.runs.values()) {
            let shown = *shown;
            match (full, reduced) {
                (Some(full), Some(reduced)) if reduced.unfused < full.steps => {
                    let (steps, shortest) = (reduced.unfused, full.steps);
                    return Err(Difference::Shorter { shown, steps, shortest });
                }
                (Some(_), None) => return Err(Difference::Verdict { shown, by_reduced: false }),
                (None, Some(_)) => return Err(Difference::Verdict { shown, by_reduced: true }),
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        Ok(())
    }

    fn compare_disks(&self, reduced: &Found) -> Result<(), Difference> {
        let missed = self.full.disks.difference(&reduced.disks).count();
        let invented = reduced.disks.difference(&self.full.disks).count();
        match (missed, invented) {
            (0, 0) => Ok(()),
            _ => Err(Difference::Disks { missed, invented }),
        }
    }

    /// Compares lengths by the rules that fuse no steps into one and put none off.
    fn compare_lengths(&self, reduced: &P) -> Result<(), Difference> {
        let rules = P::Rule::ALL.iter().filter(|rule| reduced.reduces(**rule));
        if !rules.into_iter().any(|rule| P::keeps_lengths(*rule)) {
            return Ok(());
        }
        let found = self.visit_by(reduced, P::keeps_lengths)?;
        self.compare_runs(&found)?;
        for ((shown, full), reduced) in self.full.runs.iter().zip(found.runs.values()) {
            if let (Some(full), Some(reduced)) = (full, reduced)
                && reduced.steps > full.steps
            {
                let (shown, steps, shortest) = (*shown, reduced.steps, full.steps);
                return Err(Difference::Longer { shown, steps, shortest });
            }
        }
        Ok(())
    }
}

/// Compares the unreduced search of a world, if it has no more than so many states, with that by its reductions.
#[must_use]
pub fn compare<P: Reduces>(
    world: &World<P>,
    properties: Vec<Property<P>>,
    distinct_max: usize,
) -> Compared<P> {
    let Some(reference) = Reference::new(world, properties, distinct_max) else {
        return Compared::TooLarge;
    };
    match reference.compared_thoroughly(world.protocol()) {
        Ok(exercised) => Compared::Same(exercised),
        Err((difference, switched)) => Compared::Different { difference, switched },
    }
}
