//! What a comparison found, as tables: for a terminal, or as Markdown.

use std::fmt::Write;

use crate::availability::{Answered, Availability};
use crate::comparison::{Cell, Comparison, Row, ToldProgram};
use crate::latency::Took;
use crate::property::Property;

/// How tables are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Aligned columns.
    Text,
    /// Markdown.
    Markdown,
}

/// What is asked of a cell to be shown.
#[must_use]
pub fn command(file: Option<&str>, setting: &str, property: Property) -> String {
    let file = file.map_or(String::new(), |file| format!(" {file}"));
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "=,.-".contains(letter);
    let quote = if setting.chars().all(is_plain) { "" } else { "'" };
    format!("quorate compare{file} --show {quote}{setting}{quote} {}", property.name())
}

/// By which letter a budget of faults is called in the tables.
fn letter(comparison: &Comparison, faults: &str) -> char {
    let at = comparison.faults.iter().position(|known| known == faults).unwrap_or_default();
    char::from(b'a' + (at % 26) as u8)
}

fn cell(comparison: &Comparison, cell: &Cell) -> String {
    match cell {
        Cell::Possible { steps, faults, .. } => format!("{steps} {}", letter(comparison, faults)),
        Cell::Never => "never".to_owned(),
        Cell::NotAsked => "not asked".to_owned(),
        Cell::Cut { .. } => "cut".to_owned(),
    }
}

/// Rows of a table, the first being its head.
fn table(rows: &[Vec<String>], style: Style) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let widths = rows.iter().filter_map(|row| row.get(column)).map(|it| it.chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        match style {
            Style::Text => {
                let padded = row.iter().zip(&widths).map(|(it, width)| format!("{it:width$}"));
                let line = padded.collect::<Vec<_>>().join("  ");
                let _ = writeln!(text, "{}", line.trim_end());
            }
            Style::Markdown => {
                let _ = writeln!(text, "| {} |", row.join(" | "));
                if number == 0 {
                    let _ = writeln!(text, "|{}", "---|".repeat(columns));
                }
            }
        }
    }
    text
}

/// What was compared, and within which bounds.
#[must_use]
pub fn bounds(comparison: &Comparison, style: Style) -> String {
    let (item, code) = match style {
        Style::Text => ("  ", ""),
        Style::Markdown => ("- ", "`"),
    };
    let mut text = "Clients do, in every setting:\n\n".to_owned();
    for ToldProgram { name, clients, faults } in &comparison.programs {
        let under: String = faults.iter().map(|it| letter(comparison, it)).collect();
        let _ = writeln!(text, "{item}{name} (under {under}): {code}{clients}{code}");
    }
    text.push_str("\nWhat may go wrong, at any moment, each alone:\n\n");
    for faults in &comparison.faults {
        let _ = writeln!(text, "{item}{}: {faults}", letter(comparison, faults));
    }
    let _ = writeln!(
        text,
        "\nEvery run within these bounds is visited, of at most {} states in one search. `never` says no more than that.",
        comparison.states_max
    );
    text
}

/// Settings by properties.
#[must_use]
pub fn properties(comparison: &Comparison, style: Style) -> String {
    let head = comparison.rows.iter().map(|row| row.setting.clone());
    let mut rows = vec![std::iter::once(String::new()).chain(head).collect::<Vec<_>>()];
    for property in Property::ALL {
        let cells =
            comparison.rows.iter().map(|row| cell(comparison, &row.cells[property as usize]));
        rows.push(std::iter::once(property.name().to_owned()).chain(cells).collect());
    }
    table(&rows, style)
}

/// What each property means.
#[must_use]
pub fn statements(style: Style) -> String {
    let mut rows = vec![vec!["it is possible that".to_owned(), String::new()]];
    for property in Property::ALL {
        rows.push(vec![property.name().to_owned(), property.statement().to_owned()]);
    }
    table(&rows, style)
}

/// The command that shows each run.
#[must_use]
pub fn commands(comparison: &Comparison, file: Option<&str>, style: Style) -> String {
    let mut rows =
        vec![["steps", "clients do", "what goes wrong", "the run"].map(str::to_owned).to_vec()];
    for row in &comparison.rows {
        for (property, cell) in Property::ALL.into_iter().zip(&row.cells) {
            let Cell::Possible { steps, program, faults } = cell else { continue };
            let shown = command(file, &row.setting, property);
            let shown = if style == Style::Markdown { format!("`{shown}`") } else { shown };
            rows.push(vec![steps.to_string(), program.clone(), faults.clone(), shown]);
        }
    }
    table(&rows, style)
}

/// Which of so many sets of nodes may be down: `all`, `none`, or which may.
fn which(
    availability: &Availability,
    size: usize,
    of: impl Fn(&crate::availability::Down) -> Answered,
) -> String {
    let sets: Vec<_> = availability.down.iter().filter(|down| down.nodes.len() == size).collect();
    let named = |wanted: Answered| {
        let sets = sets.iter().filter(|down| of(down) == wanted);
        sets.map(|down| down.nodes.concat()).collect::<Vec<_>>()
    };
    let told = [
        (Answered::AtOnce, "at once"),
        (Answered::AfterTimeouts, "after timeouts"),
        (Answered::Never, "no"),
        (Answered::Cut, "cut"),
    ];
    let told = told.into_iter().filter_map(|(wanted, told)| {
        let named = named(wanted);
        match named.len() {
            0 => None,
            some if some == sets.len() => Some(told.to_owned()),
            _ => Some(format!("{}: {told}", named.join(" "))),
        }
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Settings by availability.
#[must_use]
pub fn availability(comparison: &Comparison, style: Style) -> String {
    let head = [
        "",
        "writes, one node down",
        "writes, two down",
        "reads, one node down",
        "reads, two down",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for Row { setting, availability, .. } in &comparison.rows {
        rows.push(vec![
            setting.clone(),
            which(availability, 1, |down| down.writes),
            which(availability, 2, |down| down.writes),
            which(availability, 1, |down| down.reads),
            which(availability, 2, |down| down.reads),
        ]);
    }
    table(&rows, style)
}

/// Settings by latency.
#[must_use]
pub fn latency(comparison: &Comparison, style: Style) -> String {
    let head = ["", "a write: delays", "messages", "a read: delays", "messages"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let told = |took: &Option<Took>| match took {
        None => ["no answer".to_owned(), String::new()],
        Some(Took { fewest, most, messages }) => {
            let delays =
                if fewest == most { fewest.to_string() } else { format!("{fewest} to {most}") };
            [delays, messages.to_string()]
        }
    };
    for Row { setting, latency, .. } in &comparison.rows {
        let [write, written] = told(&latency.write);
        let [read, found] = told(&latency.read);
        rows.push(vec![setting.clone(), write, written, read, found]);
    }
    table(&rows, style)
}

/// How cells are read.
pub const LEGEND: &str = "A number is the steps of a run that shows it, with the letter of what may go wrong in it. \
    never: no run within the bounds shows it, and some run put it to the test. not asked: none put it to the test. \
    cut: not every run was visited, and none that was shows it.";

/// Everything, in order.
#[must_use]
pub fn all(comparison: &Comparison, file: Option<&str>, style: Style) -> String {
    let heading = |text: &str| match style {
        Style::Text => format!("\n{text}\n\n"),
        Style::Markdown => format!("\n## {text}\n\n"),
    };
    let mut text = bounds(comparison, style);
    text += &heading("What clients may observe");
    text += &properties(comparison, style);
    let _ = writeln!(text, "\n{LEGEND}");
    text += &heading("What each means");
    text += &statements(style);
    text += &heading("The runs");
    text += &commands(comparison, file, style);
    text += &heading("What is answered while nodes are down");
    text += &availability(comparison, style);
    text += &heading("What operations take where nothing fails");
    text += &latency(comparison, style);
    text
}
