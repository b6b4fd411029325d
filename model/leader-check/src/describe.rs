//! A scenario in words: what is checked.

use std::fmt::Display;

use quorate_leader::client::Task;
use quorate_leader::config::{LogKind, Reads};
use quorate_leader::statement::Statement;
use serde::Serialize;

use crate::leader_based::LeaderBased;
use crate::setting::{ClientSetting, LeaderFile, Setting, Written};

/// How a word of the format is written.
struct Word<T>(T);

impl<T: Serialize> Display for Word<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.serialize(f)
    }
}

/// `majority, raft`: what a cluster promises most of all.
#[must_use]
pub fn setting(setting: &Setting) -> String {
    let epochs = if setting.epochs { "" } else { " without epochs" };
    format!("{}, {}{epochs}", Word(setting.replication), Word(setting.election))
}

/// `A B C; leader-based: majority, raft; reads from the leader, confirmed; row log`
#[must_use]
pub fn cluster(file: &LeaderFile) -> String {
    let of = &file.protocol;
    let reads = match of.reads {
        Reads::Leader => "reads from the leader",
        Reads::Confirmed => "reads from a leader that has confirmed that it leads",
        Reads::Any => "reads from any replica",
        Reads::Sticky => "each client reads from one replica",
        Reads::OwnWrites => "reads of own writes from the leader, others from any replica",
        Reads::Position => "reads from any replica that has come as far as the client",
    };
    let log = match of.log {
        LogKind::Row => "the log ships rows",
        LogKind::Statement => "the log ships statements",
        LogKind::Replaced => "the log ships statements, with values for what is not deterministic",
    };
    let nodes = file.nodes.join(" ");
    let mut text = format!("{nodes}; leader-based: {}; {reads}; {log}", setting(of));
    let mut add = |words: String| text.push_str(&format!("; {words}"));
    match &of.shards[..] {
        [] => add(format!("{} leads at first", of.leader.as_ref().unwrap_or(&file.nodes[0]))),
        shards => {
            let of_one = |shard: &crate::setting::ShardSetting| match &shard.from {
                Some(from) => format!("from {from} on led by {} at first", shard.leader),
                None => format!("one led by {} at first", shard.leader),
            };
            let logs: Vec<String> = shards.iter().map(of_one).collect();
            add(format!("{} logs: {}", shards.len(), logs.join(", ")));
        }
    }
    if let Some(after) = of.snapshot_after {
        add(format!("logs of {after} committed entries are compacted"));
    }
    match of.sessions {
        Some(1) => add("the log remembers the last write of one client".to_owned()),
        Some(sessions) => add(format!("the log remembers the last write of {sessions} clients")),
        None => {}
    }
    match of.pending_max {
        Some(1) => add("one request may wait at a leader".to_owned()),
        Some(pending) => add(format!("{pending} requests may wait at a leader")),
        None => {}
    }
    if let Some(entries) = of.entries_max {
        add(format!("a message carries at most {entries} entries"));
    }
    if of.crashed_stay_down {
        add("who crashes stays down, and what it holds is lost".to_owned());
    }
    if of.window_passes {
        add("own writes may be taken for old at any time".to_owned());
    }
    for deviation in &of.deviations {
        add(format!("WRONG ON PURPOSE: {}", deviation.statement()));
    }
    for (node, ahead) in file.nodes.iter().zip(&of.clocks_ahead) {
        if *ahead > 0 {
            add(format!("clock of {node} ahead by {ahead}"));
        }
    }
    let protocol = LeaderBased::new(file.clone());
    let environment = protocol.surroundings();
    let names = |nodes: &quorate_ids::NodeSet| {
        let names: Vec<&str> = nodes.iter().map(|node| &*file.nodes[node.index()]).collect();
        names.join(" ")
    };
    if !environment.down.is_empty() {
        let returns = if environment.down_returns { " until they return" } else { "" };
        add(format!("down: {}{returns}", names(&environment.down)));
    }
    if !environment.partition.is_empty() {
        let groups: Vec<String> = environment.partition.iter().map(names).collect();
        let heals = if environment.heals { " until it heals" } else { "" };
        add(format!("partition {}{heals}", groups.join(" | ")));
    }
    text
}

/// One line per client: `x: k = red, read k`
#[must_use]
pub fn clients(setting: &Setting) -> Vec<String> {
    let of_one = |client: &ClientSetting| {
        let operations: Vec<String> =
            client.operations.iter().map(|Written(task)| self::task(task)).collect();
        let mut text = format!("{}: {}", client.name, operations.join("; "));
        if let Some(first) = &client.after {
            text.push_str(&format!("; once {first} is done"));
        }
        if let Some(node) = &client.asks {
            text.push_str(&format!("; takes {node} for the leader"));
        }
        if setting.attempts > 1 {
            text.push_str(&format!("; each tried {} times", setting.attempts));
        }
        if !setting.impatient.is_empty() && setting.impatient.contains(&client.name) {
            text.push_str("; may give up too early");
        }
        text
    };
    setting.clients.iter().map(of_one).collect()
}

/// `k = red`, as it is written in a file.
#[must_use]
pub fn task(task: &Task) -> String {
    match task {
        Task::Write { key, statement: what } => format!("{key} {}", statement(what)),
        Task::Read { key } => format!("read {key}"),
    }
}

/// `= red`, as it is written in a file.
#[must_use]
pub fn statement(statement: &Statement) -> String {
    match statement {
        Statement::Set(text) => format!("= {text}"),
        Statement::Add(more) => format!("+= {more}"),
        Statement::Now => "= now()".to_owned(),
        Statement::Random => "= random()".to_owned(),
        Statement::NextId => "= next-id()".to_owned(),
    }
}
