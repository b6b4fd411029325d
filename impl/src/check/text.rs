//! A report for people.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::Style;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use quorate_checker::world::{Expected, Protocol};
use quorate_model::check::convergence::FAIRNESS;

use super::case::Case;
use super::report::{Endings, Report, Summary, Verdict};
use super::script::Played;
use crate::styled::{ASIDE, BAD, GOOD, NAME, PLAIN, REACHED, Styled, WIDTH, WRONG, wrapped};

/// How much of a line in a block its label takes, indentation included.
const LABEL: usize = 14;

/// How wide the column of scenarios' names is: as wide as the longest of those that ship.
const NAME_WIDTH: usize = 37;

/// From when on it is told what a check took in all.
const LONG: Duration = Duration::from_secs(1);

/// Everything about one check but the runs themselves. `replayed_by` gives the command that walks
/// the run of a verdict again, if the run was saved.
#[must_use]
pub fn block<C: Case>(
    case: &C,
    report: &Report<C::Protocol>,
    replayed_by: impl Fn(&Verdict<C::Protocol>) -> Option<String>,
) -> Styled {
    let mut text = Styled::new();
    text.push(NAME, case.name());
    text.push(PLAIN, format!(": {}\n", case.title()));
    if !case.notes().trim().is_empty() {
        text.push(ASIDE, wrapped(&format!("{:<LABEL$}", "  notes"), case.notes()));
        text.push(PLAIN, "\n");
    }
    let mut line = |style: Style, label: &str, content: &str| {
        text.push(PLAIN, "  ");
        text.push(style, format!("{label:<0$}", LABEL - 2));
        text.push(PLAIN, format!("{content}\n"));
    };
    line(PLAIN, "cluster", &case.cluster());
    for (position, client) in case.clients().iter().enumerate() {
        line(PLAIN, if position == 0 { "clients" } else { "" }, client);
    }
    line(PLAIN, "bounds", &case.bounds());
    match &report.script {
        Some(played) => line(PLAIN, "script", &script_line(played)),
        None => line(PLAIN, "states", &states_line(report)),
    }
    if report.took >= LONG {
        line(PLAIN, "in all", &took_line(report));
    }
    if let Some(difference) = report.script.as_ref().and_then(Played::difference) {
        line(WRONG, "DIFFERS", &difference);
    }
    if let Some(cut) = report.cut {
        line(WRONG, "CUT", &format!("{cut}: nothing below is a verdict on all states"));
    }
    for verdict in &report.verdicts {
        line(style(verdict), &found(verdict), &verdict_line(report, verdict));
        if let Some(reason) = &verdict.reason {
            let told = wrapped(&" ".repeat(LABEL), &format!("since {reason}"));
            line(PLAIN, "", told.trim_start());
        }
        if let Some(difference) = unexpected(verdict) {
            line(WRONG, "UNEXPECTED", &difference);
        }
        if let Some(command) = replayed_by(verdict) {
            line(PLAIN, "", &command);
        }
    }
    if report.assumes_fairness() {
        let endless = report.verdicts.iter().filter(|verdict| verdict.is_endless());
        let names: Vec<&str> = endless.map(|verdict| verdict.property.name).collect();
        let verb = if names.len() == 1 { "assumes" } else { "assume" };
        line(PLAIN, "fairness", &format!("{} {verb} that {FAIRNESS}", names.join(" and ")));
    }
    let fired = |wanted: bool| {
        let applicable = case.applicable();
        report.fired.iter().filter(move |(kind, count)| {
            // A script does what no budget of its scenario tells.
            let applies = report.script.is_some() || applicable.contains(kind);
            applies && (*count > 0) == wanted
        })
    };
    let counts: Vec<String> =
        fired(true).map(|(kind, count)| format!("{} {}", kind, grouped(*count))).collect();
    line(PLAIN, "fired", &counts.join(", "));
    let never: Vec<String> = fired(false).map(|(kind, _)| kind.to_string()).collect();
    // What a script leaves out it leaves out on purpose.
    if !never.is_empty() && report.script.is_none() {
        line(PLAIN, "never fired", &never.join(", "));
    }
    text
}

fn states_line<P: Protocol>(report: &Report<P>) -> String {
    let depth = if report.is_survey { "longest run" } else { "depth" };
    format!(
        "{} generated, {} distinct, {depth} {}, {:.2} s, {} distinct/s, collision probability {:.0e}",
        grouped(report.generated),
        grouped(report.distinct as u64),
        report.depth,
        report.elapsed.as_secs_f64(),
        grouped(report.rate() as u64),
        report.collision_probability(),
    )
}

fn took_line<P: Protocol>(report: &Report<P>) -> String {
    let took = report.took.as_secs_f64();
    let memory = report
        .process_peak_memory
        .map(|bytes| format!("; the process has had {} MiB at most", mebibytes(bytes)));
    let with = if report.is_survey { "where runs end" } else { "shortest runs and convergence" };
    format!("{took:.2} s, with {with}{}", memory.unwrap_or_default())
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
pub fn found<P: Protocol>(verdict: &Verdict<P>) -> String {
    verdict.found.map_or_else(|| "undecided".into(), |found| found.to_string())
}

/// The colour of a verdict.
fn style<P: Protocol>(verdict: &Verdict<P>) -> Style {
    match verdict.found {
        Some(Expected::Holds) => GOOD,
        Some(Expected::Violated) => BAD,
        Some(Expected::Reached) => REACHED,
        Some(Expected::NotReached) => PLAIN,
        None => WRONG,
    }
}

/// What the scenario says, where the verdict differs from it.
fn unexpected<P: Protocol>(verdict: &Verdict<P>) -> Option<String> {
    if verdict.is_as_expected() {
        return None;
    }
    if let (Some((with, false)), true) =
        (&verdict.shown_with, verdict.found == Some(verdict.expected))
    {
        return Some(format!("the scenario wants a run with \"{with}\", and none was found"));
    }
    let mut text = format!("the scenario says {}", verdict.expected);
    if verdict.is_vacuous() {
        text.push_str(", and means it to be put to the test");
    }
    Some(text)
}

fn verdict_line<P: Protocol>(report: &Report<P>, verdict: &Verdict<P>) -> String {
    let mut text = format!("{:<36}", verdict.property.name);
    let unit = if report.script.is_some() { "transition" } else { "step" };
    let steps = |count: usize| counted(count, unit);
    match (&verdict.path, &verdict.witness) {
        (Some(path), _) => {
            let cycle = verdict.cycle();
            let _ = write!(text, "in {}", steps(path.len() - cycle));
            if report.is_survey {
                text.push_str(", not the fewest");
            }
            if cycle > 0 {
                let _ = write!(text, ", then a cycle of {}", steps(cycle));
            } else if verdict.endings.is_some() {
                text.push_str(", then stuck");
            }
            if let Some((with, true)) = &verdict.shown_with {
                let _ = write!(text, ", the fewest with \"{with}\"");
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
    if let (Some(_), Some(Endings { size, .. })) = (verdict.found, verdict.endings)
        && let Some(components) = size.components
    {
        let _ = write!(text, "; bottom components: {}", grouped(components.bottom as u64));
        if components.bottom_of_several > 0 {
            let several = grouped(components.bottom_of_several as u64);
            let _ = write!(text, ", {several} of several states");
        }
    }
    text
}

/// A table row per scenario with its bounds and size, the seconds of the whole check, and the most
/// memory the process has had by its end.
#[must_use]
pub fn markdown(rows: Vec<[String; 10]>) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header([
        "scenario",
        "nodes",
        "N R W, or replication and election",
        "faults",
        "generated",
        "distinct",
        "depth",
        "seconds",
        "MiB",
        "verdicts",
    ]);
    for row in rows {
        table.add_row(row);
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// A row of [`markdown`].
#[must_use]
pub fn markdown_row<C: Case>(case: &C, report: &Report<C::Protocol>) -> [String; 10] {
    let verdicts = report
        .verdicts
        .iter()
        .map(|verdict| format!("{} {}", verdict.property.name, found(verdict)));
    let mut verdicts: Vec<String> = verdicts.collect();
    if let Some(cut) = &report.cut {
        verdicts.insert(0, format!("CUT {cut}"));
    }
    [
        case.name().to_owned(),
        case.nodes().to_string(),
        case.setting(),
        case.faults(),
        grouped(report.generated),
        grouped(report.distinct as u64),
        report.depth.to_string(),
        format!("{:.2}", report.took.as_secs_f64()),
        report.process_peak_memory.map(mebibytes).unwrap_or_default(),
        verdicts.join(", "),
    ]
}

/// Of what a verdict is told that no run contradicts.
fn within<P: Protocol>(report: &Report<P>) -> &'static str {
    match (&report.script, report.cut) {
        (Some(_), _) => "in this run",
        (None, Some(_)) => "so far",
        (None, None) => "within these bounds",
    }
}

/// What stands above the lines of [`overview`].
#[must_use]
pub fn overview_header() -> Styled {
    let mut text = Styled::new();
    let header =
        format!("  {:<NAME_WIDTH$} {:>9} {:>6}  {}\n", "scenario", "states", "s", "verdicts");
    text.push(NAME, header);
    text
}

/// One line about a check: whether it came out as expected, how large it was, what was found.
#[must_use]
pub fn overview<P: Protocol>(report: &Report<P>) -> Styled {
    let mut text = Styled::new();
    let as_expected = report.is_as_expected();
    text.push(if as_expected { GOOD } else { WRONG }, if as_expected { "✓ " } else { "✗ " });
    text.push(NAME, format!("{:<NAME_WIDTH$}", report.scenario));
    let (states, seconds) = (grouped(report.distinct as u64), report.took.as_secs_f64());
    let measured = format!(" {states:>9} {seconds:>6.1}  ");
    let room = WIDTH.saturating_sub(
        2 + report.scenario.chars().count().max(NAME_WIDTH) + measured.chars().count(),
    );
    text.push(PLAIN, measured);
    let mut counts = Vec::new();
    if report.cut.is_some() {
        counts.push((WRONG, "CUT".to_owned()));
    }
    if report.differs() {
        counts.push((WRONG, "DIFFERS".to_owned()));
    }
    let unexpected = report.verdicts.iter().filter(|verdict| !verdict.is_as_expected()).count();
    if unexpected > 0 {
        counts.push((WRONG, format!("{unexpected} UNEXPECTED")));
    }
    let found = [Expected::Violated, Expected::Holds, Expected::Reached, Expected::NotReached];
    for found in found.map(Some).into_iter().chain([None]) {
        let mut verdicts = report.verdicts.iter().filter(|verdict| verdict.found == found);
        let Some(first) = verdicts.next() else { continue };
        let word = match found {
            Some(Expected::Holds) if verdicts.clone().next().is_some() => "hold".to_owned(),
            _ => self::found(first),
        };
        counts.push((style(first), format!("{} {word}", 1 + verdicts.count())));
    }
    push_what_fits(&mut text, counts, room);
    text.push(PLAIN, "\n");
    text
}

/// Adds a list to a line that has so much room left, and a sign where something is left out: all of
/// it is told in the block.
fn push_what_fits(text: &mut Styled, list: Vec<(Style, String)>, room: usize) {
    const LEFT_OUT: &str = " …";
    let (count, mut taken) = (list.len(), 0);
    for (position, (style, item)) in list.into_iter().enumerate() {
        let separator = if position == 0 { "" } else { ", " };
        let sign = if position + 1 < count { LEFT_OUT.chars().count() } else { 0 };
        taken += separator.len() + item.chars().count();
        if position > 0 && taken + sign > room {
            text.push(PLAIN, LEFT_OUT);
            return;
        }
        text.push(PLAIN, separator);
        text.push(style, item);
    }
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
