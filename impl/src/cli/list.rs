//! `quorate check --list`: the scenarios that ship, by topic.

use std::path::Path;

use quorate_model::scenario::Scenario;
use quorate_model::scenario::builtin::{ALL, Builtin};
use serde::Serialize;

use super::scenario::{Loaded, load_builtin};
use super::{Failure, output};
use crate::styled::{ASIDE, NAME, PLAIN, Styled, wrapped};

/// A scenario that ships, for programs.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    topic: &'a str,
    title: &'a str,
    notes: &'a str,
    /// Whether it is checked when no scenario is named.
    default: bool,
    /// What is expected of which property.
    expect: Vec<&'a str>,
}

/// Prints the scenarios that speak of every one of these words, which need not be whole.
///
/// # Errors
/// When none does.
pub fn print(words: &[String], with_notes: bool, as_json: bool) -> Result<(), Failure> {
    let all = ALL.iter().map(|builtin| Ok((builtin, load_builtin(builtin)?)));
    let all = all.collect::<Result<Vec<(&Builtin, Loaded)>, Failure>>()?;
    let found: Vec<&(&Builtin, Loaded)> = all
        .iter()
        .filter(|(builtin, loaded)| {
            let said = said(builtin, &loaded.scenario);
            words.iter().all(|word| said.contains(&word.to_lowercase()))
        })
        .collect();
    if found.is_empty() {
        return Err(Failure::Usage(format!(
            "no scenario that ships speaks of `{}`; `quorate check --list` lists all of them",
            words.join(" ")
        )));
    }
    if as_json {
        let listed = found.iter().map(|(builtin, loaded)| Listed {
            name: builtin.name,
            topic: builtin.topic,
            title: &loaded.scenario.title,
            notes: loaded.scenario.notes.trim(),
            default: loaded.scenario.default,
            expect: loaded.scenario.expect.keys().map(String::as_str).collect(),
        });
        return output::json(&listed.collect::<Vec<_>>());
    }
    let mut text = Styled::new();
    for of_topic in found.chunk_by(|(one, _), (other, _)| one.topic == other.topic) {
        text.push(NAME, format!("{}\n", of_topic[0].0.topic));
        let lengths = of_topic.iter().map(|(builtin, _)| builtin.name.len());
        let width = lengths.max().unwrap_or_default();
        for (_, loaded) in of_topic {
            text.append(entry(&loaded.scenario, width, with_notes));
        }
    }
    output::print(text)
}

/// Everything that a scenario can be found by.
fn said(builtin: &Builtin, scenario: &Scenario) -> String {
    let properties = scenario.expect.keys().map(String::as_str);
    let parts = [builtin.name, builtin.topic, &*scenario.title, &*scenario.notes];
    parts.into_iter().chain(properties).collect::<Vec<_>>().join("\n").to_lowercase()
}

fn entry(scenario: &Scenario, width: usize, with_notes: bool) -> Styled {
    let mut text = Styled::new();
    let large = if scenario.default { "" } else { " (only by name or with --deep)" };
    let title = format!("{}{large}", scenario.title);
    text.push(PLAIN, wrapped(&format!("  {:<width$}  ", scenario.name), &title));
    text.push(PLAIN, "\n");
    if with_notes && !scenario.notes.trim().is_empty() {
        text.push(ASIDE, wrapped("      ", &scenario.notes));
        text.push(PLAIN, "\n");
    }
    text
}

/// The names of scenarios that ship and are like this one, the most similar first.
#[must_use]
pub fn near(name: &str) -> Vec<&'static str> {
    const LIKE: f64 = 0.85;
    const TOLD: usize = 4;
    // Who gives a file that is not there may mean the scenario that ships.
    let stem =
        Path::new(name).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
    if stem.is_empty() {
        return Vec::new();
    }
    let like = |known: &str| match known.contains(&stem) {
        true => 1.0,
        false => strsim::jaro_winkler(&stem, known),
    };
    let mut near: Vec<(f64, &str)> =
        ALL.iter().map(|builtin| (like(builtin.name), builtin.name)).collect();
    near.retain(|(likeness, _)| *likeness >= LIKE);
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.into_iter().take(TOLD).map(|(_, name)| name).collect()
}
