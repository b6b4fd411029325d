//! The status of nodes with names for numbers, as `--json` and HTTP show it.

use std::collections::BTreeMap;

use serde::Serialize;

use quorate_model::ids::{NodeId, NodeSet};

use super::NodeStatus;
use crate::config::ClusterFile;
use crate::wire::Traffic;

/// A node of the cluster.
#[derive(Serialize)]
pub(crate) struct Row<'a> {
    pub(crate) node: &'a str,
    pub(crate) address: String,
    pub(crate) up: bool,
    pub(crate) left: bool,
    pub(crate) status: Option<Shown<'a>>,
}

/// A node's status with names for numbers.
#[derive(Serialize)]
pub(crate) struct Shown<'a> {
    pub(crate) incarnation: u64,
    pub(crate) life: u32,
    pub(crate) catching_up: bool,
    pub(crate) waits_for: Vec<Waits<'a>>,
    pub(crate) keys: u64,
    pub(crate) versions: u64,
    pub(crate) siblings: Siblings,
    pub(crate) tombstones: u64,
    pub(crate) oversized: u64,
    pub(crate) hints: u64,
    pub(crate) hints_for: BTreeMap<&'a str, Hints>,
    pub(crate) ranges: Option<Vec<Range<'a>>>,
    pub(crate) keys_repaired: u64,
    pub(crate) syncs: BTreeMap<&'a str, Syncs>,
    pub(crate) pending: u64,
    pub(crate) durable_step: u64,
    pub(crate) up_ms: u64,
    pub(crate) traffic: Traffic,
}

/// Versions per key.
#[derive(Serialize)]
pub(crate) struct Siblings {
    pub(crate) max: u64,
    pub(crate) mean: f64,
}

/// Hints for one home, and since when the node has had some without a break.
#[derive(Serialize)]
pub(crate) struct Hints {
    pub(crate) count: u64,
    pub(crate) pending_ms: u64,
}

/// When anti-entropy last heard of another home, and how many keys that home's messages changed.
#[derive(Serialize)]
pub(crate) struct Syncs {
    pub(crate) last_ms: Option<u64>,
    pub(crate) keys_repaired: u64,
}

/// What a node that catches up waits for, of the keys of these homes.
#[derive(Serialize)]
pub(crate) struct Waits<'a> {
    pub(crate) homes: Vec<&'a str>,
    pub(crate) waits_for: Vec<&'a str>,
    /// How many of them must tell, at least.
    pub(crate) missing: u32,
    /// Those that must answer, if only that they catch up themselves.
    pub(crate) unanswered: Vec<&'a str>,
}

/// What is held of the keys of these homes.
#[derive(Serialize)]
pub(crate) struct Range<'a> {
    pub(crate) homes: Vec<&'a str>,
    pub(crate) digest: String,
}

/// Every node of the cluster, with its status if it answered.
pub(crate) fn rows<'a>(
    cluster: &'a ClusterFile,
    statuses: &BTreeMap<NodeId, NodeStatus>,
) -> Vec<Row<'a>> {
    let nodes = cluster.nodes.iter().zip(cluster.cluster.nodes());
    nodes
        .map(|(entry, node)| Row {
            node: &entry.name,
            address: entry.address.to_string(),
            up: statuses.contains_key(node),
            left: !cluster.cluster.members().contains(node),
            status: statuses.get(node).map(|status| shown(cluster, status)),
        })
        .collect()
}

fn shown<'a>(cluster: &'a ClusterFile, status: &NodeStatus) -> Shown<'a> {
    let name = |node: NodeId| cluster.cluster.name(node);
    let names = |nodes: NodeSet| nodes.iter().map(name).collect();
    let hints = status.hints.iter().map(|hints| {
        let (count, pending_ms) = (hints.count, hints.pending_ms);
        (name(hints.home), Hints { count, pending_ms })
    });
    let syncs = status.syncs.iter().map(|syncs| {
        let (last_ms, keys_repaired) = (syncs.heard_ms, syncs.keys_repaired);
        (name(syncs.peer), Syncs { last_ms, keys_repaired })
    });
    let waits_for = status.awaited.iter().map(|awaited| Waits {
        homes: names(awaited.range),
        waits_for: names(awaited.homes()),
        missing: awaited.missing,
        unanswered: names(awaited.unanswered),
    });
    let ranges = status.ranges.as_ref().map(|ranges| {
        let ranges = ranges.iter();
        let range = ranges.map(|range| Range {
            homes: names(range.homes),
            digest: format!("{:016x}", range.digest.0),
        });
        range.collect()
    });
    Shown {
        incarnation: status.incarnation.0,
        life: status.life.0,
        catching_up: status.is_catching_up,
        waits_for: waits_for.collect(),
        keys: status.keys,
        versions: status.versions,
        siblings: Siblings {
            max: status.versions_max,
            mean: status.versions as f64 / status.keys.max(1) as f64,
        },
        tombstones: status.tombstones,
        oversized: status.oversized,
        hints: status.hints.iter().map(|hints| hints.count).sum(),
        hints_for: hints.collect(),
        ranges,
        keys_repaired: status.syncs.iter().map(|syncs| syncs.keys_repaired).sum(),
        syncs: syncs.collect(),
        pending: status.pending,
        durable_step: status.durable_step,
        up_ms: status.up_ms,
        traffic: status.traffic,
    }
}
