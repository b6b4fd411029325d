//! What an operator asks and tells nodes of the leaderless protocol.

use std::collections::BTreeMap;
use std::time::Duration;

use quorate_model::ids::{NodeId, NodeSet};

use super::{AcceptLoss, Leaderless, NodeStatus, Question, Told};
use crate::client::{ClientError, Probe, addressed};
use crate::config::ClusterFile;

/// The status of every node that has not left and answers in time.
///
/// # Errors
/// When the socket fails.
pub fn collect_status(
    cluster: &ClusterFile,
    timeout: Duration,
) -> Result<BTreeMap<NodeId, NodeStatus>, ClientError> {
    let nodes = addressed(cluster, cluster.cluster.members().iter().copied());
    Probe::<Leaderless>::new(cluster)?.status(&nodes, timeout)
}

/// What every node that has not left answers to this question in time.
///
/// # Errors
/// When the socket fails.
pub fn ask_nodes(
    cluster: &ClusterFile,
    question: &Question,
    timeout: Duration,
) -> Result<BTreeMap<NodeId, Told>, ClientError> {
    let nodes = addressed(cluster, cluster.cluster.members().iter().copied());
    Probe::<Leaderless>::new(cluster)?.question(&nodes, question, timeout)
}

/// Tells a node that what others held is lost. Says whether it serves now; `None` if it does not
/// answer in time.
///
/// # Errors
/// When the socket fails.
pub fn accept_loss(
    cluster: &ClusterFile,
    node: NodeId,
    lost: NodeSet,
    timeout: Duration,
) -> Result<Option<bool>, ClientError> {
    let node = (node, cluster.node(node).address);
    let answer = Probe::<Leaderless>::new(cluster)?.command(node, AcceptLoss { lost }, timeout)?;
    Ok(answer.map(|answer| answer.serves))
}
