//! Certificates: what reductions leave out is compared with the unreduced model, state by state, and what
//! leaves out too much fails.

#[path = "support/alone.rs"]
mod alone;
#[path = "support/builtin.rs"]
mod builtin;

use std::sync::Arc;

use alone::alone;
use builtin::builtin;
use quorate_checker::Switch;
#[cfg(feature = "planted-faults")]
use quorate_model::check::certify::Failure;
use quorate_model::check::certify::{Certificate, Discharge, Extent, Obligation, certify};
use quorate_model::scenario::builtin::ALL;
use quorate_model::scenario::{Reductions, Scenario};

/// Of the states of a scenario that is small. All of them: which ones a sample has depends on their names.
const EVERYWHERE: Extent = Extent { threads: 2, states: usize::MAX, search_max: None };

/// Of a larger one.
const SAMPLE: Extent = Extent { states: 150, ..EVERYWHERE };

fn certified(scenario: Scenario, extent: Extent) -> Certificate {
    certify(&Arc::new(scenario), extent, &Switch::default()).expect("nobody stops it")
}

fn certificate(scenario: Scenario) -> Certificate {
    certified(scenario, EVERYWHERE)
}

#[test]
fn the_reductions_of_small_built_in_scenarios_are_certified_as_they_are_and_each_alone() {
    let small = ["r2-w1", "r3-w1-node-down", "retry-disk-lost", "siblings-limit"];
    let certified = [
        "client-hops",
        "replies",
        "answers",
        "sync-walks",
        "late-exchanges",
        "dead-messages",
        "client-symmetry",
        "node-symmetry",
        "finished-requests",
        "stubborn-sets",
    ];
    for name in small {
        let scenario = builtin(name);
        let alone = certified.map(|rule| (rule, alone(rule, &scenario)));
        for (rule, reductions) in alone.into_iter().chain([("all", scenario.reductions)]) {
            let certificate = certificate(Scenario { reductions, ..scenario.clone() });
            assert!(certificate.is_met(), "{name} with {rule}: {:#?}", certificate.failures);
        }
    }
}

#[test]
fn obligations_come_up_of_every_kind_and_are_met_in_every_way() {
    let of = |name: &str| certificate(builtin(name));
    let met = |name: &str, discharge| {
        Obligation::ALL.map(|obligation| of(name).met_by(obligation, discharge))
    };
    let [others @ .., of_stubborn_sets] = met("strict-concurrent", Discharge::Exactly);
    assert!(others.iter().all(|count| *count > 0) && of_stubborn_sets == 0);
    let stubborn = Scenario { reductions: Reductions::STUBBORN, ..builtin("own-write-missed") };
    let put_off = certificate(stubborn).met_by(Obligation::Independence, Discharge::Exactly);
    assert!(put_off > 0);
    let some = |name: &str, discharge| met(name, discharge).iter().any(|count| *count > 0);
    assert!(some("duplicate-ack", Discharge::WithMoreFaultsLeft));
    assert!(some("strict-concurrent", Discharge::WithMoreObliged));
    assert!(some("siblings-limit", Discharge::AsDelay));
}

#[cfg(feature = "planted-faults")]
#[test]
fn a_rule_that_leaves_out_a_step_is_not_certified() {
    use quorate_model::check::wrong_rule::WrongRule;

    let scenario = builtin("siblings-limit");
    let wrong = Some(WrongRule::LateThoughPutsCome);
    let reductions = Reductions { wrong, ..scenario.reductions };
    let certificate = certificate(Scenario { reductions, ..scenario });
    let (_, failure, run) = &certificate.failures[0];
    assert!(!certificate.is_met() && !run.is_empty());
    assert_eq!(failure.obligation, Obligation::OneStep);
    // Of the states in which one is left out, the one is shown whose name comes first.
    let puts = ["x -> A  Put k = \"x1\", blind (x#1)", "y -> B  Put k = \"y1\", blind (y#1)"];
    assert!(failure.step.as_deref().is_some_and(|step| puts.contains(&step)), "{failure:?}");
}

#[cfg(feature = "planted-faults")]
#[test]
fn a_set_that_is_not_stubborn_is_not_certified() {
    use quorate_model::check::wrong_rule::WrongRule;

    for (wrong, name) in
        [(WrongRule::StubbornForgettingStates, "r2-w1"), (WrongRule::StubbornThoughSeen, "r2-w1")]
    {
        let scenario = builtin(name);
        let reductions = Reductions { wrong: Some(wrong), ..Reductions::STUBBORN };
        let certificate = certified(Scenario { reductions, ..scenario }, SAMPLE);
        let of_order = |failure: &Failure| failure.obligation == Obligation::Independence;
        assert!(certificate.failures.iter().any(|(_, failure, _)| of_order(failure)), "{wrong}");
    }
}

#[cfg(feature = "planted-faults")]
#[test]
fn an_exchange_that_is_more_than_a_change_of_names_is_not_certified() {
    use quorate_model::check::wrong_rule::WrongRule;
    use quorate_model::scenario::file::parse;

    let two_puts = |settings: &str, client: &str| {
        let client = |name: &str| {
            format!("[[client]]\nname = {name:?}\n{client}program = [{{ put = \"k\" }}]\n")
        };
        let text = format!(
            "title = \"Two puts\"\n{settings}{}{}[expect]\nno-lost-write = \"holds\"\n",
            client("x"),
            client("y")
        );
        parse("two-puts.toml", "two-puts", &text).unwrap_or_else(|problem| panic!("{problem}"))
    };
    // Equal numbers under equal dots: the greater value wins.
    let ties = two_puts(
        "shared-identity = [[\"A\", \"B\"]]\n\
         [cluster]\nnodes = [\"A\", \"B\"]\nn = 2\nr = 1\nw = 1\nversioning = \"scalar\"\n",
        "",
    );
    let retries = two_puts(
        "[cluster]\nnodes = [\"A\", \"B\"]\nn = 2\nr = 1\nw = 2\n[faults]\ntimeouts = 1\n",
        "attempts = 2\n",
    );
    let turns = |mut scenario: Scenario| {
        scenario.turn_length = Some(1);
        scenario
    };
    let fallback = two_puts(
        "[cluster]\nnodes = [\"A\", \"B\", \"C\"]\nn = 2\nr = 1\nw = 2\nsloppy = true\n[faults]\ntimeouts = 1\n\
         [reductions]\nanswers = false\n",
        "",
    );
    let strict = "[cluster]\nnodes = [\"A\", \"B\"]\nn = 2\nr = 1\nw = 1\n";
    let faulty = format!("faulty = [\"A\"]\n{strict}[faults]\ncrashes = 1\n");
    let delete = parse(
        "delete.toml",
        "delete",
        "title = \"A delete\"\n\
         [cluster]\nnodes = [\"A\", \"B\"]\nn = 2\nr = 1\nw = 1\nanti-entropy = true\nreaping = \"agreed\"\n\
         [[client]]\nname = \"x\"\nprogram = [{ delete = \"k\" }]\n\
         [expect]\nno-lost-write = \"holds\"\n",
    );
    let delete = delete.unwrap_or_else(|problem| panic!("{problem}"));
    for (wrong, scenario) in [
        (WrongRule::NodesThoughAskedInOrder, fallback),
        (WrongRule::NodesWhoeverIsAsked, two_puts(strict, "via = [\"A\"]\n")),
        (WrongRule::NodesDespiteFaults, two_puts(&faulty, "")),
        (WrongRule::NodesForgettingWaits, delete),
        (WrongRule::SymmetryThoughTiesBreak, ties),
        (WrongRule::SymmetryDespiteTurns, turns(builtin("strict-concurrent"))),
        (WrongRule::SymmetryWhateverTheyDo, builtin("r1-w1")),
        (WrongRule::SymmetryForgettingMintedRequests, retries),
        (WrongRule::SymmetryForgettingHistory, builtin("strict-concurrent")),
    ] {
        let reductions = Reductions { wrong: Some(wrong), ..scenario.reductions };
        let certificate = certificate(Scenario { reductions, ..scenario });
        let of_symmetry = |failure: &Failure| failure.obligation == Obligation::Symmetry;
        assert!(certificate.failures.iter().any(|(_, failure, _)| of_symmetry(failure)), "{wrong}");
    }
}

#[test]
fn of_large_searches_a_part_of_the_states_is_looked_at() {
    let certificate = certified(builtin("crash-strict"), SAMPLE);
    let looked_at = certificate.looked_at as usize;
    assert!(certificate.distinct > 10 * looked_at && looked_at > SAMPLE.states / 2);
}

#[test]
fn without_reductions_every_obligation_is_met_exactly() {
    let mut searched = 0;
    for builtin in ALL {
        let scenario = builtin.parse().expect("built-in scenarios parse");
        if scenario.script.is_some() || !builtin.name.starts_with("r1-") {
            continue;
        }
        searched += 1;
        let certificate = certificate(Scenario { reductions: Reductions::NONE, ..scenario });
        assert!(certificate.is_met());
        assert!(certificate.met.iter().all(|((_, discharge), _)| *discharge == Discharge::Exactly));
    }
    assert!(searched > 0);
}
