//! Every reduction of the state space, and remembering steps, change no verdict.

mod compare;
mod random;

use quorate_model::check::Expected;
use quorate_model::scenario::builtin::{ALL, Builtin};
use quorate_model::scenario::{Reductions, Scenario};

/// Unreduced runs larger than this are left out of the comparison.
const DISTINCT_MAX: usize = 60_000;

fn search(scenario: &Scenario, reductions: Reductions) -> Option<(compare::Verdicts, usize)> {
    compare::search(scenario, reductions, DISTINCT_MAX)
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
fn no_time_for_what_changes_nothing_at_who_replies_changes_no_verdict() {
    compare(|_| Reductions { replies: true, ..Reductions::NONE }, 15);
}

#[test]
fn no_time_for_answers_once_nothing_can_time_out_changes_no_verdict() {
    compare(|_| Reductions { answers: true, ..Reductions::NONE }, 15);
}

#[test]
fn no_time_for_walks_down_the_trees_changes_no_verdict() {
    compare(|_| Reductions { sync_walks: true, ..Reductions::NONE }, 15);
}

#[test]
fn exchanging_states_as_late_as_possible_changes_no_verdict() {
    compare(|_| Reductions { late_exchanges: true, ..Reductions::NONE }, 15);
}

#[test]
fn an_order_of_clients_that_are_alike_changes_no_verdict() {
    compare(|_| Reductions { alike_clients: true, ..Reductions::NONE }, 15);
}

#[test]
fn coordinators_that_stand_for_all_change_no_verdict() {
    // They rest on what takes no time once nothing can go wrong.
    compare(|_| Reductions { coordinators: true, answers: true, ..Reductions::NONE }, 15);
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
    for (builtin, scenario) in explored() {
        let Some((found, _)) = search(&scenario, Reductions::NONE) else { continue };
        for (property, expected) in &scenario.expect {
            let discovered = matches!(expected, Expected::Violated | Expected::Reached);
            let Some(found) = found.get(property) else { continue };
            assert_eq!(*found, discovered, "{}: {property}", builtin.name);
        }
    }
}
