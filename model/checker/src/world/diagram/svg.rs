//! Drawing rows.

use std::fmt::Write;

use super::escape;
use super::rows::{Mark, Outage, Row, Rows, Sent, Shape, Tone, Waiting};
use quorate_ids::{NodeId, NodeSet, Peer};

const COLUMN: usize = 160;
const ROW: usize = 30;
/// Where the first lifeline is: step numbers stand to its left.
const LEFT: usize = 92;
/// What is right of the last lifeline.
const RIGHT: usize = 62;
/// Where the first row's arrow is.
const TOP: usize = 66;
/// Where lifelines begin.
const LIFELINE_TOP: usize = 30;
/// From a lifeline to a label: the lines of waiting messages are in between.
const LABEL_MARGIN: usize = 20;
/// In a narrow pane the diagram shrinks to this, in pixels, before it must be scrolled.
const WIDTH_MIN: usize = 560;
/// As many characters as fit between two lifelines.
const LABEL_CHARACTERS_MAX: usize = 22;
const NAME_CHARACTERS_MAX: usize = 14;
/// Diagrams of more rows name their lifelines at the bottom again.
const ROWS_WITHOUT_FOOT_MAX: usize = 10;

const BLUE: &str = "#1b5e8c";
const GREEN: &str = "#2e6b30";
const BROWN: &str = "#8c5e1b";
const RED: &str = "#b3261e";
const GREY: &str = "#aab2b8";

fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Message => BLUE,
        Tone::Good => GREEN,
        Tone::Notice => BROWN,
        Tone::Fault => RED,
    }
}

/// The lifelines, from left to right.
pub(super) struct Lifelines {
    /// How many of them are nodes; these come first.
    pub(super) nodes: usize,
    pub(super) names: Vec<String>,
}

impl Lifelines {
    fn x_of(&self, peer: Peer) -> usize {
        match peer {
            Peer::Node(node) => LEFT + COLUMN * node.index(),
            Peer::Client(client) => LEFT + COLUMN * (self.nodes + client.0 as usize),
        }
    }

    fn last_x(&self) -> usize {
        LEFT + COLUMN * (self.names.len() - 1)
    }
}

/// The whole diagram.
pub(super) fn draw(lifelines: &Lifelines, drawn: &Rows) -> String {
    let Rows { rows, outages, waiting } = drawn;
    let has_foot = rows.len() > ROWS_WITHOUT_FOOT_MAX;
    let bottom = TOP + ROW * rows.len();
    let width = lifelines.last_x() + RIGHT;
    let height = if has_foot { bottom + 28 } else { bottom };
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" class=\"sequence\" \
         style=\"max-width: 100%; min-width: {WIDTH_MIN}px; height: auto\" \
         width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\">\
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"#ffffff\"/>"
    );
    bands(&mut svg, rows, width);
    for (position, name) in lifelines.names.iter().enumerate() {
        let (x, is_node) = (LEFT + COLUMN * position, position < lifelines.nodes);
        let of_this = |outage: &&Outage| is_node && outage.node.index() == position;
        lifeline(&mut svg, x, bottom - 8, outages.iter().filter(of_this));
        head(&mut svg, x, 6, name, is_node);
        if has_foot {
            head(&mut svg, x, bottom - 8, name, is_node);
        }
    }
    for message in waiting {
        wait(&mut svg, lifelines, message, bottom - 8);
    }
    for (position, row) in rows.iter().enumerate() {
        draw_row(&mut svg, lifelines, position, row);
    }
    svg.push_str("</svg>");
    svg
}

fn y_of(row: usize) -> usize {
    TOP + ROW * row
}

/// Shades every other step, so that rows of one step are seen to belong together.
fn bands(svg: &mut String, rows: &[Row], width: usize) {
    let mut step = 0;
    for (position, row) in rows.iter().enumerate() {
        step = row.step.unwrap_or(step);
        let top = y_of(position) - 20;
        if step % 2 == 0 {
            let _ = write!(
                svg,
                "<rect x=\"4\" y=\"{top}\" width=\"{}\" height=\"{ROW}\" fill=\"#f1f5f8\"/>",
                width - 8
            );
        }
        if let Some(step) = row.step {
            let _ = write!(
                svg,
                "<text x=\"24\" y=\"{}\" text-anchor=\"end\" fill=\"#667\">{step}</text>",
                y_of(position) + 4
            );
        }
    }
}

/// A lifeline down to `end`: a line while its node is up, a few faint dots while it is down.
fn lifeline<'a>(svg: &mut String, x: usize, end: usize, outages: impl Iterator<Item = &'a Outage>) {
    let mut line = |from: usize, to: usize, is_up: bool| {
        if from < to {
            let dash = if is_up { "" } else { " stroke-dasharray=\"1 7\" class=\"down\"" };
            let _ = write!(
                svg,
                "<line x1=\"{x}\" y1=\"{from}\" x2=\"{x}\" y2=\"{to}\" stroke=\"{GREY}\"{dash}/>"
            );
        }
    };
    let mut up_since = LIFELINE_TOP;
    for outage in outages {
        let stops = outage.from.map_or(LIFELINE_TOP, y_of);
        let starts = outage.until.map_or(end, y_of);
        line(up_since, stops, true);
        line(stops, starts, false);
        up_since = starts;
    }
    line(up_since, end, true);
}

fn head(svg: &mut String, x: usize, y: usize, name: &str, is_node: bool) {
    let fill = if is_node { "#e3eef6" } else { "#f6ece3" };
    let _ = write!(
        svg,
        "<g><title>{}</title><rect x=\"{}\" y=\"{y}\" width=\"100\" height=\"24\" rx=\"4\" \
         fill=\"{fill}\" stroke=\"#778\"/><text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" \
         font-weight=\"bold\" font-size=\"12\" fill=\"#223\">{}</text></g>",
        escape(name),
        x - 50,
        y + 16,
        escape(&truncated(name, NAME_CHARACTERS_MAX))
    );
}

fn draw_row(svg: &mut String, lifelines: &Lifelines, position: usize, row: &Row) {
    let (y, colour) = (y_of(position), colour(row.tone));
    let _ = write!(svg, "<g><title>{}</title>", escape(&row.title));
    let (text_x, anchor) = match &row.shape {
        Shape::Arrow { from, to, sent, is_lost } => {
            let (from, to) = (lifelines.x_of(*from), lifelines.x_of(*to));
            arrow(svg, (from, to), y, *sent, *is_lost, colour);
            if from < to { (to - LABEL_MARGIN, "end") } else { (to + LABEL_MARGIN, "start") }
        }
        Shape::Mark { at, mark } => {
            let x = lifelines.x_of(*at);
            draw_mark(svg, x, y, *mark, colour);
            let is_last = x == lifelines.last_x();
            if is_last { (x - LABEL_MARGIN, "end") } else { (x + LABEL_MARGIN, "start") }
        }
        Shape::Network { groups } => {
            across(svg, lifelines.nodes, y, groups.is_empty(), colour);
            (LEFT + LABEL_MARGIN, "start")
        }
    };
    let _ = write!(
        svg,
        "<text x=\"{text_x}\" y=\"{}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{}</text>",
        y - 5,
        escape(&truncated(&row.label, LABEL_CHARACTERS_MAX))
    );
    if let Shape::Network { groups } = &row.shape {
        badges(svg, lifelines.nodes, y, groups, colour);
    }
    svg.push_str("</g>");
}

fn draw_mark(svg: &mut String, x: usize, y: usize, mark: Mark, colour: &str) {
    let _ = match mark {
        Mark::Dot => write!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"5\" fill=\"{colour}\"/>"),
        Mark::Ring => write!(
            svg,
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"5\" fill=\"#ffffff\" stroke=\"{colour}\" \
             stroke-width=\"2\"/>"
        ),
        Mark::Square => write!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>",
            x - 5,
            y - 5
        ),
        Mark::Cross => {
            cross(svg, x, y, 6, colour);
            Ok(())
        }
    };
}

fn cross(svg: &mut String, x: usize, y: usize, reach: usize, colour: &str) {
    let (left, right, top, foot) = (x - reach, x + reach, y - reach, y + reach);
    let _ = write!(
        svg,
        "<path d=\"M{left},{top} L{right},{foot} M{left},{foot} L{right},{top}\" \
         stroke=\"{colour}\" stroke-width=\"2\"/>"
    );
}

/// A line across all nodes: whole, or broken where the network is split.
fn across(svg: &mut String, nodes: usize, y: usize, is_whole: bool, colour: &str) {
    let (left, right) = (LEFT - 40, LEFT + COLUMN * (nodes - 1) + 40);
    let dash = if is_whole { "" } else { " stroke-dasharray=\"8 4\"" };
    let _ = write!(
        svg,
        "<path d=\"M{left},{y} H{right}\" stroke=\"{colour}\" stroke-width=\"1.5\"{dash}/>"
    );
}

/// While the network is split, each node bears the number of its group, or several if it is in
/// several. A node in none, which reaches nobody, bears a dash.
fn badges(svg: &mut String, nodes: usize, y: usize, groups: &[NodeSet], colour: &str) {
    for node in 0..if groups.is_empty() { 0 } else { nodes } {
        let id = NodeId(node as u16);
        let member = groups.iter().enumerate().filter(|(_, group)| group.contains(id));
        let numbers: Vec<String> = member.map(|(group, _)| (group + 1).to_string()).collect();
        let text = if numbers.is_empty() { "–".to_string() } else { numbers.join("+") };
        let (x, half) = (LEFT + COLUMN * node, 5 + 4 * text.chars().count());
        let _ = write!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"16\" rx=\"8\" fill=\"#ffffff\" \
             stroke=\"{colour}\"/><text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" \
             fill=\"{colour}\">{text}</text>",
            x - half,
            y - 8,
            2 * half,
            y + 4,
        );
    }
}

/// The line of a message that is still under way when the run ends.
fn wait(svg: &mut String, lifelines: &Lifelines, message: &Waiting, end: usize) {
    let (from, to) = (lifelines.x_of(message.from), lifelines.x_of(message.to));
    let path = sent_line(svg, (from, to), message.sent, GREY);
    let _ = write!(
        svg,
        "<path d=\"{path} V{end}\" fill=\"none\" stroke=\"{GREY}\" stroke-width=\"1.5\" \
         stroke-dasharray=\"3 3\" class=\"under-way\"><title>{}</title></path>",
        escape(&message.title)
    );
}

/// Away from `from`, towards `to`.
fn towards(from: usize, to: usize, x: usize, distance: usize) -> usize {
    if from < to { x + distance } else { x - distance }
}

/// Where a message is sent, and how the line begins along which it waits.
fn sent_line(svg: &mut String, (from, to): (usize, usize), sent: Sent, colour: &str) -> String {
    let (y, beside) = (y_of(sent.row) + 6, towards(from, to, from, 5 + 4 * sent.slot));
    let _ = write!(svg, "<circle cx=\"{from}\" cy=\"{y}\" r=\"2\" fill=\"{colour}\"/>");
    format!("M{from},{y} H{beside}")
}

fn arrow(
    svg: &mut String,
    (from, to): (usize, usize),
    y: usize,
    sent: Option<Sent>,
    is_lost: bool,
    colour: &str,
) {
    let back = |distance: usize| towards(to, from, to, distance);
    let mut start = from;
    if let Some(sent) = sent {
        let path = sent_line(svg, (from, to), sent, colour);
        start = towards(from, to, from, 5 + 4 * sent.slot);
        let _ = write!(
            svg,
            "<path d=\"{path} V{y}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1\" \
             stroke-opacity=\"0.6\"/>"
        );
    }
    let end = back(if is_lost { 12 } else { 7 });
    let dash = if is_lost { " stroke-dasharray=\"5 4\"" } else { "" };
    let _ = write!(
        svg,
        "<path d=\"M{start},{y} H{end}\" fill=\"none\" stroke=\"{colour}\" \
         stroke-width=\"1.5\"{dash}/>"
    );
    if is_lost {
        cross(svg, end, y, 4, colour);
    } else {
        let (tip, tail) = (back(1), back(10));
        let _ = write!(
            svg,
            "<path d=\"M{tip},{y} L{tail},{} L{tail},{} z\" fill=\"{colour}\"/>",
            y - 4,
            y + 4
        );
    }
}

fn truncated(text: &str, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text.to_string();
    }
    let mut shown: String = text.chars().take(characters_max - 1).collect();
    shown.push('…');
    shown
}
