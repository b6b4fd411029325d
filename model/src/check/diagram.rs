//! Sequence diagrams of runs, as SVG.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use stateright::Model;

use super::action::{Action, Envelope};
use super::model::ClusterModel;
use super::shared::Shared;
use crate::ids::Peer;
use crate::protocol::Message;

const COLUMN: usize = 190;
const ROW: usize = 34;
const LEFT: usize = 95;
const TOP: usize = 46;

/// One row of the diagram: what happened, and when the message in it was sent.
struct Row {
    action: Action,
    text: String,
    sent_in_row: usize,
}

/// The sequence diagram of a run from the initial state: a lifeline per node and client, an arrow
/// per delivered message from the step that sent it to the step that took it, crosses for lost
/// messages, clocks for timeouts. Actions that the model does not allow end the diagram.
#[must_use]
pub fn sequence(model: &ClusterModel, actions: &[Action]) -> String {
    let rows = rows(model, actions);
    let actors = model.scenario().cluster.nodes().len() + model.scenario().clients.len();
    let (width, height) = (LEFT * 2 + COLUMN * (actors - 1), TOP + ROW * (rows.len() + 1));
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" \
         width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\"><defs><marker id=\"arrow\" \
         markerWidth=\"10\" markerHeight=\"8\" refX=\"9\" refY=\"4\" orient=\"auto\">\
         <path d=\"M0,0 L10,4 L0,8 z\" fill=\"#1b5e8c\"/></marker></defs>\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>"
    );
    for actor in 0..actors {
        let x = LEFT + COLUMN * actor;
        let name = escape(&model.names().seat_name(actor));
        let is_node = actor < model.scenario().cluster.nodes().len();
        let fill = if is_node { "#e3eef6" } else { "#f6ece3" };
        let _ = write!(
            svg,
            "<line x1=\"{x}\" y1=\"30\" x2=\"{x}\" y2=\"{height}\" stroke=\"#999\"/>\
             <rect x=\"{}\" y=\"6\" width=\"80\" height=\"24\" rx=\"4\" fill=\"{fill}\" \
             stroke=\"#777\"/><text x=\"{x}\" y=\"22\" text-anchor=\"middle\" \
             font-weight=\"bold\">{name}</text>",
            x - 40
        );
    }
    for (row, entry) in rows.iter().enumerate() {
        draw(&mut svg, model, row, entry);
    }
    svg.push_str("</svg>");
    svg
}

fn rows(model: &ClusterModel, actions: &[Action]) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(mut state) = model.init_states().into_iter().next() else { return rows };
    // Which row put each message that is under way there.
    let mut sent: Vec<(Shared<Envelope>, usize)> = Vec::new();
    for (row, action) in actions.iter().enumerate() {
        let Some(next) = model.apply(&state, action.clone()) else { break };
        let sent_in_row = match action {
            Action::Deliver(envelope) | Action::Drop(envelope) => {
                let at = sent.iter().position(|(known, _)| known == envelope);
                at.map_or(row, |at| sent.remove(at).1)
            }
            Action::Invoke { .. } | Action::Duplicate(_) | Action::Expire { .. } => row,
        };
        for envelope in &next.network {
            let copies = next.network.iter().filter(|other| *other == envelope).count();
            let known = sent.iter().filter(|(other, _)| other == envelope).count();
            if known < copies {
                sent.push((envelope.clone(), row));
            }
        }
        rows.push(Row { action: action.clone(), text: model.tell(&state, action), sent_in_row });
        state = next;
    }
    rows
}

fn draw(svg: &mut String, model: &ClusterModel, row: usize, entry: &Row) {
    let y = TOP + ROW * (row + 1) - 12;
    let title = escape(&entry.text);
    match &entry.action {
        Action::Deliver(envelope) => {
            arrow(svg, model, envelope, entry.sent_in_row, y, &title, "#1b5e8c", "");
        }
        Action::Drop(envelope) => {
            arrow(svg, model, envelope, entry.sent_in_row, y, &title, "#b3261e", "lost ");
        }
        Action::Duplicate(envelope) => {
            mark(
                svg,
                x_of(model, envelope.from),
                y,
                &title,
                "#8c5e1b",
                &label(envelope, "copied "),
            );
        }
        Action::Invoke { client, .. } => {
            let text = entry.text.split_once(" starts ").map_or(&*entry.text, |(_, rest)| rest);
            mark(svg, x_of(model, (*client).into()), y, &title, "#2e6b30", text);
        }
        Action::Expire { peer, .. } => {
            mark(svg, x_of(model, *peer), y, &title, "#b3261e", "timeout");
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "each is one attribute of the arrow")]
fn arrow(
    svg: &mut String,
    model: &ClusterModel,
    envelope: &Envelope,
    sent_in_row: usize,
    y: usize,
    title: &str,
    colour: &str,
    prefix: &str,
) {
    let (from, to) = (x_of(model, envelope.from), x_of(model, envelope.to));
    let sent_y = TOP + ROW * (sent_in_row + 1) - 8;
    // Beside the arrow's head, on the side it comes from, so that crossing arrows stay legible.
    let (text_x, anchor) = if from < to { (to - 12, "end") } else { (to + 12, "start") };
    let dash = if prefix.is_empty() { "" } else { " stroke-dasharray=\"4 3\"" };
    let _ = write!(
        svg,
        "<g><title>{title}</title><line x1=\"{from}\" y1=\"{sent_y}\" x2=\"{to}\" y2=\"{y}\" \
         stroke=\"{colour}\" stroke-width=\"1.5\" marker-end=\"url(#arrow)\"{dash}/>\
         <text x=\"{text_x}\" y=\"{}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{}</text></g>",
        y - 5,
        escape(&label(envelope, prefix))
    );
}

fn mark(svg: &mut String, x: usize, y: usize, title: &str, colour: &str, text: &str) {
    let _ = write!(
        svg,
        "<g><title>{title}</title><circle cx=\"{x}\" cy=\"{y}\" r=\"5\" fill=\"{colour}\"/>\
         <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{}</text></g>",
        x + 9,
        y + 4,
        escape(text)
    );
}

/// The kind of a message, and the values it carries.
fn label(envelope: &Envelope, prefix: &str) -> String {
    let mut text = String::from(prefix);
    text.push_str(envelope.message.kind());
    let state = match &envelope.message {
        Message::Store { state, .. } | Message::Repair { state, .. } => Some(state),
        Message::FetchReply { state, .. } => state.as_ref(),
        _ => None,
    };
    if let Some(state) = state {
        for (position, (_, value)) in state.versions().enumerate() {
            text.push_str(if position == 0 { " " } else { " | " });
            match value {
                Some(value) => {
                    let _ = write!(text, "\"{value}\"");
                }
                None => text.push_str("deleted"),
            }
        }
    }
    text
}

fn x_of(model: &ClusterModel, peer: Peer) -> usize {
    let position = match peer {
        Peer::Node(node) => node.index(),
        Peer::Client(client) => model.scenario().cluster.nodes().len() + client.0 as usize,
    };
    LEFT + COLUMN * position
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
