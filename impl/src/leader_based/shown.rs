//! What nodes say of themselves, as it is printed and served.

use std::collections::BTreeMap;

use quorate_model::ids::NodeId;
use serde::Serialize;

use super::{Follower, LeaderStatus};
use crate::config::ClusterFile;

/// A node.
#[derive(Serialize)]
pub(crate) struct Row<'a> {
    pub(crate) node: &'a str,
    pub(crate) address: String,
    #[serde(flatten)]
    pub(crate) status: Option<Shown<'a>>,
}

/// What it says of itself.
#[derive(Serialize)]
pub(crate) struct Shown<'a> {
    pub(crate) role: &'static str,
    pub(crate) leader: Option<&'a str>,
    pub(crate) epoch: u32,
    /// The last entry of its log.
    pub(crate) last: u32,
    pub(crate) last_epoch: u32,
    pub(crate) committed: u32,
    pub(crate) compacted: u32,
    pub(crate) rows: u64,
    pub(crate) catching_up: bool,
    pub(crate) followers: BTreeMap<&'a str, ShownFollower>,
    pub(crate) waiting: u64,
    pub(crate) step: u64,
    pub(crate) up_ms: u64,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) dropped: BTreeMap<&'static str, u64>,
}

/// What a leader says of a follower.
#[derive(Serialize)]
pub(crate) struct ShownFollower {
    pub(crate) matched: u32,
    pub(crate) lag_entries: u32,
    pub(crate) lag_ms: u64,
    pub(crate) synchronous: bool,
}

/// A row for each node.
pub(crate) fn rows<'a>(
    cluster: &'a ClusterFile,
    all: &BTreeMap<NodeId, LeaderStatus>,
) -> Vec<Row<'a>> {
    let row = |node: &NodeId| {
        let entry = cluster.node(*node);
        let status = all.get(node).map(|status| shown(cluster, status));
        Row { node: &entry.name, address: entry.address.to_string(), status }
    };
    cluster.cluster.members().iter().map(row).collect()
}

fn shown<'a>(cluster: &'a ClusterFile, status: &LeaderStatus) -> Shown<'a> {
    let name = |node: NodeId| cluster.cluster.name(node);
    let follower = |it: &Follower| {
        let shown = ShownFollower {
            matched: it.matched.0,
            lag_entries: it.lag_entries,
            lag_ms: it.lag_ms,
            synchronous: it.is_synchronous,
        };
        (name(it.node), shown)
    };
    Shown {
        role: status.role.name(),
        leader: status.leader.map(name),
        epoch: status.epoch.number,
        last: status.last.index.0,
        last_epoch: status.last.epoch.number,
        committed: status.committed.0,
        compacted: status.base.index.0,
        rows: status.rows,
        catching_up: !status.is_caught_up,
        followers: status.followers.iter().map(follower).collect(),
        waiting: status.waiting,
        step: status.step,
        up_ms: status.up_ms,
        received: status.traffic.received,
        sent: status.traffic.sent,
        dropped: status.traffic.dropped().into_iter().filter(|(_, count)| *count > 0).collect(),
    }
}
