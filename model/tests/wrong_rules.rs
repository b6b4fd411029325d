//! Reductions that are wrong on purpose are noticed by the comparison with the unreduced search: each
//! by the smallest scenario that a campaign found for it, in `wrong_rules/`.
#![cfg(feature = "planted-faults")]

use std::fs;
use std::path::Path;

use quorate_checker::world::campaign::Draft as _;
use quorate_model::campaign::{Draft, reference};
use quorate_model::check::wrong_rule::WrongRule;
use quorate_model::scenario::Scenario;
use quorate_model::scenario::file::parse;

/// Each wrong rule that has a scenario, with that.
fn noticed() -> Vec<(WrongRule, Scenario)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong_rules");
    let scenario = |rule: &WrongRule| {
        let file = directory.join(format!("{rule}.toml"));
        let text = fs::read_to_string(&file).ok()?;
        let scenario = parse(&file.display().to_string(), &rule.to_string(), &text);
        Some((*rule, scenario.unwrap_or_else(|problem| panic!("{problem}"))))
    };
    WrongRule::ALL.iter().filter_map(scenario).collect()
}

#[test]
fn a_wrong_rule_is_noticed_in_a_scenario_in_which_the_right_rules_change_nothing() {
    let noticed = noticed();
    assert!(noticed.len() >= 10, "{} have a scenario", noticed.len());
    for (rule, scenario) in noticed {
        let reductions = scenario.reductions;
        let reference = reference(scenario, 20_000).expect("it is small");
        let reduced = reference.protocol().with_reductions(reductions);
        let right = reference.compared_with(&reduced);
        assert!(right.is_ok(), "{rule}: without it {right:?}");
        let wrong = reference.compared_with(&Draft::made_wrong(&reduced, rule));
        assert!(wrong.is_err(), "{rule} is not noticed");
    }
}
