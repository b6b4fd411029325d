//! Whether a scenario comes out the same, reduced and unreduced.

use quorate_checker::{Bounds, Outcome, Switch, explore};
use quorate_model::check::{ClusterSystem, Goal};
use quorate_model::scenario::{Reductions, Scenario};

use crate::compare::{Found, model, visit};

/// How a scenario came out.
#[derive(Debug, PartialEq)]
pub(crate) enum Compared {
    /// The same, reduced and not, over this many unreduced states.
    Same(usize),
    /// Not compared: there are too many states unreduced.
    TooLarge,
    /// Differently.
    Different(String),
}

/// Compares verdicts, witnesses, convergence and the disks that can be reached.
pub(crate) fn compare(scenario: &Scenario, distinct_max: usize) -> Compared {
    let Some(full) = visit(scenario, Reductions::NONE, distinct_max) else {
        return Compared::TooLarge;
    };
    // A reduced search may visit a state in several forms, but not many more of them.
    let Some(reduced) = visit(scenario, Reductions::ALL, 2 * distinct_max) else {
        return Compared::Different("the reduced search is the larger one".into());
    };
    if full.verdicts != reduced.verdicts {
        return Compared::Different(format!(
            "unreduced {:?}\nreduced {:?}",
            full.verdicts, reduced.verdicts
        ));
    }
    // Of two runs that differ in the names of clients only one is looked at.
    let named = Reductions { alike_clients: false, ..Reductions::ALL };
    let disks = |found: Option<Found>| found.map(|found| found.disks);
    if disks(visit(scenario, named, 2 * distinct_max)).as_ref() != Some(&full.disks) {
        return Compared::Different("the disks that can be reached differ".into());
    }
    if scenario.expect.contains_key("convergence") {
        let converges = |reductions| {
            let model = model(scenario, reductions);
            let system = ClusterSystem::with_goals(&model, &[Goal::Convergence]);
            let bounds = Bounds { states_max: Some(2 * distinct_max), ..Bounds::default() };
            let explored = explore(&system, &bounds, &Switch::default());
            let decision = explored.decide(&system).swap_remove(0);
            (!decision.cut)
                .then(|| (decision.outcome == Outcome::Holds, decision.witness.is_some()))
        };
        let (full, reduced) = (converges(Reductions::NONE), converges(Reductions::ALL));
        if full != reduced {
            return Compared::Different(format!("convergence: {full:?}, reduced {reduced:?}"));
        }
    }
    Compared::Same(full.distinct)
}
