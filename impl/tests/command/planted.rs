//! Making the protocol wrong on purpose finds the scenario that is about it, among as few states as it
//! takes.

use std::sync::Arc;

use quorate::check::LeaderScenario;
use quorate::check::planted::{
    Catch, Effort, Level, Planted, block, matrix, plant, summary, told_of,
};
use quorate::cli::scenario::{Found, Shipped};
use quorate_leader_model::deviation::Deviation as LeaderDeviation;
use quorate_model::deviation::Deviation;
use quorate_model::scenario::Scenario;
use quorate_model::scenario::builtin::Builtin;

const EFFORT: Effort =
    Effort { states_max: 20_000, states_max_later: 20_000, states_max_deep: 20_000, threads: 2 };

fn planted(fault: Deviation, scenarios: &[&str], effort: Effort) -> Planted {
    let builtin =
        |name: &&str| Builtin::named(name).expect("it ships").parse().expect("it is right");
    let scenarios: Vec<Arc<Scenario>> = scenarios.iter().map(builtin).map(Arc::new).collect();
    plant(&[fault], &scenarios, effort, |_, _| {}).swap_remove(0)
}

fn caught(scenario: &str, property: &'static str, steps: usize) -> Catch {
    Catch { scenario: scenario.into(), property, steps, is_shortest: true }
}

#[test]
fn a_fault_is_caught_by_the_scenario_that_is_about_it_in_the_shortest_run_that_shows_it() {
    let scenarios = ["r1-w1", "siblings-limit", "siblings-limit-held"];
    let planted = planted(Deviation::LimitCountsHeld, &scenarios, EFFORT);
    // siblings-limit-held has the fault itself.
    assert_eq!(planted.catches, [caught("siblings-limit", "key-resolvable", 7)]);
    assert_eq!((planted.level, planted.caught_by()), (Level::First, vec!["siblings-limit"]));
    assert!(block(&planted).contains("siblings-limit: key-resolvable, in 7 steps"));
    let told = told_of(EFFORT, std::slice::from_ref(&planted));
    assert!(
        told.contains("in up to 20000 states") && !told.contains("limit-counts-held"),
        "{told}"
    );
    assert_eq!(summary(&[planted]), "1 planted fault: it is caught");
}

#[test]
fn a_fault_that_shows_where_runs_end_is_caught_by_convergence() {
    let planted = planted(Deviation::ValuesOnlyTree, &["values-and-clocks-hash"], EFFORT);
    assert_eq!(planted.by_property().keys().copied().collect::<Vec<_>>(), ["convergence"]);
}

#[test]
fn a_fault_that_changes_how_a_script_comes_out_is_caught_by_its_step() {
    let planted = planted(Deviation::ServeUncaught, &["disk-lost-script"], EFFORT);
    assert!(planted.by_property().contains_key("(a script's step)"), "{planted:?}");
}

#[test]
fn what_takes_more_states_is_searched_for_among_more_until_a_scenario_catches_it() {
    let scenarios = ["siblings-limit"];
    let few = Effort { states_max: 10, states_max_later: 10, ..EFFORT };
    let later = Effort { states_max_later: 20_000, ..few };
    let planted_later = planted(Deviation::LimitCountsHeld, &scenarios, later);
    assert_eq!(planted_later.catches, [caught("siblings-limit", "key-resolvable", 7)]);
    assert_eq!(planted_later.level, Level::Later);
    let told = told_of(later, &[planted_later]);
    assert!(told.contains("with limit-counts-held, which nothing caught among so many"), "{told}");

    let planted_deep = planted(Deviation::LimitCountsHeld, &scenarios, few);
    assert_eq!(planted_deep.level, Level::Deep);
    let [catch] = &planted_deep.catches[..] else { panic!("{planted_deep:?}") };
    assert!(catch.steps >= 7 && !catch.is_shortest && catch.property == "key-resolvable");
    let told = format!("at most {}", catch.steps);
    assert!(matrix(&[planted_deep], false).contains(&told));
}

#[test]
fn a_fault_that_no_scenario_is_about_is_said_to_be_caught_by_nothing() {
    let planted = planted(Deviation::LimitCountsHeld, &["r1-w1"], EFFORT);
    assert_eq!(planted.catches, []);
    assert!(matrix(std::slice::from_ref(&planted), true).contains("NOTHING"));
    assert_eq!(summary(&[planted]), "1 planted fault: nothing catches limit-counts-held");
}

#[test]
fn a_fault_of_the_leader_based_protocol_is_caught_by_the_scenario_that_is_about_it() {
    let scenarios: Vec<LeaderScenario> = ["lag-own-writes-leader", "retry-add"]
        .map(|name| match Shipped::named(name).expect("it ships").load() {
            Ok(Found::Leader(loaded)) => loaded.scenario,
            other => panic!("{other:?}"),
        })
        .into();
    let planted = plant(&[LeaderDeviation::ForgetsRequests], &scenarios, EFFORT, |_, _| {});
    let [planted] = &planted[..] else { panic!("{planted:?}") };
    assert_eq!((planted.protocol, planted.caught_by()), ("leader", vec!["retry-add"]));
    assert!(planted.by_property().contains_key("exactly-once"), "{planted:?}");
    assert!(matrix(std::slice::from_ref(planted), true).contains("forgets-requests"));
}
