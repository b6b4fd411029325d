//! Planted faults whose place is the model's environment and not a step of the protocol: each is
//! caught by the scenario that is about it.
#![cfg(feature = "planted-faults")]

use std::sync::Arc;

use quorate_model::check::property::PropertySpec;
use quorate_model::check::search::shortest;
use quorate_model::check::{ClusterModel, ClusterState, PropertyKind};
use quorate_model::deviation::Deviation;
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
