//! The promises that `docs/claims.md` makes are those that scenarios check, on both sides of every
//! condition.

#[path = "support/builtin.rs"]
mod builtin;

use std::collections::BTreeSet;

use builtin::builtin;
use quorate_model::check::property::{ALL, Promise};
use quorate_model::check::{Expected, PropertySpec};
use quorate_model::scenario::{builtin::ALL as BUILTIN, counterexample};

const DOCUMENT: &str = include_str!("../../docs/claims.md");

/// Safety properties that no configuration promises.
const NOT_PROMISED: &[&str] = &["failed-write-invisible"];

struct Row<'a> {
    property: &'a str,
    condition: &'a str,
    met: Vec<&'a str>,
    broken: Vec<&'a str>,
}

/// What stands between backquotes.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn promises() -> Vec<Row<'static>> {
    let (_, rest) = DOCUMENT.split_once("<!-- promises: begin -->").expect("the table begins");
    let (table, _) = rest.split_once("<!-- promises: end -->").expect("the table ends");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let promise = |row: &'static str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, property, condition, met, broken, _] = cells[..] else { panic!("{row}") };
        let property = quoted(property)[0];
        Row { property, condition, met: quoted(met), broken: quoted(broken) }
    };
    rows.map(promise).collect()
}

#[test]
fn every_condition_of_a_promise_has_a_scenario_on_each_side() {
    let promises = promises();
    assert!(promises.len() > 20, "the table has a row per condition");
    for Row { property, condition, met, broken } in promises {
        for (scenarios, expected) in [(met, Expected::Holds), (broken, Expected::Violated)] {
            assert!(!scenarios.is_empty(), "{property} under {condition}: nothing is {expected}");
            for name in scenarios {
                let scenario = builtin(name);
                assert!(scenario.script.is_none(), "{name}: a script is one run, and no claim");
                let found = scenario.expect.get(property);
                assert_eq!(found, Some(&expected), "{property} under {condition}: {name}");
            }
        }
    }
}

#[test]
fn every_property_that_can_hold_is_promised_or_said_not_to_be() {
    let promised: BTreeSet<&str> = promises().iter().map(|promise| promise.property).collect();
    for property in quorate_model::check::property::ALL {
        let is_promised = promised.contains(property.name);
        let can_hold = property.admits(Expected::Holds);
        let is_said = NOT_PROMISED.contains(&property.name);
        assert_eq!(is_promised, can_hold && !is_said, "{}", property.name);
    }
}

/// What traces are judged by, and `quorate config check` tells, is what searches find: wherever a property is
/// violated, no cluster that is set so promises it. Not asked are scenarios with what no cluster knows of itself: disks that are
/// older than they were, clients that lie, nodes that share a name, a protocol that is wrong on purpose.
#[test]
fn no_cluster_promises_what_a_scenario_shows_to_be_violated() {
    let mut compared = BTreeSet::new();
    for builtin in BUILTIN {
        let scenario = builtin.parse().unwrap_or_else(|error| panic!("{error}"));
        let promised: Vec<&str> = scenario.promised().map(|property| property.name).collect();
        if scenario.script.is_some() || promised.is_empty() {
            continue;
        }
        let violated = scenario.expect.iter().filter(|(_, found)| **found == Expected::Violated);
        for property in violated.filter_map(|(property, _)| PropertySpec::named(property)) {
            let name = property.name;
            assert!(!promised.contains(&name), "{}: {name} is promised and violated", builtin.name);
            if property.promise(&scenario.cluster).is_some() {
                compared.insert((name, builtin.name));
            }
        }
    }
    let properties: BTreeSet<&str> = compared.iter().map(|(property, _)| *property).collect();
    println!("{} verdicts of {} properties", compared.len(), properties.len());
    assert!(compared.len() >= 50 && properties.len() >= 12, "{compared:?}");
}

/// The promises of the cluster of a built-in scenario.
fn promised_by(name: &str, property: &str) -> Option<Promise> {
    let property = PropertySpec::named(property).expect("there is such a property");
    property.promise(&builtin(name).cluster)
}

#[test]
fn a_promise_says_how_many_disks_may_be_lost() {
    assert_eq!(promised_by("strict-concurrent", "read-freshness"), Some(Promise::UpTo(1)));
    assert_eq!(promised_by("strict-concurrent", "no-lost-write"), Some(Promise::UpTo(1)));
    assert_eq!(promised_by("strict-concurrent", "unique-dots"), Some(Promise::Always));
    assert_eq!(promised_by("strict-concurrent", "hint-safety"), Some(Promise::UpTo(0)));
    assert_eq!(promised_by("r1-w1", "read-freshness"), Some(Promise::Not));
    assert_eq!(promised_by("r1-w1", "no-lost-write"), Some(Promise::UpTo(0)));
    assert_eq!(promised_by("r1-w1", "convergence"), None);
}

#[test]
fn a_counterexample_is_a_scenario_of_a_cluster_that_is_set_alike() {
    let shown = |property: &str, name: &str| {
        let property = PropertySpec::named(property).expect("there is such a property");
        counterexample(property, &builtin(name).cluster).map(|builtin| builtin.name)
    };
    assert_eq!(shown("read-freshness", "r1-w1"), Some("r1-w1"));
    assert_eq!(shown("monotonic-reads", "failed-write-seen"), Some("failed-write-seen"));
    assert_eq!(shown("no-lost-write", "lww-concurrent"), Some("lww-concurrent"));
    assert_eq!(shown("read-freshness", "sloppy-partition"), Some("sloppy-partition"));
}

#[test]
fn what_is_promised_has_no_counterexample() {
    for name in ["strict-concurrent", "sloppy-convergence", "delete-collected", "r1-w1"] {
        let cluster = builtin(name).cluster;
        let promised = |property: &&PropertySpec| {
            property.promise(&cluster).is_some_and(|promise| promise != Promise::Not)
        };
        assert!(ALL.iter().any(|property| promised(&property)), "{name}");
        for property in ALL.iter().filter(promised) {
            let shown = counterexample(property, &cluster).map(|builtin| builtin.name);
            assert_eq!(shown, None, "{name}: {}", property.name);
        }
    }
}
