//! Footprints: every step of a search does what it declares, and declarations that forget something are noticed.

#[path = "support/builtin.rs"]
mod builtin;
#[path = "support/noticed.rs"]
mod noticed;

use std::collections::BTreeMap;
use std::sync::Arc;

use builtin::builtin;
use noticed::assert_noticed;
use quorate_checker::Switch;
use quorate_checker::world::footprints::{self, Extent};
use quorate_model::check::ClusterModel;
use quorate_model::check::footprints::{Comparison, Wrong};
use quorate_model::scenario::builtin::ALL;
use quorate_model::scenario::{Reductions, Scenario};

const EXTENT: Extent = Extent { threads: 2, pairs: 5_000, search_max: Some(12_000) };

fn compare(scenario: &Arc<Scenario>, extent: Extent, switch: &Switch) -> Option<Comparison> {
    let model = ClusterModel::new(Arc::clone(scenario));
    footprints::compare(&model, model.names(), extent, switch)
}

fn forget_each(scenario: &Arc<Scenario>, extent: Extent) -> Option<BTreeMap<Wrong, bool>> {
    let model = ClusterModel::new(Arc::clone(scenario));
    footprints::forget_each(&model, extent, &Switch::default(), &|_: &Wrong| false)
}

fn told(comparison: &Comparison) -> String {
    let found = comparison.found.iter();
    let told = found.map(|found| format!("{}, as in {}; ", found.difference, found.step));
    told.collect()
}

#[test]
fn every_step_of_small_searches_does_what_it_declares() {
    let (mut searched, mut steps, mut independent) = (0, 0, 0);
    for builtin in ALL {
        let scenario = builtin.parse().expect("built-in scenarios parse");
        if scenario.script.is_some() {
            continue;
        }
        let scenario = Arc::new(scenario);
        let Some(comparison) = compare(&scenario, EXTENT, &Switch::default()) else { continue };
        assert!(comparison.is_as_declared(), "{}: {}", builtin.name, told(&comparison));
        searched += 1;
        steps += comparison.steps;
        independent += comparison.independent;
    }
    assert!(searched > 50 && steps > 20_000 && independent > 1_000);
}

#[test]
fn every_step_does_what_it_declares_where_nothing_is_left_out() {
    for name in ["r2-w1", "r3-w1-node-down", "siblings-limit"] {
        let scenario = Scenario { reductions: Reductions::NONE, ..builtin(name) };
        let extent = Extent { search_max: None, ..EXTENT };
        let comparison = compare(&Arc::new(scenario), extent, &Switch::default());
        let comparison = comparison.expect("nobody stops it");
        assert!(comparison.is_as_declared(), "{name}: {}", told(&comparison));
    }
}

#[test]
fn what_is_compared_does_not_depend_on_threads() {
    let scenario = Arc::new(builtin("retry-disk-lost"));
    let of = |threads| {
        let extent = Extent { threads, ..EXTENT };
        let comparison = compare(&scenario, extent, &Switch::default()).expect("it is small");
        let found: Vec<_> = comparison.found.into_iter().map(|found| found.difference).collect();
        (comparison.steps, comparison.masked, comparison.independent, comparison.dependent, found)
    };
    assert_eq!(of(1), of(2));
}

#[test]
fn declarations_that_forget_something_are_noticed() {
    let planted = [
        ("r3-w1-node-down", "Fetch does not declare to read the entry of a key"),
        ("disk-lost", "Fetch does not declare to read how far the node has caught up"),
        ("disk-lost", "CatchUp does not declare to read the entry of a key"),
        ("disk-rollback", "Store does not declare to read what is registered of a node"),
        ("r2-w1", "Store does not declare to send StoreAck"),
        ("r2-w1", "Store does not declare to change the entry of a key"),
        ("r2-w1", "Store does not declare to tell observers"),
        ("strict-concurrent", "StoreAck does not declare to change a put that was answered"),
        ("r2-w1", "Put declares to join the entry of a key"),
        ("r2-w1", "Put declares to join the counters of what was minted"),
        ("hint-overtaken", "HandoffAck declares to join the hint for a home about a key"),
        ("delete-hinted", "ReapAsk does not declare to read a put that is coordinated"),
        ("delete-hinted", "ReapAsk does not declare to read the hint for a home about a key"),
        ("disk-rollback", "Put does not declare to change whether the node may mint"),
    ];
    assert_noticed(&planted, |name| {
        forget_each(&Arc::new(builtin(name)), Extent { search_max: None, ..EXTENT })
    });
}

#[test]
fn a_step_that_does_not_do_what_it_declares_is_told_with_a_run() {
    // Where two nodes mint under one name, two states may disagree about a dot, and the order decides. The
    // declaration of this scenario says so; the same steps under a declaration that does not would lapse.
    let scenario = Arc::new(builtin("shared-node-id"));
    let comparison = compare(&scenario, EXTENT, &Switch::default()).expect("it is small");
    assert!(comparison.is_as_declared());
    let wrongs = forget_each(&scenario, EXTENT);
    let wrongs = wrongs.expect("it is small");
    let is_join = |(wrong, is_noticed): (&Wrong, &bool)| {
        *is_noticed && wrong.to_string() == "Store declares to join the entry of a key"
    };
    assert!(wrongs.iter().any(is_join));
}
