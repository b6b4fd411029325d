//! Every property says in one sentence why a run violates it, or reaches what it asks for, with the
//! scenario's names; and so does every operation what became of it.

#[path = "support/builtin.rs"]
mod builtin;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use builtin::builtin;
use quorate_checker::{Bounds, Outcome, Switch, explore};
use quorate_model::check::explain::reason;
use quorate_model::check::property::ALL;
use quorate_model::check::script::{judge, run};
use quorate_model::check::search::{Wanted, shortest};
use quorate_model::check::trace::walk;
use quorate_model::check::{Action, ClusterModel, Expected, PropertyKind, PropertySpec};
use quorate_model::scenario::builtin::ALL as BUILTINS;
use quorate_model::scenario::file::parse;

/// A shortest run that violates the property or reaches what it asks for.
fn shown(model: &ClusterModel, property: &'static PropertySpec) -> Vec<Action> {
    let run = |wanted: Wanted<'_>| shortest(model, &[wanted], usize::MAX).paths.swap_remove(0);
    let found = match property.kind {
        PropertyKind::Safety { holds, .. } => run(&|state| !holds(&model.view(state))),
        PropertyKind::Reachability { reached, .. } => run(&|state| reached(&model.view(state))),
        PropertyKind::EventuallyAlways { goal, .. } => {
            let system = model.with_goals(&[goal]);
            let explored = explore(&system, &Bounds::default(), &Switch::default());
            match explored.decide(&system).swap_remove(0).outcome {
                Outcome::Violated(violation) => Some([violation.stem, violation.cycle].concat()),
                Outcome::Holds | Outcome::Undecided => None,
            }
        }
    };
    found.unwrap_or_else(|| panic!("{} is not shown", property.name))
}

/// Scenarios that are small, and show every property between them.
const SHOWING: &[&str] = &[
    "r1-w1",
    "own-write-missed",
    "own-write-not-followed",
    "blind-writes",
    "session-moves",
    "session-disk-lost-serves",
    "failed-write-seen",
    "in-flight-write",
    "retry-disk-lost",
    "shared-node-id",
    "scalar-concurrent",
    "sibling-explosion-server-clock-script",
    "write-quorum-half-script",
    "delete-lost",
    "delete-older-disk",
    "delete-collected-anti-entropy",
    "hint-home-disk-lost",
    "two-disks-lost",
    "node-stays-down",
    "r1-w3-node-down",
    "r3-w1-node-down",
    "context-pruned",
    "restarts-anew",
    "siblings-limit-held",
    "refusal-doubled-trusted",
];

#[test]
fn every_property_says_in_one_sentence_why_a_run_shows_it() {
    let (mut told, mut properties) = (String::new(), BTreeSet::new());
    for name in SHOWING {
        let model = ClusterModel::new(Arc::new(builtin(name)));
        let scripted = run(&model);
        let findings = judge(&model, &scripted);
        for property in model.judged() {
            let expected = model.scenario().expect[property.name];
            if !matches!(expected, Expected::Violated | Expected::Reached) {
                continue;
            }
            let actions = match model.scenario().script {
                Some(_) => {
                    let finding =
                        findings.iter().find(|found| found.property.name == property.name);
                    let shown = finding.and_then(|found| found.shown_after).expect("it is shown");
                    scripted.actions()[..shown].to_vec()
                }
                None => shown(&model, property),
            };
            let reason = reason(&model, property, &actions)
                .unwrap_or_else(|| panic!("{name}: nothing is said of {}", property.name));
            let _ = writeln!(told, "{name}: {} {expected}\n    {reason}", property.name);
            properties.insert(property.name);
        }
    }
    let all: BTreeSet<_> = ALL.iter().map(|property| property.name).collect();
    assert_eq!(properties, all, "SHOWING shows every property");
    insta::assert_snapshot!(told);
}

#[test]
fn nothing_is_said_of_a_run_that_shows_nothing() {
    let model = ClusterModel::new(Arc::new(builtin("r1-w1")));
    for property in model.judged() {
        assert_eq!(reason(&model, property, &[]), None, "{}", property.name);
    }
}

#[test]
fn a_model_that_explains_takes_the_same_steps_as_one_that_does_not() {
    for builtin in BUILTINS.iter().filter(|builtin| builtin.name.ends_with("-script")) {
        let scenario = builtin.parse().unwrap_or_else(|error| panic!("{error}"));
        let model = ClusterModel::new(Arc::new(scenario));
        let actions = run(&model).actions();
        let (plain, _) = walk(&model, &actions);
        let (explaining, _) = walk(&model.explaining(), &actions);
        assert_eq!(plain.len(), actions.len(), "{}", builtin.name);
        let changes = |steps: &[quorate_model::check::trace::ReplayedStep]| -> Vec<_> {
            steps.iter().map(|step| (step.words.clone(), step.changes.clone())).collect()
        };
        assert_eq!(changes(&plain), changes(&explaining), "{}", builtin.name);
    }
}

#[test]
fn every_operation_says_what_became_of_it() {
    let model = ClusterModel::new(Arc::new(builtin("quorum-lost-script")));
    let (steps, _) = walk(&model, &run(&model).actions());
    let outcomes: Vec<String> = steps.into_iter().flat_map(|step| step.outcomes).collect();
    insta::assert_snapshot!(outcomes.join("\n"));
}

/// A script of one key at two homes, tombstones going as `reaping` says, that expects `holds` of
/// whatever it is asked.
fn found(reaping: &str, steps: &str, property: &str) -> (Expected, Option<String>) {
    let text = format!(
        "title = \"made up\"\n[cluster]\nnodes = [\"A\", \"B\"]\nn = 2\nr = 1\nw = 1\n\
         reaping = \"{reaping}\"\n{steps}\n[expect]\n{property} = \"holds\"\n"
    );
    let scenario =
        parse("made-up.toml", "made-up", &text).unwrap_or_else(|error| panic!("{error}"));
    let model = ClusterModel::new(Arc::new(scenario));
    let run = run(&model);
    assert_eq!(run.difference, None);
    let finding = judge(&model, &run).swap_remove(0);
    let actions = run.actions();
    let shown = finding.shown_after.map(|shown| &actions[..shown]);
    (finding.found, shown.and_then(|shown| reason(&model, finding.property, shown)))
}

/// `x` writes `v` at both homes, reads it and deletes it at A alone.
const DELETED_AT_A: &str = r#"
[[step]]
put = "k"
value = "v"
client = "x"
via = "A"
expect = "ok"
[[step]]
deliver = "all"
[[step]]
get = "k"
client = "x"
via = "A"
only = ["A"]
finds = ["v"]
[[step]]
delete = "k"
client = "x"
via = "A"
only = ["A"]
expect = "ok"
[[step]]
drop = { kind = "Store", to = "B" }
"#;

#[test]
fn a_stale_read_is_no_resurrection_while_somebody_holds_the_delete() {
    let read = format!(
        "{DELETED_AT_A}\n[[step]]\nget = \"k\"\nclient = \"y\"\nvia = \"B\"\nonly = [\"B\"]\n\
         finds = [\"v\"]\n"
    );
    assert_eq!(found("off", &read, "no-resurrection"), (Expected::Holds, None));
    let (stale, reason) = found("off", &read, "read-freshness");
    assert_eq!(stale, Expected::Violated);
    let reason = reason.expect("it is said why");
    assert_eq!(reason, "y read \"v\", though x's delete was acknowledged before the read began");
}

#[test]
fn a_delete_that_was_reaped_is_lost_as_long_as_somebody_holds_what_it_covered() {
    let reaped = format!("{DELETED_AT_A}\n[[step]]\nfire = {{ timer = \"reap\", node = \"A\" }}\n");
    for property in ["no-lost-write", "no-resurrection"] {
        let (found, reason) = found("by-age", &reaped, property);
        assert_eq!(found, Expected::Violated, "{property}");
        let reason = reason.expect("it is said why");
        assert!(reason.ends_with("B holds \"v\", which it covered"), "{reason}");
    }
}

#[test]
fn finding_nothing_is_stale_unless_the_delete_was_reaped() {
    // B never heard of v, so a read of B finds nothing: before anything was reaped that is stale.
    let unheard = r#"
[[step]]
put = "k"
value = "v"
client = "x"
via = "A"
only = ["A"]
expect = "ok"
[[step]]
drop = { kind = "Store", to = "B" }
[[step]]
get = "k"
client = "x"
via = "A"
only = ["A"]
finds = ["v"]
[[step]]
delete = "k"
client = "x"
via = "A"
only = ["A"]
expect = "ok"
[[step]]
drop = { kind = "Store", to = "B" }
"#;
    let read = "[[step]]\nget = \"k\"\nclient = \"y\"\nvia = \"B\"\nonly = [\"B\"]\nfinds = []\n";
    let reap = "[[step]]\nfire = { timer = \"reap\", node = \"A\" }\n";
    let (stale, _) = found("by-age", &format!("{unheard}{read}"), "read-freshness");
    assert_eq!(stale, Expected::Violated);
    let (fresh, _) = found("by-age", &format!("{unheard}{reap}{read}"), "read-freshness");
    assert_eq!(fresh, Expected::Holds);
}
