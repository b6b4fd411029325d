//! `quorate check` and `quorate replay` as a user meets them.

use std::fs;
use std::process::{Command, Output};

use crate::command::{directory, quorate_in as quorate, text};
use tempfile::TempDir;

/// Asserts that the input is refused with one line that contains all of this.
fn assert_refused(output: &Output, contains: &[&str]) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
    for part in contains {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

const SCENARIO: &str = r#"title = "A scenario of the test"

[cluster]
nodes = ["A", "B", "C"]
n = 3
r = 2
w = 2

[[client]]
name = "x"
program = [{ put = "k" }, { get = "k" }]

[expect]
read-freshness = "holds"
"#;

fn check_file(change: impl Fn(&str) -> String) -> (TempDir, Output) {
    let directory = directory();
    fs::write(directory.path().join("mine.toml"), change(SCENARIO)).expect("the file is written");
    let output = quorate(directory.path(), &["check", "mine.toml"]);
    (directory, output)
}

#[test]
fn a_scenario_of_one_s_own_is_checked() {
    let (_directory, output) = check_file(str::to_owned);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("holds       read-freshness"));
}

#[test]
fn an_unknown_key_is_refused_with_file_line_and_key() {
    let (_directory, output) = check_file(|text| text.replace("w = 2", "w = 2\nwrites = 2"));
    assert_refused(&output, &["mine.toml:8", "`writes`"]);
}

#[test]
fn r_of_zero_is_refused_with_file_line_and_field() {
    let (_directory, output) = check_file(|text| text.replace("r = 2", "r = 0"));
    assert_refused(&output, &["mine.toml:6", "cluster.r", "1"]);
}

#[test]
fn more_homes_than_nodes_are_refused_with_file_line_and_field() {
    let (_directory, output) = check_file(|text| text.replace("n = 3", "n = 4"));
    assert_refused(&output, &["mine.toml:5", "cluster.n", "4", "3 nodes"]);
}

#[test]
fn an_unknown_scenario_is_refused_with_those_of_like_names() {
    let refused = quorate(directory().path(), &["check", "r1-w0"]);
    assert_refused(&refused, &["`r1-w0`", "did you mean r1-w", "`quorate check --list`"]);
    assert!(!text(&refused.stderr).contains("flagship"), "{}", text(&refused.stderr));
    let refused = quorate(directory().path(), &["check", "zzz"]);
    assert_refused(&refused, &["no scenario is named `zzz`; `quorate check --list` lists"]);
    assert_refused(&quorate(directory().path(), &["check", "none.toml"]), &["none.toml"]);
}

#[test]
fn what_cannot_be_shown_with_a_run_is_refused_with_line_and_field() {
    for (show, said) in [
        ("monotonic-reads = \"crash\"", "show.monotonic-reads: is not a property"),
        ("read-freshness = \"crash\"", "show.read-freshness: is not a property"),
        ("write-acknowledged = \"hail\"", "show.write-acknowledged: `hail` is neither"),
    ] {
        let end = format!("write-acknowledged = \"reached\"\n\n[show]\n{show}\n");
        let (_directory, output) = check_file(|text| [text, &*end].concat());
        assert_refused(&output, &["mine.toml:18", said]);
    }
}

/// The scenarios that are checked under a name, in order.
fn checked(name: &str) -> Vec<String> {
    let output = quorate(directory().path(), &["check", "--json", name]);
    assert!(output.status.success(), "{name}: {}", text(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let scenarios = document["scenarios"].as_array().expect("it lists scenarios");
    let name = |scenario: &serde_json::Value| scenario["name"].as_str().map(str::to_owned);
    scenarios.iter().map(|scenario| name(scenario).expect("each has a name")).collect()
}

#[test]
fn a_name_is_that_scenario_or_else_those_whose_names_begin_with_it_up_to_a_hyphen() {
    assert_eq!(checked("quorum-lost"), ["quorum-lost"]);
    assert_eq!(
        checked("quorum-lost-sloppy"),
        ["quorum-lost-sloppy"],
        "quorum-lost-sloppy-script has to be asked for"
    );
    assert_eq!(
        checked("r1"),
        [
            "r1-w1",
            "r1-w2",
            "r1-w3",
            "r1-w3-node-down",
            "r1-w1-script",
            "r1-w2-script",
            "r1-w3-script"
        ]
    );
    // Beginnings of words are no names.
    assert_refused(&quorate(directory().path(), &["check", "quorum-los"]), &["`quorum-los`"]);
    assert_refused(&quorate(directory().path(), &["check", ""]), &["no scenario is named ``"]);
}

#[test]
fn an_unexpected_verdict_ends_with_exit_code_1() {
    let (_directory, output) =
        check_file(|text| text.replace("r = 2", "r = 1").replace("w = 2", "w = 1"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("UNEXPECTED"));
    assert!(text(&output.stderr).contains("1 not as expected"));
}

#[test]
fn a_cut_run_ends_with_exit_code_1_and_says_what_cut_it() {
    let output =
        quorate(directory().path(), &["check", "strict-concurrent-3", "--max-states", "9"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("--max-states"));
}

#[test]
fn a_violation_is_told_in_steps_saved_and_walked_again() {
    let directory = directory();
    let output = quorate(directory.path(), &["check", "r1-w1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    // Not a terminal: no progress, nothing on standard error.
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    let verdict = "violated    read-freshness                      in 2 steps\n";
    let reason = "              since reader read nothing, though writer's put \"new\" was\n\
                  \u{20}             acknowledged before the read began\n";
    let replayed = "              quorate replay quorate-traces/r1-w1/read-freshness.json\n";
    assert!(told.contains(&format!("{verdict}{reason}{replayed}")), "{told}");
    // The story of the scenario, in lines that fit.
    assert!(
        told.contains("  notes       R + W = 2 is not more than N = 3: a read can miss"),
        "{told}"
    );
    assert!(told.contains("1. writer starts put k = \"new\" via A"), "{told}");
    let trace = "quorate-traces/r1-w1/read-freshness.json";
    let replayed = quorate(directory.path(), &["replay", trace]);
    assert!(replayed.status.success(), "{}", text(&replayed.stderr));
    insta::assert_snapshot!(text(&replayed.stdout));
}

#[test]
fn a_trace_that_no_longer_fits_the_model_says_at_which_step() {
    let directory = directory();
    assert!(quorate(directory.path(), &["check", "r1-w2"]).status.success());
    let trace = directory.path().join("quorate-traces/r1-w2/read-freshness.json");
    let text_before = fs::read_to_string(&trace).expect("the trace was saved");
    let mut saved: serde_json::Value = serde_json::from_str(&text_before).expect("it is JSON");
    // The same step twice: the message is no longer under way the second time.
    let steps = saved["steps"].as_array_mut().expect("it has steps");
    let second = steps[1].clone();
    steps.insert(2, second);
    fs::write(&trace, saved.to_string()).expect("the trace is written");
    let output = quorate(directory.path(), &["replay", trace.to_str().expect("a UTF-8 path")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("step 3 no longer fits the model"));
}

#[test]
fn a_trace_that_shows_nothing_any_more_says_so() {
    let directory = directory();
    assert!(quorate(directory.path(), &["check", "r1-w1"]).status.success());
    let trace = directory.path().join("quorate-traces/r1-w1/read-freshness.json");
    let text_before = fs::read_to_string(&trace).expect("the trace was saved");
    let mut saved: serde_json::Value = serde_json::from_str(&text_before).expect("it is JSON");
    saved["steps"].as_array_mut().expect("it has steps").pop();
    fs::write(&trace, saved.to_string()).expect("the trace is written");
    let output = quorate(directory.path(), &["replay", trace.to_str().expect("a UTF-8 path")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no longer show `read-freshness` violated"));
}

#[test]
fn a_file_that_is_no_trace_is_refused() {
    let directory = directory();
    fs::write(directory.path().join("x.json"), "{\"format\": 1}").expect("the file is written");
    assert_refused(&quorate(directory.path(), &["replay", "x.json"]), &["x.json", "line 1"]);
    assert_refused(&quorate(directory.path(), &["replay", "none.json"]), &["none.json"]);
}

#[test]
fn json_holds_what_the_text_holds() {
    let output = quorate(directory().path(), &["check", "r1-w1", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut document: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("it is JSON");
    let entry = &mut document["scenarios"][0];
    for measured in ["seconds", "seconds_in_all", "process_peak_bytes", "distinct_per_second"] {
        assert!(entry[measured].is_number());
        entry[measured] = 0.into();
    }
    let pretty = serde_json::to_string_pretty(&document).expect("it was JSON");
    insta::assert_snapshot!(pretty);
}

#[test]
fn the_list_names_every_scenario() {
    let output = quorate(directory().path(), &["check", "--list"]);
    let listed = text(&output.stdout);
    let leaderless = quorate_model::scenario::builtin::ALL.iter().map(|builtin| builtin.name);
    let leader = quorate_leader_model::builtin::ALL.iter().map(|builtin| builtin.name);
    let mut names = std::collections::BTreeSet::new();
    for name in leaderless.chain(leader) {
        assert!(listed.contains(&format!("\n  {name} ")), "{name}");
        assert!(names.insert(name), "{name}: two scenarios are called so");
    }
}

const LEADER: &str = r#"title = "A scenario of the test"
nodes = ["A", "B", "C"]

[protocol]
name = "leader"
replication = "async"
election = "raft"
crashed-stay-down = true

[[protocol.clients]]
name = "x"
operations = ["k = red"]

[faults]
crashes = 1

[expect]
no-lost-write = "violated"
"#;

#[test]
fn a_file_s_table_protocol_tells_of_which_protocol_it_is() {
    let check = |change: &dyn Fn(&str) -> String| {
        let directory = directory();
        fs::write(directory.path().join("mine.toml"), change(LEADER)).expect("it is written");
        let output = quorate(directory.path(), &["check", "mine.toml"]);
        (directory, output)
    };
    let (directory, output) = check(&str::to_owned);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    for wanted in [
        "  cluster     A B C; leader-based: async, raft; reads from the leader;",
        "  clients     x: k = red\n",
        "faults at any moment: at most 1 crash; reduced\n",
        "violated    no-lost-write                       in 2 steps\n",
        "since x's write x#1 was acknowledged, and no node has it\n",
        "quorate replay quorate-traces/mine.toml/no-lost-write.json\n",
        "  1. x starts k = red via A\n",
    ] {
        assert!(told.contains(wanted), "`{wanted}` is not in: {told}");
    }
    let trace = "quorate-traces/mine.toml/no-lost-write.json";
    let replayed = quorate(directory.path(), &["replay", trace]);
    assert!(replayed.status.success(), "{}", text(&replayed.stderr));
    assert!(text(&replayed.stdout).contains("all 2 steps fit the model: no-lost-write violated"));

    let (_directory, output) = check(&|text| text.replace("\"leader\"", "\"chain\""));
    assert_refused(&output, &["mine.toml:5: protocol.name: unknown protocol `chain`"]);
    let (_directory, output) = check(&|text| text.replace("name = \"leader\"\n", ""));
    assert_refused(&output, &["mine.toml:4: protocol.name: missing"]);
    let (_directory, output) = check(&|text| text.replace("\"raft\"", "\"paxos\""));
    assert_refused(&output, &["mine.toml:7: protocol.election: unknown word `paxos`"]);
    let (_directory, output) = check(&|text| text.replace("\"violated\"", "\"holds\""));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
}

#[test]
fn scenarios_of_both_protocols_are_checked_in_one_run() {
    let names = ["check", "--json", "r1-w1", "async-leader-lost", "bully-preempts-script"];
    let output = quorate(directory().path(), &names);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(document["scenarios_checked"], 3);
    let [leaderless, leader, script] = &document["scenarios"].as_array().expect("a list")[..]
    else {
        panic!("{document}")
    };
    assert_eq!((&leaderless["protocol"], &leaderless["n"]), (&"leaderless".into(), &3.into()));
    assert_eq!(leader["protocol"], "leader");
    assert_eq!((&leader["replication"], &leader["election"]), (&"async".into(), &"raft".into()));
    assert!(leader["n"].is_null() && leader["fired"]["crash"].as_u64() > Some(0), "{leader}");
    assert_eq!(script["script"]["steps"][0]["words"], "crash C");

    let names = ["check", "--engine", "stateright", "async-leader-lost", "lag-own-writes-any"];
    let output = quorate(directory().path(), &names);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("visited as many states and found the same: 2 scenarios")
    );

    let output = quorate(directory().path(), &["check", "--footprints", "r2-w1", "ids-reused"]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    assert!(told.contains("\u{2713} ids-reused") && told.contains("\n2 searches, "), "{told}");

    let sample = ["check", "--sample", "10000", "--seed", "3", "ids-reused"];
    let output = quorate(directory().path(), &sample);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    assert!(told.starts_with("ids-reused: 10,000 random steps in "), "{told}");
}

#[test]
fn the_list_is_grouped_by_topic_and_searched_by_words() {
    let listed = |arguments: &[&str]| {
        let output = quorate(directory().path(), &[&["check", "--list"], arguments].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let all = listed(&[]);
    let topic = "Quorums: is an acknowledged write read?\n  strict-sequential ";
    assert!(all.starts_with(topic), "{all}");
    assert!(all.lines().all(|line| line.chars().count() <= 80), "{all}");
    // In a name, in a title, in notes, or in a property; all words at once, whatever their case.
    let sloppy = listed(&["Sloppy", "partition"]);
    assert!(sloppy.contains("\n  sloppy-partition "), "{sloppy}");
    assert!(!sloppy.contains("strict-sequential"), "{sloppy}");
    assert!(listed(&["SOSP"]).contains("r1-w1"));
    let story = "R + W = 2 is not more than N = 3";
    assert!(!listed(&["r1-w1"]).contains(story));
    assert!(listed(&["-v", "r1-w1"]).contains(story));
    let json: serde_json::Value =
        serde_json::from_str(&listed(&["--json", "r1-w1"])).expect("JSON");
    assert_eq!(json[0]["name"], "r1-w1");
    assert_refused(
        &quorate(directory().path(), &["check", "--list", "zzz"]),
        &["no scenario that ships speaks of `zzz`"],
    );
}

/// Two scenarios, one of which does not come out as it says, and what checking both prints.
fn check_two(arguments: &[&str]) -> Output {
    let directory = directory();
    let write = |name: &str, text: &str| {
        fs::write(directory.path().join(name), text).expect("the file is written");
    };
    write("good.toml", SCENARIO);
    write("bad.toml", &SCENARIO.replace("r = 2", "r = 1").replace("w = 2", "w = 1"));
    write("many.toml", &[SCENARIO, "write-acknowledged = \"reached\"\n"].concat());
    // No scenario is named, so that an overview is printed: what ships is checked, cut at once.
    quorate(directory.path(), arguments)
}

#[test]
fn without_names_there_is_a_line_per_scenario_and_all_about_those_that_differ() {
    let output = check_two(&["check", "--max-states", "1"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    let mut lines = told.lines();
    assert_eq!(
        lines.next(),
        Some("  scenario                                 states      s  verdicts")
    );
    let marked: Vec<&str> =
        told.lines().filter(|line| line.starts_with("✓ ") || line.starts_with("✗ ")).collect();
    let checked = quorate_model::scenario::builtin::ALL;
    assert!(marked.len() > checked.len() / 2, "{told}");
    for line in &marked {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let cut = marked.iter().find(|line| line.starts_with("✗ r1-w1 ")).expect("it was cut");
    assert!(cut.contains(" 1 ") && cut.contains("CUT"), "{cut}");
    // A run was cut, so everything is told of it; a script came out, so nothing is.
    assert!(told.contains("\nr1-w1: R=1, W=1:"), "{told}");
    assert!(told.contains("✓ r1-w1-script"), "{told}");
    assert!(!told.contains("\nr1-w1-script: "), "{told}");
}

#[test]
fn several_named_scenarios_are_told_and_then_each_in_a_line() {
    let output = check_two(&["check", "good.toml", "bad.toml", "many.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    let told_at = told.find("good: A scenario of the test").expect("it is told");
    let line_at = told.find("\n✓ good ").expect("it has a line");
    assert!(told_at < line_at, "{told}");
    assert!(told.contains("✗ bad "), "{told}");
    assert!(told.contains("  1 UNEXPECTED"), "{told}");
    assert!(told.contains("1 holds, 1 reached\n"), "{told}");
    let only_one = check_two(&["check", "good.toml"]);
    assert!(!text(&only_one.stdout).contains('✓'), "{}", text(&only_one.stdout));
}

#[test]
fn colours_are_for_terminals_or_for_who_asks_for_them() {
    let coloured = |arguments: &[&str], no_color: bool| {
        let directory = directory();
        let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
        command.args(arguments).current_dir(directory.path()).env_remove("CLICOLOR_FORCE");
        if no_color {
            command.env("NO_COLOR", "1");
        } else {
            command.env_remove("NO_COLOR");
        }
        text(&command.output().expect("the binary runs").stdout).contains('\u{1b}')
    };
    assert!(!coloured(&["check", "r1-w1"], false), "a pipe is no terminal");
    assert!(coloured(&["check", "r1-w1", "--color", "always"], false));
    assert!(!coloured(&["check", "r1-w1", "--color", "never"], false));
    assert!(!coloured(&["check", "r1-w1"], true));
}

#[test]
fn control_characters_of_titles_notes_and_names_are_written_out() {
    let evil = |text: &str| {
        let title = "title = \"red \\u001B[31m\"\nnotes = \"bell \\u0007 \\u009B2J\"";
        text.replace("title = \"A scenario of the test\"", title)
            .replace("name = \"x\"", "name = \"\\u001B]0;owned\\u0007\"")
            .replace("\"holds\"", "\"violated\"")
    };
    let (directory, output) = check_file(evil);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let commands = |text: &str| text.contains(|c: char| c.is_control() && c != '\n');
    assert!(!commands(&told), "{told:?}");
    for written in ["red \\u{1b}[31m", "bell \\u{7} \\u{9b}2J", "\\u{1b}]0;owned\\u{7}"] {
        assert!(told.contains(written), "{written} is not in {told}");
    }
    let json = quorate(directory.path(), &["check", "--json", "mine.toml"]);
    assert!(!commands(&text(&json.stdout)), "{:?}", text(&json.stdout));
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).expect("it is JSON");
    assert_eq!(document["scenarios"][0]["title"], "red \u{1b}[31m");
}

#[test]
fn saved_runs_of_two_files_with_one_name_are_kept_apart_and_stale_ones_go() {
    let directory = directory();
    let at = |path: &str| directory.path().join(path);
    let violated = |text: &str| text.replace("r = 2", "r = 1").replace("w = 2", "w = 1");
    for folder in ["one", "two"] {
        fs::create_dir(at(folder)).expect("the directory is made");
    }
    fs::write(at("one/r1-w1.toml"), violated(SCENARIO)).expect("the file is written");
    fs::write(at("two/r1-w1.toml"), violated(SCENARIO).replace("\"x\"", "\"y\""))
        .expect("the file is written");
    let output = quorate(directory.path(), &["check", "one/r1-w1.toml", "two/r1-w1.toml", "r1-w1"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    let run_of = |saved: &str| fs::read_to_string(at(saved)).expect("the run was saved");
    let saved = ["one/r1-w1.toml", "two/r1-w1.toml", "r1-w1"]
        .map(|of| format!("quorate-traces/{of}/read-freshness.json"));
    for (saved, client) in saved.iter().zip(["x starts", "y starts", "reader starts"]) {
        assert!(told.contains(&format!("  quorate replay {saved}\n")), "{told}");
        assert!(run_of(saved).contains(client), "{saved}");
        assert!(quorate(directory.path(), &["replay", saved]).status.success());
    }
    // What is found no more is not left, and what is not ours stays.
    let others = at("quorate-traces/one/r1-w1.toml/notes.txt");
    fs::write(&others, "mine").expect("the file is written");
    fs::write(at("one/r1-w1.toml"), SCENARIO).expect("the file is written");
    assert!(quorate(directory.path(), &["check", "one/r1-w1.toml"]).status.success());
    assert!(!at(&saved[0]).exists());
    assert!(others.exists() && at(&saved[1]).exists());
    let left: Vec<_> = fs::read_dir(at("quorate-traces/two/r1-w1.toml"))
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").file_name())
        .collect();
    assert_eq!(left, ["read-freshness.json"], "nothing half written is left");
}

const SCRIPT: &str = r#"title = "A script of the test"

[cluster]
nodes = ["A", "B", "C"]
n = 3
r = 2
w = 2

[[step]]
put = "k"
client = "x"
via = "A"
expect = "ok"

[expect]
write-acknowledged = "reached"
"#;

fn check_script(change: impl Fn(&str) -> String, arguments: &[&str]) -> (TempDir, Output) {
    let directory = directory();
    fs::write(directory.path().join("mine.toml"), change(SCRIPT)).expect("the file is written");
    let output = quorate(directory.path(), arguments);
    (directory, output)
}

#[test]
fn a_script_is_told_step_by_step_and_its_run_can_be_replayed() {
    let (directory, output) = check_script(str::to_owned, &["check", "mine.toml"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}{}", text(&output.stderr));
    assert!(told.contains("script      1 step, 4 transitions"), "{told}");
    assert!(
        told.contains("step 1 (line 9): x: put k = \"x1\" via A\n    1. x starts put"),
        "{told}"
    );
    let saved = "quorate-traces/mine.toml/write-acknowledged.json";
    let replayed = quorate(directory.path(), &["replay", saved]);
    assert_eq!(replayed.status.code(), Some(0), "{}", text(&replayed.stderr));
}

#[test]
fn a_step_that_does_not_come_out_is_told_with_file_and_line_and_is_a_failure() {
    let pending = |script: &str| script.replace("\"ok\"", "\"pending\"");
    let difference = "step 1 (line 9): x: put k = \"x1\" via A: expected no answer yet, got ok";
    let (_directory, output) = check_script(pending, &["check", "mine.toml"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("DIFFERS     mine.toml:9: {difference}")), "{told}");
    let (_directory, output) = check_script(pending, &["check", "--json", "mine.toml"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(document["differing"], 1);
    assert_eq!(document["scenarios"][0]["script"]["difference"]["line"], 9);
}

#[test]
fn what_a_file_says_to_less_effect_than_it_seems_is_told_on_standard_error_and_in_json() {
    let unused = |script: &str| script.replace("w = 2\n", "w = 2\ntokens-per-node = 3\n");
    let warning = "mine.toml:8: warning: cluster.tokens-per-node: has no effect";
    let (_directory, output) = check_script(unused, &["check", "mine.toml"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains(warning), "{told}");
    let (_directory, output) = check_script(unused, &["check", "--json", "mine.toml"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let warnings = document["scenarios"][0]["warnings"].as_array().expect("there are some");
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].as_str().is_some_and(|told| told.starts_with(warning)), "{warnings:?}");
    let (_directory, output) = check_script(str::to_owned, &["check", "mine.toml"]);
    assert!(!text(&output.stderr).contains("warning"), "{}", text(&output.stderr));
}
