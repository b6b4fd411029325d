//! Every reduction of the state space, and remembering steps, change no verdict.
//!
//! The reference is a plain breadth-first search of our own over the unreduced model.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_model::check::search::shortest;
use quorate_model::check::{ClusterModel, ClusterState, PropertyKind};
use quorate_model::scenario::builtin::{ALL, Builtin};
use quorate_model::scenario::{Reductions, Scenario};

/// What is compared: for each property whether it is discovered, and whether its witness is.
type Verdicts = BTreeMap<String, bool>;

/// A condition under the name of what it discovers.
type Named = (String, Box<dyn Fn(&ClusterState) -> bool>);

/// Unreduced runs larger than this are left out of the comparison.
const DISTINCT_MAX: usize = 60_000;

/// Searches everything there is. `None` if there is too much.
fn search(scenario: &Scenario, reductions: Reductions) -> Option<(Verdicts, usize)> {
    let scenario = Scenario { reductions, ..scenario.clone() };
    let model = ClusterModel::new(Arc::new(scenario));
    let mut wanted: Vec<Named> = Vec::new();
    for property in model.judged() {
        let view = model.clone();
        match property.kind {
            PropertyKind::Safety { holds, witness, witness_name, .. } => {
                let witness_view = model.clone();
                wanted
                    .push((property.name.into(), Box::new(move |state| !holds(&view.view(state)))));
                wanted.push((
                    witness_name.into(),
                    Box::new(move |state| witness(&witness_view.view(state))),
                ));
            }
            PropertyKind::Reachability { reached } => {
                wanted.push((
                    property.name.into(),
                    Box::new(move |state| reached(&view.view(state))),
                ));
            }
            // No condition on a state; compared with tests of its own.
            PropertyKind::Convergence { .. } => {}
        }
    }
    // A condition that is never met keeps the search going to the end.
    wanted.push(("(never)".into(), Box::new(|_| false)));
    let conditions: Vec<&dyn Fn(&ClusterState) -> bool> =
        wanted.iter().map(|(_, condition)| &**condition).collect();
    let found = shortest(&model, &conditions, DISTINCT_MAX);
    if found.cut {
        return None;
    }
    let verdicts =
        wanted.iter().zip(&found.paths).map(|((name, _), path)| (name.clone(), path.is_some()));
    Some((verdicts.collect(), found.distinct))
}

/// The built-in scenarios that are explored: a script has one run, and no reductions.
fn explored() -> impl Iterator<Item = (&'static Builtin, Scenario)> {
    let all = ALL.iter().map(|builtin| (builtin, builtin.parse().expect("a test reads all")));
    all.filter(|(_, scenario)| scenario.script.is_none())
}

fn compare(reduced: impl Fn(&Scenario) -> Reductions, at_least: usize) {
    let mut compared = Vec::new();
    for (builtin, scenario) in explored() {
        let Some((reference, unreduced)) = search(&scenario, Reductions::NONE) else { continue };
        let (verdicts, distinct) =
            search(&scenario, reduced(&scenario)).expect("a reduction makes no more states");
        assert_eq!(verdicts, reference, "{}", builtin.name);
        assert!(distinct <= unreduced, "{}: {distinct} of {unreduced}", builtin.name);
        compared.push(builtin.name);
    }
    assert!(
        compared.len() >= at_least,
        "only {} scenarios are small enough unreduced: {compared:?}",
        compared.len()
    );
}

#[test]
fn no_time_between_client_and_coordinator_changes_no_verdict() {
    // A scenario that switches the rule off is about what it removes.
    compare(
        |scenario| Reductions { client_hops: scenario.reductions.client_hops, ..Reductions::NONE },
        15,
    );
}

#[test]
fn taking_dead_messages_out_changes_no_verdict() {
    compare(|_| Reductions { dead_messages: true, ..Reductions::NONE }, 15);
}

#[test]
fn forgetting_finished_requests_changes_no_verdict() {
    compare(|_| Reductions { finished_requests: true, ..Reductions::NONE }, 15);
}

#[test]
fn all_reductions_together_change_no_verdict() {
    compare(|scenario| scenario.reductions, 15);
}

#[test]
fn expectations_of_the_files_are_what_the_unreduced_model_gives() {
    use quorate_model::check::Expected;
    for (builtin, scenario) in explored() {
        let Some((found, _)) = search(&scenario, Reductions::NONE) else { continue };
        for (property, expected) in &scenario.expect {
            let discovered = matches!(expected, Expected::Violated | Expected::Reached);
            let Some(found) = found.get(property) else { continue };
            assert_eq!(*found, discovered, "{}: {property}", builtin.name);
        }
    }
}
