//! What a check found.

use std::time::Duration;

use derive_where::derive_where;
pub use quorate_checker::world::Endings;
use quorate_checker::world::{Action, Expected, Kind, Protocol, ShownWith};
use quorate_model::check::leaderless::Leaderless;

use super::limits::Cut;
use super::script::Played;

/// A property as people are told of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub statement: &'static str,
}

/// What became of one property.
#[derive_where(Clone, Debug)]
pub struct Verdict<P: Protocol = Leaderless> {
    /// Which.
    pub property: Told,
    /// What the scenario expects.
    pub expected: Expected,
    /// What was found: within the bounds, and only as far as the run went if it was cut. `None`
    /// where a run that was cut allows no verdict at all.
    pub found: Option<Expected>,
    /// A shortest run that shows it: a counterexample, or a way to reach what is to be reached.
    pub path: Option<Vec<Action<P>>>,
    /// What the scenario wants to happen in that run too, if anything, and whether some run was found
    /// in which it does.
    pub shown_with: Option<(ShownWith<P>, bool)>,
    /// For what should hold a run in which it was put to the test and met; for what should not be
    /// reached one in which somebody had asked for what could lead there. `None` where there is
    /// none: then it holds, or is not reached, for lack of occasion.
    pub witness: Option<Vec<Action<P>>>,
    /// Why the path shows it, in one sentence.
    pub reason: Option<String>,
    /// For a property of where runs end, what that was decided on.
    pub endings: Option<Endings>,
}

impl<P: Protocol> Verdict<P> {
    /// How many steps at the end of the path happen again and again.
    #[must_use]
    pub fn cycle(&self) -> usize {
        self.endings.map_or(0, |endings| endings.cycle)
    }

    /// Whether it is about where runs end, and so about endless ones.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        self.endings.is_some()
    }

    /// Whether this is a property that holds, or a state that is not reached, for lack of occasion.
    #[must_use]
    pub fn is_vacuous(&self) -> bool {
        matches!(self.found, Some(Expected::Holds | Expected::NotReached)) && self.witness.is_none()
    }

    /// Whether no run was found that contains what the scenario wants to be shown with it.
    #[must_use]
    pub fn lacks_what_is_shown(&self) -> bool {
        self.shown_with.as_ref().is_some_and(|(_, is_found)| !is_found)
    }

    /// Whether it came out as the scenario says, not vacuously, and with a run as it wants it.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.found == Some(self.expected) && !self.is_vacuous() && !self.lacks_what_is_shown()
    }
}

/// What a check of one scenario found.
#[derive_where(Clone, Debug)]
pub struct Report<P: Protocol = Leaderless> {
    /// The scenario's name.
    pub scenario: String,
    /// States generated, duplicates included.
    pub generated: u64,
    /// Distinct states.
    pub distinct: usize,
    /// How many steps the longest of the shortest runs has, or of a survey the longest run that was followed.
    pub depth: usize,
    /// Whether it was searched depth first: then no run is a shortest one.
    pub is_survey: bool,
    /// How long the search for every state took, without the decision where runs end.
    pub elapsed: Duration,
    /// How long all of it took.
    pub took: Duration,
    /// The most memory the process has had so far, in bytes, all that it checked before included;
    /// `None` where the system does not tell.
    pub process_peak_memory: Option<u64>,
    /// A verdict per property, in a fixed order.
    pub verdicts: Vec<Verdict<P>>,
    /// How often each kind of action happened over all transitions.
    pub fired: Vec<(Kind<P>, u64)>,
    /// The largest figure that the protocol counted: of the leaderless one, the most versions some node held of
    /// one key.
    pub largest: usize,
    /// What cut the run, if anything did.
    pub cut: Option<Cut>,
    /// What happened, if the scenario is a script: then there was one run and no search.
    pub script: Option<Played>,
}

impl<P: Protocol> Report<P> {
    /// Distinct states per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.distinct as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The probability that two distinct states were taken for one, for 64-bit fingerprints:
    /// d(g - d) / 2^64 for d distinct states of g generated.
    #[must_use]
    pub fn collision_probability(&self) -> f64 {
        let (distinct, generated) = (self.distinct as f64, self.generated as f64);
        (distinct * (generated - distinct).max(1.0) / 2_f64.powi(64)).min(1.0)
    }

    /// Whether some verdict is one on where runs end, which rests on fairness.
    #[must_use]
    pub fn assumes_fairness(&self) -> bool {
        self.verdicts.iter().any(Verdict::is_endless)
    }

    /// Whether this is a script that did not come out as it says.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.script.as_ref().is_some_and(|played| played.difference.is_some())
    }

    /// Whether the run was exhausted, every step of a script came out as it says, and every
    /// verdict is as expected.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.cut.is_none() && !self.differs() && self.verdicts.iter().all(Verdict::is_as_expected)
    }
}

/// Several reports in one line.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Summary {
    /// Scenarios checked.
    pub scenarios: usize,
    /// Verdicts in all.
    pub verdicts: usize,
    /// Verdicts that are not as expected.
    pub unexpected: usize,
    /// Runs that were cut.
    pub cut: usize,
    /// Scripts of which some step did not come out as it says.
    pub differing: usize,
}

impl Summary {
    /// The summary of one report.
    #[must_use]
    pub fn of<P: Protocol>(report: &Report<P>) -> Self {
        let unexpected = report.verdicts.iter().filter(|verdict| !verdict.is_as_expected());
        Summary {
            scenarios: 1,
            verdicts: report.verdicts.len(),
            unexpected: unexpected.count(),
            cut: usize::from(report.cut.is_some()),
            differing: usize::from(report.differs()),
        }
    }

    /// The summary of what is in either.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Summary {
            scenarios: self.scenarios + other.scenarios,
            verdicts: self.verdicts + other.verdicts,
            unexpected: self.unexpected + other.unexpected,
            cut: self.cut + other.cut,
            differing: self.differing + other.differing,
        }
    }

    /// Whether everything came out as expected.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.unexpected == 0 && self.cut == 0 && self.differing == 0
    }
}
