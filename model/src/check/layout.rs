//! Nodes and clients laid out for people, a line for each thing.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use itertools::Itertools;

use super::client::ScriptedClient;
use super::state::NodeState;
use super::words::Names;
use crate::versions::Record;

pub(super) fn node_lines(names: &Names, node: &NodeState) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, entry) in node.store.entries() {
        let label = format!("{key}: ");
        for (position, line) in record_lines(names, &entry.state).iter().enumerate() {
            let label = if position == 0 { &label } else { "" };
            lines.push(format!("{label:<0$}{line}", key.to_string().chars().count() + 2));
        }
    }
    if lines.is_empty() {
        lines.push("holds nothing".to_string());
    }
    lines.extend(names.hints(node));
    lines.extend(names.node_waits(node));
    lines
}

/// One version: all on one line. Siblings: a line each, then what was seen.
fn record_lines(names: &Names, record: &Record) -> Vec<String> {
    if record.versions().nth(1).is_none() {
        return Vec::from([names.record(record)]);
    }
    let mut lines: Vec<String> =
        record.versions().map(|(dot, value)| names.version(dot, value)).collect();
    let context = record.context();
    if !context.is_empty() {
        lines.push(format!("seen {}", names.context(&context)));
    }
    lines
}

pub(super) fn client_line(names: &Names, client: &ScriptedClient) -> String {
    let id = client.client.id();
    let next = names.operation(id, client.next);
    let mut line = match (names.client_waits(client), next) {
        (Some(waits), _) => {
            let started = client.next.checked_sub(1).and_then(|last| names.operation(id, last));
            format!("{waits}: {}", started.unwrap_or_default())
        }
        (None, Some(next)) => format!("next: {next}"),
        (None, None) => "has finished".to_string(),
    };
    let mut known = client.contexts.iter().filter(|(_, seen)| !seen.is_empty()).peekable();
    if known.peek().is_some() {
        let known = known.map(|(key, context)| format!("{key} {}", names.context(context)));
        let _ = write!(line, "; carries {}", known.format(", "));
    }
    line
}
