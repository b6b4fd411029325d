//! Whether a scenario comes out the same, reduced and unreduced.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::visit::{Ending, Found, visit};
use crate::check::ClusterModel;
use crate::check::kinds::Kind;
use crate::scenario::{Reductions, Rule, Scenario};

/// How a scenario came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Compared {
    /// The same, reduced and not.
    Same(Exercised),
    /// Not compared: there are too many states unreduced.
    TooLarge,
    /// Differently.
    Different {
        /// How.
        difference: Difference,
        /// The one reduction that is to be switched for it to show, if it does not show with those that are usual: one of
        /// them off, or [`Rule::StubbornSets`] on.
        switched: Option<Rule>,
    },
}

/// Where there are no more unreduced states than this, the rules are compared with one of them left out
/// as well: what a rule takes away may hide what another one misses.
const THOROUGH_MAX: usize = 1_000;

/// What took part in a comparison.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Exercised {
    /// How many states there are unreduced.
    pub distinct: usize,
    /// How many there are reduced.
    pub reduced: usize,
    /// What happened unreduced.
    pub kinds: Vec<Kind>,
    /// Which rules left something out.
    pub rules: Vec<Rule>,
}

/// A difference between the two.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Difference {
    /// The reduced search has far more states than the unreduced one.
    Larger,
    /// A property, or the witness that it was put to the test, is discovered by one of the two only.
    Verdict {
        /// By what name.
        name: &'static str,
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
        name: &'static str,
        /// Its steps.
        steps: usize,
        /// Those of the shortest run.
        shortest: usize,
    },
    /// By the rules alone that fuse and choose nothing, a shortest run is longer than the shortest.
    Longer {
        /// What it shows.
        name: &'static str,
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
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Larger => f.write_str("the reduced search is the larger one"),
            Difference::Verdict { name, by_reduced: false } => {
                write!(f, "{name}: found unreduced, missed reduced")
            }
            Difference::Verdict { name, by_reduced: true } => {
                write!(f, "{name}: found reduced, though the full model has no such run")
            }
            Difference::Disks { missed, invented } => write!(
                f,
                "disks: {missed} states of them are missed reduced, {invented} are found that the \
                 full model does not have"
            ),
            Difference::Shorter { name, steps, shortest } => write!(
                f,
                "{name}: found reduced in what are {steps} steps of the full model, whose shortest \
                 run has {shortest}"
            ),
            Difference::Longer { name, steps, shortest } => write!(
                f,
                "{name}: the shortest run has {shortest} steps, and {steps} by the rules that fuse \
                 and choose nothing"
            ),
            Difference::Endings { unreduced, reduced } => {
                write!(f, "{unreduced}, but reduced {reduced}")
            }
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.holds { "holds" } else { "violated" };
        let tested = if self.tested { "" } else { ", never put to the test" };
        write!(f, "{:?} {verdict}{tested}", self.goal)
    }
}

/// What the unreduced model of a scenario gives, to be compared with.
pub struct Reference {
    model: ClusterModel,
    distinct_max: usize,
    full: Found,
}

impl Reference {
    /// That of a scenario. `None` if it has more than so many states.
    #[must_use]
    pub fn new(scenario: Scenario, distinct_max: usize) -> Option<Reference> {
        let unreduced = Scenario { reductions: Reductions::NONE, ..scenario };
        let model = ClusterModel::new(Arc::new(unreduced));
        let full = visit(&model, distinct_max)?;
        Some(Reference { model, distinct_max, full })
    }

    /// How many states there are.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.full.distinct
    }

    /// Compares it with what searches with these reductions give, with one of them less where there
    /// are few states, and with stubborn sets in their place.
    ///
    /// # Errors
    /// The first difference, and which one was switched for it to show.
    pub fn compared_thoroughly(
        &self,
        reductions: Reductions,
    ) -> Result<Exercised, (Difference, Option<Rule>)> {
        let mut exercised =
            self.compared_with(reductions).map_err(|difference| (difference, None))?;
        let all_usual = Rule::ALL.iter().all(|rule| reductions.has(*rule) || !rule.is_usual());
        if self.full.distinct <= THOROUGH_MAX && all_usual {
            for rule in &exercised.rules {
                self.compared_with(reductions.without(*rule))
                    .map_err(|difference| (difference, Some(*rule)))?;
            }
        }
        if !reductions.stubborn_sets {
            let stubborn = self
                .compared_with(reductions.stubborn_instead())
                .map_err(|difference| (difference, Some(Rule::StubbornSets)))?;
            exercised.rules.extend(stubborn.rules);
        }
        Ok(exercised)
    }

    /// Compares it with what searches with these reductions give.
    ///
    /// # Errors
    /// The first difference.
    pub fn compared_with(&self, reductions: Reductions) -> Result<Exercised, Difference> {
        // A reduced search may visit a state in several forms, but not many more of them.
        let states_max = 2 * self.distinct_max;
        let model = self.model.with_reductions(reductions);
        let reduced = visit(&model, states_max).ok_or(Difference::Larger)?;
        let exercised = self.exercised(&model, reduced.distinct);
        self.compare_runs(&reduced)?;
        // Of two runs that differ in the names of nodes and clients only one is looked at: what disks can hold is
        // compared without that.
        if [Rule::ClientSymmetry, Rule::NodeSymmetry]
            .iter()
            .any(|rule| exercised.rules.contains(rule))
        {
            let named = reductions.without_symmetry();
            let found = visit(&self.model.with_reductions(named), states_max);
            self.compare_disks(&found.ok_or(Difference::Larger)?)?;
        } else {
            self.compare_disks(&reduced)?;
        }
        self.compare_lengths(reductions)?;
        for (unreduced, reduced) in self.full.endings.iter().zip(reduced.endings) {
            if *unreduced != reduced {
                return Err(Difference::Endings { unreduced: *unreduced, reduced });
            }
        }
        Ok(exercised)
    }

    fn exercised(&self, reduced: &ClusterModel, distinct: usize) -> Exercised {
        let happened = self.model.counters().fired().into_iter().filter(|(_, count)| *count > 0);
        let left_out = reduced.counters().left_out_by().into_iter();
        Exercised {
            distinct: self.full.distinct,
            reduced: distinct,
            kinds: happened.map(|(kind, _)| kind).collect(),
            rules: left_out.filter(|(_, count)| *count > 0).map(|(rule, _)| rule).collect(),
        }
    }

    fn compare_runs(&self, reduced: &Found) -> Result<(), Difference> {
        for ((name, full), reduced) in self.full.runs.iter().zip(reduced.runs.values()) {
            match (full, reduced) {
                (Some(full), Some(reduced)) if reduced.unfused < full.steps => {
                    let (steps, shortest) = (reduced.unfused, full.steps);
                    return Err(Difference::Shorter { name, steps, shortest });
                }
                (Some(_), None) => return Err(Difference::Verdict { name, by_reduced: false }),
                (None, Some(_)) => return Err(Difference::Verdict { name, by_reduced: true }),
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
    fn compare_lengths(&self, reductions: Reductions) -> Result<(), Difference> {
        let keeps_lengths = |rule: Rule| {
            matches!(
                rule,
                Rule::ClientSymmetry
                    | Rule::NodeSymmetry
                    | Rule::DeadMessages
                    | Rule::FinishedRequests
            )
        };
        if !Rule::ALL.into_iter().any(|rule| reductions.has(rule) && keeps_lengths(rule))
            || reductions.wrong.is_some_and(|wrong| !keeps_lengths(wrong.rule()))
        {
            return Ok(());
        }
        let rules = Reductions {
            client_symmetry: reductions.client_symmetry,
            node_symmetry: reductions.node_symmetry,
            dead_messages: reductions.dead_messages,
            finished_requests: reductions.finished_requests,
            wrong: reductions.wrong,
            ..Reductions::NONE
        };
        let found = visit(&self.model.with_reductions(rules), 2 * self.distinct_max);
        let found = found.ok_or(Difference::Larger)?;
        self.compare_runs(&found)?;
        for ((name, full), reduced) in self.full.runs.iter().zip(found.runs.values()) {
            if let (Some(full), Some(reduced)) = (full, reduced)
                && reduced.steps > full.steps
            {
                let (steps, shortest) = (reduced.steps, full.steps);
                return Err(Difference::Longer { name, steps, shortest });
            }
        }
        Ok(())
    }
}

/// Compares the unreduced search of a scenario with the one by its reductions.
#[must_use]
pub fn compare(scenario: Scenario, distinct_max: usize) -> Compared {
    let reductions = scenario.reductions;
    let Some(reference) = Reference::new(scenario, distinct_max) else {
        return Compared::TooLarge;
    };
    match reference.compared_thoroughly(reductions) {
        Ok(exercised) => Compared::Same(exercised),
        Err((difference, switched)) => Compared::Different { difference, switched },
    }
}
