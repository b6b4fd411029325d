//! Random runs of an unreduced model, beside the reduced search of everything.

#[path = "support/builtin.rs"]
mod builtin;

use std::sync::Arc;

use builtin::builtin;
use quorate_checker::Switch;
use quorate_checker::world::campaign::Shown;
use quorate_checker::world::campaign::sample::{Missed, PART_STEPS, Reached};
use quorate_model::check::ClusterModel;
use quorate_model::check::leaderless::Leaderless;
use quorate_model::scenario::{Reductions, Scenario};

fn model(scenario: Scenario) -> ClusterModel {
    ClusterModel::new(Arc::new(scenario))
}

fn unreduced(model: &ClusterModel) -> ClusterModel {
    model.with_reductions(Reductions::NONE)
}

fn reached(model: &ClusterModel, threads: usize) -> Reached<Leaderless> {
    let properties = model.properties_of_world();
    Reached::by_search(model, properties, threads, &Switch::default()).expect("nobody stops it")
}

#[test]
fn random_runs_come_to_nothing_that_the_reduced_search_does_not_have() {
    for name in ["strict-concurrent", "sloppy-convergence", "crash-strict", "retry-disk-lost"] {
        let model = model(builtin(name));
        let reached = reached(&model, 2);
        for seed in 0..2 {
            let part = reached.sample(&unreduced(&model), seed, 0);
            assert_eq!(part.missed, None, "{name}");
            assert_eq!(part.steps, PART_STEPS);
            assert!(part.runs > 1 && part.disks.len() > 1, "{name}");
            assert!(part.disks.len() <= reached.disks(), "{name}");
        }
    }
}

#[test]
fn a_part_is_the_same_every_time_and_others_are_others() {
    let model = model(builtin("strict-concurrent"));
    let (one, other) = (reached(&model, 1), reached(&model, 2));
    let unreduced = unreduced(&model);
    assert_eq!(one.sample(&unreduced, 1, 7), other.sample(&unreduced, 1, 7));
    assert_ne!(one.sample(&unreduced, 1, 7), one.sample(&unreduced, 1, 8));
    assert_ne!(one.sample(&unreduced, 1, 7), one.sample(&unreduced, 2, 7));
}

#[test]
fn what_a_search_does_not_have_is_noticed_with_a_run_that_comes_to_it() {
    // Without a timeout nobody stands in, so no disk keeps a hint.
    let with = builtin("sloppy-convergence");
    let mut without = with.clone();
    without.faults.timeouts = 0;
    let reached = reached(&model(without), 1);
    let unreduced = unreduced(&model(with));
    let (missed, run) = reached.sample(&unreduced, 1, 0).missed.expect("there are hints");
    assert_eq!(missed, Missed::Disks);
    let (steps, last) = quorate_model::check::trace::walk(&unreduced, &run);
    assert_eq!(steps.len(), run.len());
    assert!(last.nodes().any(|node| node.store.hints().next().is_some()));
}

#[test]
fn what_no_state_of_a_search_shows_is_noticed_by_name() {
    let with = builtin("r1-w1");
    let mut without = with.clone();
    // The reader reads from the nodes that every write is acknowledged by.
    for operation in without.clients.iter_mut().flat_map(|client| &mut client.operations) {
        operation.quorum = Some(3);
    }
    let reached = reached(&model(without), 1);
    let unreduced = unreduced(&model(with));
    let parts = (0..5).map(|number| reached.sample(&unreduced, 1, number));
    let missed: Vec<Missed> = parts.filter_map(|part| part.missed).map(|(what, _)| what).collect();
    assert!(missed.contains(&Missed::Shown(Shown::Property("quorum-overlap"))), "{missed:?}");
}
