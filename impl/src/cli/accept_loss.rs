//! `quorate accept-loss`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use quorate_model::ids::{NodeId, NodeSet};

use super::key::WithKey;
use super::request::{CONFIG_DEFAULT, listed, names};
use super::{Failure, output};
use crate::config::ClusterFile;
use crate::leaderless::{accept_loss, collect_status};

/// How long to wait for answers.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Let a node serve that cannot catch up, giving up what others have lost as well.
///
/// A node that lost its disk waits until so many other homes of each of its keys have told it what
/// they hold that nothing which was acknowledged can be missing. Where too many homes of a key lost
/// their disks together, that is never. This ends the wait: reads may then miss acknowledged writes,
/// and deleted values may come back. `quorate status` says what a node waits for.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 when the node serves or goes on with homes that are left, 1 when \
    it does not answer, 2 on wrong usage."
)]
pub struct AcceptLossArgs {
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
    #[command(flatten)]
    with_key: WithKey,
    /// The node that shall wait no longer
    #[arg(long, value_name = "NODE")]
    node: String,
    /// A home whose holdings are given up; without this, all that the node waits for and that catch
    /// up themselves
    #[arg(long, value_name = "NODE")]
    lost: Vec<String>,
    /// I know that acknowledged writes may be missed from now on
    #[arg(long)]
    acknowledged_writes_may_be_lost: bool,
}

/// Runs the command.
///
/// # Errors
/// When there is nothing to accept, it was not confirmed, or the node does not answer.
pub fn run(args: &AcceptLossArgs) -> Result<(), Failure> {
    let cluster =
        args.with_key.of(ClusterFile::read(&args.config)?.without_leader("`accept-loss`")?);
    let node = cluster.node_named(&args.node)?;
    let name = &args.node;
    let statuses = collect_status(&cluster, TIMEOUT)?;
    let Some(status) = statuses.get(&node) else {
        return Err(Failure::Unexpected(format!("no answer from {name}; is it running?")));
    };
    if !status.is_catching_up {
        return Err(Failure::Usage(format!("--node: {name} serves, it waits for nobody")));
    }
    let awaited = status.awaited.iter().map(|awaited| awaited.homes());
    let awaited = awaited.fold(NodeSet::EMPTY, NodeSet::union);
    let lost: NodeSet = if args.lost.is_empty() {
        let is_lost = |home: &NodeId| statuses.get(home).is_some_and(|home| home.is_catching_up);
        awaited.iter().filter(is_lost).collect()
    } else {
        args.lost.iter().map(|name| cluster.node_named(name)).collect::<Result<_, _>>()?
    };
    if lost.is_empty() {
        return Err(Failure::Usage(format!(
            "{name} waits for {}, none of which says that it lost its disk: wait until they answer, \
             or name those that will never come back with --lost",
            listed(&names(&cluster, awaited))
        )));
    }
    let given_up = listed(&names(&cluster, lost));
    if !args.acknowledged_writes_may_be_lost {
        return Err(Failure::Usage(format!(
            "{name} would serve without what only {given_up} and {name} held: reads may miss writes \
             that were acknowledged, and deleted values may come back. If that is acceptable, say \
             --acknowledged-writes-may-be-lost"
        )));
    }
    match accept_loss(&cluster, node, lost, TIMEOUT)? {
        None => Err(Failure::Unexpected(format!("no answer from {name}: it may have accepted"))),
        Some(true) => output::print(format!("{name} serves, without what {given_up} held\n")),
        Some(false) => output::print(format!(
            "{name} waits for {given_up} no longer; it serves as soon as the other homes have told it \
             what they hold: quorate status\n"
        )),
    }
}
