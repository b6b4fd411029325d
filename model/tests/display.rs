//! States and runs as they are shown to people.

use std::sync::Arc;

use quorate_model::check::{Action, ClusterModel, ClusterState, diagram};
use quorate_model::scenario::builtin::Builtin;
use quorate_model::scenario::file;
use stateright::Model;

fn builtin(name: &str) -> ClusterModel {
    ClusterModel::new(Arc::new(Builtin::named(name).unwrap().parse().unwrap()))
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
    let model = builtin("failed-write-seen");
    let (_, state) = walk(&model, &["writer starts", "A times out", "reader starts", "D -> A"]);
    insta::assert_snapshot!(format!("{state:?}"), @r#"
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
    let model = builtin("strict-concurrent");
    let told = ["x starts get k via A", "y starts get k via A"];
    let answered = ["A -> B  Fetch k (x#1)", "A -> B  Fetch k (y#1)"];
    let written = ["x starts put k = \"x1\" via A", "y starts put k = \"y1\" via A"];
    let (_, state) = walk(&model, &[&told[..], &answered, &written].concat());
    insta::assert_snapshot!(format!("{state:?}"), @r#"
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

#[test]
fn a_diagram_has_a_row_per_action_and_one_per_answer() {
    let model = builtin("r1-w1");
    let (path, _) = walk(&model, &["writer starts put k = \"new\" via A", "A -> B", "reader"]);
    let texts = texts(&diagram::sequence(&model, &path));
    let labels: Vec<&str> = texts.iter().map(|(label, _)| label.as_str()).collect();
    let put = "put k = &quot;new&quot;";
    let stored = "Store k: &quot;new&quot;";
    let answer = "Ok: nothing";
    let known = "Ok: &quot;new&quot;";
    assert_eq!(labels[..5], ["A", "B", "C", "writer", "reader"]);
    assert_eq!(labels[5..9], [put, "Ok", stored, "get k"]);
    assert!([answer, known].contains(&labels[9]), "{labels:?}");
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
    let scenario = file::parse("long.toml", "long", LONG).unwrap();
    let model = ClusterModel::new(Arc::new(scenario));
    let (path, _) = walk(&model, &["a-client-of-a-long-name starts"]);
    let svg = diagram::sequence(&model, &path);
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
        let texts = texts(&diagram::sequence(&model, &path));
        assert!(texts.len() > path.len(), "{}", builtin.name);
    }
}
