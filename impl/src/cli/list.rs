//! `quorate check --list`: the scenarios that ship, by topic.

use std::path::Path;

use serde::Serialize;

use super::scenario::{Found, Shipped, of_either};
use super::{Failure, output};
use crate::check::Case;
use crate::styled::{ASIDE, NAME, PLAIN, Styled, wrapped};

/// A scenario that ships, for programs.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    /// Whose scenario it is.
    protocol: &'a str,
    topic: String,
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
    let all = Shipped::all().map(|shipped| Ok((shipped, shipped.load()?)));
    let all = all.collect::<Result<Vec<(Shipped, Found)>, Failure>>()?;
    let found: Vec<&(Shipped, Found)> = all
        .iter()
        .filter(|(shipped, found)| {
            let said = of_either!(found, loaded => said(*shipped, &loaded.scenario));
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
        let listed = found.iter().map(
            |(shipped, found)| of_either!(found, loaded => listed(*shipped, &loaded.scenario)),
        );
        return output::json(&listed.collect::<Vec<_>>());
    }
    let mut text = Styled::new();
    let same_topic =
        |(one, _): &&(Shipped, Found), (other, _): &&(Shipped, Found)| one.topic() == other.topic();
    for of_topic in found.chunk_by(same_topic) {
        text.push(NAME, format!("{}\n", of_topic[0].0.topic()));
        let lengths = of_topic.iter().map(|(shipped, _)| shipped.name().len());
        let width = lengths.max().unwrap_or_default();
        for (_, found) in of_topic {
            text.append(of_either!(found, loaded => entry(&loaded.scenario, width, with_notes)));
        }
    }
    output::print(text)
}

fn listed<C: Case>(shipped: Shipped, case: &C) -> Listed<'_> {
    Listed {
        name: shipped.name(),
        protocol: C::PROTOCOL,
        topic: shipped.topic(),
        title: case.title(),
        notes: case.notes().trim(),
        default: case.is_default(),
        expect: case.expectations().keys().map(String::as_str).collect(),
    }
}

/// Everything that a scenario can be found by.
fn said(shipped: Shipped, case: &impl Case) -> String {
    let properties = case.expectations().keys().map(String::as_str);
    let topic = shipped.topic();
    let parts = [shipped.name(), &*topic, case.title(), case.notes()];
    parts.into_iter().chain(properties).collect::<Vec<_>>().join("\n").to_lowercase()
}

fn entry(case: &impl Case, width: usize, with_notes: bool) -> Styled {
    let mut text = Styled::new();
    let is_beyond = Shipped::named(case.name()).is_some_and(Shipped::is_beyond);
    let large = match (case.is_default(), is_beyond) {
        (true, _) => "",
        (false, true) => " (only by name: too large to be searched to its end)",
        (false, false) => " (only by name or with --deep)",
    };
    let title = format!("{}{large}", case.title());
    text.push(PLAIN, wrapped(&format!("  {:<width$}  ", case.name()), &title));
    text.push(PLAIN, "\n");
    if with_notes && !case.notes().trim().is_empty() {
        text.push(ASIDE, wrapped("      ", case.notes()));
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
        Shipped::all().map(|shipped| (like(shipped.name()), shipped.name())).collect();
    near.retain(|(likeness, _)| *likeness >= LIKE);
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.into_iter().take(TOLD).map(|(_, name)| name).collect()
}
