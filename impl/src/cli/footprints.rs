//! `quorate check --footprints`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use quorate_checker::Switch;
use quorate_model::check::ClusterModel;
use quorate_model::check::footprints::{Comparison, Extent, compare, forget_each};
use quorate_model::check::trace::{numbered, walk};
use quorate_model::scenario::Scenario;
use serde::Serialize;

use super::scenario::Loaded;
use super::{Failure, output};
use crate::check::text::grouped;

/// Compares every step that the searches of scenarios take with what it declares; scripts have none.
///
/// # Errors
/// When a step does something else than it declares, or some steps were not compared.
pub(super) fn run(loaded: &[Loaded], extent: Extent, json: bool) -> Result<(), Failure> {
    if !json {
        output::print(header())?;
    }
    let mut entries = Vec::new();
    let mut differing = Vec::new();
    let (mut searched, mut steps) = (0, 0);
    for scenario in loaded.iter().map(|loaded| &loaded.scenario) {
        let started = Instant::now();
        let is_searched = scenario.script.is_none();
        let comparison =
            is_searched.then(|| compare(scenario, extent, &Switch::default())).flatten();
        let Some(comparison) = comparison else { continue };
        searched += 1;
        steps += comparison.steps;
        if !comparison.is_as_declared() {
            differing.push(scenario.name.clone());
        }
        if json {
            entries.push(Entry::new(&scenario.name, &comparison));
        } else {
            output::print(row(&scenario.name, &comparison, started.elapsed().as_secs_f64()))?;
            output::print(differences(scenario, &comparison))?;
        }
    }
    if json {
        output::json(&Document { as_declared: differing.is_empty(), scenarios: entries })?;
    }
    if !differing.is_empty() {
        let names = differing.join(", ");
        return Err(Failure::Unexpected(format!("steps do not do what they declare in {names}")));
    }
    if json {
        return Ok(());
    }
    let steps = grouped(steps as u64);
    output::print(format!("\n{searched} searches, {steps} steps: each as it declares\n"))
}

/// The most states of a search that is to notice a wrong declaration.
const PLANTED_SEARCH_MAX: usize = 12_000;

/// Makes declarations wrong on purpose, one at a time: whatever the declaration of some step lists is forgotten, or
/// called a join. Tells which are noticed.
///
/// # Errors
/// When none is noticed.
pub(super) fn plant(loaded: &[Loaded], extent: Extent) -> Result<(), Failure> {
    let extent = Extent { search_max: Some(PLANTED_SEARCH_MAX), ..extent };
    let mut noticed_in: BTreeMap<_, Option<String>> = BTreeMap::new();
    for scenario in loaded.iter().map(|loaded| &loaded.scenario) {
        let is_searched = scenario.script.is_none();
        let known = |wrong: &_| noticed_in.get(wrong).is_some_and(Option::is_some);
        let wrongs = is_searched
            .then(|| forget_each(scenario, extent, &Switch::default(), &known))
            .flatten();
        for (wrong, is_noticed) in wrongs.into_iter().flatten() {
            let place = noticed_in.entry(wrong).or_default();
            if is_noticed && place.is_none() {
                *place = Some(scenario.name.clone());
            }
        }
    }
    let noticed = noticed_in.values().flatten().count();
    for (wrong, place) in &noticed_in {
        let place =
            place.as_ref().map_or("nothing notices".to_owned(), |name| format!("in {name}"));
        output::print(format!("{wrong}: {place}\n"))?;
    }
    output::print(format!(
        "\n{noticed} of {} wrong declarations noticed in searches of at most {} states; the others declare more \
         than these searches show\n",
        noticed_in.len(),
        grouped(PLANTED_SEARCH_MAX as u64)
    ))?;
    if noticed == 0 {
        return Err(Failure::Unexpected("nothing notices a wrong declaration".to_owned()));
    }
    Ok(())
}

fn header() -> String {
    let columns = ["states", "steps", "elsewhere", "commute", "dependent", "differ", "seconds"];
    let mut line = format!("  {:<32}", "scenario");
    for column in columns {
        let _ = write!(line, " {column:>11}");
    }
    line + "\n"
}

fn row(name: &str, comparison: &Comparison, seconds: f64) -> String {
    let mark = if comparison.is_as_declared() { '✓' } else { '✗' };
    let mut line = format!("{mark} {name:<32}");
    let Comparison { distinct, steps, masked, independent, dependent, .. } = *comparison;
    let differ = comparison.found.iter().map(|found| found.steps).sum();
    for count in [distinct, steps, masked, independent, dependent, differ] {
        let _ = write!(line, " {:>11}", grouped(count as u64));
    }
    format!("{line} {seconds:>11.2}\n")
}

/// Everything in which steps and declarations differ, with a run.
fn differences(scenario: &Arc<Scenario>, comparison: &Comparison) -> String {
    let mut told = String::new();
    let model = ClusterModel::new(Arc::clone(scenario));
    if comparison.is_partial {
        told.push_str("  the search took more steps than are remembered: some were not compared\n");
    }
    for found in &comparison.found {
        let times = grouped(found.steps as u64);
        let _ = writeln!(told, "  {}: {times} times, for example {}", found.difference, found.step);
        for line in numbered(&walk(&model, &found.run).0, 0) {
            let _ = writeln!(told, "  {line}");
        }
    }
    told
}

#[derive(Serialize)]
struct Document {
    as_declared: bool,
    scenarios: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    as_declared: bool,
    states_distinct: usize,
    steps: usize,
    steps_elsewhere: usize,
    pairs_independent: usize,
    pairs_dependent: usize,
    differences: Vec<Different>,
}

#[derive(Serialize)]
struct Different {
    what: String,
    count: usize,
    step: String,
    after_steps: usize,
}

impl Entry {
    fn new(name: &str, comparison: &Comparison) -> Entry {
        let differences = comparison.found.iter().map(|found| Different {
            what: found.difference.to_string(),
            count: found.steps,
            step: found.step.clone(),
            after_steps: found.run.len(),
        });
        Entry {
            name: name.to_owned(),
            as_declared: comparison.is_as_declared(),
            states_distinct: comparison.distinct,
            steps: comparison.steps,
            steps_elsewhere: comparison.masked,
            pairs_independent: comparison.independent,
            pairs_dependent: comparison.dependent,
            differences: differences.collect(),
        }
    }
}
