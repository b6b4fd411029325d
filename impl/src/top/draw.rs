//! The screen.

use std::collections::VecDeque;
use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row as TableRow, Sparkline, Table};

use super::{Does, Row, View};

/// Draws what is shown.
pub fn draw(view: &View, frame: &mut Frame<'_>) {
    let curve =
        Curve { title: divergence(view), history: &view.history, is_fine: view.differing == 0 };
    draw_screen(&view.title, view.rows.len(), nodes(view), &curve, frame);
}

/// Something that should be zero, at the last looks.
pub(super) struct Curve<'a> {
    /// What it is.
    pub(super) title: String,
    /// The latest last.
    pub(super) history: &'a VecDeque<u64>,
    /// Whether all is as it should be.
    pub(super) is_fine: bool,
}

/// Draws a title, a table of so many nodes, and a curve.
pub(super) fn draw_screen(
    title: &str,
    nodes: usize,
    table: Table<'_>,
    curve: &Curve<'_>,
    frame: &mut Frame<'_>,
) {
    let rows = u16::try_from(nodes).unwrap_or(u16::MAX);
    let [title_area, table_area, curve_area, keys_area] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(rows.saturating_add(2)),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Line::from(title).bold(), title_area);
    frame.render_widget(table, table_area);
    // The latest are what is looked at.
    let Curve { title, history, is_fine } = curve;
    let width = usize::from(curve_area.width);
    let latest = history.iter().skip(history.len().saturating_sub(width));
    let most = history.iter().copied().max().unwrap_or_default().max(1);
    let sparkline = Sparkline::default()
        .block(Block::new().borders(Borders::TOP).title(title.as_str()))
        .data(latest.copied())
        .max(most)
        .style(Style::new().fg(if *is_fine { Color::Green } else { Color::Yellow }));
    frame.render_widget(sparkline, curve_area);
    frame.render_widget(Paragraph::new("q quits").dim(), keys_area);
}

fn divergence(view: &View) -> String {
    let View { differing, compared, pairs, .. } = view;
    let mut text = format!(" divergence: {differing} of {compared} pairs of homes differ");
    if compared < pairs {
        text += &format!("; of {} more not both answer", pairs - compared);
    }
    text + " "
}

fn nodes(view: &View) -> Table<'_> {
    let header = [
        "node",
        "",
        "writes/s",
        "reads/s",
        "failed/s",
        "p50",
        "p99",
        "keys",
        "pending",
        "dropped/s",
        "hints",
    ];
    let widths = [8, 11, 8, 8, 8, 8, 8, 10, 7, 9].map(Constraint::Length);
    let widths = widths.into_iter().chain([Constraint::Min(10)]);
    let rows = view.rows.iter().map(row);
    Table::new(rows, widths).header(TableRow::new(header).dim()).column_spacing(1)
}

fn row(row: &Row) -> TableRow<'_> {
    let Some(does) = &row.does else {
        return TableRow::new([Cell::from(row.name.as_str()), Cell::from("down")]).red();
    };
    let Does { writes, reads, failed, p50, p99, keys, pending, dropped, .. } = does;
    let state = if does.is_catching_up { "catching up" } else { "up" };
    let hints: Vec<_> = does.hints.iter().map(|(home, count)| format!("{home} {count}")).collect();
    TableRow::new([
        row.name.clone(),
        state.to_string(),
        writes.to_string(),
        reads.to_string(),
        failed.to_string(),
        latency(*p50),
        latency(*p99),
        keys.to_string(),
        pending.to_string(),
        dropped.to_string(),
        if hints.is_empty() { "none".to_string() } else { hints.join(", ") },
    ])
}

fn latency(took: Option<Duration>) -> String {
    match took {
        None => "-".to_string(),
        Some(took) if took < Duration::from_millis(1) => format!("{} us", took.as_micros()),
        Some(took) if took < Duration::from_secs(1) => {
            format!("{:.1} ms", took.as_secs_f64() * 1e3)
        }
        Some(took) => format!("{:.1} s", took.as_secs_f64()),
    }
}
