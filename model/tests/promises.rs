//! The promises that `docs/claims.md` makes are those that scenarios check, on both sides of every
//! condition.

#[path = "support/builtin.rs"]
mod builtin;

use std::collections::BTreeSet;

use builtin::builtin;
use quorate_model::check::Expected;

const DOCUMENT: &str = include_str!("../../docs/claims.md");

/// Safety properties that no configuration promises.
const NOT_PROMISED: &[&str] = &["failed-write-invisible"];

struct Promise<'a> {
    property: &'a str,
    condition: &'a str,
    met: Vec<&'a str>,
    broken: Vec<&'a str>,
}

/// What stands between backquotes.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn promises() -> Vec<Promise<'static>> {
    let (_, rest) = DOCUMENT.split_once("<!-- promises: begin -->").expect("the table begins");
    let (table, _) = rest.split_once("<!-- promises: end -->").expect("the table ends");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let promise = |row: &'static str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, property, condition, met, broken, _] = cells[..] else { panic!("{row}") };
        let property = quoted(property)[0];
        Promise { property, condition, met: quoted(met), broken: quoted(broken) }
    };
    rows.map(promise).collect()
}

#[test]
fn every_condition_of_a_promise_has_a_scenario_on_each_side() {
    let promises = promises();
    assert!(promises.len() > 20, "the table has a row per condition");
    for Promise { property, condition, met, broken } in promises {
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
