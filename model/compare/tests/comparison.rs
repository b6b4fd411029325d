//! What a comparison says, against what the literature says; and that nothing of how it searches makes a cell.

use quorate_compare::availability::{Answered, availability};
use quorate_compare::calls::{Calls, ClientEvent, Plan, Told};
use quorate_compare::file;
use quorate_compare::latency::{Latency, latency};
use quorate_compare::program::{Client, Operation, Program};
use quorate_compare::property::Property;
use quorate_compare::search::{Extent, Searched, search, show};
use quorate_compare::setting::{Case, Reduced};

const EXTENT: Extent = Extent { states_max: 150_000 };

fn usual() -> file::Plan {
    file::parse("default.toml", file::DEFAULT).unwrap()
}

/// The usual file with other settings, which are written as in a file.
fn with_settings(settings: &str) -> file::Plan {
    let (_, rest) = file::DEFAULT.split_once("# Every setting runs").unwrap();
    file::parse("settings.toml", &format!("{settings}\n# Every setting runs{rest}")).unwrap()
}

fn leaderless(name: &str, more: &str) -> String {
    format!(
        "[[settings]]\nname = \"{name}\"\nprotocol = \"leaderless\"\nnodes = 3\ncluster = {{ n = 3, {more} }}\n"
    )
}

fn leader(name: &str, more: &str) -> String {
    format!(
        "[[settings]]\nname = \"{name}\"\nprotocol = \"leader\"\nnodes = 3\ncluster = {{ election = \"raft\", {more} }}\n"
    )
}

/// One search of a plan.
fn searched(plan: &file::Plan, setting: &str, program: &str, faults: &str) -> Searched {
    search(&case(plan, setting, program, faults), EXTENT)
}

fn case<'a>(plan: &'a file::Plan, setting: &str, program: &str, faults: &str) -> Case<'a> {
    Case::searched(
        plan.settings.iter().find(|it| it.name == setting).unwrap(),
        plan.programs.iter().find(|it| it.name == program).unwrap(),
        plan.faults.iter().find(|it| it.name == faults).unwrap(),
    )
}

#[track_caller]
fn assert_possible(found: &Searched, property: Property) {
    let of = found.found[property as usize];
    assert!(of.steps.is_some(), "{} was not found in {} states", property.name(), found.states);
}

#[track_caller]
fn assert_never(found: &Searched, property: Property) {
    let of = found.found[property as usize];
    assert_eq!(found.cut_at, None, "cut at {} states", found.states);
    assert_eq!(of.steps, None, "{} was found", property.name());
    assert!(of.tested, "{} was not put to the test", property.name());
}

const NONE: &str = "no fault";
const LOST: &str = "a node is lost";
const SPLIT: &str = "the network splits";
const WRITERS: &str = "two writers";
const LOOK: &str = "a second look";
const ONE_LOOK: &str = "a look";
const WRITE: &str = "a write";
const CAUSE: &str = "cause and effect";

#[test]
fn where_r_and_w_do_not_overlap_reads_are_stale_without_any_fault() {
    let plan = usual();
    let found = searched(&plan, "R=W=1", LOOK, NONE);
    assert_possible(&found, Property::StaleRead);
    assert_possible(&found, Property::MonotonicReads);
    assert_possible(&searched(&plan, "R=W=1", CAUSE, NONE), Property::ConsistentPrefix);
    assert_possible(&searched(&plan, "R=W=1", WRITERS, NONE), Property::ReadYourWrites);
}

#[test]
fn quorums_that_overlap_are_never_stale_but_reads_go_back_unless_they_repair() {
    let plan = with_settings(
        &(leaderless("off", "r = 2, w = 2")
            + &leaderless("repair", "r = 2, w = 2, read-repair = \"blocking\"")),
    );
    let found = searched(&plan, "off", LOOK, NONE);
    assert_never(&found, Property::StaleRead);
    assert_possible(&found, Property::MonotonicReads);
    assert_possible(&found, Property::Linearizable);
    let found = searched(&plan, "repair", LOOK, NONE);
    assert_never(&found, Property::StaleRead);
    assert_never(&found, Property::MonotonicReads);
    assert_never(&found, Property::Linearizable);
}

#[test]
fn the_leaderless_protocol_shows_concurrent_writes_and_a_leader_puts_one_in_the_place_of_the_other()
{
    let plan = usual();
    let found = searched(&plan, "R=W=2", WRITERS, NONE);
    assert_possible(&found, Property::SeveralValues);
    assert_never(&found, Property::Overwritten);
    let found = searched(&plan, "async", WRITERS, NONE);
    assert_never(&found, Property::SeveralValues);
    assert_possible(&found, Property::Overwritten);
}

#[test]
fn last_write_wins_replaces_writes_that_nobody_had_seen() {
    let plan = with_settings(&leaderless("lww", "r = 2, w = 2, versioning = \"last-write-wins\""));
    let found = searched(&plan, "lww", WRITERS, NONE);
    assert_possible(&found, Property::Overwritten);
    assert_eq!(found.found[Property::SeveralValues as usize].steps, None);
}

#[test]
fn an_asynchronous_leader_that_is_lost_takes_acknowledged_writes_with_it_and_others_do_not() {
    let plan = usual();
    assert_possible(&searched(&plan, "async", LOOK, LOST), Property::LostWrite);
    for setting in ["semi-sync", "sync", "raft", "R=W=2", "R=1,W=3"] {
        assert_never(&searched(&plan, setting, LOOK, LOST), Property::LostWrite);
    }
}

#[test]
fn raft_with_confirmed_reads_is_linearizable_and_with_reads_of_the_leader_is_not() {
    let plan = with_settings(
        &(leader("confirmed", "replication = \"majority\", reads = \"confirmed\"")
            + &leader("leader", "replication = \"majority\", reads = \"leader\"")),
    );
    assert_never(&searched(&plan, "confirmed", ONE_LOOK, SPLIT), Property::Linearizable);
    let found = searched(&plan, "leader", ONE_LOOK, SPLIT);
    assert_possible(&found, Property::Linearizable);
    assert_possible(&found, Property::StaleRead);
}

#[test]
fn a_node_that_is_lost_with_an_exchange_under_way_keeps_no_other_two_from_meeting() {
    let plan = with_settings(
        &(leaderless("off", "r = 1, w = 1")
            + &leaderless("on", "r = 1, w = 1, anti-entropy = true")),
    );
    let both = "the network splits, and a node is lost";
    assert_possible(&searched(&plan, "off", LOOK, both), Property::Divergence);
    assert_never(&searched(&plan, "on", LOOK, both), Property::Divergence);
    assert_possible(&searched(&plan, "on", LOOK, both), Property::LostWrite);
}

#[test]
fn what_is_in_logs_of_nodes_that_cannot_go_on_is_not_lost() {
    let plan = usual();
    let found = searched(&plan, "sync", LOOK, LOST);
    assert_never(&found, Property::LostWrite);
    assert_possible(&found, Property::Divergence);
}

#[test]
fn what_is_done_wrongly_turns_never_into_possible() {
    let right = leader("right", "replication = \"semi-sync\", reads = \"leader\"");
    let wrong = leader(
        "wrong",
        "replication = \"semi-sync\", reads = \"leader\", deviations = [\"falls-back-to-async\"]",
    );
    let mut plan = with_settings(&(right + &wrong));
    let both = plan.faults.iter_mut().find(|it| it.name == LOST).unwrap();
    both.timeouts = 1;
    assert_possible(&searched(&plan, "wrong", WRITE, LOST), Property::LostWrite);
    assert_never(&searched(&plan, "right", WRITE, LOST), Property::LostWrite);
}

#[test]
fn what_is_left_out_of_searches_changes_no_cell() {
    let mut plan = usual();
    plan.programs = vec![Program {
        name: LOOK.to_owned(),
        clients: vec![client("ann", &["x = red"]), client("bob", &["read x"])],
    }];
    for setting in ["R=W=1", "R=W=2", "async", "sync"] {
        for faults in [NONE, "a timeout is wrong"] {
            let reduced = case(&plan, setting, LOOK, faults);
            let whole = Case { reduced: Reduced::Not, ..reduced.clone() };
            let (reduced, whole) = (search(&reduced, EXTENT), search(&whole, EXTENT));
            assert!(reduced.states <= whole.states);
            if whole.cut_at.is_some() {
                continue;
            }
            for property in Property::ALL {
                let is_so = |found: &Searched| found.found[property as usize].steps.is_some();
                assert_eq!(
                    is_so(&reduced),
                    is_so(&whole),
                    "{setting}, {faults}: {}",
                    property.name()
                );
            }
        }
    }
}

#[test]
fn a_run_that_is_told_has_as_many_steps_as_the_search_found() {
    let plan = usual();
    for (setting, property) in [("R=W=1", Property::StaleRead), ("async", Property::StaleRead)] {
        let case = case(&plan, setting, LOOK, NONE);
        let steps = search(&case, EXTENT).found[property as usize].steps.unwrap();
        let told = show(&case, property, EXTENT).unwrap();
        assert_eq!(told.length, steps);
        assert!(told.diagram.starts_with("<svg"));
        assert!(told.steps[0].trim_start().starts_with("1."), "{}", told.steps[0]);
    }
}

#[test]
fn leaderless_writes_are_answered_while_w_homes_are_up_and_reads_while_r_are() {
    let plan = with_settings(
        &(leaderless("1", "r = 1, w = 1")
            + &leaderless("2", "r = 2, w = 2")
            + &leaderless("3", "r = 1, w = 3")),
    );
    for (setting, r, w) in [("1", 1, 1), ("2", 2, 2), ("3", 1, 3)] {
        let setting = plan.settings.iter().find(|it| it.name == setting).unwrap();
        for down in availability(setting, EXTENT).down {
            let up = 3 - down.nodes.len();
            let by_formula = |needed| if up >= needed { Answered::AtOnce } else { Answered::Never };
            assert_eq!(down.writes, by_formula(w), "{}: {:?}", setting.name, down.nodes);
            assert_eq!(down.reads, by_formula(r), "{}: {:?}", setting.name, down.nodes);
        }
    }
}

#[test]
fn a_leader_that_is_down_is_replaced_and_sync_waits_for_every_follower() {
    let plan = usual();
    let of = |name: &str, down: &[&str]| {
        let setting = plan.settings.iter().find(|it| it.name == name).unwrap();
        let all = availability(setting, EXTENT).down;
        let found = all.into_iter().find(|it| it.nodes == down).unwrap();
        (found.writes, found.reads)
    };
    assert_eq!(of("raft", &["A"]), (Answered::AfterTimeouts, Answered::AfterTimeouts));
    assert_eq!(of("raft", &["B"]), (Answered::AtOnce, Answered::AtOnce));
    assert_eq!(of("raft", &["B", "C"]), (Answered::Never, Answered::Never));
    assert_eq!(of("sync", &["B"]), (Answered::Never, Answered::AtOnce));
    assert_eq!(of("async", &["B", "C"]), (Answered::AtOnce, Answered::AtOnce));
}

#[test]
fn delays_are_the_messages_of_the_longest_chain() {
    let plan = usual();
    let of = |name: &str| latency(plan.settings.iter().find(|it| it.name == name).unwrap());
    let delays = |latency: Latency| (latency.write.unwrap().fewest, latency.read.unwrap().fewest);
    assert_eq!(delays(of("R=W=1")), (2, 2));
    assert_eq!(delays(of("R=W=2")), (4, 4));
    assert_eq!(delays(of("R=1,W=3")), (4, 2));
    assert_eq!(delays(of("async")), (2, 2));
    assert_eq!(delays(of("sync")), (4, 2));
    assert_eq!(delays(of("raft")), (4, 4));
}

fn client(name: &str, operations: &[&str]) -> Client {
    let operations = operations.iter().map(|text| Operation::parse(text).unwrap()).collect();
    Client { name: name.to_owned(), operations }
}

/// What clients observe, judged: `+` begins a client's next operation, what follows `=` ends it.
fn observed(clients: &[Client], story: &[(usize, Option<Option<&[&str]>>)]) -> Calls {
    let program = Program { name: "story".to_owned(), clients: clients.to_vec() };
    let plan = Plan::of(&program);
    let mut next = vec![0; clients.len()];
    let mut calls = Calls::default();
    for (client, what) in story {
        let client = *client;
        match what {
            None => {
                calls.note(&plan, &ClientEvent::Began { client, operation: next[client] });
                next[client] += 1;
            }
            Some(found) => {
                let told = match found {
                    None => Told::Written,
                    Some(values) => Told::Found(values.iter().map(|it| (*it).to_owned()).collect()),
                };
                let (operation, answer) = (next[client] - 1, Some(told));
                calls.note(&plan, &ClientEvent::Ended { client, operation, answer });
            }
        }
    }
    calls
}

const BEGINS: Option<Option<&[&str]>> = None;
const WRITTEN: Option<Option<&[&str]>> = Some(None);

fn finds<'a>(values: &'a [&'a str]) -> Option<Option<&'a [&'a str]>> {
    Some(Some(values))
}

#[test]
fn a_read_that_overlaps_a_write_may_show_what_was_before_and_one_after_it_may_not() {
    let clients = [client("ann", &["x = red"]), client("bob", &["read x"])];
    let overlapping =
        observed(&clients, &[(0, BEGINS), (1, BEGINS), (0, WRITTEN), (1, finds(&[]))]);
    assert!(!overlapping.shown.has(Property::StaleRead));
    assert!(!overlapping.shown.has(Property::Linearizable));
    let after = observed(&clients, &[(0, BEGINS), (0, WRITTEN), (1, BEGINS), (1, finds(&[]))]);
    assert!(after.shown.has(Property::StaleRead));
    assert!(after.shown.has(Property::Linearizable));
}

#[test]
fn a_second_look_that_finds_nothing_goes_back_and_one_that_finds_a_concurrent_write_does_not() {
    let clients = [
        client("ann", &["x = red"]),
        client("cyd", &["x = blue"]),
        client("bob", &["read x", "read x", "read x"]),
    ];
    let start = [(0, BEGINS), (1, BEGINS), (2, BEGINS), (2, finds(&["red"])), (2, BEGINS)];
    let back = observed(&clients, &[&start[..], &[(2, finds(&[]))]].concat());
    assert!(back.shown.has(Property::MonotonicReads));
    let on = observed(&clients, &[&start[..], &[(2, finds(&["blue"]))]].concat());
    assert!(!on.shown.has(Property::MonotonicReads));
    let again = [(2, finds(&["blue"])), (2, BEGINS), (2, finds(&["red"]))];
    let again = observed(&clients, &[&start[..], &again].concat());
    assert!(again.shown.has(Property::MonotonicReads), "it had gone on from red");
}

#[test]
fn whoever_sees_an_answer_is_to_see_the_question() {
    let clients = [
        client("ann", &["x = question"]),
        client("cyd", &["read x", "y = answer"]),
        client("bob", &["read y", "read x"]),
    ];
    let start = [
        (0, BEGINS),
        (1, BEGINS),
        (1, finds(&["question"])),
        (1, BEGINS),
        (2, BEGINS),
        (2, finds(&["answer"])),
        (2, BEGINS),
    ];
    let missed = observed(&clients, &[&start[..], &[(2, finds(&[]))]].concat());
    assert!(missed.shown.has(Property::ConsistentPrefix));
    assert!(!missed.shown.has(Property::StaleRead), "ann was not told that it is written");
    let seen = observed(&clients, &[&start[..], &[(2, finds(&["question"]))]].concat());
    assert!(!seen.shown.has(Property::ConsistentPrefix));
    assert!(seen.tested.has(Property::ConsistentPrefix));
}

#[test]
fn a_file_that_is_wrong_is_refused_with_its_line_and_field() {
    let refused = |from: &str, to: &str| {
        assert!(file::DEFAULT.contains(from), "{from}");
        file::parse("my.toml", &file::DEFAULT.replacen(from, to, 1)).unwrap_err().to_string()
    };
    assert_eq!(
        refused("\"read x\"", "\"look x\""),
        "my.toml:61: programs.clients.operations: `look x` is neither `read x` nor `x = red`"
    );
    assert!(
        refused("reads = \"any\"", "reads = \"some\"")
            .contains("my.toml:34: settings `async`: protocol.reads: unknown word `some`")
    );
    assert!(refused("r = 1, w = 1", "r = 4, w = 1").starts_with("my.toml:10: settings `R=W=1`: "));
    assert!(
        refused("replication = \"async\"", "name = \"x\", replication = \"async\"")
            .contains("settings.cluster.name: leave it out")
    );
    assert!(refused("split = [[\"A\"]]", "split = [[\"Z\"]]").contains("faults.split: "));
    assert!(refused("stay-down", "stay").contains("unknown field `stay`"));
    assert!(refused("name = \"R=W=2\"", "name = \"R=W=1\"").contains("two are called `R=W=1`"));
}
