//! Scripts: every verb, every way in which a step can be refused or come out otherwise, and the
//! verdicts of the scripts that ship.

use std::sync::Arc;

use quorate_model::check::script::{Finding, Run, judge, run};
use quorate_model::check::trace::SavedPath;
use quorate_model::check::{ClusterModel, Expected, PropertyKind};
use quorate_model::scenario::builtin::ALL as BUILTINS;
use quorate_model::scenario::file::parse;
use quorate_model::scenario::{Faults, Scenario};

fn played(scenario: Scenario) -> (ClusterModel, Run) {
    let model = ClusterModel::new(Arc::new(scenario));
    let run = run(&model);
    (model, run)
}

#[test]
fn every_script_that_ships_comes_out_as_it_says_in_every_step_and_every_verdict() {
    let mut scripts = 0;
    for builtin in BUILTINS {
        let scenario = builtin.parse().expect("a test reads all");
        if scenario.script.is_none() {
            continue;
        }
        scripts += 1;
        let name = builtin.name;
        let (model, run) = played(scenario);
        if let Some(difference) = run.difference {
            panic!("{name}: {difference}");
        }
        for finding in judge(&model, &run) {
            let property = finding.property.name;
            assert_eq!(finding.found, model.scenario().expect[property], "{name}: {property}");
            assert!(!is_vacuous(&finding), "{name}: {property} was never put to the test");
        }
    }
    assert!(scripts >= 8, "{scripts} scripts");
}

fn is_vacuous(finding: &Finding) -> bool {
    matches!(finding.property.kind, PropertyKind::Safety { .. })
        && finding.found == Expected::Holds
        && finding.tested_after.is_none()
}
