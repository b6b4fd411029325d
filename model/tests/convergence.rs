//! Where runs of clusters end, where that can be foreseen.

#[path = "support/alone.rs"]
mod alone;
#[path = "support/builtin.rs"]
mod builtin;

use std::sync::Arc;

use alone::alone;
use builtin::builtin;
use quorate_checker::{Bounds, Decision, Outcome, Switch, explore};
use quorate_model::check::trace::{
    CYCLE_STARTS, ReplayError, SavedPath, numbered, replay, save, walk,
};
use quorate_model::check::{Action, ClusterModel, Expected, Goal};
use quorate_model::scenario::builtin::ALL;
use quorate_model::scenario::{Reductions, Scenario};

fn decide(model: &ClusterModel, goal: Goal, states_max: usize) -> Decision<Action> {
    let system = model.with_goals(&[goal]);
    let bounds = Bounds { threads: 2, states_max: Some(states_max), ..Bounds::default() };
    explore(&system, &bounds, &Switch::default()).decide(&system).swap_remove(0)
}

fn decide_scenario(scenario: Scenario, states_max: usize) -> Decision<Action> {
    decide(&ClusterModel::new(Arc::new(scenario)), Goal::Convergence, states_max)
}

#[test]
fn without_faults_every_home_gets_every_write_in_the_end() {
    let decision = decide_scenario(builtin("r1-w1"), usize::MAX);
    assert_eq!(decision.outcome, Outcome::Holds);
    assert!(decision.witness.is_some());
}

#[test]
fn a_loss_that_nobody_reads_over_is_never_made_good_by_read_repair() {
    let decision = decide_scenario(builtin("repair-only"), usize::MAX);
    let Outcome::Violated(found) = decision.outcome else { panic!("{:?}", decision.outcome) };
    assert!(found.is_stuck());
    // Nobody reads in it.
    let starts = |action: &&Action| matches!(action, Action::Invoke { .. });
    assert_eq!(found.stem.iter().filter(starts).count(), 1, "{:?}", found.stem);
}

#[test]
fn without_a_loss_there_is_nothing_to_repair() {
    let scenario = Scenario { faults: Default::default(), ..builtin("repair-only") };
    assert_eq!(decide_scenario(scenario, usize::MAX).outcome, Outcome::Holds);
}

/// What becomes of progress.
fn progress(scenario: Scenario) -> Decision<Action> {
    let model = ClusterModel::new(Arc::new(scenario));
    decide(&model, Goal::Progress, usize::MAX)
}

#[test]
fn a_node_that_lost_its_disk_comes_to_serve_while_enough_others_do() {
    let decision = progress(builtin("disk-lost-serves"));
    assert_eq!(decision.outcome, Outcome::Holds);
    assert!(decision.witness.is_some(), "some node had to catch up");
}

#[test]
fn homes_that_lost_their_disks_together_wait_for_each_other_for_ever() {
    let scenario = builtin("two-disks-lost");
    let Outcome::Violated(found) = progress(scenario.clone()).outcome else {
        panic!("it is violated")
    };
    // They go on asking.
    assert!(!found.is_stuck());
    // One that is down is waited for, and nothing is asked of the others meanwhile.
    let crashed = Scenario { down: scenario.faulty, down_returns: false, ..scenario };
    assert_eq!(progress(crashed).outcome, Outcome::Holds);
}

#[cfg(feature = "planted-faults")]
#[test]
fn a_node_that_asks_but_once_for_what_it_lost_is_noticed() {
    use quorate_model::deviation::Deviation;
    let faulty = builtin("disk-lost-serves").with_deviation(Deviation::CatchUpAskedOnce);
    let Outcome::Violated(found) = progress(faulty).outcome else { panic!("it is violated") };
    assert!(found.is_stuck());
}

/// The run of a scenario that does not converge, with the model, as it is saved.
fn saved_violation(name: &str) -> (ClusterModel, SavedPath) {
    let model = ClusterModel::new(Arc::new(builtin(name)));
    let decision = decide(&model, Goal::Convergence, usize::MAX);
    let Outcome::Violated(found) = decision.outcome else { panic!("{:?}", decision.outcome) };
    let actions = [found.stem, found.cycle.clone()].concat();
    let cycle = found.cycle.len();
    let saved = save(&model, "", "convergence", Expected::Violated, &actions, cycle);
    (model, saved)
}

#[test]
fn a_saved_violation_is_walked_again_and_judged_anew() {
    let (model, saved) = saved_violation("repair-only");
    assert_eq!(replay(&model, &saved).1, Ok(()));
    // A step earlier the lost message might still have arrived.
    let shorter = SavedPath { steps: saved.steps[..saved.steps.len() - 1].to_vec(), ..saved };
    assert!(matches!(replay(&model, &shorter).1, Err(ReplayError::ShowsNothing { .. })));
}

#[test]
fn a_saved_cycle_that_does_not_lead_back_shows_nothing() {
    let (model, saved) = saved_violation("repair-only");
    for cycle in [1, saved.steps.len(), saved.steps.len() + 1] {
        let claimed = SavedPath { cycle, ..saved.clone() };
        assert!(matches!(replay(&model, &claimed).1, Err(ReplayError::ShowsNothing { .. })));
    }
}

#[test]
fn the_steps_of_a_cycle_are_told_apart_from_those_that_lead_there() {
    let (model, saved) = saved_violation("repair-only");
    let (steps, _) = walk(&model, &saved.actions());
    let stem = steps.len() - 2;
    let lines = numbered(&steps, 2);
    let at = lines.iter().position(|line| line == CYCLE_STARTS).expect("the cycle is marked");
    assert!(lines[at + 1].starts_with(&format!("  {}. ", stem + 1)), "{lines:#?}");
    assert!(!numbered(&steps, 0).iter().any(|line| line == CYCLE_STARTS));
}

#[test]
fn every_reduction_keeps_the_verdict_on_convergence() {
    const STATES: usize = 10_000;
    let mut compared = 0;
    for builtin in ALL {
        let scenario = builtin.parse().expect("built-in scenarios parse");
        let verdict = |reductions| {
            let scenario = Scenario { reductions, ..scenario.clone() };
            let decision = decide_scenario(scenario, STATES);
            (!decision.cut).then(|| decision.outcome == Outcome::Holds)
        };
        let Some(unreduced) = verdict(Reductions::NONE) else { continue };
        compared += 1;
        let rules = Reductions::ALL.by_name().map(|(rule, _)| alone(rule, &scenario));
        for reductions in rules.into_iter().chain([scenario.reductions]) {
            assert_eq!(verdict(reductions), Some(unreduced), "{}: {reductions:?}", builtin.name);
        }
    }
    assert!(compared >= 40, "only {compared} scenarios are small enough unreduced");
}
