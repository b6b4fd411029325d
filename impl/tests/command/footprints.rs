//! `quorate check --footprints` as a user meets it.

use std::process::Output;

use crate::command::{directory, quorate_in, text};
use serde_json::Value;

fn footprints(arguments: &[&str]) -> Output {
    quorate_in(directory().path(), &[&["check", "--footprints"], arguments].concat())
}

#[test]
fn every_step_of_named_scenarios_is_compared_with_its_declaration() {
    let output = footprints(&["r2-w1", "disk-lost"]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    for part in ["✓ r2-w1", "✓ disk-lost", "searches", "each as it declares"] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
}

#[test]
fn the_comparison_is_told_as_json() {
    let output = footprints(&["--json", "strict-concurrent"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert!(output.status.success());
    assert_eq!(document["as_declared"], Value::Bool(true));
    let scenario = &document["scenarios"][0];
    assert!(scenario["steps"].as_u64() > Some(100));
    assert!(scenario["steps_elsewhere"].as_u64() > scenario["steps"].as_u64());
    assert!(scenario["pairs_independent"].as_u64() > Some(0));
}

#[test]
fn declarations_that_are_wrong_on_purpose_are_told_with_where_they_are_noticed() {
    let output = footprints(&["--planted", "r2-w1"]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    for part in ["Store does not declare to send StoreAck: in r2-w1", "wrong declarations noticed"]
    {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
}
