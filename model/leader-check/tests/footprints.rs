//! Footprints: every step of a search does what it declares, and declarations that forget something are noticed.

#[path = "../../tests/support/noticed.rs"]
mod noticed;

use noticed::assert_noticed;
use quorate_checker::Switch;
use quorate_checker::world::World;
use quorate_checker::world::footprints::{Extent, compare, forget_each};
use quorate_leader_model::LeaderBased;
use quorate_leader_model::builtin::{ALL, Builtin};
use quorate_leader_model::footprints::{Comparison, Wrong};
use quorate_leader_model::kinds::Rule;
use quorate_leader_model::setting::LeaderFile;

const EXTENT: Extent = Extent { threads: 2, pairs: 5_000, search_max: Some(20_000) };

fn compared(scenario: LeaderFile, extent: Extent) -> Option<Comparison> {
    let protocol = LeaderBased::new(scenario);
    compare(&World::new(protocol.clone()), &protocol, extent, &Switch::default())
}

fn told(comparison: &Comparison) -> String {
    let found = comparison.found.iter();
    found.map(|found| format!("{}, as in {}; ", found.difference, found.step)).collect()
}

fn builtin(name: &str) -> LeaderFile {
    let builtin = Builtin::named(name).expect("it ships");
    builtin.parse().expect("the scenarios that ship are read")
}

#[test]
fn every_step_of_small_searches_does_what_it_declares_with_and_without_reductions() {
    let (mut searched, mut steps, mut independent) = (0, 0, 0);
    for builtin in ALL.iter().filter(|builtin| builtin.default) {
        let mut scenario = builtin.parse().expect("the scenarios that ship are read");
        if scenario.is_script() {
            continue;
        }
        for without in [vec![], vec![Rule::ClientHops, Rule::DeadMessages]] {
            scenario.protocol.without = without;
            let Some(comparison) = compared(scenario.clone(), EXTENT) else { continue };
            assert!(comparison.is_as_declared(), "{}: {}", builtin.name, told(&comparison));
            searched += 1;
            steps += comparison.steps;
            independent += comparison.independent;
        }
    }
    assert!(
        searched > 60 && steps > 8_000 && independent > 300,
        "{searched} searches, {steps} steps, {independent} independent pairs"
    );
}

#[test]
fn declarations_that_forget_something_are_noticed() {
    let planted = [
        ("empty-follower-snapshot", "recall does not declare to read the log"),
        ("empty-follower-snapshot", "recalled does not declare to change what the node is"),
        (
            "empty-follower-snapshot",
            "a start does not declare to change whether the disk is caught up",
        ),
        ("follower-catches-up", "snapshot page declares to join the log"),
        ("retry-add", "request for a vote does not declare to read what the node is"),
        ("retry-add", "request for a vote does not declare to read the log"),
        ("retry-add", "request for a vote declares to join the latest epoch and the vote in it"),
        ("retry-add", "vote does not declare to change the log"),
        ("retry-add", "appended does not declare to read the log"),
        ("bully-preempts", "election does not declare to read the latest epoch and the vote in it"),
        ("semi-sync-takes-another", "append does not declare to send reply"),
        (
            "semi-sync-takes-another",
            "appended does not declare to change how far the log is committed",
        ),
        (
            "lag-own-writes-window",
            "the timer of own writes does not declare to change the rows that a client wrote",
        ),
        (
            "lag-monotonic-position-crash",
            "reply does not declare to change how far a client has seen a log",
        ),
        ("lag-monotonic-position-crash", "reply does not declare to tell observers"),
        ("lag-prefix-shards", "append does not declare to change a row (log 2)"),
    ];
    assert_noticed(&planted, |name| {
        let world = World::new(LeaderBased::new(builtin(name)));
        forget_each(&world, EXTENT, &Switch::default(), &|_: &Wrong| false)
    });
}
