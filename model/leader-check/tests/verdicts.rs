//! Every scenario that ships gives the verdicts that its file expects.

use std::time::Instant;

use quorate_checker::world::{World, report};
use quorate_leader_model::builtin::ALL;
use quorate_leader_model::{LeaderBased, property};

#[test]
fn every_scenario_gives_the_verdicts_that_its_file_expects() {
    let mut unexpected = Vec::new();
    for builtin in ALL.iter().filter(|builtin| builtin.default) {
        let scenario = builtin.parse().expect("the scenarios that ship are read");
        let words = LeaderBased::new(scenario.clone());
        let world = World::new(words.clone());
        let judged = scenario.judged(property::all()).expect("properties are known");
        let started = Instant::now();
        let report = report(&scenario, &world, &words, judged);
        println!("{} {:?}", builtin.name, started.elapsed());
        if !report.is_as_expected {
            println!("{}", report.text);
            unexpected.push(builtin.name);
        }
    }
    assert!(unexpected.is_empty(), "not as expected: {unexpected:?}");
}

#[test]
fn every_property_is_judged_by_some_scenario_that_ships() {
    for property in property::all() {
        let is_judged = |toml: &str| toml.lines().any(|line| line.starts_with(property.name));
        assert!(ALL.iter().any(|builtin| is_judged(builtin.toml)), "{}", property.name);
    }
}
