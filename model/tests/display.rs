//! States and runs as they are shown to people.

#[path = "support/builtin.rs"]
mod builtin;

use std::sync::Arc;

use quorate_checker::world::{Words, diagram};
use quorate_model::check::{Action, ClusterModel, ClusterState, script};
use quorate_model::scenario::file;
use stateright::Model;

fn model_of(name: &str) -> ClusterModel {
    ClusterModel::new(Arc::new(builtin::builtin(name)))
}

/// The model of a scenario that a test made up.
fn made_up(text: &str) -> ClusterModel {
    let scenario = file::parse("made-up.toml", "made-up", text);
    ClusterModel::new(Arc::new(scenario.unwrap_or_else(|error| panic!("{error}"))))
}

/// Lets one action after another happen, each the first one offered that is told so.
fn walk(model: &ClusterModel, told: &[&str]) -> (Vec<Action>, ClusterState) {
    let mut state = model.init_states().remove(0);
    let mut path = Vec::new();
    for wanted in told {
        let mut offered = Vec::new();
        model.actions(&state, &mut offered);
        let tells: Vec<String> = offered.iter().map(|action| model.tell(&state, action)).collect();
        let at = tells.iter().position(|told| told.starts_with(wanted));
        let action = &offered[at.unwrap_or_else(|| panic!("{wanted} is not in {tells:#?}"))];
        state = model.apply(&state, action.clone()).unwrap();
        path.push(action.clone());
    }
    (path, state)
}

#[test]
fn a_state_shows_records_waits_messages_writes_and_faults() {
    let model = model_of("failed-write-seen");
    let (_, state) = walk(&model, &["writer starts", "A times out", "reader starts", "D -> A"]);
    insta::assert_snapshot!(model.names().state(&state), @r#"
    A             k: "new"@A:1, seen {A:1}
    B             holds nothing
    C             holds nothing
    D             holds nothing
                  reader#1 has 1 of 2 replies: {A}
    writer        has finished
    reader        reader#1 waits for D: get k
    under way     A -> B  Store k: "new"@A:1, seen {A:1} (writer#1)
                  A -> C  Store k: "new"@A:1, seen {A:1} (writer#1)
                  D -> B  Fetch k (reader#1)
                  D -> C  Fetch k (reader#1)
    faults left   none
    "#);
}

#[test]
fn siblings_are_a_line_each() {
    let model = model_of("strict-concurrent");
    let told = ["x starts get k via A", "y starts get k via A"];
    let answered = ["A -> B  Fetch k (x#1)", "A -> B  Fetch k (y#1)"];
    let written = ["x starts put k = \"x1\" via A", "y starts put k = \"y1\" via A"];
    let (_, state) = walk(&model, &[&told[..], &answered, &written].concat());
    insta::assert_snapshot!(model.names().state(&state), @r#"
    A             k: "x1"@A:1
                     "y1"@A:2
                     seen {A:2}
                  x#2 is held by 1 of 2 nodes: {A}
                  y#2 is held by 1 of 2 nodes: {A}
    B             holds nothing
    C             holds nothing
    x             x#2 waits for A: put k = "x1"
    y             y#2 waits for A: put k = "y1"
    under way     A -> B  Store k: "x1"@A:1, seen {A:1} (x#2)
                  A -> C  Store k: "x1"@A:1, seen {A:1} (x#2)
                  A -> B  Store k: "x1"@A:1 | "y1"@A:2, seen {A:2} (y#2)
                  A -> C  Store k: "x1"@A:1 | "y1"@A:2, seen {A:2} (y#2)
    faults left   none
    "#);
}

/// A picture of a run, one line per text: what a reader of the diagram reads.
fn texts(svg: &str) -> Vec<(String, String)> {
    let rows = svg.split("<g><title>").skip(1);
    rows.map(|row| {
        let (title, rest) = row.split_once("</title>").unwrap();
        let label = rest.split("</text>").next().unwrap();
        let label = &label[label.rfind('>').unwrap() + 1..];
        (label.to_owned(), title.to_owned())
    })
    .collect()
}

/// The labels alone, without those of the lifelines.
fn labels(model: &ClusterModel, svg: &str) -> Vec<String> {
    let lifelines = model.scenario().cluster.nodes().len() + model.scenario().clients.len();
    texts(svg).into_iter().skip(lifelines).map(|(label, _)| label).collect()
}

#[test]
fn a_diagram_has_a_row_per_action_and_one_per_answer() {
    let model = model_of("r1-w1");
    let (path, _) = walk(&model, &["writer starts put k = \"new\" via A", "A -> B", "reader"]);
    let svg = diagram::sequence(&model, model.names(), &path);
    let lifelines: Vec<String> = texts(&svg).into_iter().take(5).map(|(label, _)| label).collect();
    assert_eq!(lifelines, ["A", "B", "C", "writer", "reader"]);
    let labels = labels(&model, &svg);
    let put = "put k = &quot;new&quot;";
    let stored = "Store k: &quot;new&quot;";
    let answer = "Ok: nothing";
    let known = "Ok: &quot;new&quot;";
    assert_eq!(labels[..4], [put, "Ok", stored, "get k"]);
    assert!([answer, known].contains(&&*labels[4]), "{labels:?}");
}

/// A cluster of three in which one thing after another can go wrong.
const TROUBLED: &str = r#"
title = "one thing after another goes wrong"
[cluster]
nodes = ["A", "B", "C"]
n = 3
r = 2
w = 2
[[step]]
put = "k"
client = "x"
via = "A"
only = ["A", "B"]
[[step]]
partition = [["A", "B"], ["B", "C"]]
[[step]]
crash = "B"
[[step]]
wipe = "B"
[[step]]
recover = "B"
[[step]]
heal = true
[[step]]
crash = "C"
[expect]
no-lost-write = "holds"
"#;

fn scripted(text: &str) -> (ClusterModel, Vec<Action>) {
    let model = made_up(text);
    let run = script::run(&model);
    assert_eq!(run.difference, None);
    let actions = run.actions();
    (model, actions)
}

/// How often this stands in a picture.
fn count(svg: &str, what: &str) -> usize {
    svg.matches(what).count()
}

#[test]
fn a_reply_that_takes_no_time_is_an_arrow_of_its_own_before_the_answer_that_it_leads_to() {
    let model = model_of("strict-concurrent");
    let (path, _) = walk(&model, &["x starts get k via A", "A -> B  Fetch"]);
    let svg = diagram::sequence(&model, model.names(), &path);
    let expected = ["get k", "Fetch k", "FetchReply: nothing", "Ok: nothing"];
    assert_eq!(labels(&model, &svg), expected);
    assert_eq!(texts(&svg)[7].1, "B -&gt; A  FetchReply: nothing (x#1)");
    // An arrow each, with a tip each.
    assert_eq!(count(&svg, " z\""), 4);
}

/// Two puts, one of which times out: from then on acknowledgements take no time.
const OVERDUE: &str = r#"
title = "an acknowledgement is under way when the last timeout is spent"
[cluster]
nodes = ["A", "B"]
n = 2
r = 1
w = 2
[[client]]
name = "x"
via = ["A"]
program = [{ put = "k" }]
[[client]]
name = "y"
via = ["B"]
program = [{ put = "l" }]
[faults]
timeouts = 1
[expect]
no-lost-write = "holds"
"#;

#[test]
fn an_acknowledgement_that_was_under_way_when_it_stops_taking_time_keeps_its_line() {
    let model = made_up(OVERDUE);
    let told = ["x starts", "y starts", "A -> B  Store", "B times out: request y#1"];
    let (path, _) = walk(&model, &told);
    let svg = diagram::sequence(&model, model.names(), &path);
    let (x, y) = ("put k = &quot;x1&quot;", "put l = &quot;y1&quot;");
    let (store, timeout) = ("Store k: &quot;x1&quot;", "timeout y#1");
    let expected = [x, y, store, timeout, "Unavailable", "StoreAck", "Ok"];
    assert_eq!(labels(&model, &svg), expected);
    // Both the store and its acknowledgement were under way, and what y wrote still is.
    assert_eq!(count(&svg, "stroke-opacity=\"0.6\""), 2);
    assert_eq!(count(&svg, "class=\"under-way\""), 1);
}

#[test]
fn a_lifeline_is_broken_while_its_node_is_down_and_goes_on_when_it_starts_again() {
    let (model, path) = scripted(TROUBLED);
    let down_for = |steps: usize| {
        let svg = diagram::sequence(&model, model.names(), &path[..steps]);
        count(&svg, "class=\"down\"")
    };
    let at =
        |wanted: &str| path.iter().position(|action| model.names().action(action, None) == wanted);
    let (crash, recover) = (at("B crashes").unwrap(), at("B starts again").unwrap());
    assert_eq!(down_for(crash), 0, "nobody is down yet");
    assert_eq!(down_for(crash + 1), 1, "B is");
    assert_eq!(down_for(recover + 1), 1, "B was");
    assert_eq!(down_for(path.len()), 2, "B was, and C is");
    // B: up, down, up. A and x: up. C: up, down.
    let svg = diagram::sequence(&model, model.names(), &path);
    assert_eq!(count(&svg, "<line "), 3 + 2 + 2);
}

#[test]
fn a_node_that_is_down_from_the_beginning_has_a_broken_lifeline_from_the_top() {
    let model = model_of("r1-w3-node-down");
    let svg = diagram::sequence(&model, model.names(), &[]);
    assert_eq!(count(&svg, "class=\"down\""), 1);
    assert_eq!(count(&svg, "<line "), model.scenario().cluster.nodes().len() + 1);
}

#[test]
fn a_split_network_is_a_line_across_all_nodes_with_the_group_of_each() {
    let (model, path) = scripted(TROUBLED);
    let svg = diagram::sequence(&model, model.names(), &path);
    let row = svg.split("<g><title>the network splits: {A, B} | {B, C}</title>").nth(1).unwrap();
    let row = row.split("</g>").next().unwrap();
    let texts: Vec<&str> =
        row.split("</text>").filter_map(|text| Some(&text[text.rfind('>')? + 1..])).collect();
    assert_eq!(texts, ["network splits", "1", "1+2", "2"]);
    assert!(row.contains("stroke-dasharray=\"8 4\""), "{row}");
    let healed = svg.split("<title>the network is whole again</title>").nth(1).unwrap();
    assert!(healed.starts_with("<path d=\"M52,"), "{healed}");
}

#[test]
fn a_network_that_is_split_from_the_beginning_says_so_before_the_first_step() {
    let model = model_of("minority-side");
    let svg = diagram::sequence(&model, model.names(), &[]);
    let (label, title) = texts(&svg).pop().unwrap();
    assert_eq!(label, "network is split");
    assert!(title.starts_with("from the beginning, the network splits: {A} | {B, C}"), "{title}");
}

#[test]
fn what_happens_to_a_disk_is_marked_at_its_node() {
    let (model, path) = scripted(TROUBLED);
    let svg = diagram::sequence(&model, model.names(), &path);
    let row = svg.split("<g><title>B loses its disk</title>").nth(1).unwrap();
    assert!(row.starts_with("<rect x=\"247\""), "a square at the lifeline of B: {row}");
    assert!(row.contains(">disk lost</text>"), "{row}");
}

/// Where acknowledgements take no time, they may find their receiver stopped.
const STOPPED: &str = r#"
title = "the coordinator stops before it is acknowledged"
faulty = ["A"]
[cluster]
nodes = ["A", "B"]
n = 2
r = 1
w = 2
[[client]]
name = "x"
via = ["A"]
program = [{ put = "k" }]
[faults]
crashes = 1
[expect]
no-lost-write = "holds"
"#;

#[test]
fn a_message_that_takes_no_time_to_a_node_that_is_down_is_drawn_as_lost() {
    let model = made_up(STOPPED);
    let (path, _) = walk(&model, &["x starts put", "A crashes", "A -> B  Store"]);
    let svg = diagram::sequence(&model, model.names(), &path);
    let (label, title) = texts(&svg).pop().unwrap();
    assert_eq!((&*label, &*title), ("lost: StoreAck", "reaches nobody: B -&gt; A  StoreAck (x#1)"));
}

const LONG: &str = r#"
title = "long and hostile words"
[cluster]
nodes = ["A", "B"]
n = 2
r = 1
w = 1
[[client]]
name = "a-client-of-a-long-name"
program = [{ put = "k", value = "<b>a value that is much longer than a column</b>" }]
[expect]
no-lost-write = "holds"
"#;

#[test]
fn long_labels_are_cut_and_told_whole_where_the_pointer_rests() {
    let model = made_up(LONG);
    let (path, _) = walk(&model, &["a-client-of-a-long-name starts"]);
    let svg = diagram::sequence(&model, model.names(), &path);
    assert!(!svg.contains("<b>"), "values are escaped: {svg}");
    let texts = texts(&svg);
    let (name, whole_name) = &texts[2];
    assert_eq!((&**name, &**whole_name), ("a-client-of-a…", "a-client-of-a-long-name"));
    let (label, title) = &texts[3];
    assert!(label.starts_with("put k = &quot;&lt;b&gt;a") && label.ends_with('…'), "{label}");
    assert!(title.contains("much longer than a column&lt;/b&gt;"), "{title}");
}

#[test]
fn every_builtin_scenario_can_be_drawn() {
    for builtin in quorate_model::scenario::builtin::ALL {
        let model = ClusterModel::new(Arc::new(builtin.parse().unwrap()));
        let mut state = model.init_states().remove(0);
        let mut path = Vec::new();
        for step in 0..20_usize {
            let mut offered = Vec::new();
            model.actions(&state, &mut offered);
            if offered.is_empty() {
                break;
            }
            // Not always the first, so that faults happen too.
            let action = offered.swap_remove(step * 7 % offered.len());
            state = model.apply(&state, action.clone()).unwrap();
            path.push(action);
        }
        let texts = texts(&diagram::sequence(&model, model.names(), &path));
        assert!(texts.len() > path.len(), "{}", builtin.name);
    }
}
