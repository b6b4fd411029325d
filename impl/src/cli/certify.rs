//! `quorate check --certify`.

use std::fmt::Write;
use std::sync::Arc;

use comfy_table::Table;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use quorate_checker::Switch;
use quorate_model::check::ClusterModel;
use quorate_model::check::certify::{Certificate, Discharge, Extent, Obligation, certify};
use quorate_model::check::trace::{numbered, walk};
use quorate_model::check::wrong_rule::WrongRule;
use quorate_model::scenario::{Reductions, Rule, Scenario};
use serde::Serialize;

use super::scenario::Loaded;
use super::{Failure, output};
use crate::check::text::grouped;

/// Certifies the searches of scenarios; scripts have none.
///
/// # Errors
/// When an obligation was not met.
pub(super) fn run(loaded: &[Loaded], extent: Extent, json: bool) -> Result<(), Failure> {
    let scenarios = loaded.iter().map(|loaded| &loaded.scenario);
    let searched: Vec<_> = scenarios.filter(|scenario| scenario.script.is_none()).collect();
    if !json {
        output::print(header())?;
    }
    let mut entries = Vec::new();
    let (mut unmet, mut obligations) = (Vec::new(), 0);
    for scenario in &searched {
        let switch = Switch::default();
        let Some(certificate) = certify(scenario, extent, &switch) else { continue };
        obligations += certificate.met.iter().map(|(_, count)| count).sum::<u64>();
        if !certificate.is_met() {
            unmet.push(scenario.name.clone());
        }
        if json {
            entries.push(Entry::new(&scenario.name, &certificate));
        } else {
            output::print(row(&scenario.name, &certificate))?;
            output::print(failures(scenario, &certificate))?;
        }
    }
    if json {
        let met = unmet.is_empty();
        output::json(&Document { met, scenarios: entries })?;
    }
    if !unmet.is_empty() {
        let names = unmet.join(", ");
        return Err(Failure::Unexpected(format!("obligations that are not met in {names}")));
    }
    if json {
        return Ok(());
    }
    output::print(format!(
        "\n{} searches, {} obligations: all met\n",
        searched.len(),
        grouped(obligations)
    ))
}

/// The most states of a search that is to notice a wrong rule, and in how many of them obligations are
/// looked at.
const PLANTED_SEARCH_MAX: usize = 120_000;
const PLANTED_STATES: usize = 4_000;

/// Wrong rules that no obligation notices: what shows them takes more than one step of delay, or a situation
/// in which no built-in scenario comes. Whole searches are compared for them (`--compare-reductions --planted`).
const BEYOND_OBLIGATIONS: [&str; 9] = [
    "hops-despite-retries",
    "replies-despite-retries",
    "replies-despite-reaping",
    "answers-despite-timeouts",
    "answers-despite-retries",
    "answers-despite-reaping",
    "forwards-despite-faults",
    "late-with-several-keys",
    "dead-despite-retries",
];

/// Makes reductions wrong on purpose, one at a time, and shows which obligation is not met then, and where.
///
/// # Errors
/// When the program contains no wrong rules, or other rules are noticed than are known to be.
pub(super) fn plant(loaded: &[Loaded], extent: Extent, markdown: bool) -> Result<(), Failure> {
    let rules = WrongRule::ALL;
    if rules.is_empty() {
        let problem = "this program contains no wrong rules; they are never part of a release. \
             Run: cargo run --release --features planted-faults -- check --certify --planted";
        return Err(Failure::Usage(problem.to_owned()));
    }
    let extent = Extent { search_max: Some(PLANTED_SEARCH_MAX), states: PLANTED_STATES, ..extent };
    let mut table = Table::new();
    table.load_style(if markdown { ASCII_MARKDOWN } else { UTF8_FULL_CONDENSED });
    table.set_header(["wrong rule", "of", "what is done", "not met", "in"]);
    let mut missed = Vec::new();
    for rule in rules {
        let notices = loaded.iter().find_map(|loaded| {
            let scenario = &loaded.scenario;
            let wrong = Reductions { wrong: Some(*rule), ..scenario.reductions };
            let reductions = match rule.rule() {
                Rule::StubbornSets => wrong.stubborn_instead(),
                _ => wrong,
            };
            let wrong = Arc::new(Scenario { reductions, ..(**scenario).clone() });
            let is_searched = scenario.script.is_none();
            let certificate =
                is_searched.then(|| certify(&wrong, extent, &Switch::default())).flatten()?;
            let (_, failure, _) = certificate.failures.first()?;
            Some((failure.obligation.name(), scenario.name.clone()))
        });
        if notices.is_none() {
            missed.push(rule.to_string());
        }
        let (by, place) = notices.unwrap_or_default();
        let of = rule.rule().name().to_owned();
        table.add_row([rule.to_string(), of, rule.statement().to_owned(), by.to_owned(), place]);
    }
    output::print(format!("{}\n", table.trim_fmt()))?;
    let searches = format!("in searches of at most {} states", grouped(PLANTED_SEARCH_MAX as u64));
    if missed == BEYOND_OBLIGATIONS {
        let noticed = rules.len() - missed.len();
        return output::print(format!(
            "{noticed} of {} wrong rules noticed {searches}; known to be beyond what is looked at: {}\n",
            rules.len(),
            missed.join(", ")
        ));
    }
    let missed = missed.join(", ");
    Err(Failure::Unexpected(format!(
        "{} wrong rules: {searches} nothing notices {missed}",
        rules.len()
    )))
}

fn header() -> String {
    let columns = ["states", "looked at", "exactly", "faults left", "obliged", "delay", "not met"];
    let mut line = format!("  {:<32}", "scenario");
    for column in columns {
        let _ = write!(line, " {column:>11}");
    }
    line + "\n"
}

fn row(name: &str, certificate: &Certificate) -> String {
    let met = |discharge| {
        Obligation::ALL.into_iter().map(|of| certificate.met_by(of, discharge)).sum::<u64>()
    };
    let not_met: u64 = certificate.failures.iter().map(|(count, ..)| count).sum();
    let mark = if certificate.is_met() { '✓' } else { '✗' };
    let mut line = format!("{mark} {name:<32}");
    let [exactly, faults, obliged, delay] = Discharge::ALL.map(met);
    for count in [
        certificate.distinct as u64,
        certificate.looked_at,
        exactly,
        faults,
        obliged,
        delay,
        not_met,
    ] {
        let _ = write!(line, " {:>11}", grouped(count));
    }
    line + "\n"
}

/// Every kind of obligation that was not met, with a run.
fn failures(scenario: &Arc<Scenario>, certificate: &Certificate) -> String {
    let mut told = String::new();
    let model = ClusterModel::new(Arc::clone(scenario));
    for (count, failure, run) in &certificate.failures {
        let name = failure.obligation.name();
        let _ = writeln!(told, "  {name}: not met {} times, for example after", grouped(*count));
        for line in numbered(&walk(&model, run).0, 0) {
            let _ = writeln!(told, "  {line}");
        }
        for step in failure.step.iter().chain(&failure.then) {
            let _ = writeln!(told, "    - {step}");
        }
    }
    told
}

#[derive(Serialize)]
struct Document {
    met: bool,
    scenarios: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    met: bool,
    states_distinct: usize,
    states_looked_at: u64,
    obligations: Vec<Met>,
    not_met: Vec<NotMet>,
}

#[derive(Serialize)]
struct Met {
    obligation: &'static str,
    met: &'static str,
    count: u64,
}

#[derive(Serialize)]
struct NotMet {
    obligation: &'static str,
    count: u64,
    after_steps: usize,
    step: Option<String>,
    then: Option<String>,
}

impl Entry {
    fn new(name: &str, certificate: &Certificate) -> Entry {
        let met = |((obligation, discharge), count): &((Obligation, Discharge), u64)| Met {
            obligation: obligation.name(),
            met: discharge.name(),
            count: *count,
        };
        let not_met = certificate.failures.iter().map(|(count, failure, run)| NotMet {
            obligation: failure.obligation.name(),
            count: *count,
            after_steps: run.len(),
            step: failure.step.clone(),
            then: failure.then.clone(),
        });
        Entry {
            name: name.to_owned(),
            met: certificate.is_met(),
            states_distinct: certificate.distinct,
            states_looked_at: certificate.looked_at,
            obligations: certificate.met.iter().map(met).collect(),
            not_met: not_met.collect(),
        }
    }
}
