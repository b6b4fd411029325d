//! `quorate status`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use comfy_table::{Table, presets};
use serde::Serialize;

use super::request::CONFIG_DEFAULT;
use super::{Failure, output};
use crate::client::collect_status;
use crate::config::ClusterFile;
use crate::wire::NodeStatus;

/// Show which nodes are up and what they hold.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when every node answers, 1 when one does not, 2 on wrong \
    usage.")]
pub struct StatusArgs {
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
    /// How long to wait for answers
    #[arg(long, value_name = "TIME", default_value = "500ms",
        value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    node: &'a str,
    address: String,
    up: bool,
    status: Option<&'a NodeStatus>,
}

/// Runs the command.
///
/// # Errors
/// When a node does not answer, or nobody can be asked.
pub fn run(args: &StatusArgs) -> Result<(), Failure> {
    let cluster = ClusterFile::read(&args.config)?;
    let statuses = collect_status(&cluster, args.timeout)?;
    if args.json {
        output::json(&rows(&cluster, &statuses))?;
    } else {
        output::print(&format!("{}\n", table(&rows(&cluster, &statuses))))?;
    }
    let down: Vec<_> = cluster
        .nodes
        .iter()
        .zip(cluster.cluster.nodes())
        .filter(|(_, node)| !statuses.contains_key(node))
        .map(|(entry, _)| entry.name.as_str())
        .collect();
    if down.is_empty() {
        Ok(())
    } else {
        Err(Failure::Unexpected(format!("no answer from {}", down.join(", "))))
    }
}

fn rows<'a>(
    cluster: &'a ClusterFile,
    statuses: &'a BTreeMap<quorate_model::ids::NodeId, NodeStatus>,
) -> Vec<Row<'a>> {
    let nodes = cluster.nodes.iter().zip(cluster.cluster.nodes());
    nodes
        .map(|(entry, node)| Row {
            node: &entry.name,
            address: entry.address.to_string(),
            up: statuses.contains_key(node),
            status: statuses.get(node),
        })
        .collect()
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
        "pending",
        "received",
        "sent",
        "dropped",
        "incarnation",
    ]);
    for row in rows {
        let mut cells = vec![row.node.to_string(), row.address.clone()];
        match row.status {
            None => cells.push("down".to_string()),
            Some(status) => {
                cells.push("up".to_string());
                let counts = [status.keys, status.versions, status.pending];
                cells.extend(counts.map(|count| count.to_string()));
                let traffic = status.traffic;
                cells.extend([traffic.received, traffic.sent].map(|count| count.to_string()));
                let dropped: Vec<_> = traffic
                    .dropped()
                    .into_iter()
                    .filter(|(_, count)| *count > 0)
                    .map(|(cause, count)| format!("{count} {cause}"))
                    .collect();
                let dropped = if dropped.is_empty() { "0".to_string() } else { dropped.join(", ") };
                cells.extend([dropped, format!("{:016x}", status.incarnation.0)]);
            }
        }
        table.add_row(cells);
    }
    table
}
