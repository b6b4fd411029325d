//! Sequence diagrams of runs, as SVG.
//!
//! Every arrow is level, in a row of its own, at the moment its message arrives; how long it was
//! under way shows as a thin line along its sender's lifeline. So lines cross at right angles
//! only, and a label, which stays between two lifelines, is crossed by none.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use stateright::Model;

use super::action::{Action, Envelope};
use super::model::ClusterModel;
use super::shared::Shared;
use super::state::ClusterState;
use crate::ids::{Key, NodeId, Peer};
use crate::protocol::{GetOutcome, Message, PutOutcome, Timer};
use crate::versions::Record;

const COLUMN: usize = 160;
const ROW: usize = 30;
/// Where the first lifeline is: step numbers stand to its left.
const LEFT: usize = 92;
/// What is right of the last lifeline.
const RIGHT: usize = 62;
/// Where the first row's arrow is.
const TOP: usize = 66;
/// From a lifeline to a label: the lines of waiting messages are in between.
const LABEL_MARGIN: usize = 20;
/// In a narrow pane the diagram shrinks to this, in pixels, before it must be scrolled.
const WIDTH_MIN: usize = 560;
/// As many characters as fit between two lifelines.
const LABEL_CHARACTERS_MAX: usize = 22;
const NAME_CHARACTERS_MAX: usize = 14;
/// As many waiting messages are drawn beside each other; more share the last line.
const SLOTS_MAX: usize = 4;
/// Diagrams of more rows name their lifelines at the bottom again.
const ROWS_WITHOUT_FOOT_MAX: usize = 10;

const BLUE: &str = "#1b5e8c";
const GREEN: &str = "#2e6b30";
const BROWN: &str = "#8c5e1b";
const RED: &str = "#b3261e";

/// One row of the diagram.
struct Row {
    /// The number of the step it begins, from one; `None` for what follows in the same step.
    step: Option<usize>,
    colour: &'static str,
    label: String,
    /// The whole text, shown when the pointer rests on the row.
    title: String,
    shape: Shape,
}

enum Shape {
    /// A message arrives, or is lost before it does.
    Arrow { from: Peer, to: Peer, sent: Option<Sent>, is_lost: bool },
    /// Something happens at one place.
    Dot { at: Peer },
}

/// Where a message waits.
#[derive(Clone, Copy)]
struct Sent {
    row: usize,
    /// Which of the lines along the lifeline it has, while it waits.
    slot: usize,
}

/// The sequence diagram of a run from the initial state: a lifeline per node and client, an arrow
/// per message that arrives or is lost, dots for timeouts and copies. Actions that the model does
/// not allow end the diagram.
#[must_use]
pub fn sequence(model: &ClusterModel, actions: &[Action]) -> String {
    let rows = Rows::of(model, actions);
    let nodes = model.scenario().cluster.nodes().len();
    let actors = nodes + model.scenario().clients.len();
    let has_foot = rows.len() > ROWS_WITHOUT_FOOT_MAX;
    let bottom = TOP + ROW * rows.len();
    let width = LEFT + COLUMN * (actors - 1) + RIGHT;
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
    bands(&mut svg, &rows, width);
    for actor in 0..actors {
        let (x, end) = (LEFT + COLUMN * actor, bottom - 8);
        let _ =
            write!(svg, "<line x1=\"{x}\" y1=\"30\" x2=\"{x}\" y2=\"{end}\" stroke=\"#aab2b8\"/>");
        let name = model.names().seat_name(actor);
        head(&mut svg, x, 6, &name, actor < nodes);
        if has_foot {
            head(&mut svg, x, bottom - 8, &name, actor < nodes);
        }
    }
    for (position, row) in rows.iter().enumerate() {
        draw(&mut svg, nodes, actors, position, row);
    }
    svg.push_str("</svg>");
    svg
}

/// Rows as they are made from a run.
struct Rows<'a> {
    model: &'a ClusterModel,
    rows: Vec<Row>,
    under_way: Vec<(Shared<Envelope>, Sent)>,
}

impl Rows<'_> {
    fn of(model: &ClusterModel, actions: &[Action]) -> Vec<Row> {
        let mut rows = Rows { model, rows: Vec::new(), under_way: Vec::new() };
        let Some(mut state) = model.init_states().into_iter().next() else { return rows.rows };
        for (position, action) in actions.iter().enumerate() {
            let mut hops = Vec::new();
            let on_hop = |hop: &Envelope| hops.push(hop.clone());
            let Some(next) = model.apply_telling(&state, action.clone(), on_hop) else { break };
            rows.add(position + 1, &state, action, &hops);
            rows.note_sent(rows.rows.len() - 1 - rows.answers(&hops), &next);
            state = next;
        }
        rows.rows
    }

    fn answers(&self, hops: &[Envelope]) -> usize {
        hops.iter().filter(|hop| is_to_client(hop)).count()
    }

    /// The rows of one step: the action itself, and what reached a client at once.
    fn add(&mut self, step: usize, before: &ClusterState, action: &Action, hops: &[Envelope]) {
        let title = self.model.tell(before, action);
        let first = Peer::Node(NodeId(0));
        let mut add = |colour, label, shape| {
            self.rows.push(Row { step: Some(step), colour, label, title: title.clone(), shape });
        };
        match action {
            Action::Invoke { client, .. } => {
                let label = self.model.starts(before, *client).to_string();
                let asked = hops.iter().find(|hop| hop.from == Peer::Client(*client));
                let shape = match asked {
                    Some(Envelope { from, to, .. }) => {
                        Shape::Arrow { from: *from, to: *to, sent: None, is_lost: false }
                    }
                    None => Shape::Dot { at: (*client).into() },
                };
                add(GREEN, label, shape);
            }
            Action::Deliver(envelope) | Action::Drop(envelope) => {
                let at = self.under_way.iter().position(|(known, _)| known == envelope);
                let sent = at.map(|at| self.under_way.remove(at).1);
                let is_lost = matches!(action, Action::Drop(_));
                let (from, to) = (envelope.from, envelope.to);
                let (colour, prefix) = if is_lost { (RED, "lost: ") } else { (BLUE, "") };
                let label = prefix.to_string() + &label(&envelope.message);
                add(colour, label, Shape::Arrow { from, to, sent, is_lost });
            }
            Action::Duplicate(envelope) => {
                let label = "copied: ".to_string() + &label(&envelope.message);
                add(BROWN, label, Shape::Dot { at: envelope.from });
            }
            Action::Expire { peer, timer } => {
                let (colour, label) = match timer {
                    Timer::Request(request) => {
                        (RED, "timeout ".to_string() + &self.model.names().request(*request))
                    }
                    background => (GREEN, self.model.names().timer(*background)),
                };
                add(colour, label, Shape::Dot { at: *peer });
            }
            Action::Crash { node } => add(RED, "crash".into(), Shape::Dot { at: (*node).into() }),
            Action::Recover { node } => {
                add(GREEN, "starts again".into(), Shape::Dot { at: (*node).into() });
            }
            Action::Wipe { node } => {
                add(RED, "disk lost".into(), Shape::Dot { at: (*node).into() });
            }
            Action::Snapshot { node } => {
                add(BROWN, "disk copied".into(), Shape::Dot { at: (*node).into() });
            }
            Action::Restore { node } => {
                add(RED, "older disk".into(), Shape::Dot { at: (*node).into() });
            }
            Action::SetClock { node, .. } => {
                add(BROWN, "clock set".into(), Shape::Dot { at: (*node).into() });
            }
            // Everybody's; told in the list of steps.
            Action::Partition { .. } => {
                add(RED, "network split".into(), Shape::Dot { at: first });
            }
            Action::Heal => {
                add(GREEN, "network whole again".into(), Shape::Dot { at: first });
            }
        }
        for hop in hops.iter().filter(|hop| is_to_client(hop)) {
            self.rows.push(Row {
                step: None,
                colour: GREEN,
                label: label(&hop.message),
                title: self.model.names().envelope(hop),
                shape: Shape::Arrow { from: hop.from, to: hop.to, sent: None, is_lost: false },
            });
        }
    }

    /// Remembers which messages the step in this row has sent.
    fn note_sent(&mut self, row: usize, after: &ClusterState) {
        // What left the network without an arrow can have no effect any more.
        self.under_way.retain(|(known, _)| after.network.contains(known));
        for envelope in &after.network {
            let same = |other: &&Shared<Envelope>| *other == envelope;
            let copies = after.network.iter().filter(same).count();
            let known = self.under_way.iter().filter(|(other, _)| other == envelope).count();
            if known < copies {
                // Peers are ordered as their lifelines are: nodes, then clients.
                let is_free = |slot: &usize| {
                    self.under_way.iter().all(|(other, sent)| {
                        sent.slot != *slot
                            || other.from != envelope.from
                            || (other.from < other.to) != (envelope.from < envelope.to)
                    })
                };
                let slot = (0..SLOTS_MAX).find(is_free).unwrap_or(SLOTS_MAX - 1);
                self.under_way.push((envelope.clone(), Sent { row, slot }));
            }
        }
    }
}

fn is_to_client(hop: &Envelope) -> bool {
    matches!(hop.to, Peer::Client(_))
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

fn draw(svg: &mut String, nodes: usize, actors: usize, position: usize, row: &Row) {
    let x_of = |peer: Peer| match peer {
        Peer::Node(node) => LEFT + COLUMN * node.index(),
        Peer::Client(client) => LEFT + COLUMN * (nodes + client.0 as usize),
    };
    let (y, colour) = (y_of(position), row.colour);
    let _ = write!(svg, "<g><title>{}</title>", escape(&row.title));
    let (text_x, anchor) = match row.shape {
        Shape::Arrow { from, to, sent, is_lost } => {
            let (from, to) = (x_of(from), x_of(to));
            arrow(svg, from, to, y, sent, is_lost, colour);
            if from < to { (to - LABEL_MARGIN, "end") } else { (to + LABEL_MARGIN, "start") }
        }
        Shape::Dot { at } => {
            let x = x_of(at);
            let _ = write!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"5\" fill=\"{colour}\"/>");
            let is_last = x == LEFT + COLUMN * (actors - 1);
            if is_last { (x - LABEL_MARGIN, "end") } else { (x + LABEL_MARGIN, "start") }
        }
    };
    let _ = write!(
        svg,
        "<text x=\"{text_x}\" y=\"{}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{}</text></g>",
        y - 5,
        escape(&truncated(&row.label, LABEL_CHARACTERS_MAX))
    );
}

fn arrow(
    svg: &mut String,
    from: usize,
    to: usize,
    y: usize,
    sent: Option<Sent>,
    is_lost: bool,
    colour: &str,
) {
    let towards = |x: usize, distance: usize| {
        if from < to { x + distance } else { x - distance }
    };
    let back = |x: usize, distance: usize| {
        if from < to { x - distance } else { x + distance }
    };
    let mut path = String::new();
    match sent {
        Some(sent) => {
            let (sent_y, beside) = (y_of(sent.row) + 6, towards(from, 5 + 4 * sent.slot));
            let _ = write!(
                svg,
                "<circle cx=\"{from}\" cy=\"{sent_y}\" r=\"2\" fill=\"{colour}\"/>\
                 <path d=\"M{from},{sent_y} H{beside} V{y}\" fill=\"none\" stroke=\"{colour}\" \
                 stroke-width=\"1\" stroke-opacity=\"0.6\"/>"
            );
            let _ = write!(path, "M{beside},{y}");
        }
        None => {
            let _ = write!(path, "M{from},{y}");
        }
    }
    let end = back(to, if is_lost { 12 } else { 7 });
    let dash = if is_lost { " stroke-dasharray=\"5 4\"" } else { "" };
    let _ = write!(
        svg,
        "<path d=\"{path} H{end}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{dash}/>"
    );
    if is_lost {
        let (left, right) = (end - 4, end + 4);
        let _ = write!(
            svg,
            "<path d=\"M{left},{} L{right},{} M{left},{} L{right},{}\" stroke=\"{colour}\" \
             stroke-width=\"2\"/>",
            y - 4,
            y + 4,
            y + 4,
            y - 4
        );
    } else {
        let (tip, tail) = (back(to, 1), back(to, 10));
        let _ = write!(
            svg,
            "<path d=\"M{tip},{y} L{tail},{} L{tail},{} z\" fill=\"{colour}\"/>",
            y - 4,
            y + 4
        );
    }
}

/// The kind of a message and the values it carries, as short as can be told apart.
fn label(message: &Message) -> String {
    let values = |state: Option<&Record>| {
        let state = state.filter(|state| state.versions().next().is_some());
        let Some(state) = state else { return "nothing".to_string() };
        let mut text = String::new();
        for (position, (_, value)) in state.versions().enumerate() {
            text.push_str(if position == 0 { "" } else { " | " });
            match value {
                Some(value) => {
                    let _ = write!(text, "\"{value}\"");
                }
                None => text.push_str("deleted"),
            }
        }
        text
    };
    let mut text = message.kind().to_string();
    let of_key = |key: &Key, state: &Record| alloc::format!(" {key}: {}", values(Some(state)));
    match message {
        Message::Put(put) => {
            let _ = write!(text, " {}", put.key);
        }
        Message::Get(get) => {
            let _ = write!(text, " {}", get.key);
        }
        Message::Fetch { key, .. } => {
            let _ = write!(text, " {key}");
        }
        Message::Store { key, state, .. } | Message::Repair { key, state } => {
            text.push_str(&of_key(key, state));
        }
        Message::FetchReply { state, .. } => {
            let _ = write!(text, ": {}", values(state.as_deref()));
        }
        Message::StoreHint { key, state, .. }
        | Message::Handoff { key, state }
        | Message::ReapAsk { key, state } => text.push_str(&of_key(key, state)),
        Message::CatchUpPage { entries, .. } => {
            for (key, state) in entries {
                text.push_str(&of_key(key, state));
            }
        }
        Message::SyncStates { states, .. } => {
            for (key, state) in states {
                text.push_str(&of_key(key, state));
            }
        }
        Message::StoreAck { .. }
        | Message::Probe { .. }
        | Message::ProbeReply { .. }
        | Message::HandoffAck { .. }
        | Message::CatchUp { .. }
        | Message::ReapAgree { .. }
        | Message::Reap { .. }
        | Message::SyncHashes { .. }
        | Message::SyncKeys { .. } => {}
        // An answer is known by what it says.
        Message::PutReply { outcome, .. } => {
            text = match outcome {
                PutOutcome::Ok { .. } => "Ok".to_string(),
                PutOutcome::Unavailable { .. } => "Unavailable".to_string(),
                PutOutcome::Minted { state } => "Minted: ".to_string() + &values(Some(state)),
                PutOutcome::Refused(_) => "Refused".to_string(),
            };
        }
        Message::GetReply { outcome, .. } => {
            text = match outcome {
                GetOutcome::Ok { state, .. } => "Ok: ".to_string() + &values(state.as_deref()),
                GetOutcome::Unavailable { .. } => "Unavailable".to_string(),
                GetOutcome::Refused(_) => "Refused".to_string(),
            };
        }
    }
    text
}

fn truncated(text: &str, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text.to_string();
    }
    let mut shown: String = text.chars().take(characters_max - 1).collect();
    shown.push('…');
    shown
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
