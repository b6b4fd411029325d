//! Every reduction of the state space, and remembering steps, change no verdict.

#[path = "../support/alone.rs"]
mod alone;
mod random;
mod small_scope;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use alone::alone;
use quorate_checker::world::campaign::Shown;
use quorate_model::campaign::visit;
use quorate_model::check::{ClusterModel, Expected};
use quorate_model::scenario::builtin::ALL;
use quorate_model::scenario::{Reductions, Scenario};

/// Unreduced runs larger than this are left out of the comparison.
const DISTINCT_MAX: usize = 25_000;

/// For each property whether it is discovered, and whether its witness is.
type Verdicts = BTreeMap<Shown, bool>;

fn search(scenario: &Scenario, reductions: Reductions) -> Option<(Verdicts, usize)> {
    let model = ClusterModel::new(Arc::new(Scenario { reductions, ..scenario.clone() }));
    let found = visit(&model, DISTINCT_MAX)?;
    let verdicts = found.runs.into_iter().map(|(shown, run)| (shown, run.is_some()));
    Some((verdicts.collect(), found.distinct))
}

/// What the unreduced model of a built-in scenario gives.
struct Reference {
    name: &'static str,
    scenario: Scenario,
    verdicts: Verdicts,
    distinct: usize,
}

/// Of the built-in scenarios that are explored, those that are small enough unreduced. A script has
/// one run, and no reductions.
static REFERENCES: LazyLock<Vec<Reference>> = LazyLock::new(|| {
    let all = ALL.iter().map(|builtin| (builtin.name, builtin.parse().expect("a test reads all")));
    let explored = all.filter(|(_, scenario): &(_, Scenario)| scenario.script.is_none());
    let reference = |(name, scenario)| {
        let (verdicts, distinct) = search(&scenario, Reductions::NONE)?;
        Some(Reference { name, scenario, verdicts, distinct })
    };
    explored.filter_map(reference).collect()
});

fn compare(reduced: impl Fn(&Scenario) -> Reductions) {
    for Reference { name, scenario, verdicts, distinct: unreduced } in &*REFERENCES {
        let (found, distinct) =
            search(scenario, reduced(scenario)).expect("a reduction makes no more states");
        assert_eq!(found, *verdicts, "{name}");
        assert!(distinct <= *unreduced, "{name}: {distinct} of {unreduced}");
    }
    let compared = REFERENCES.len();
    assert!(compared >= 15, "only {compared} scenarios are small enough unreduced");
}

/// Compares what one rule gives without the others.
fn compare_alone(rule: &str) {
    compare(|scenario| alone(rule, scenario));
}

#[test]
fn no_time_between_client_and_coordinator_changes_no_verdict() {
    compare_alone("client-hops");
}

#[test]
fn no_time_for_what_changes_nothing_at_who_replies_changes_no_verdict() {
    compare_alone("replies");
}

#[test]
fn no_time_for_answers_once_nothing_can_time_out_changes_no_verdict() {
    compare_alone("answers");
}

#[test]
fn no_time_for_walks_down_the_trees_changes_no_verdict() {
    compare_alone("sync-walks");
}

#[test]
fn exchanging_states_as_late_as_possible_changes_no_verdict() {
    compare_alone("late-exchanges");
}

#[test]
fn taking_states_for_the_same_that_differ_by_an_exchange_of_clients_changes_no_verdict() {
    compare_alone("client-symmetry");
}

#[test]
fn taking_states_for_the_same_that_differ_by_an_exchange_of_nodes_changes_no_verdict() {
    compare_alone("node-symmetry");
}

#[test]
fn taking_dead_messages_out_changes_no_verdict() {
    compare_alone("dead-messages");
}

#[test]
fn forgetting_finished_requests_changes_no_verdict() {
    compare_alone("finished-requests");
}

#[test]
fn choosing_a_stubborn_set_of_what_can_happen_changes_no_verdict() {
    compare_alone("stubborn-sets");
}

#[test]
fn all_reductions_together_change_no_verdict() {
    compare(|scenario| scenario.reductions);
}

#[test]
fn expectations_of_the_files_are_what_the_unreduced_model_gives() {
    for Reference { name, scenario, verdicts, .. } in &*REFERENCES {
        for (property, expected) in &scenario.expect {
            let discovered = matches!(expected, Expected::Violated | Expected::Reached);
            let of_property =
                |shown: &&Shown| matches!(shown, Shown::Property(name) if name == property);
            let Some(shown) = verdicts.keys().find(of_property) else { continue };
            let found = verdicts[shown];
            assert_eq!(found, discovered, "{name}: {property}");
        }
    }
}
