//! Planted faults whose place is the model's environment and not a step of the protocol: each is
//! caught by the scenario that is about it. And that a fault which does not matter in a scenario
//! changes nothing in it.
#![cfg(feature = "planted-faults")]

use std::sync::Arc;

use quorate_model::check::property::PropertySpec;
use quorate_model::check::search::shortest;
use quorate_model::check::{ClusterModel, ClusterState, PropertyKind};
use quorate_model::deviation::Deviation;
use quorate_model::scenario::Scenario;
use quorate_model::scenario::builtin::Builtin;

/// How long the shortest run is that violates a safety property, if any does.
fn violated_in(scenario: &str, fault: Deviation, property: &str) -> Option<usize> {
    let builtin = Builtin::named(scenario).expect("it ships");
    let scenario = builtin.parse().expect("it is right").with_deviation(fault);
    let model = ClusterModel::new(Arc::new(scenario));
    let property = PropertySpec::named(property).expect("there is such a property");
    let PropertyKind::Safety { holds, .. } = property.kind else { panic!("it is about states") };
    let violates = |state: &ClusterState| !holds(&model.view(state));
    shortest(&model, &[&violates], usize::MAX).paths.swap_remove(0).map(|run| run.len())
}

#[test]
fn a_tombstone_that_goes_while_its_put_may_be_tried_again_lets_the_value_come_back() {
    let (scenario, fault) = ("retry-restart-reaped", Deviation::ReapWhileRetried);
    for property in ["no-resurrection", "minted-once"] {
        assert!(violated_in(scenario, fault, property).is_some(), "{property}");
    }
}

#[test]
fn a_put_that_replaces_nothing_stands_beside_what_its_client_had_written_before() {
    let found = violated_in("strict-sequential", Deviation::ContextIgnored, "monotonic-writes");
    assert_eq!(found, Some(6));
}

/// How many states there are.
fn states_of(scenario: Scenario) -> usize {
    let model = ClusterModel::new(Arc::new(scenario));
    let searched = shortest(&model, &[&|_| false], usize::MAX);
    assert!(!searched.cut);
    searched.distinct
}

#[test]
fn a_fault_that_does_not_matter_in_a_scenario_changes_nothing_in_it() {
    for name in ["duplicate-ack", "hint-overtaken", "disk-lost", "repair-only"] {
        let scenario = Builtin::named(name).expect("it ships").parse().expect("it is right");
        let noting = scenario.noting_what_matters();
        let states = states_of(noting.clone());
        let mattered = noting.cluster.what_mattered();
        let (matter, others): (Vec<Deviation>, Vec<Deviation>) =
            Deviation::ALL.iter().partition(|fault| mattered.contains(**fault));
        assert!(matter.len() > 5 && others.len() > 5, "{name}: {matter:?} matter");
        for fault in others {
            assert_eq!(states_of(scenario.with_deviation(fault)), states, "{name} with {fault}");
        }
    }
}
