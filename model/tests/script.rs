//! Scripts: every verb, every way in which a step can be refused or come out otherwise, and the
//! verdicts of the scripts that ship.

use std::sync::Arc;

use quorate_checker::world::Enumerated;
use quorate_model::check::script::{Finding, Run, judge, run};
use quorate_model::check::trace::{replay, save, walk};
use quorate_model::check::{Action, ClusterModel, ClusterState, Expected, PropertyKind};
use quorate_model::ids::{ClientId, NodeId, RequestId, Value};
use quorate_model::protocol::{Message, MessageKind};
use quorate_model::scenario::builtin::{ALL as BUILTINS, Builtin};
use quorate_model::scenario::file::parse;
use quorate_model::scenario::{Faults, Scenario};

/// A cluster of five nodes, of which three are homes, with sloppy quorums and handoff, and what
/// every file has to expect.
const CLUSTER: &str = r#"title = "A script"

[cluster]
nodes = ["A", "B", "C", "D", "E"]
n = 3
r = 2
w = 2
handoff = true
"#;

const EXPECT: &str = r#"
[expect]
no-lost-write = "holds"
"#;

/// A put that every home comes to hold, and that is acknowledged.
const PUT: &str = r#"put = "k", value = "v", client = "x", via = "A""#;

/// The file with these steps, a line each from line 2 on.
fn file(steps: &[&str]) -> String {
    let steps: Vec<String> = steps.iter().map(|step| format!("{{ {step} }},\n")).collect();
    let (title, rest) = CLUSTER.split_once('\n').expect("the title is the first line");
    // Before the first table, so that a step is one line.
    format!("step = [\n{}]\n{title}{rest}{EXPECT}", steps.concat())
}

fn script(steps: &[&str]) -> Scenario {
    parse("my.toml", "my", &file(steps)).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(steps: &[&str]) -> String {
    match parse("my.toml", "my", &file(steps)) {
        Ok(_) => panic!("{steps:?} was accepted"),
        Err(error) => error.to_string(),
    }
}

/// Plays steps that must all come out as they say.
fn passes(steps: &[&str]) -> (ClusterModel, Run) {
    let (model, run) = played(script(steps));
    if let Some(difference) = &run.difference {
        panic!("{difference}");
    }
    assert_eq!(run.steps, steps.len());
    (model, run)
}

/// Plays steps of which the last must come out otherwise.
fn differs(steps: &[&str]) -> String {
    let (_, run) = played(script(steps));
    let difference = run.difference.unwrap_or_else(|| panic!("{steps:?} all come out"));
    assert_eq!(difference.step + 1, steps.len(), "{difference}");
    assert_eq!(run.steps, difference.step);
    difference.to_string()
}

fn state(model: &ClusterModel, run: &Run) -> ClusterState {
    walk(model, &run.actions()).1
}

fn played(scenario: Scenario) -> (ClusterModel, Run) {
    let model = ClusterModel::new(Arc::new(scenario));
    let run = run(&model);
    (model, run)
}

// Requests.

#[test]
fn a_request_is_served_until_it_is_answered_and_the_rest_stays_under_way() {
    let (model, run) = passes(&[&format!(r#"{PUT}, expect = "ok""#)]);
    // The start, both copies, and the one acknowledgement that was missing.
    assert_eq!(run.transitions.len(), 4);
    assert_eq!(state(&model, &run).network.len(), 1);
}

#[test]
fn a_request_whose_messages_reach_only_some_nodes_leaves_the_others_alone() {
    passes(&[
        &format!(r#"{PUT}, only = ["A", "C"], expect = "ok""#),
        r#"expect-held = [{ node = "B", key = "k", values = [] }, { node = "C", key = "k", values = ["v"] }]"#,
    ]);
}

#[test]
fn a_request_that_is_not_delivered_is_pending_until_everything_is() {
    passes(&[
        &format!(r#"{PUT}, deliver = false, expect = "pending""#),
        r#"expect-answer = { client = "x", expect = "pending" }"#,
        r#"deliver = "all""#,
        r#"expect-answer = { client = "x", expect = "ok" }"#,
        r#"expect-held = { node = "C", key = "k", values = ["v"] }"#,
    ]);
}

#[test]
fn a_read_finds_the_live_values_and_a_delete_leaves_none() {
    passes(&[
        r#"get = "k", client = "x", via = "D", finds = []"#,
        PUT,
        r#"put = "k", value = "u", client = "y", via = "B", expect = "ok""#,
        r#"deliver = "all""#,
        r#"get = "k", client = "x", via = "C", finds = ["u", "v"]"#,
        r#"delete = "k", client = "x", via = "C", expect = "ok""#,
        r#"deliver = "all""#,
        r#"get = "k", client = "y", via = "A", finds = [], expect = "ok""#,
        r#"expect-answer = { client = "y", finds = [] }"#,
    ]);
}

#[test]
fn a_write_replaces_what_its_client_read_unless_it_is_blind() {
    let last = |context: &str, values: &str| {
        passes(&[
            PUT,
            r#"get = "k", client = "x", via = "A", finds = ["v"]"#,
            &format!(r#"put = "k", value = "u", client = "x", via = "A"{context}"#),
            &format!(r#"expect-held = {{ node = "A", key = "k", values = [{values}] }}"#),
        ]);
    };
    last("", r#""u""#);
    last(r#", context = "read""#, r#""u""#);
    last(r#", context = "blind""#, r#""u", "v""#);
}

#[test]
fn a_request_may_ask_for_quorums_of_its_own() {
    passes(&[
        &format!(r#"{PUT}, w = 1, deliver = false, expect = "ok""#),
        r#"get = "k", r = 1, client = "y", via = "B", deliver = false, finds = []"#,
    ]);
}

#[test]
fn a_request_that_times_out_is_unavailable_or_turns_to_the_fallbacks_if_it_is_sloppy() {
    let timeout = r#"timeout = { node = "A", client = "x" }"#;
    passes(&[
        r#"partition = [["A", "D", "E"], ["B", "C"]]"#,
        &format!(r#"{PUT}, expect = "pending""#),
        &format!(r#"{timeout}, expect = "unavailable""#),
        r#"put = "k", value = "u", client = "x", via = "A", sloppy = true, expect = "pending""#,
        &format!(r#"{timeout}, only = ["A", "D"], expect = "ok""#),
        r#"expect-hint = { node = "D", home = "B", key = "k", values = ["u", "v"] }"#,
        r#"expect-hint = { node = "E", home = "C", key = "k" }"#,
    ]);
}

#[test]
fn a_client_whose_coordinator_crashed_gives_up_by_its_own_timer() {
    passes(&[
        &format!(r#"{PUT}, deliver = false, expect = "pending""#),
        r#"crash = "A""#,
        r#"timeout = { client = "x" }, expect = "no-answer""#,
    ]);
}

#[test]
fn a_put_is_passed_on_to_a_home_that_serves_and_not_to_one_that_lost_its_disk() {
    passes(&[
        PUT,
        r#"deliver = "all""#,
        r#"crash = "A""#,
        r#"wipe = "A""#,
        r#"recover = "A""#,
        r#"put = "k", value = "u", client = "x", via = "D", expect = "ok""#,
    ]);
}

// Faults.

#[test]
fn a_partition_and_an_isolated_node_are_cut_off_until_the_network_heals() {
    passes(&[
        r#"partition = [["A", "B"], ["C"]]"#,
        PUT,
        r#"deliver = "all""#,
        r#"expect-held = [{ node = "B", key = "k", values = ["v"] }, { node = "C", key = "k", values = [] }]"#,
        r#"isolate = "B""#,
        r#"get = "k", client = "x", via = "A", expect = "pending""#,
        r#"timeout = { node = "A", client = "x" }, expect = "unavailable""#,
        r#"heal = true"#,
        r#"get = "k", client = "x", via = "C", only = ["B", "C"], finds = ["v"]"#,
    ]);
}

#[test]
fn a_node_isolated_in_a_split_network_leaves_the_other_groups_as_they_are() {
    let (model, run) =
        passes(&[r#"partition = [["A", "B"], ["C", "D", "E"]]"#, r#"isolate = "D""#]);
    let groups = state(&model, &run).groups;
    let group = |nodes: &[u16]| nodes.iter().map(|node| NodeId(*node)).collect();
    assert_eq!(groups, [group(&[0, 1]), group(&[2, 4]), group(&[3])]);
}

#[test]
fn a_disk_is_lost_or_replaced_by_an_older_copy_while_its_node_is_down() {
    passes(&[
        PUT,
        r#"snapshot = "A""#,
        r#"get = "k", client = "x", via = "A""#,
        r#"put = "k", value = "u", client = "x", via = "A""#,
        r#"crash = "A""#,
        r#"restore = "A""#,
        r#"recover = "A""#,
        r#"expect-held = { node = "A", key = "k", values = ["v"] }"#,
        r#"crash = "A""#,
        r#"wipe = "A""#,
        r#"expect-held = { node = "A", key = "k", values = [] }"#,
        r#"recover = "A""#,
        // It asks the other homes for what it lost.
        r#"settle = true"#,
        r#"expect-held = { node = "A", key = "k", values = ["u"] }"#,
    ]);
}

#[test]
fn a_message_is_lost_doubled_or_delivered_by_kind_and_ends() {
    let (model, run) = passes(&[
        &format!("{PUT}, deliver = false"),
        r#"drop = { kind = "Store", to = "B" }"#,
        r#"duplicate = { kind = "Store", from = "A", to = "C" }"#,
        r#"deliver = { kind = "Store" }"#,
        r#"deliver = { kind = "Store" }"#,
        r#"deliver = { kind = "StoreAck", from = "C", to = "A" }"#,
        r#"expect-answer = { client = "x", expect = "ok" }"#,
        r#"expect-held = { node = "B", key = "k", values = [] }"#,
    ]);
    assert_eq!(state(&model, &run).network.len(), 1, "the second acknowledgement");
}

#[test]
fn one_of_several_messages_is_chosen_by_its_number() {
    passes(&[
        &format!("{PUT}, deliver = false"),
        r#"deliver = { kind = "Store", which = 2 }"#,
        r#"expect-held = [{ node = "B", key = "k", values = [] }, { node = "C", key = "k", values = ["v"] }]"#,
    ]);
}

#[test]
fn with_client_hops_a_request_and_its_answer_can_be_lost() {
    let text = file(&[
        &format!("{PUT}, deliver = false"),
        r#"drop = { kind = "Put", from = "x", to = "A" }"#,
        r#"timeout = { client = "x" }, expect = "no-answer""#,
        r#"expect-held = { node = "A", key = "k", values = [] }"#,
    ]);
    let text = format!("{text}\n[reductions]\nclient-hops = false\n");
    let (_, run) = played(parse("my.toml", "my", &text).unwrap_or_else(|error| panic!("{error}")));
    assert_eq!(run.difference, None);
}

#[test]
fn a_clock_is_set_and_ticks_with_every_request() {
    let text = file(&[
        r#"set-clock = { node = "A", to = 10 }"#,
        PUT,
        r#"put = "k", value = "u", client = "x", via = "B", expect = "ok""#,
        r#"deliver = "all""#,
        r#"expect-held = { node = "B", key = "k", values = ["v"] }"#,
    ]);
    let text = text.replace("handoff = true", "versioning = \"last-write-wins\"");
    let (_, run) = played(parse("my.toml", "my", &text).unwrap_or_else(|error| panic!("{error}")));
    assert_eq!(run.difference, None);
}

// What nodes do of their own accord.

/// D keeps a hint for B, which is cut off.
const HINTED: [&str; 3] = [
    r#"isolate = "B""#,
    r#"put = "k", value = "v", client = "x", via = "A", w = 3, sloppy = true"#,
    r#"timeout = { node = "A", client = "x" }, expect = "ok""#,
];

fn hinted<'a>(then: &[&'a str]) -> Vec<&'a str> {
    [&HINTED, then].concat()
}

#[test]
fn a_timer_that_fires_sends_what_it_is_for_and_nothing_arrives_yet() {
    passes(&hinted(&[
        r#"heal = true"#,
        r#"fire = { timer = "handoff", node = "D" }"#,
        r#"expect-held = { node = "B", key = "k", values = [] }"#,
        r#"deliver = { kind = "Handoff", from = "D", to = "B" }"#,
        r#"expect-held = { node = "B", key = "k", values = ["v"] }"#,
        r#"expect-hint = { node = "D", home = "B", key = "k", values = ["v"] }"#,
        r#"deliver = { kind = "HandoffAck" }"#,
        r#"expect-hint = { node = "D", home = "B", key = "k" }"#,
    ]));
}

#[test]
fn a_cluster_left_to_itself_comes_to_rest_and_a_second_time_nothing_happens() {
    let (_, run) = passes(&hinted(&[
        // The home cannot be reached: an offer leads nowhere, and is not told.
        r#"settle = true"#,
        r#"heal = true"#,
        r#"settle = true"#,
        r#"expect-held = { node = "B", key = "k", values = ["v"] }"#,
        r#"expect-hint = { node = "D", home = "B", key = "k" }"#,
        r#"settle = true"#,
    ]));
    let of_step = |step| run.transitions.iter().filter(|one| one.step == step).count();
    let ticks = |step| {
        let is_tick = |action: &Action| matches!(action, Action::Expire { .. });
        run.transitions.iter().filter(|one| one.step == step && is_tick(&one.action)).count()
    };
    assert_eq!(ticks(3), 0);
    assert_eq!(ticks(5), 1);
    assert_eq!(of_step(8), 0);
}

#[test]
fn settling_does_not_wait_for_a_node_that_is_down() {
    passes(&[
        r#"crash = "C""#,
        PUT,
        r#"settle = true"#,
        r#"expect-held = { node = "C", key = "k", values = [] }"#,
        r#"recover = "C""#,
        r#"settle = true"#,
        r#"expect-held = { node = "C", key = "k", values = ["v"] }"#,
    ]);
}

#[test]
fn homes_agree_when_they_hold_the_same_clocks_too() {
    let deleted = r#"delete = "k", client = "y", context = "blind", only = ["C"]"#;
    passes(&[
        &format!(r#"{PUT}, deliver = false"#),
        r#"expect-differ = "k""#,
        r#"deliver = "all""#,
        r#"expect-agree = "k""#,
        // The live values stay as they are.
        &format!(r#"{deleted}, via = "C", expect = "pending""#),
        r#"expect-held = { node = "C", key = "k", values = ["v"] }"#,
        r#"expect-differ = "k""#,
        r#"deliver = "all""#,
        r#"expect-agree = "k""#,
    ]);
}

#[test]
fn every_timer_can_be_named() {
    for timer in ["handoff", "catch-up", "reap", "settled"] {
        script(&[PUT, &format!(r#"fire = {{ timer = "{timer}", node = "A" }}"#)]);
    }
    script(&[PUT, r#"fire = { timer = "sync", node = "A", peer = "B" }"#]);
}

// What comes out otherwise.

#[test]
fn a_step_that_comes_out_otherwise_is_told_with_its_number_and_line() {
    let steps = [
        PUT,
        r#"partition = [["A"], ["B", "C"]]"#,
        r#"get = "k", client = "x", via = "A", expect = "pending""#,
        r#"timeout = { node = "A", client = "x" }, expect = "ok""#,
    ];
    assert_eq!(differs(&steps), "step 4 (line 5): A times out for x: expected ok, got unavailable");
    assert_eq!(
        differs(&[&format!(r#"{PUT}, deliver = false, expect = "ok""#)]),
        "step 1 (line 2): x: put k = \"v\" via A, reaching nobody: expected ok, got no answer yet"
    );
    assert_eq!(
        differs(&[PUT, r#"get = "k", client = "x", via = "A", finds = []"#]),
        "step 2 (line 3): x: get k via A: expected ok, finding nothing, got ok, finding \"v\""
    );
    assert_eq!(
        differs(&[PUT, r#"expect-answer = { client = "x", expect = "refused" }"#]),
        "step 2 (line 3): expect x to have a refusal: expected a refusal, got ok"
    );
}

#[test]
fn a_node_that_holds_or_keeps_something_else_is_told_with_both() {
    assert_eq!(
        differs(&[PUT, r#"expect-held = { node = "B", key = "k", values = [] }"#]),
        "step 2 (line 3): expect B to hold nothing of k: expected B to hold nothing of k, but it \
         holds \"v\""
    );
    assert_eq!(
        differs(&[PUT, r#"expect-hint = { node = "D", home = "B", key = "k", values = ["v"] }"#]),
        "step 2 (line 3): expect D to keep \"v\" of k for B: expected the hint of D for B, k, to \
         be \"v\", but it is no hint"
    );
    assert_eq!(
        differs(&[&format!(r#"{PUT}, only = ["A", "B"]"#), r#"expect-agree = "k""#]),
        "step 2 (line 3): expect the homes of k to agree: they differ: A holds \"v\"@A:1, seen \
         {A:1}; B holds \"v\"@A:1, seen {A:1}; C holds nothing"
    );
    assert_eq!(
        differs(&[PUT, r#"deliver = "all""#, r#"expect-differ = "k""#]),
        "step 3 (line 4): expect the homes of k to differ: they all hold \"v\"@A:1, seen {A:1}"
    );
    let error = differs(&hinted(&[r#"expect-hint = { node = "D", home = "B", key = "k" }"#]));
    assert!(error.ends_with("to be no hint, but it is \"v\""), "{error}");
}

#[test]
fn a_message_that_is_not_under_way_is_told_with_those_that_are() {
    assert_eq!(
        differs(&[&format!("{PUT}, deliver = false"), r#"deliver = { kind = "StoreAck" }"#]),
        "step 2 (line 3): deliver StoreAck: no such message is under way: 1. A -> B  Store k: \
         \"v\"@A:1, seen {A:1} (x#1); 2. A -> C  Store k: \"v\"@A:1, seen {A:1} (x#1)"
    );
    let nothing = differs(&[PUT, r#"deliver = "all""#, r#"drop = { kind = "Store", from = "A" }"#]);
    assert!(nothing.ends_with("drop Store from A: no such message is under way; nothing is"));
}

#[test]
fn several_messages_that_match_are_told() {
    let undelivered = format!("{PUT}, deliver = false");
    let several = differs(&[&undelivered, r#"duplicate = { kind = "Store", from = "A" }"#]);
    assert!(
        several.contains(
            "duplicate Store from A: several messages match; choose with `from`, `to` or \
             `which`: 1. A -> B  Store"
        ),
        "{several}"
    );
    let fewer = differs(&[&undelivered, r#"deliver = { kind = "Store", which = 3 }"#]);
    assert!(fewer.contains("there is no message number 3 of those that match: 1. A"), "{fewer}");
}

#[test]
fn what_takes_a_node_that_is_down_is_refused_while_it_is_up_and_the_other_way_round() {
    for verb in ["recover", "wipe", "restore"] {
        let error = differs(&[PUT, &format!(r#"{verb} = "A""#)]);
        assert_eq!(error, format!("step 2 (line 3): {verb} A: A is up"));
    }
    let error = differs(&[PUT, r#"crash = "A""#, r#"crash = "A""#]);
    assert_eq!(error, "step 3 (line 4): crash A: A is down");
    let undelivered = format!("{PUT}, deliver = false");
    let steps = [&*undelivered, r#"crash = "B""#, r#"deliver = { kind = "Store", to = "B" }"#];
    assert!(differs(&steps).ends_with(": B is down"));
    let error = differs(&[PUT, r#"crash = "A""#, r#"restore = "A""#]);
    assert!(error.ends_with("there is no copy of the disk of A"), "{error}");
    let error = differs(&[PUT, "heal = true"]);
    assert_eq!(error, "step 2 (line 3): heal: the network is whole");
}

#[test]
fn a_client_makes_one_request_at_a_time() {
    let error =
        differs(&[&format!("{PUT}, deliver = false"), r#"get = "k", client = "x", via = "A""#]);
    assert!(error.contains("x: get k via A: x#1 has no answer yet"), "{error}");
}

#[test]
fn a_timer_that_does_not_run_cannot_expire() {
    let error = differs(&[PUT, r#"timeout = { node = "A", client = "x" }"#]);
    assert!(error.ends_with("A times out for x: x waits for nothing"), "{error}");
    let undelivered = format!("{PUT}, deliver = false");
    let error = differs(&[&undelivered, r#"timeout = { node = "B", client = "x" }"#]);
    assert!(error.ends_with("B has no timer for x#1 running"), "{error}");
    let error = differs(&[PUT, r#"fire = { timer = "reap", node = "A" }"#]);
    assert!(error.contains("`A looks for tombstones that may go` is not set"), "{error}");
    let error = differs(&[PUT, r#"fire = { timer = "handoff", node = "A" }"#]);
    assert!(error.contains("`A offers its hints` has nothing to do now"), "{error}");
}

#[test]
fn a_client_may_give_up_while_its_coordinator_works_on_the_request() {
    let undelivered = format!("{PUT}, deliver = false");
    passes(&[&undelivered, r#"timeout = { client = "x" }, expect = "no-answer""#]);
}

#[test]
fn what_happened_before_the_step_that_differs_is_kept() {
    let (model, run) = played(script(&[
        PUT,
        r#"get = "k", client = "x", via = "A", finds = []"#,
        r#"deliver = "all""#,
    ]));
    assert!(run.transitions.iter().all(|transition| transition.step <= 1));
    let acknowledged = judge(&model, &run)[0].tested_after;
    assert_eq!(acknowledged, Some(4));
}

// What is refused before anything happens.

/// Steps, of which the last is refused, and how.
const REFUSED: &[(&str, &str)] = &[
    (r#"put = "k", via = "A""#, "step.client: missing; say whose request it is"),
    (r#"get = "k", client = "x""#, "step.via: missing; say which node is asked"),
    (r#"get = "k", client = "A", via = "A""#, "step.client: `A` is a node"),
    (
        r#"get = "k", client = "x", via = "F""#,
        "step.via: unknown node `F`; the cluster's nodes are A, B, C, D, E",
    ),
    (r#"crash = "F""#, "step.crash: unknown node `F`; the cluster's nodes are A, B, C, D, E"),
    (
        r#"partition = [["A", "F"]]"#,
        "step.partition: unknown node `F`; the cluster's nodes are A, B, C, D, E",
    ),
    (
        r#"timeout = { client = "z" }"#,
        "step.timeout.client: unknown client `z`; the clients of the steps are x",
    ),
    (
        r#"deliver = { kind = "Store", to = "z" }"#,
        "step.deliver.to: unknown node `z`; the cluster's nodes are A, B, C, D, E",
    ),
    (
        r#"put = "k", value = "v", client = "x", via = "A""#,
        "step.value: `v` is written twice; every value must name one write (leave `value` out to \
         have it named)",
    ),
    (
        r#"put = "k", client = "x", via = "A", w = 4"#,
        "step.w: 4 is out of range; a request may ask for 1 to n = 3",
    ),
    (
        r#"get = "k", client = "x", via = "A", finds = ["u"]"#,
        "step.finds: no step writes `u`; written are `v`",
    ),
    (
        r#"get = "k", client = "x", via = "A", finds = [], expect = "pending""#,
        "step.finds: only a get that is answered \"ok\" finds anything",
    ),
    (
        r#"get = "k", client = "x", via = "A", only = ["A"], deliver = false"#,
        "step.only: nothing is delivered with `deliver = false`",
    ),
    (
        r#"expect-held = { node = "A", key = "l", values = [] }"#,
        "step.expect-held.key: no step asks about `l`; the keys are `k`",
    ),
    (r#"expect-agree = "l""#, "step.expect-agree: no step asks about `l`; the keys are `k`"),
    (r#"expect-answer = { client = "x" }"#, "step.expect-answer: say what, in `expect` or `finds`"),
    (
        r#"fire = { timer = "sync", node = "A" }"#,
        "step.fire.peer: missing; say with whom the node compares",
    ),
    (
        r#"fire = { timer = "reap", node = "A", peer = "B" }"#,
        "step.fire.peer: belongs to the timer \"sync\" only",
    ),
    (r#"drop = { kind = "Store", which = 0 }"#, "step.drop.which: must be at least 1"),
    ("heal = false", "step.heal: write `heal = true`, or leave the step out"),
    (
        r#"crash = "A", via = "B""#,
        "step.via: does not belong to `crash`, which takes nothing beside it",
    ),
    (
        r#"get = "k", client = "x", via = "A", w = 1"#,
        "step.w: does not belong to `get`, which takes `client`, `via`, `r`, `only`, `deliver`, \
         `expect`, `finds`",
    ),
    (
        r#"timeout = { client = "x" }, finds = []"#,
        "step.finds: does not belong to `timeout`, which takes `only`, `deliver`, `expect`",
    ),
];

#[test]
fn a_step_that_cannot_be_is_refused_with_file_line_field_and_what_would_be_right() {
    for (step, problem) in REFUSED {
        assert_eq!(refusal(&[PUT, step]), format!("my.toml:3: {problem}"));
    }
}

#[test]
fn a_step_is_exactly_one_verb() {
    let two = refusal(&[PUT, r#"crash = "A", settle = true"#]);
    assert!(
        two.starts_with("my.toml:3: step: a step is exactly one of `put`, `delete`, "),
        "{two}"
    );
    assert!(two.ends_with("; found `crash`, `settle`"), "{two}");
    let none = refusal(&[PUT, "deliver = false"]);
    assert!(none.ends_with("; found none"), "{none}");
}

#[test]
fn a_word_that_a_step_does_not_know_is_refused_with_those_it_knows() {
    let field = refusal(&[r#"crahs = "A""#]);
    assert!(
        field.starts_with("my.toml:2: unknown field `crahs`, expected one of `put`"),
        "{field}"
    );
    let nested = refusal(&[r#"timeout = { nod = "A", client = "x" }"#]);
    assert!(nested.starts_with("my.toml:2: unknown field `nod`, expected"), "{nested}");
    let shaped = refusal(&[r#"deliver = { knid = "Store" }"#]);
    assert!(shaped.starts_with("my.toml:2: unknown field `knid`, expected"), "{shaped}");
    let listed = refusal(&[PUT, r#"expect-held = [{ node = "A", kye = "k", values = [] }]"#]);
    assert!(listed.starts_with("my.toml:3: unknown field `kye`, expected"), "{listed}");
    let word = refusal(&[r#"deliver = "some""#]);
    assert!(
        word.starts_with("my.toml:2: step.deliver: unknown word `some`, expected `all`"),
        "{word}"
    );
    let shape = refusal(&["deliver = 1"]);
    assert!(shape.contains("expected \"all\", a table that names a message"), "{shape}");
    let kind = refusal(&[PUT, r#"deliver = { kind = "Stroe" }"#]);
    assert!(
        kind.starts_with("my.toml:3: step.deliver.kind: unknown kind `Stroe`; known are `Put`, "),
        "{kind}"
    );
    let answer = refusal(&[&format!(r#"{PUT}, expect = "fine""#)]);
    assert!(answer.contains("unknown word `fine`, expected one of `ok`"), "{answer}");
}

#[test]
fn what_a_script_says_itself_cannot_stand_beside_its_steps() {
    let fields = [
        ("turn-length = 1", "turn-length", "steps happen in their order"),
        ("partition = [[\"A\"]]", "partition", "say it in a step: partition = [...]"),
        ("heals = true", "heals", "say it in a step: heal = true"),
        ("down-returns = true", "down-returns", "say it in a step: recover = \"...\""),
        ("faults = { drops = 1 }", "faults", "a script says what goes wrong"),
        ("faulty = [\"A\"]", "faulty", "a script says what goes wrong"),
        (
            "client = [{ name = \"x\", program = [] }]",
            "client",
            "each step says whose request it is",
        ),
    ];
    for (text, field, instead) in fields {
        let text = format!("{text}\n{}", file(&[PUT]));
        let error = parse("my.toml", "my", &text).expect_err("it cannot stand there").to_string();
        let problem = format!("{field}: cannot stand in a file with steps; {instead}");
        assert_eq!(error, format!("my.toml:1: {problem}"));
    }
}

#[test]
fn the_line_of_a_step_with_a_heading_is_that_of_its_heading() {
    let text = format!("{CLUSTER}\n[[step]]\ncrash = \"A\"\n\n[[step]]\ncrash = \"A\"\n{EXPECT}");
    let (_, run) = played(parse("my.toml", "my", &text).unwrap_or_else(|error| panic!("{error}")));
    let line = text.lines().count() - EXPECT.lines().count() - 1;
    let difference = run.difference.expect("A is down by then");
    assert_eq!(difference.line, line);
}

#[test]
fn what_is_about_all_runs_cannot_be_expected_of_a_script() {
    let text = format!("{}convergence = \"holds\"\n", file(&[PUT]));
    let error = parse("my.toml", "my", &text).expect_err("a script is one run").to_string();
    assert!(
        error.contains("expect.convergence: is about all runs, and a script is one"),
        "{error}"
    );
}

#[test]
fn a_node_that_never_held_a_delete_has_not_reaped_it() {
    // D and E are no homes and hold nothing from the beginning to the end.
    let get = r#"get = "k", client = "x", via = "A""#;
    let delete = r#"delete = "k", client = "x", via = "A""#;
    let reaped = |reaping: &str| {
        let expect = "tombstone-reaped = \"not reached\"\n";
        let cluster = format!("handoff = true\nreaping = \"{reaping}\"\n");
        let settle = r#"settle = true"#;
        let text = file(&[PUT, get, delete, settle]).replace("handoff = true\n", &cluster);
        let scenario = parse("my.toml", "my", &(text + expect));
        let (model, run) = played(scenario.unwrap_or_else(|error| panic!("{error}")));
        let findings = judge(&model, &run);
        let reaped = findings.iter().find(|finding| finding.property.name == "tombstone-reaped");
        reaped.expect("it is judged").found
    };
    assert_eq!(reaped("off"), Expected::NotReached);
    assert_eq!(reaped("agreed"), Expected::Reached);
}

// The scenario that a script makes.

#[test]
fn the_clients_of_a_script_are_those_of_its_steps_with_their_steps_as_programs() {
    let scenario = script(&[
        r#"put = "k", client = "x", via = "A""#,
        r#"get = "k", client = "y", via = "B""#,
        r#"put = "k", client = "x", via = "C""#,
        r#"delete = "k", client = "y", via = "C""#,
    ]);
    let names: Vec<&str> = scenario.clients.iter().map(|client| &*client.name).collect();
    assert_eq!(names, ["x", "y"]);
    let operations = scenario.clients.iter().map(|client| client.operations.len());
    assert_eq!(operations.collect::<Vec<_>>(), [2, 2]);
    let values = scenario.writes.iter().map(|write| write.value.as_ref().map(Value::to_string));
    assert_eq!(values.collect::<Vec<_>>(), [Some("x1".to_owned()), Some("x2".to_owned()), None]);
}

#[test]
fn a_script_has_all_faults_and_no_reduction_that_hides_messages() {
    let scenario = script(&[PUT]);
    assert_eq!(scenario.faults, Faults::MANY);
    assert!(scenario.reductions.client_hops);
    assert!(!scenario.reductions.dead_messages && !scenario.reductions.finished_requests);
}

#[test]
fn every_word_for_a_kind_of_message_is_known_once() {
    let mut kinds: Vec<&str> = MessageKind::ALL.iter().map(|kind| kind.name()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), MessageKind::ALL.len());
    assert!(kinds.contains(&Message::Probe { request: REQUEST }.kind()));
}

const REQUEST: RequestId = RequestId { client: ClientId(0), sequence: 0 };

#[test]
fn the_run_that_a_finding_names_is_replayed_and_shows_it() {
    let builtin = Builtin::named("sloppy-partition-script").expect("it ships");
    let (model, run) = played(builtin.parse().expect("it parses"));
    for finding in judge(&model, &run) {
        let Some(after) = finding.shown_after.or(finding.tested_after) else {
            panic!("{} is neither shown nor put to the test", finding.property.name)
        };
        let actions = &run.actions()[..after];
        let name = finding.property.name;
        let saved = save(&model, builtin.toml, name, finding.found, actions, 0);
        assert_eq!(saved.steps.len(), after, "{name}: every step can be walked");
        let (_, result) = replay(&model, &saved);
        assert_eq!(result, Ok(()), "{name}");
    }
}

// The scripts that ship.

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
    assert!(scripts >= 48, "{scripts} scripts");
}

#[test]
fn the_script_that_the_document_works_through_is_the_one_that_ships() {
    let document = include_str!("../../docs/scenarios.md");
    let (_, section) = document.split_once("### A worked script").expect("there is one");
    let (_, block) =
        section.split_once("```toml sloppy-partition-script.toml\n").expect("it is there");
    let (toml, _) = block.split_once("```").expect("a block that is opened is closed");
    let ships = Builtin::named("sloppy-partition-script").expect("it ships").toml;
    assert_eq!(toml, ships);
}

fn is_vacuous(finding: &Finding) -> bool {
    matches!(finding.property.kind, PropertyKind::Safety { .. })
        && finding.found == Expected::Holds
        && finding.tested_after.is_none()
}
