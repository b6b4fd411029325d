//! `quorate promote`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::key::WithKey;
use super::request::CONFIG_DEFAULT;
use super::{Failure, output};
use crate::config::ClusterFile;
use crate::leader_based::{Promoted, promote};

/// How long the node may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Make a node leader, whatever its log says: for clusters with `election = "manual"`.
///
/// Where nodes elect, the node only stands, as if it had not heard from its leader.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 when the node was told, 1 when it does not answer, 2 on wrong usage."
)]
pub struct PromoteArgs {
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
    #[command(flatten)]
    with_key: WithKey,
    /// Which node
    #[arg(long, value_name = "NODE")]
    node: String,
}

/// Runs the command.
///
/// # Errors
/// When there is no such node, or it does not answer.
pub fn run(args: &PromoteArgs) -> Result<(), Failure> {
    let cluster = args.with_key.of(ClusterFile::read(&args.config)?);
    if cluster.leader.is_none() {
        let text = "this cluster has no leader: its cluster.toml has no table [protocol]";
        return Err(Failure::Usage(text.to_string()));
    }
    let (node, name) = (cluster.node_named(&args.node)?, &args.node);
    match promote(&cluster, node, TIMEOUT)? {
        None => Err(Failure::Unexpected(format!("no answer from {name}: it may have heard"))),
        Some(Promoted { leads: true }) => output::print(format!("{name} leads\n")),
        Some(Promoted { leads: false }) => {
            output::print(format!("{name} stands for leader: quorate status\n"))
        }
    }
}
