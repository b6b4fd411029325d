//! A report for people.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use comfy_table::{CellAlignment, ContentArrangement, Table};
use quorate_model::check::Expected;
use quorate_model::check::convergence::FAIRNESS;
use quorate_model::check::instruments::applicable;
use quorate_model::scenario::Scenario;

use super::describe;
use super::report::{Endings, Report, Summary, Verdict};
use super::script::Played;

/// How wide the table is where there is no terminal, in characters.
const TABLE_WIDTH: u16 = 120;

/// From when on it is told what a check took in all.
const LONG: Duration = Duration::from_secs(1);

/// Everything about one check but the runs themselves. `saved` gives the file that holds the run
/// of a verdict, if it was saved.
#[must_use]
pub fn block(
    scenario: &Scenario,
    report: &Report,
    saved: impl Fn(&Verdict) -> Option<String>,
) -> String {
    let mut text = format!("{}: {}\n", scenario.name, scenario.title);
    let mut line = |label: &str, content: &str| {
        let _ = writeln!(text, "  {label:<12}{content}");
    };
    line("cluster", &describe::cluster(scenario));
    for (position, client) in describe::clients(scenario).iter().enumerate() {
        line(if position == 0 { "clients" } else { "" }, client);
    }
    line("bounds", &describe::bounds(scenario));
    match &report.script {
        Some(played) => line("script", &script_line(played)),
        None => line("states", &states_line(report)),
    }
    if report.took >= LONG {
        line("in all", &took_line(report));
    }
    if let Some(difference) = report.script.as_ref().and_then(Played::difference) {
        line("DIFFERS", &difference);
    }
    if let Some(cut) = report.cut {
        line("CUT", &format!("{cut}: nothing below is a verdict on all states"));
    }
    for verdict in &report.verdicts {
        line(&found(verdict), &verdict_line(report, verdict, saved(verdict)));
    }
    if report.assumes_fairness() {
        line("fairness", &format!("convergence assumes that {FAIRNESS}"));
    }
    let fired = |wanted: bool| {
        let applicable = applicable(scenario);
        report.fired.iter().filter(move |(kind, count)| {
            // A script does what no budget of its scenario tells.
            let applies = report.script.is_some() || applicable.contains(kind);
            applies && (*count > 0) == wanted
        })
    };
    let counts: Vec<String> =
        fired(true).map(|(kind, count)| format!("{} {}", kind.name(), grouped(*count))).collect();
    line("fired", &counts.join(", "));
    let never: Vec<&str> = fired(false).map(|(kind, _)| kind.name()).collect();
    // What a script leaves out it leaves out on purpose.
    if !never.is_empty() && report.script.is_none() {
        line("never fired", &never.join(", "));
    }
    text
}

fn states_line(report: &Report) -> String {
    format!(
        "{} generated, {} distinct, depth {}, {:.2} s, {} distinct/s, collision probability {:.0e}",
        grouped(report.generated as u64),
        grouped(report.distinct as u64),
        report.depth,
        report.elapsed.as_secs_f64(),
        grouped(report.rate() as u64),
        report.collision_probability(),
    )
}

fn took_line(report: &Report) -> String {
    let took = report.took.as_secs_f64();
    let memory = report
        .process_peak_memory
        .map(|bytes| format!("; the process has had {} MiB at most", mebibytes(bytes)));
    format!("{took:.2} s, with shortest runs and convergence{}", memory.unwrap_or_default())
}

/// Bytes in MiB, rounded up.
fn mebibytes(bytes: u64) -> String {
    grouped(bytes.div_ceil(1 << 20))
}

fn script_line(played: &Played) -> String {
    let steps = counted(played.steps_total, "step");
    format!("{steps}, {}", counted(played.transitions, "transition"))
}

/// What was found, in words.
#[must_use]
pub fn found(verdict: &Verdict) -> String {
    verdict.found.map_or_else(|| "undecided".into(), |found| found.to_string())
}

fn verdict_line(report: &Report, verdict: &Verdict, saved: Option<String>) -> String {
    let mut text = format!("{:<36}", verdict.property.name);
    let unit = if report.script.is_some() { "transition" } else { "step" };
    let steps = |count: usize| counted(count, unit);
    match (&verdict.path, &verdict.witness) {
        (Some(path), _) => {
            let cycle = verdict.cycle();
            let _ = write!(text, "in {}", steps(path.len() - cycle));
            if cycle > 0 {
                let _ = write!(text, ", then a cycle of {}", steps(cycle));
            } else if verdict.endings.is_some() {
                text.push_str(", then stuck");
            }
            if !verdict.shortest {
                text.push_str(" (no step can go, but a shorter run may exist)");
            }
        }
        (None, _) if verdict.found.is_none() => text.push_str("since the run was cut"),
        (None, Some(witness)) => {
            let bounds = within(report);
            let _ = write!(text, "{bounds}; put to the test in {}", steps(witness.len()));
        }
        (None, None) if verdict.is_vacuous() => text.push_str("but never put to the test"),
        (None, None) => text.push_str(within(report)),
    }
    if let (Some(_), Some(Endings { size, .. })) = (verdict.found, verdict.endings) {
        let bottoms = grouped(size.bottom_components as u64);
        let _ = write!(text, "; bottom components: {bottoms}");
        if size.bottom_components_of_several > 0 {
            let several = grouped(size.bottom_components_of_several as u64);
            let _ = write!(text, ", {several} of several states");
        }
    }
    if !verdict.is_as_expected() {
        let _ = write!(text, "  UNEXPECTED: the scenario says {}", verdict.expected);
        if verdict.is_vacuous() {
            text.push_str(", and means it to be put to the test");
        }
    }
    if let Some(saved) = saved {
        let _ = write!(text, "  -> {saved}");
    }
    text
}

/// A table row per scenario with its bounds and size, the seconds of the whole check, and the most
/// memory the process has had by its end.
#[must_use]
pub fn markdown(checked: &[(&Scenario, &Report)]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header([
        "scenario",
        "nodes",
        "N R W",
        "faults",
        "generated",
        "distinct",
        "depth",
        "seconds",
        "MiB",
        "verdicts",
    ]);
    for (scenario, report) in checked {
        let quorum = scenario.cluster.quorum();
        let verdicts = report.verdicts.iter().map(|verdict| {
            let found =
                verdict.found.map_or_else(|| "undecided".to_owned(), |found| found.to_string());
            format!("{} {found}", verdict.property.name)
        });
        let mut verdicts: Vec<String> = verdicts.collect();
        if let Some(cut) = &report.cut {
            verdicts.insert(0, format!("CUT {cut}"));
        }
        table.add_row([
            scenario.name.clone(),
            scenario.cluster.nodes().len().to_string(),
            format!("{} {} {}", quorum.n(), quorum.r(), quorum.w()),
            describe::faults(scenario),
            grouped(report.generated as u64),
            grouped(report.distinct as u64),
            report.depth.to_string(),
            format!("{:.2}", report.took.as_secs_f64()),
            report.process_peak_memory.map(mebibytes).unwrap_or_default(),
            verdicts.join(", "),
        ]);
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// Of what a verdict is told that no run contradicts.
fn within(report: &Report) -> &'static str {
    match (&report.script, report.cut) {
        (Some(_), _) => "in this run",
        (None, Some(_)) => "so far",
        (None, None) => "within these bounds",
    }
}

/// One line per scenario.
#[must_use]
pub fn table(checked: &[(&Scenario, &Report)]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    // On a terminal its own width counts; elsewhere a width that most pagers show.
    if table.width().is_none() {
        table.set_width(TABLE_WIDTH);
    }
    table.set_header(["scenario", "N R W", "faults", "distinct", "time", "verdicts", ""]);
    for column in [3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for (scenario, report) in checked {
        let quorum = scenario.cluster.quorum();
        let of = |found: Option<Expected>| {
            report
                .verdicts
                .iter()
                .filter(|verdict| verdict.found == found)
                .map(|verdict| verdict.property.name)
                .collect::<Vec<_>>()
        };
        let mut verdicts: Vec<String> =
            [Expected::Violated, Expected::Reached, Expected::NotReached, Expected::Holds]
                .into_iter()
                .map(|found| (found, of(Some(found))))
                .filter(|(_, names)| !names.is_empty())
                .map(|(found, names)| format!("{found}: {}", names.join(", ")))
                .collect();
        let undecided = of(None);
        if !undecided.is_empty() {
            verdicts.push(format!("undecided: {}", undecided.join(", ")));
        }
        let outcome = match (report.cut.is_some(), report.is_as_expected()) {
            (true, _) => "CUT",
            (false, true) => "as expected",
            (false, false) => "UNEXPECTED",
        };
        table.add_row([
            scenario.name.clone(),
            format!("{} {} {}", quorum.n(), quorum.r(), quorum.w()),
            describe::faults(scenario),
            grouped(report.distinct as u64),
            format!("{:.2} s", report.took.as_secs_f64()),
            verdicts.join("\n"),
            outcome.to_owned(),
        ]);
    }
    table.trim_fmt()
}

fn counted(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// The last line.
#[must_use]
pub fn summary(summary: &Summary) -> String {
    let scenarios = counted(summary.scenarios, "scenario");
    let verdicts = counted(summary.verdicts, "verdict");
    if summary.is_as_expected() {
        format!("{scenarios}, {verdicts}: all as expected within their bounds")
    } else {
        let cut = counted(summary.cut, "run");
        let unexpected = summary.unexpected;
        let mut text = format!("{scenarios}, {verdicts}: {unexpected} not as expected, {cut} cut");
        if summary.differing > 0 {
            let scripts = counted(summary.differing, "script");
            let _ = write!(text, ", {scripts} with a step that did not come out");
        }
        text
    }
}

/// The name of the file that a verdict's run is saved in.
#[must_use]
pub fn file_name(scenario: &str, property: &str) -> String {
    format!("{scenario}.{property}.json")
}

/// A path as it is told, relative where it was given relative.
#[must_use]
pub fn told(path: &Path) -> String {
    path.display().to_string()
}

/// `1,234,567`
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
