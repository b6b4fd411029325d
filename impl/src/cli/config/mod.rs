//! `quorate config`.

mod promised;

use std::fmt::{self, Display};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use quorate_leader::config::{ElectionKind, LogKind, Reads, Replication};
use quorate_leader_model::refine::Cluster;
use serde::Serialize;

use self::promised::{Listed, Promised, promises, promises_with_leader};
use super::protocol::written;
use super::request::CONFIG_DEFAULT;
use super::{Failure, output};
use crate::config::{ClusterFile, LeaderSettings};
use crate::keys::Access;

/// Look at the configuration of a cluster.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(CheckArgs),
}

/// Say whether a cluster.toml can be used, what is remarkable about it, and what the model promises of such a cluster. Asks no
/// node.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 when nodes would start with it, 2 when something in it is wrong."
)]
struct CheckArgs {
    /// The configuration of the cluster
    #[arg(value_name = "FILE", default_value = CONFIG_DEFAULT)]
    file: PathBuf,
    /// The same, as other commands are told
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What there is to say of a configuration.
#[derive(Debug, Serialize)]
struct Checked {
    file: PathBuf,
    nodes: usize,
    #[serde(flatten)]
    settings: Settings,
    /// What somebody may not have meant.
    remarks: Vec<String>,
    /// What the model promises of it.
    promises: Vec<Promised>,
}

/// How requests are answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Settings {
    Leaderless { n: usize, r: usize, w: usize },
    Leader { replication: String, election: String, reads: String },
}

impl Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Settings::Leaderless { n, r, w } => write!(f, ", N={n} R={r} W={w}"),
            Settings::Leader { replication, election, reads } => write!(
                f,
                " with a leader, replication {replication}, election {election}, reads {reads}"
            ),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When the configuration cannot be used.
pub fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let Command::Check(args) = &args.command;
    let cluster = ClusterFile::read(args.config.as_ref().unwrap_or(&args.file))?;
    let checked = match &cluster.leader {
        Some(leader) => checked_leader(&cluster, leader),
        None => checked(&cluster),
    };
    if args.json {
        return output::json(&checked);
    }
    let Checked { file, nodes, settings, remarks, promises } = &checked;
    output::print(format!("{} can be used: {nodes} nodes{settings}\n", file.display()))?;
    for remark in remarks {
        output::print(format!("  {remark}\n"))?;
    }
    let (to, nodes) = match settings {
        Settings::Leaderless { .. } => {
            ("of requests that ask for no less", "the nodes that may hold a key")
        }
        Settings::Leader { .. } => ("to clients that all read like this", "the nodes"),
    };
    output::print(Listed { to, nodes, promises }.to_string())
}

fn checked(cluster: &ClusterFile) -> Checked {
    let (n, r, w) = (cluster.spec.n, cluster.spec.r, cluster.spec.w);
    Checked {
        file: cluster.path.clone(),
        nodes: cluster.cluster.members().len(),
        settings: Settings::Leaderless { n, r, w },
        remarks: remarks(cluster),
        promises: promises(&cluster.cluster),
    }
}

/// The same of a cluster with a leader.
fn checked_leader(cluster: &ClusterFile, leader: &LeaderSettings) -> Checked {
    let Cluster { replication, election, .. } = &leader.cluster;
    let [replication, election] = [written(replication), written(election)];
    let mut remarks = Vec::new();
    if !leader.cluster.promiser().is_safe(0) {
        remarks.push(format!(
            "replication, election: with {replication} and {election} a new leader may lack writes that were \
             acknowledged, which are lost then"
        ));
    }
    if matches!(leader.cluster.replication, Replication::Sync) {
        remarks.push("replication: one node that is down stops all writes".to_string());
    }
    if leader.cluster.nodes.len() == 2 && leader.cluster.election == ElectionKind::Raft {
        remarks.push(
            "nodes, election: once one of two nodes has lost its disk nobody leads any more, since it does not vote \
             until it has heard from a leader"
                .to_string(),
        );
    }
    if leader.reads != Reads::Confirmed {
        let reads = written(&leader.reads);
        remarks.push(format!("reads: with {reads} a read may miss a write that was acknowledged"));
    }
    if !matches!(leader.cluster.log, LogKind::Row | LogKind::Replaced) {
        remarks.push("log: now and random differ from replica to replica".to_string());
    }
    remarks.extend(common_remarks(cluster));
    Checked {
        file: cluster.path.clone(),
        nodes: cluster.nodes.len(),
        settings: Settings::Leader { replication, election, reads: written(&leader.reads) },
        remarks,
        promises: promises_with_leader(&leader.cluster.promiser(), leader.reads),
    }
}

/// What somebody may not have meant.
fn remarks(cluster: &ClusterFile) -> Vec<String> {
    let spec = &cluster.spec;
    let mut remarks = Vec::new();
    if spec.r + spec.w <= spec.n {
        remarks.push(format!(
            "r, w: R + W = {} is not more than N = {}, so a read may miss a write that was acknowledged",
            spec.r + spec.w,
            spec.n
        ));
    }
    if spec.w == 1 {
        remarks.push("w: an acknowledged write is lost with one disk".to_string());
    }
    if !spec.background.anti_entropy {
        let text =
            "background.anti_entropy: homes that differ learn of it only where a key is read";
        remarks.push(text.to_string());
    }
    remarks.extend(common_remarks(cluster));
    remarks
}

/// The same of what is there in any cluster.
fn common_remarks(cluster: &ClusterFile) -> Vec<String> {
    let mut remarks = Vec::new();
    if cluster.faults.is_some() {
        remarks.push("faults: nodes lose, repeat or delay what they send, for tests".to_string());
    }
    match &cluster.access {
        Access::Unauthenticated => {
            remarks.push("unauthenticated: whoever can send to a node is believed".to_string());
        }
        Access::KeyFile(file) if !file.exists() => remarks.push(format!(
            "key_file: {} is not there yet; `quorate cluster` or `quorate key new` makes it",
            file.display()
        )),
        Access::KeyFile(_) => {}
    }
    for node in &cluster.nodes {
        let name = &node.name;
        match (node.http, &node.http_token_file) {
            (Some(http), None) if !http.ip().is_loopback() => remarks.push(format!(
                "http of {name}: {http} can be reached from elsewhere, so the node does not start without \
                 http_token_file"
            )),
            (Some(_), Some(file)) if !file.exists() => remarks.push(format!(
                "http_token_file of {name}: {} is not there",
                file.display()
            )),
            _ => {}
        }
    }
    remarks
}
