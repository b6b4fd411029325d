//! What commands do in a cluster with a leader.

use std::sync::Arc;
use std::time::Duration;

use comfy_table::{Table, presets};
use serde::Serialize;

use quorate_leader::client::Task;
use quorate_leader::config::Reads;
use quorate_leader::limits::Refusal;
use quorate_leader::names::{Key, Value};
use quorate_leader::statement::Statement;
use quorate_leader_model::refine::Answer;
use quorate_model::ids::NodeId;

use super::request::RequestArgs;
use super::{Failure, output, status};
use crate::bytes::Bytes;
use crate::config::ClusterFile;
use crate::leader_based::{LeaderStatus, Row, ShownFollower, rows, statuses};

/// Refuses flags that are about clusters without a leader.
pub(super) fn refuse(flags: &[(&str, bool)]) -> Result<(), Failure> {
    match flags.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((flag, _)) => Err(Failure::Usage(format!(
            "{flag}: this cluster has a leader, and the flag is for clusters without one"
        ))),
    }
}

#[derive(Serialize)]
struct ShownWritten<'a> {
    key: &'a str,
    /// What the row held then.
    value: String,
    /// Where the write is in the log: epoch and index.
    epoch: u32,
    index: u32,
    leader: &'a str,
}

#[derive(Serialize)]
struct ShownFound<'a> {
    key: &'a str,
    found: bool,
    value: Option<String>,
    /// How far the log was applied where it was read: epoch and index.
    epoch: u32,
    index: u32,
    node: &'a str,
}

/// Writes a value.
pub(super) fn put(
    cluster: &ClusterFile,
    key: &str,
    value: &[u8],
    request: &RequestArgs,
) -> Result<(), Failure> {
    let text = str::from_utf8(value).map_err(|_| {
        Failure::Usage("VALUE: in a cluster with a leader a value is UTF-8 text".to_string())
    })?;
    write(cluster, key, Statement::Set(Arc::from(text)), request)
}

/// Adds to a number.
pub(super) fn add(
    cluster: &ClusterFile,
    key: &str,
    number: u64,
    request: &RequestArgs,
) -> Result<(), Failure> {
    write(cluster, key, Statement::Add(number), request)
}

fn write(
    cluster: &ClusterFile,
    key: &str,
    statement: Statement,
    request: &RequestArgs,
) -> Result<(), Failure> {
    let mut session = request.leader_session(cluster, None)?;
    let answer = session.perform(Task::Write { key: Key::from(key), statement })?;
    let (position, value) = match answer {
        Answer::Written { position, value } => (position, value),
        Answer::Refused(refusal) if !refusal.is_of_request() => {
            let text =
                format!("refused: {refusal}; the write may yet happen if the network doubled it");
            return Err(Failure::Unexpected(text));
        }
        Answer::Refused(refusal) => return Err(refused(refusal)),
        Answer::Found { .. } | Answer::Unknown => {
            let text = "not acknowledged: no leader was found, or it did not answer; the write may yet happen";
            return Err(Failure::Unexpected(text.to_string()));
        }
    };
    // Whoever led may have changed since it was asked first; it is the last that answered.
    let leader = session.answered_by().map_or("", |node| cluster.cluster.name(node));
    let (epoch, index) = (position.epoch.number, position.index.0);
    if request.json {
        return output::json(&ShownWritten { key, value: value.to_string(), epoch, index, leader });
    }
    let held = match value {
        Value::Number(number) => format!(": {number}"),
        Value::Text(_) => String::new(),
    };
    output::print(format!("ok, at {epoch}:{index} in the log of {leader}{held}\n"))
}

/// A node refuses.
fn refused(refusal: Refusal) -> Failure {
    Failure::Unexpected(format!("refused: {refusal}"))
}

/// Reads a key.
pub(super) fn get(
    cluster: &ClusterFile,
    key: &str,
    reads: Option<Reads>,
    is_raw: bool,
    request: &RequestArgs,
) -> Result<(), Failure> {
    let mut session = request.leader_session(cluster, reads)?;
    let answer = session.perform(Task::Read { key: Key::from(key) })?;
    let (position, value) = match answer {
        Answer::Found { position, value } => (position, value),
        Answer::Refused(refusal) => return Err(refused(refusal)),
        Answer::Written { .. } | Answer::Unknown => {
            let text = "not answered: no node could answer a read like this; is there a leader? quorate status";
            return Err(Failure::Unexpected(text.to_string()));
        }
    };
    let node = session.answered_by().map_or("", |node| cluster.cluster.name(node));
    let value = value.map(|value| value.to_string());
    let (epoch, index) = (position.epoch.number, position.index.0);
    if request.json {
        let found = value.is_some();
        return output::json(&ShownFound { key, found, value, epoch, index, node });
    }
    match value {
        Some(value) if is_raw => output::raw(value.as_bytes()),
        Some(value) => output::data(&format!("{}\n", Bytes(value.as_bytes()))),
        None if is_raw => {
            Err(Failure::Unexpected("--raw prints one value, but the key has none".to_string()))
        }
        None => {
            output::note(&format!("not found, at {epoch}:{index} in the log of {node}"));
            Ok(())
        }
    }
}

type Statuses = status::Statuses<LeaderStatus>;

/// Says how the nodes are.
pub(super) fn status(
    cluster: &ClusterFile,
    waits: bool,
    timeout: Option<Duration>,
    is_json: bool,
) -> Result<(), Failure> {
    let (all, result) = status::ask(
        cluster,
        waits,
        timeout,
        |timeout| statuses(cluster, timeout),
        |all| status::down(cluster, all).or_else(|| missing(cluster, all)),
    )?;
    let rows = rows(cluster, &all);
    if is_json {
        output::json(&rows)?;
    } else {
        output::print(format!("{}\n", table(&rows)))?;
    }
    result
}

/// What nodes lack that are all up, if they do not hold the whole log of one leader, applied.
fn missing(cluster: &ClusterFile, all: &Statuses) -> Option<String> {
    let name = |node: NodeId| cluster.cluster.name(node);
    let leaders: Vec<_> = all.iter().filter(|(node, it)| it.leader == Some(**node)).collect();
    let [(leader, led)] = leaders[..] else {
        return Some(format!("{} nodes lead", leaders.len()));
    };
    let behind = |(node, it): (&NodeId, &LeaderStatus)| {
        let is_whole = it.last == led.last && it.committed == led.last.index && it.is_caught_up;
        (!is_whole || it.leader != Some(*leader)).then(|| name(*node))
    };
    let behind: Vec<_> = all.iter().filter_map(behind).collect();
    let leader = name(*leader);
    let is_behind = !behind.is_empty();
    is_behind.then(|| format!("{} do not hold the whole log of {leader}", behind.join(", ")))
}

fn table(rows: &[Row<'_>]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "node",
        "address",
        "",
        "epoch",
        "follows",
        "log",
        "committed",
        "rows",
        "lag",
        "waiting",
        "received",
        "sent",
        "dropped",
    ]);
    // What the leader of the latest epoch knows of the others.
    let leads = |row: &&Row<'_>| row.status.as_ref().is_some_and(|it| it.role == "leader");
    let epoch = |row: &&Row<'_>| row.status.as_ref().map(|it| it.epoch);
    let leader = rows.iter().filter(leads).max_by_key(epoch).and_then(|row| row.status.as_ref());
    for row in rows {
        let mut cells = vec![row.node.to_string(), row.address.clone()];
        match &row.status {
            None => {
                cells.push("down".to_string());
                cells.resize(8, String::new());
                cells.push(lag(leader.and_then(|leader| leader.followers.get(row.node))));
            }
            Some(status) => {
                let dropped =
                    status.dropped.iter().map(|(cause, count)| format!("{count} {cause}"));
                let dropped: Vec<_> = dropped.collect();
                let role = if status.catching_up { "catching up" } else { status.role };
                cells.extend([
                    role.to_string(),
                    status.epoch.to_string(),
                    status.leader.unwrap_or("nobody").to_string(),
                    format!("{}:{}", status.last_epoch, status.last),
                    status.committed.to_string(),
                    status.rows.to_string(),
                    lag(leader.and_then(|leader| leader.followers.get(row.node))),
                    status.waiting.to_string(),
                    status.received.to_string(),
                    status.sent.to_string(),
                    if dropped.is_empty() { "0".to_string() } else { dropped.join(", ") },
                ]);
            }
        }
        table.add_row(cells);
    }
    table
}

/// `3 entries, 20ms`
fn lag(follower: Option<&ShownFollower>) -> String {
    let Some(follower) = follower else { return "-".to_string() };
    let lag = match follower.lag_entries {
        0 => "0".to_string(),
        1 => format!("1 entry, {}ms", follower.lag_ms),
        entries => format!("{entries} entries, {}ms", follower.lag_ms),
    };
    if follower.synchronous { format!("{lag}, synchronous") } else { lag }
}
