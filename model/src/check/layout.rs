//! A global state laid out for people: a block per actor, then messages, writes and faults.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use itertools::Itertools;

use super::actor::{ActorState, NodeState, ScriptedClient};
use super::state::ClusterState;
use super::words::Names;
use super::write_set::WriteSet;
use crate::versions::Record;

impl ClusterState {
    /// The state for people, under these names. Every state of a scenario has the same actors, so a state
    /// differs from the one before only where something happened.
    #[must_use]
    pub fn told(&self, names: &Names) -> String {
        let actors = self.seats.iter().enumerate().map(|(index, seat)| {
            let lines = match &seat.state {
                ActorState::Node(node) => node_lines(names, node),
                ActorState::Client(client) => Vec::from([client_line(names, client)]),
            };
            (names.seat_name(index), lines)
        });
        let mut blocks: Vec<(String, Vec<String>)> = actors.collect();
        // Failed writes are not listed: history remembers them only where a property asks.
        let writes = |writes: WriteSet| writes.iter().map(|write| names.write(write)).collect();
        let under_way = self.network.iter().sorted_by_key(|one| one.reading_order());
        blocks.extend([
            ("under way".to_string(), under_way.map(|one| names.envelope(one)).collect()),
            ("acknowledged".to_string(), writes(self.history.acknowledged())),
            ("down".to_string(), self.names_of_down(names)),
            ("split".to_string(), self.names_of_groups(names)),
            ("faults left".to_string(), self.faults_left()),
        ]);
        let width = blocks.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        let lines = blocks.iter().flat_map(|(name, lines)| {
            lines.iter().enumerate().map(move |(position, line)| {
                let name = if position == 0 { name } else { "" };
                format!("{name:<width$}  {line}")
            })
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn names_of_down(&self, names: &Names) -> Vec<String> {
        if self.down.is_empty() { Vec::new() } else { Vec::from([names.node_set(self.down)]) }
    }

    fn names_of_groups(&self, names: &Names) -> Vec<String> {
        if self.groups.is_empty() {
            return Vec::new();
        }
        Vec::from([self.groups.iter().map(|group| names.node_set(*group)).join(" | ")])
    }

    fn faults_left(&self) -> Vec<String> {
        let faults = self.faults;
        let budgets = [
            (faults.drops, "drop"),
            (faults.duplicates, "duplicate"),
            (faults.timeouts, "timeout"),
            (faults.crashes, "crash"),
            (faults.wipes, "lost disk"),
            (faults.rollbacks, "older disk"),
            (faults.partitions, "partition"),
        ];
        let left = budgets.iter().filter(|(count, _)| *count > 0).map(|(count, fault)| {
            match (*count, *fault) {
                (1, fault) => format!("1 {fault}"),
                (count, "crash") => format!("{count} crashes"),
                (count, fault) => format!("{count} {fault}s"),
            }
        });
        let left = left.collect::<Vec<_>>().join(", ");
        Vec::from([if left.is_empty() { "none".to_string() } else { left }])
    }
}

fn node_lines(names: &Names, node: &NodeState) -> Vec<String> {
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

fn client_line(names: &Names, client: &ScriptedClient) -> String {
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
