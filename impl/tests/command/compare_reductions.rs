//! `quorate check --compare-reductions` as a user meets it.

use std::path::Path;
use std::process::{Command, Output};

use crate::command::{directory, quorate_in, text};
use quorate::campaign::{Plan, Shard, cases, run};
use quorate_leader_model::campaign::Draft as LeaderDraft;
use quorate_model::campaign::Draft;

fn quorate(directory: &Path, arguments: &[&str]) -> Output {
    quorate_in(directory, &[&["check", "--compare-reductions"], arguments].concat())
}

const PLAN: Plan = Plan {
    seed: 3,
    from: 0,
    cases: 180,
    shard: Shard::WHOLE,
    size: 1,
    states_max: 500,
    floor: Some(0),
    threads: 2,
};

#[test]
fn a_campaign_comes_out_the_same_on_any_number_of_threads() {
    let on = |threads| run::<Draft>(&Plan { threads, ..PLAN }, |_| {});
    let (one, three) = (on(1), on(3));
    assert_eq!(one.tally, three.tally);
    assert_eq!(one.differences, three.differences);
    assert_eq!(one.tally.cases(), 180);
    assert!(one.tally.same > 100, "{:?}", one.tally);
}

#[test]
fn the_parts_of_a_campaign_are_the_whole_of_it() {
    let numbers = |plan: &Plan| cases::<Draft>(plan).map(|case| case.number).collect::<Vec<_>>();
    let first = numbers(&Plan { cases: 100, ..PLAN });
    let rest = numbers(&Plan { from: 100, cases: 80, ..PLAN });
    assert_eq!([first, rest].concat(), numbers(&PLAN));
    let shard = |index| numbers(&Plan { shard: Shard { index, of: 3 }, ..PLAN });
    let mut shards = [shard(1), shard(2), shard(3)].concat();
    shards.sort_unstable();
    assert_eq!(shards, numbers(&PLAN));
}

#[test]
fn a_campaign_without_a_difference_says_what_it_exercised_and_ends_well() {
    let arguments = ["--seed", "3", "--cases", "150", "--size", "1", "--max-states", "500"];
    let output = quorate(directory().path(), &arguments);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    for part in ["150 cases of seed 3", "132 of the small scope", "client-hops", "0 different"] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
}

/// Of the leader-based protocol, so small that it takes moments.
const OF_LEADERS: Plan = Plan { seed: 1, from: 0, cases: 60, size: 0, states_max: 400, ..PLAN };

#[test]
fn a_campaign_of_the_leader_based_protocol_comes_out_the_same_in_parts_and_on_any_number_of_threads()
 {
    let on = |plan: Plan| run::<LeaderDraft>(&plan, |_| {});
    let (one, three) = (on(OF_LEADERS), on(Plan { threads: 3, ..OF_LEADERS }));
    assert_eq!((&one.tally, &one.differences), (&three.tally, &three.differences));
    assert!(one.tally.same > 15 && one.tally.too_large > 0, "{:?}", one.tally);
    assert_eq!((one.small_scope, one.tally.cases()), (0, 60));
    let mut parts = on(Plan { cases: 20, ..OF_LEADERS }).tally;
    parts.add(&on(Plan { from: 20, cases: 40, ..OF_LEADERS }).tally);
    assert_eq!(parts, one.tally);
}

#[test]
fn a_campaign_of_the_leader_based_protocol_says_what_it_exercised() {
    let arguments = ["--protocol", "leader", "--cases", "40", "--max-states", "400"];
    let output = quorate(directory().path(), &[&arguments[..], &["--floor", "0"]].concat());
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    for part in ["40 cases of seed 1", "40 at random", "client-hops", "semi-sync", "0 different"] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
    let output = quorate(directory().path(), &[&arguments[..], &["--floor", "1"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    assert!(told.contains("TOO FEW    mode \"more than three nodes\" took part in 0"), "{told}");
}

#[test]
fn a_campaign_that_exercises_something_too_rarely_fails_and_says_what() {
    let arguments = ["--cases", "20", "--floor", "1"];
    let output = quorate(directory().path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    for part in [
        "TOO FEW",
        "step \"crash\" took part in 0",
        "mode \"client-driven\"",
        "rule \"sync-walks\"",
    ] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
}

#[test]
fn the_json_of_a_campaign_holds_what_the_text_holds() {
    let output = quorate(directory().path(), &["--cases", "132", "--size", "1", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(document["as_expected"], true);
    assert_eq!(document["small_scope"], 132);
    assert_eq!(document["same"], 132);
    assert_eq!(document["differences"].as_array().map(Vec::len), Some(0));
    let exercised = |table: &str, name: &str| document[table][name].as_u64().unwrap_or_default();
    assert!(exercised("steps", "put") > 0);
    assert!(exercised("modes", "dotted") == 132);
    assert!(exercised("rules", "dead-messages") > 0);
}

#[test]
fn what_does_not_go_with_a_comparison_is_refused() {
    for arguments in
        [&["r1-w1"][..], &["--deep"], &["--shard", "5/4"], &["--shard", "0/4"], &["--size", "99"]]
    {
        let refused = quorate(directory().path(), arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {}", text(&refused.stderr));
    }
    let enumerated = quorate(directory().path(), &["--protocol", "leader", "--size", "1"]);
    assert_eq!(enumerated.status.code(), Some(2), "{}", text(&enumerated.stderr));
    let alone = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .args(["check", "--seed", "2"])
        .output()
        .expect("the binary runs");
    assert_eq!(alone.status.code(), Some(2), "{}", text(&alone.stderr));
}

#[cfg(feature = "planted-faults")]
#[test]
fn a_wrong_rule_is_noticed_in_the_same_case_on_any_number_of_threads_and_made_small() {
    use quorate::campaign::planted::{plant, table};
    use quorate_model::check::wrong_rule::WrongRule;

    let on = |threads| plant::<Draft>(&Plan { cases: 140, size: 2, threads, ..PLAN });
    let noticed = on(2);
    assert_eq!(noticed, on(1));
    let find = |rule: WrongRule| noticed.iter().find(|(known, _)| *known == rule);
    let (_, found) = find(WrongRule::HopsWithoutGivingUp).expect("it is among them");
    let found = found.as_ref().expect("it is noticed");
    let (small, difference) = found.small.as_ref().expect("it was made small");
    assert!(small.asked.len() <= found.case.draft.asked.len());
    assert!(table::<Draft>(&noticed, true).contains(&difference.to_string()));
}
