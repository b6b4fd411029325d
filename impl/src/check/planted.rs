//! Making the protocol wrong on purpose, to see which checks notice.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use comfy_table::Table;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use quorate_model::check::Expected;
use quorate_model::deviation::Deviation;
use quorate_model::scenario::Scenario;

use super::limits::Limits;
use super::runner::check;

/// What one fault makes of the scenarios.
#[derive(Clone, Debug)]
pub struct Planted {
    /// The fault.
    pub fault: Deviation,
    /// Per property that some scenario expects to hold, or not to be reached, and that then does
    /// not or is: the shortest run that shows it.
    pub caught: BTreeMap<&'static str, Caught>,
}

/// What stands in the place of a property where a script does not come out as it says.
const SCRIPT: &str = "(a script's step)";

/// A run that shows a fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caught {
    /// How many steps it has.
    pub steps: usize,
    /// Of which scenario it is.
    pub scenario: String,
}

/// Checks every scenario that is right by itself with this fault. Runs may be cut: what was found
/// until then was found.
#[must_use]
pub fn plant(fault: Deviation, scenarios: &[Arc<Scenario>], limits: &Limits) -> Planted {
    let mut caught: BTreeMap<&'static str, Caught> = BTreeMap::new();
    for scenario in scenarios.iter().filter(|scenario| scenario.spec.deviations.is_empty()) {
        let report = check(&Arc::new(scenario.with_deviation(fault)), limits, |_| {});
        if let Some(played) = report.script.as_ref().filter(|played| played.difference.is_some()) {
            let here = Caught { steps: played.transitions, scenario: scenario.name.clone() };
            let before = caught.get(SCRIPT).map(|known| known.steps);
            if before.is_none_or(|before| here.steps < before) {
                caught.insert(SCRIPT, here);
            }
        }
        for verdict in &report.verdicts {
            let (Some(path), Some(found)) = (&verdict.path, verdict.found) else { continue };
            let is_caught = matches!(
                (verdict.expected, found),
                (Expected::Holds, Expected::Violated) | (Expected::NotReached, Expected::Reached)
            );
            let here = Caught { steps: path.len(), scenario: scenario.name.clone() };
            let before = caught.get(verdict.property.name).map(|known| known.steps);
            if is_caught && before.is_none_or(|before| here.steps < before) {
                caught.insert(verdict.property.name, here);
            }
        }
    }
    Planted { fault, caught }
}

/// Fault by property: the length of the shortest counterexample.
#[must_use]
pub fn matrix(planted: &[Planted], as_markdown: bool) -> String {
    let mut properties: Vec<&str> =
        planted.iter().flat_map(|planted| planted.caught.keys().copied()).collect();
    properties.sort_unstable();
    properties.dedup();
    let mut table = Table::new();
    table.load_style(if as_markdown { ASCII_MARKDOWN } else { UTF8_FULL_CONDENSED });
    let header = ["fault", "what is done"].into_iter().chain(properties.iter().copied());
    table.set_header(header.chain(["caught first by"]));
    for Planted { fault, caught } in planted {
        let lengths = properties.iter().map(|property| {
            caught.get(property).map_or_else(String::new, |caught| caught.steps.to_string())
        });
        let first = caught.values().min_by_key(|caught| caught.steps);
        let first = first.map_or_else(|| "NOTHING".to_owned(), |first| first.scenario.clone());
        let row = [fault.to_string(), fault.statement().to_owned()].into_iter().chain(lengths);
        table.add_row(row.chain([first]));
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// The last line.
#[must_use]
pub fn summary(planted: &[Planted]) -> String {
    let missed: Vec<String> = planted
        .iter()
        .filter(|planted| planted.caught.is_empty())
        .map(|planted| planted.fault.to_string())
        .collect();
    let mut text = format!("{} planted faults", planted.len());
    if missed.is_empty() {
        text.push_str(": every one is caught");
    } else {
        let _ = write!(text, ": nothing catches {}", missed.join(", "));
    }
    text
}
