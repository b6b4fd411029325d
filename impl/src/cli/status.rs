//! `quorate status`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use comfy_table::{Table, presets};

use quorate_model::ids::NodeId;

use super::key::WithKey;
use super::request::CONFIG_DEFAULT;
use super::{Failure, output, with_leader};
use crate::client::ClientError;
use crate::config::ClusterFile;
use crate::leaderless::{
    Row, Shown, ShownSyncs as Syncs, Siblings, catching_up, collect_status, obstacles, rows,
};

/// How long to wait for answers, unless told otherwise.
const TIMEOUT: Duration = Duration::from_millis(500);

/// How long to wait for convergence, unless told otherwise.
const CONVERGENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long until nodes that have not converged are asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Show which nodes are up and what they hold.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when every node answers, and with --wait-converged has \
    converged; 1 when not; 2 on wrong usage.")]
pub struct StatusArgs {
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
    #[command(flatten)]
    with_key: WithKey,
    /// How long to wait in all [default: 500ms; with --wait-converged 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Wait until every node is up, none holds hints or is catching up, and all homes of every key
    /// hold the same. Writes meanwhile put that off
    #[arg(long)]
    wait_converged: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When a node does not answer or, where that was waited for, they have not converged; or nobody
/// can be asked.
pub fn run(args: &StatusArgs) -> Result<(), Failure> {
    let cluster = args.with_key.of(ClusterFile::read(&args.config)?);
    if cluster.leader.is_some() {
        let timeout = args.timeout;
        return with_leader::status(&cluster, args.wait_converged, timeout, args.json);
    }
    let (statuses, result) = ask(
        &cluster,
        args.wait_converged,
        args.timeout,
        |timeout| collect_status(&cluster, timeout),
        |statuses| Some(obstacles(&cluster, statuses).join("; ")).filter(|text| !text.is_empty()),
    )?;
    let rows = rows(&cluster, &statuses);
    if args.json {
        output::json(&rows)?;
    } else {
        output::print(format!("{}\n", table(&rows)))?;
    }
    let members = cluster.cluster.members().iter();
    for waits in members.filter_map(|node| catching_up(&cluster, &statuses, *node)) {
        output::note(&waits);
    }
    if args.wait_converged && result.is_ok() {
        output::note("converged: every node is up, and all homes of every key hold the same");
    }
    result
}

/// What nodes say of themselves, those that answer.
pub(super) type Statuses<S> = BTreeMap<NodeId, S>;

/// Which members do not answer, if any.
pub(super) fn down<S>(cluster: &ClusterFile, statuses: &Statuses<S>) -> Option<String> {
    let members = cluster.cluster.members().iter();
    let down: Vec<_> = members
        .filter(|node| !statuses.contains_key(node))
        .map(|node| cluster.cluster.name(*node))
        .collect();
    (!down.is_empty()).then(|| format!("no answer from {}", down.join(", ")))
}

/// Asks the nodes how they are: once or, if that is to be waited for, until nothing is in the way of their having
/// converged, or the time is up. Gives the last answers, and what was missing.
pub(super) fn ask<S>(
    cluster: &ClusterFile,
    waits: bool,
    timeout: Option<Duration>,
    collect: impl Fn(Duration) -> Result<Statuses<S>, ClientError>,
    in_the_way: impl Fn(&Statuses<S>) -> Option<String>,
) -> Result<(Statuses<S>, Result<(), Failure>), Failure> {
    let result = |missing: Option<String>| match missing {
        None => Ok(()),
        Some(missing) => Err(Failure::Unexpected(missing)),
    };
    if !waits {
        let statuses = collect(timeout.unwrap_or(TIMEOUT))?;
        let missing = down(cluster, &statuses);
        return Ok((statuses, result(missing)));
    }
    let deadline = Instant::now() + timeout.unwrap_or(CONVERGENCE_TIMEOUT);
    loop {
        // A question is never cut short by the deadline: nodes that had no time to answer would
        // look as if they were down.
        let statuses = collect(TIMEOUT)?;
        let missing = in_the_way(&statuses);
        if missing.is_none() || Instant::now() >= deadline {
            let missing = missing.map(|missing| format!("not converged: {missing}"));
            return Ok((statuses, result(missing)));
        }
        thread::sleep(ASK_AGAIN);
    }
}

fn table(rows: &[Row<'_>]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "node",
        "address",
        "",
        "keys",
        "versions",
        "siblings",
        "tombstones",
        "hints",
        "last sync",
        "repaired",
        "pending",
        "received",
        "sent",
        "dropped",
        "incarnation",
    ]);
    for row in rows {
        let mut cells = vec![row.node.to_string(), row.address.clone()];
        match &row.status {
            None => cells.push(if row.left { "left" } else { "down" }.to_string()),
            Some(status) => cells.extend(status.cells()),
        }
        table.add_row(cells);
    }
    table
}

impl Shown<'_> {
    fn cells(&self) -> Vec<String> {
        let Siblings { max, mean } = self.siblings;
        let dropped: Vec<_> = self
            .traffic
            .dropped()
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(cause, count)| format!("{count} {cause}"))
            .collect();
        vec![
            if self.catching_up { "catching up" } else { "up" }.to_string(),
            self.keys.to_string(),
            self.versions.to_string(),
            format!("max {max}, mean {mean:.2}"),
            self.tombstones.to_string(),
            self.hints_in_words(),
            self.last_sync_in_words(),
            self.repaired_in_words(),
            self.pending.to_string(),
            self.traffic.received.to_string(),
            self.traffic.sent.to_string(),
            if dropped.is_empty() { "0".to_string() } else { dropped.join(", ") },
            format!("{:016x}, life {}", self.incarnation, self.life),
        ]
    }

    /// Of the home that was heard of least lately: `n4 3s ago`, or `n2, n4 never`.
    fn last_sync_in_words(&self) -> String {
        let is_silent = |syncs: &Syncs| syncs.last_ms.is_none();
        let silent: Vec<_> = self
            .syncs
            .iter()
            .filter(|(_, syncs)| is_silent(syncs))
            .map(|(peer, _)| *peer)
            .collect();
        if !silent.is_empty() {
            return format!("{} never", silent.join(", "));
        }
        let heard = self.syncs.iter().filter_map(|(peer, syncs)| Some((syncs.last_ms?, peer)));
        match heard.max() {
            None => "-".to_string(),
            Some((last_ms, peer)) => format!("{peer} {}s ago", last_ms / 1_000),
        }
    }

    /// `12 (n2 8, n4 4)`
    fn repaired_in_words(&self) -> String {
        let repaired = |(peer, syncs): (&&str, &Syncs)| {
            (syncs.keys_repaired > 0).then(|| format!("{peer} {}", syncs.keys_repaired))
        };
        let peers: Vec<_> = self.syncs.iter().filter_map(repaired).collect();
        match self.keys_repaired {
            0 => "0".to_string(),
            total => format!("{total} ({})", peers.join(", ")),
        }
    }

    /// `12 (n2 8, n4 4) for 35s`
    fn hints_in_words(&self) -> String {
        let Some(pending_ms) = self.hints_for.values().map(|hints| hints.pending_ms).max() else {
            return "0".to_string();
        };
        let homes = self.hints_for.iter().map(|(home, hints)| format!("{home} {}", hints.count));
        let homes: Vec<_> = homes.collect();
        let seconds = pending_ms / 1_000;
        format!("{} ({}) for {seconds}s", self.hints, homes.join(", "))
    }
}
