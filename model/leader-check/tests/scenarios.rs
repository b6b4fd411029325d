//! The scenarios that ship judge every property, and scripts are read and carried out as they say. That all give the
//! verdicts that their files expect is tested with the command.

use quorate_checker::world::{Expected, Judged, World};
use quorate_checker::{Bounds, Switch, explore};
use quorate_leader_model::builtin::{ALL, Builtin};
use quorate_leader_model::script::play;
use quorate_leader_model::setting::parse;
use quorate_leader_model::{LeaderBased, property};

#[test]
fn every_property_is_judged_by_some_scenario_that_ships() {
    for property in property::all() {
        let is_judged = |toml: &str| toml.lines().any(|line| line.starts_with(property.name));
        assert!(ALL.iter().any(|builtin| is_judged(builtin.toml)), "{}", property.name);
    }
}

#[test]
fn every_property_says_what_it_is() {
    assert!(property::all().iter().all(|property| !property.statement.is_empty()));
}

/// A script with these steps.
fn script(steps: &str) -> String {
    format!(
        r#"title = "A script of the test"
nodes = ["A", "B", "C"]

[protocol]
name = "leader"
replication = "majority"
election = "raft"

{steps}

[expect]
no-lost-write = "holds"
"#
    )
}

/// Where the run of a script differs, if it does.
fn difference(steps: &str) -> Option<String> {
    let file = parse("mine.toml", &script(steps)).unwrap_or_else(|error| panic!("{error}"));
    play(&LeaderBased::new(file)).difference_in_words()
}

const ASK: &str = "[[step]]\nask = \"k = red\"\nclient = \"x\"\n";

#[test]
fn a_write_is_acknowledged_once_a_majority_has_it() {
    let steps = "expect = \"pending\"\n\
        [[step]]\ndeliver = { kind = \"append\", to = \"B\" }\n\
        [[step]]\nexpect-answer = { client = \"x\", expect = \"pending\" }\n\
        [[step]]\ndeliver = { kind = \"appended\" }\n\
        [[step]]\nexpect-answer = { client = \"x\", expect = \"ok\" }\n\
        [[step]]\nask = \"read k\"\nclient = \"y\"\nfinds = \"red\"\n\
        [[step]]\nexpect-held = [{ node = \"C\", key = \"k\" }]\n";
    assert_eq!(difference(&[ASK, steps].concat()), None);
}

#[test]
fn a_step_that_does_not_come_out_is_told_with_its_line_and_what_came_instead() {
    for (steps, told) in [
        ("expect = \"ok\"\n", "step 1 (line 9): x: k = red: expected ok, got no answer yet"),
        (
            "[[step]]\nexpect-leaders = [\"B\"]\n",
            "step 2 (line 12): expect {B} to lead: expected {B} to lead, found {A}",
        ),
        (
            "[[step]]\nexpect-held = [{ node = \"A\", key = \"k\", value = \"blue\" }]\n",
            "expected A to hold blue of k, it holds nothing",
        ),
        ("[[step]]\nask = \"read k\"\nclient = \"x\"\n", "x has no answer yet"),
        ("[[step]]\nask = \"l = blue\"\nclient = \"y\"\nvia = \"B\"\n", "y would ask A, and not B"),
        ("[[step]]\nrecover = \"B\"\n", "recover B: B is up"),
        ("[[step]]\ndrop = { kind = \"vote\" }\n", "no such message is under way: 1. A -> B"),
        ("[[step]]\nfire = { node = \"A\", timer = \"election\" }\n", "not possible here"),
    ] {
        let found = difference(&[ASK, steps].concat()).unwrap_or_else(|| panic!("{steps}"));
        assert!(found.contains(told), "`{told}` is not in: {found}");
    }
}

#[test]
fn what_means_nothing_is_refused_with_file_line_and_field() {
    for (steps, told) in [
        ("[[step]]\ncrash = \"D\"\n", "mine.toml:12: step.crash: no node is called `D`"),
        ("[[step]]\npromote = \"B\"\n", "step.promote: only where election = \"manual\""),
        ("[[step]]\ntimeout = \"z\"\n", "step.timeout: no step is of a client `z`"),
        ("[[step]]\nheal = false\n", "step.heal: write `heal = true`"),
        ("[[step]]\nheal = true\ncrash = \"A\"\n", "found `crash`, `heal`"),
        ("[[step]]\ncrash = \"A\"\nvia = \"B\"\n", "step.via: belongs to `ask`"),
        ("[[step]]\ndeliver = { kind = \"hint\" }\n", "step.deliver.kind: unknown kind `hint`"),
        ("[[step]]\ncrush = \"A\"\n", "unknown field `crush`"),
        ("[[step]]\ndeliver = \"some\"\n", "step.deliver"),
        ("[faults]\ncrashes = 1\n", "faults: cannot stand in a file with steps"),
    ] {
        let read = parse("mine.toml", &script(&[ASK, steps].concat()));
        let error = read.err().unwrap_or_else(|| panic!("{steps}")).to_string();
        assert!(error.contains(told), "`{told}` is not in: {error}");
        assert!(error.starts_with("mine.toml:"), "{error}");
    }
}

/// What becomes of the first property of a scenario.
fn first_found(text: &str) -> Option<Expected> {
    let file = parse("mine.toml", text).unwrap_or_else(|error| panic!("{error}"));
    let properties = file.judged(property::all()).expect("properties are known");
    let world = World::new(LeaderBased::new(file));
    let judged = Judged::new(&world, properties);
    let explored = explore(&judged, &Bounds::default(), &Switch::default());
    judged.verdicts(&explored)[0].found
}

#[test]
fn an_addition_to_what_was_drawn_counts_twice_where_requests_are_forgotten() {
    let drawn = Builtin::named("retry-add-drawn").expect("it ships").toml;
    let forgets =
        drawn.replace("attempts = 2", "attempts = 2\ndeviations = [\"forgets-requests\"]");
    assert_ne!(drawn, forgets);
    assert_eq!(first_found(&forgets), Some(Expected::Violated));
}

/// What becomes of a property in a scenario of two nodes, of which B is down at first, that says this beside.
fn found(more: &str, property: &str) -> Option<Expected> {
    let text = format!(
        r#"title = "One node is down at first"
nodes = ["A", "B"]
down = ["B"]
{more}

[protocol]
name = "leader"
replication = "majority"
election = "raft"
crashed-stay-down = true

[[protocol.clients]]
name = "x"
operations = ["k = red"]

[expect]
{property} = "holds"
"#
    );
    first_found(&text)
}

#[test]
fn who_crashed_stays_down_and_who_had_not_started_does_not() {
    assert_eq!(found("", "progress"), Some(Expected::Violated));
    assert_eq!(found("down-returns = true", "progress"), Some(Expected::Holds));
    let crash = "down-returns = true\nfaults = { crashes = 1 }\nfaulty = [\"B\"]";
    assert_eq!(found(crash, "progress"), Some(Expected::Violated));
}

#[test]
fn a_word_that_is_none_is_refused_with_its_field() {
    let text = script(ASK).replace("\"majority\"", "\"most\"");
    let error = parse("mine.toml", &text).expect_err("there is no such word").to_string();
    assert!(error.starts_with("mine.toml:6: protocol.replication: "), "{error}");
}
