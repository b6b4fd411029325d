//! Checking a scenario file, and telling what came out.

use std::fmt::Write;

use derive_where::derive_where;

use super::World;
use super::judged::Judged;
use super::property::Property;
use super::protocol::Protocol;
use super::saved::SavedPath;
use super::scenario_file::ScenarioFile;
use super::walk::numbered;
use super::words::Words;
use crate::traversal::{Bounds, Switch, explore};

/// What a check of a scenario file found.
#[derive_where(Clone, Debug)]
pub struct Report<P: Protocol> {
    /// What came out, with the steps of each run that shows a violation or reaches what is to be reached.
    pub text: String,
    /// Whether every state was visited, and every verdict is as the scenario expects and not vacuous.
    pub is_as_expected: bool,
    /// The runs, to be saved, replayed and browsed.
    pub runs: Vec<SavedPath<P>>,
}

/// Visits every state of a scenario, judges these properties in it and tells what came out.
#[must_use]
pub fn report<T, S, P: Protocol>(
    scenario: &ScenarioFile<T, S>,
    world: &World<P>,
    words: &impl Words<P>,
    properties: Vec<Property<P>>,
) -> Report<P> {
    let system = Judged::new(world, properties);
    let explored = explore(&system, &Bounds::default(), &Switch::default());
    let mut text = format!("{}\n{} distinct states\n", scenario.title, explored.distinct());
    let mut is_as_expected = explored.is_exhausted();
    let mut runs = Vec::new();
    for (property, verdict) in system.properties().iter().zip(system.verdicts(&explored)) {
        is_as_expected &= scenario.is_as_expected(property.name, &verdict);
        let Some(found) = verdict.found else {
            let _ = writeln!(text, "\n{}: undecided", property.name);
            continue;
        };
        let vacuous = if verdict.is_vacuous() { ", for lack of occasion" } else { "" };
        let _ = writeln!(text, "\n{}: {found}{vacuous}", property.name);
        let Some(run) = verdict.run else { continue };
        let cycle = verdict.endings.map_or(0, |endings| endings.cycle);
        let (steps, _) = world.walk(words, &run);
        for line in numbered(&steps, cycle) {
            let _ = writeln!(text, "{line}");
        }
        let (file, toml) = (&scenario.file, &scenario.text);
        runs.push(SavedPath::new(file, toml, property.name, found, &steps, cycle));
    }
    Report { text, is_as_expected, runs }
}
