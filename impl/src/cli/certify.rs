//! `quorate check --certify`.

use std::fmt::Write;
use std::sync::Arc;

use comfy_table::Table;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use quorate_checker::Switch;
use quorate_checker::ids::Enumerated;
use quorate_checker::world::certify::{Certificate, Discharge, Extent, Obligation, certify};
use quorate_checker::world::{Protocol, Reduces, numbered};
use quorate_leader_model::wrong_rule::WrongRule as LeaderWrongRule;
use quorate_model::check::wrong_rule::WrongRule;
use quorate_model::scenario::{Reductions, Rule, Scenario};
use serde::Serialize;

use super::scenario::{Found, of_either};
use super::{Failure, output, saved};
use crate::check::Case;
use crate::check::text::grouped;

/// Certifies the searches of scenarios; scripts have none.
///
/// # Errors
/// When an obligation was not met.
pub(super) fn run(found: &[Found], extent: Extent, json: bool) -> Result<(), Failure> {
    if !json {
        output::print(header())?;
    }
    let mut all = All::default();
    for found in found {
        of_either!(found, loaded => all.add(&loaded.scenario, extent, json))?;
    }
    let All { entries, unmet, searched, obligations } = all;
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
    output::print(format!("\n{searched} searches, {} obligations: all met\n", grouped(obligations)))
}

/// What several certificates came to.
#[derive(Default)]
struct All {
    /// For programs.
    entries: Vec<Entry>,
    /// Scenarios in which an obligation was not met.
    unmet: Vec<String>,
    searched: usize,
    obligations: u64,
}

impl All {
    /// Certifies one more scenario, and tells of it unless that is for programs.
    fn add<C>(&mut self, case: &C, extent: Extent, json: bool) -> Result<(), Failure>
    where
        C: Case<Protocol: Reduces>,
    {
        let Some(certificate) = certificate(case, extent) else { return Ok(()) };
        self.searched += 1;
        self.obligations += certificate.met.iter().map(|(_, count)| count).sum::<u64>();
        if !certificate.is_met() {
            self.unmet.push(case.name().to_owned());
        }
        if json {
            self.entries.push(Entry::new(case.name(), &certificate));
            return Ok(());
        }
        output::print(row(case.name(), &certificate))?;
        output::print(failures(case, &certificate))
    }
}

/// The certificate of a scenario's search, if it has one and that is not too large.
fn certificate<C>(case: &C, extent: Extent) -> Option<Certificate<C::Protocol>>
where
    C: Case<Protocol: Reduces>,
{
    let certified =
        || certify(&case.world(), case.judged(), &case.words(), extent, &Switch::default());
    (!case.is_script()).then(certified).flatten()
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

/// The same of the leader-based protocol. The last two are noticed in a scenario that a test makes for them.
const BEYOND_OBLIGATIONS_OF_LEADERS: [&str; 3] =
    ["hops-despite-retries", "dead-though-forgetting", "dead-though-standing"];

/// Makes reductions wrong on purpose, one at a time, and shows which obligation is not met then, and where.
///
/// # Errors
/// When the program contains no wrong rules, or other rules are noticed than are known to be.
pub(super) fn plant(found: &[Found], extent: Extent, markdown: bool) -> Result<(), Failure> {
    if WrongRule::ALL.is_empty() {
        let problem = "this program contains no wrong rules; they are never part of a release. \
             Run: cargo run --release --features planted-faults -- check --certify --planted";
        return Err(Failure::Usage(problem.to_owned()));
    }
    let extent = Extent { search_max: Some(PLANTED_SEARCH_MAX), states: PLANTED_STATES, ..extent };
    let mut planted = Planted::new(markdown);
    let of_leaderless = |found: &&Found| matches!(found, Found::Leaderless(_));
    if found.iter().any(|found| of_leaderless(&found)) {
        for rule in WrongRule::ALL {
            let notices = found.iter().find_map(|found| match found {
                Found::Leaderless(loaded) => {
                    notices(&with_wrong_rule(&loaded.scenario, *rule), extent)
                }
                Found::Leader(_) => None,
            });
            planted.add(&rule.to_string(), rule.rule().name(), rule.statement(), notices);
        }
        planted.known_to_be_missed(&BEYOND_OBLIGATIONS);
    }
    if !found.iter().all(|found| of_leaderless(&found)) {
        for rule in LeaderWrongRule::ALL {
            let notices = found.iter().find_map(|found| match found {
                Found::Leaderless(_) => None,
                Found::Leader(loaded) => notices(&loaded.scenario.with_wrong_rule(*rule), extent),
            });
            planted.add(&rule.to_string(), rule.rule().name(), rule.statement(), notices);
        }
        planted.known_to_be_missed(&BEYOND_OBLIGATIONS_OF_LEADERS);
    }
    planted.tell()
}

/// A scenario with a rule that is wrong.
fn with_wrong_rule(scenario: &Arc<Scenario>, rule: WrongRule) -> Arc<Scenario> {
    let wrong = Reductions { wrong: Some(rule), ..scenario.reductions };
    let reductions = match rule.rule() {
        Rule::StubbornSets => wrong.stubborn_instead(),
        _ => wrong,
    };
    Arc::new(Scenario { reductions, ..(**scenario).clone() })
}

/// Which obligation is not met in a scenario, and its name.
fn notices<C>(case: &C, extent: Extent) -> Option<(&'static str, String)>
where
    C: Case<Protocol: Reduces>,
{
    let certificate = certificate(case, extent)?;
    let (_, failure, _) = certificate.failures.first()?;
    Some((failure.obligation.name(), case.name().to_owned()))
}

/// What noticed wrong rules.
struct Planted {
    table: Table,
    rules: usize,
    missed: Vec<String>,
    known: Vec<&'static str>,
}

impl Planted {
    fn new(markdown: bool) -> Self {
        let mut table = Table::new();
        table.load_style(if markdown { ASCII_MARKDOWN } else { UTF8_FULL_CONDENSED });
        table.set_header(["wrong rule", "of", "what is done", "not met", "in"]);
        Planted { table, rules: 0, missed: Vec::new(), known: Vec::new() }
    }

    fn add(
        &mut self,
        rule: &str,
        of: &str,
        statement: &str,
        notices: Option<(&'static str, String)>,
    ) {
        self.rules += 1;
        if notices.is_none() {
            self.missed.push(rule.to_owned());
        }
        let (by, place) = notices.unwrap_or_default();
        self.table.add_row([rule, of, statement, by, &place]);
    }

    fn known_to_be_missed(&mut self, known: &[&'static str]) {
        self.known.extend(known);
    }

    fn tell(self) -> Result<(), Failure> {
        let Planted { table, rules, missed, known } = self;
        output::print(format!("{}\n", table.trim_fmt()))?;
        let searches =
            format!("in searches of at most {} states", grouped(PLANTED_SEARCH_MAX as u64));
        let names = missed.join(", ");
        if missed == known {
            let noticed = rules - missed.len();
            return output::print(format!(
                "{noticed} of {rules} wrong rules noticed {searches}; known to be beyond what is looked at: {names}\n"
            ));
        }
        Err(Failure::Unexpected(format!("{rules} wrong rules: {searches} nothing notices {names}")))
    }
}

fn header() -> String {
    let columns = ["states", "looked at", "exactly", "faults left", "obliged", "delay", "not met"];
    let mut line = format!("  {:<32}", "scenario");
    for column in columns {
        let _ = write!(line, " {column:>11}");
    }
    line + "\n"
}

fn row<P: Protocol>(name: &str, certificate: &Certificate<P>) -> String {
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
fn failures<C: Case>(case: &C, certificate: &Certificate<C::Protocol>) -> String {
    let mut told = String::new();
    for (count, failure, run) in &certificate.failures {
        let name = failure.obligation.name();
        let _ = writeln!(told, "  {name}: not met {} times, for example after", grouped(*count));
        for line in numbered(&saved::walk(case, run), 0) {
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
    fn new<P: Protocol>(name: &str, certificate: &Certificate<P>) -> Entry {
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
