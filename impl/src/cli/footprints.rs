//! `quorate check --footprints`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Instant;

use quorate_checker::Switch;
use quorate_checker::world::footprints::{Comparison, Extent, Footprints, compare, forget_each};
use quorate_checker::world::numbered;
use serde::Serialize;

use super::scenario::{Found, of_either};
use super::{Failure, output, saved};
use crate::check::Case;
use crate::check::text::grouped;

/// Compares every step that the searches of scenarios take with what it declares; scripts have none.
///
/// # Errors
/// When a step does something else than it declares, or some steps were not compared.
pub(super) fn run(found: &[Found], extent: Extent, json: bool) -> Result<(), Failure> {
    if !json {
        output::print(header())?;
    }
    let mut all = All::default();
    for found in found {
        of_either!(found, loaded => all.add(&loaded.scenario, extent, json))?;
    }
    let All { entries, differing, searched, steps } = all;
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

/// What several comparisons came to.
#[derive(Default)]
struct All {
    /// For programs.
    entries: Vec<Entry>,
    /// Scenarios in which a step does something else than it declares.
    differing: Vec<String>,
    searched: usize,
    steps: usize,
}

impl All {
    /// Compares the steps of one more scenario, and tells of it unless that is for programs.
    fn add<C>(&mut self, case: &C, extent: Extent, json: bool) -> Result<(), Failure>
    where
        C: Case<Protocol: Footprints>,
    {
        let started = Instant::now();
        let compared = || compare(&case.world(), &case.words(), extent, &Switch::default());
        let Some(comparison) = (!case.is_script()).then(compared).flatten() else {
            return Ok(());
        };
        self.searched += 1;
        self.steps += comparison.steps;
        if !comparison.is_as_declared() {
            self.differing.push(case.name().to_owned());
        }
        if json {
            self.entries.push(Entry::new(case.name(), &comparison));
            return Ok(());
        }
        output::print(row(case.name(), &comparison, started.elapsed().as_secs_f64()))?;
        output::print(differences(case, &comparison))
    }
}

/// The most states of a search that is to notice a wrong declaration.
const PLANTED_SEARCH_MAX: usize = 12_000;

/// Makes declarations wrong on purpose, one at a time: whatever the declaration of some step lists is forgotten, or
/// called a join. Tells which are noticed.
///
/// # Errors
/// When none is noticed.
pub(super) fn plant(found: &[Found], extent: Extent) -> Result<(), Failure> {
    let extent = Extent { search_max: Some(PLANTED_SEARCH_MAX), ..extent };
    let (mut leaderless, mut leader) = (Vec::new(), Vec::new());
    for found in found {
        match found {
            Found::Leaderless(loaded) => leaderless.push(&loaded.scenario),
            Found::Leader(loaded) => leader.push(&loaded.scenario),
        }
    }
    let mut told = noticed_in(&leaderless, extent);
    told.extend(noticed_in(&leader, extent));
    let noticed = told.iter().filter(|(_, place)| place.is_some()).count();
    for (wrong, place) in &told {
        let place =
            place.as_ref().map_or("nothing notices".to_owned(), |name| format!("in {name}"));
        output::print(format!("{wrong}: {place}\n"))?;
    }
    output::print(format!(
        "\n{noticed} of {} wrong declarations noticed in searches of at most {} states; the others declare more \
         than these searches show\n",
        told.len(),
        grouped(PLANTED_SEARCH_MAX as u64)
    ))?;
    if noticed == 0 {
        return Err(Failure::Unexpected("nothing notices a wrong declaration".to_owned()));
    }
    Ok(())
}

/// The wrong declarations of one protocol, each with the first scenario in which it is noticed.
fn noticed_in<C>(cases: &[&C], extent: Extent) -> Vec<(String, Option<String>)>
where
    C: Case<Protocol: Footprints>,
{
    let mut noticed_in: BTreeMap<_, Option<String>> = BTreeMap::new();
    for case in cases.iter().filter(|case| !case.is_script()) {
        let known = |wrong: &_| noticed_in.get(wrong).is_some_and(Option::is_some);
        let wrongs = forget_each(&case.world(), extent, &Switch::default(), &known);
        for (wrong, is_noticed) in wrongs.into_iter().flatten() {
            let place = noticed_in.entry(wrong).or_default();
            if is_noticed && place.is_none() {
                *place = Some(case.name().to_owned());
            }
        }
    }
    noticed_in.into_iter().map(|(wrong, place)| (wrong.to_string(), place)).collect()
}

fn header() -> String {
    let columns = ["states", "steps", "elsewhere", "commute", "dependent", "differ", "seconds"];
    let mut line = format!("  {:<32}", "scenario");
    for column in columns {
        let _ = write!(line, " {column:>11}");
    }
    line + "\n"
}

fn row<P: Footprints>(name: &str, comparison: &Comparison<P>, seconds: f64) -> String {
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
fn differences<C>(case: &C, comparison: &Comparison<C::Protocol>) -> String
where
    C: Case<Protocol: Footprints>,
{
    let mut told = String::new();
    if comparison.is_partial {
        told.push_str("  the search took more steps than are remembered: some were not compared\n");
    }
    for found in &comparison.found {
        let times = grouped(found.steps as u64);
        let _ = writeln!(told, "  {}: {times} times, for example {}", found.difference, found.step);
        for line in numbered(&saved::walk(case, &found.run), 0) {
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
    fn new<P: Footprints>(name: &str, comparison: &Comparison<P>) -> Entry {
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
