//! `quorate config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::request::CONFIG_DEFAULT;
use super::{Failure, output};
use crate::config::ClusterFile;
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

/// Say whether a cluster.toml can be used, and what is remarkable about it. Asks no node.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 when nodes would start with it, 2 when something in it is wrong."
)]
struct CheckArgs {
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When the configuration cannot be used.
pub fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let Command::Check(args) = &args.command;
    let cluster = ClusterFile::read(&args.config)?;
    let spec = &cluster.spec;
    let (nodes, n, r, w) = (cluster.cluster.members().len(), spec.n, spec.r, spec.w);
    let path = cluster.path.display();
    output::print(format!("{path} can be used: {nodes} nodes, N={n} R={r} W={w}\n"))?;
    for remark in remarks(&cluster) {
        output::print(format!("  {remark}\n"))?;
    }
    Ok(())
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
