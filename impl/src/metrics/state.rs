//! What a node says of itself, for Prometheus.

use prometheus::TextEncoder;
use prometheus::proto::MetricFamily;

use quorate_model::ids::NodeId;

use crate::config::ClusterFile;
use crate::leader_based::{LeaderStatus, RoleName};
use crate::leaderless::NodeStatus;

use super::make::Make;

/// The metrics of a node's status; of `None`, that its loop does not answer.
///
/// # Panics
/// Never: the names are fixed and differ.
#[must_use]
pub fn of_status(
    cluster: &ClusterFile,
    node: NodeId,
    status: Option<&NodeStatus>,
) -> Vec<MetricFamily> {
    let make = of_process(cluster, node, status.is_some());
    if let Some(status) = status {
        fill(&make, cluster, status);
    }
    make.registry().gather()
}

/// What any node says.
fn of_process(cluster: &ClusterFile, node: NodeId, is_up: bool) -> Make {
    let make = Make::default();
    let info = make.gauges(
        "quorate_build_info",
        "The version of the program and the name of the node.",
        &["version", "node"],
    );
    info.with_label_values(&[env!("CARGO_PKG_VERSION"), cluster.cluster.name(node)]).set(1);
    let up = make.gauge("quorate_node_up", "Whether the node's loop answers: 1 or 0.");
    up.set(i64::from(is_up));
    make
}

/// The same of a node of a cluster with a leader.
///
/// # Panics
/// Never: the names are fixed and differ.
#[must_use]
pub fn of_leader_status(
    cluster: &ClusterFile,
    node: NodeId,
    status: Option<&LeaderStatus>,
) -> Vec<MetricFamily> {
    let make = of_process(cluster, node, status.is_some());
    let Some(status) = status else { return make.registry().gather() };
    let name = |node: NodeId| cluster.cluster.name(node);
    for (metric, help, value) in [
        (
            "quorate_leads",
            "Whether the node leads, as far as it knows.",
            u64::from(status.role == RoleName::Leader),
        ),
        (
            "quorate_node_serves",
            "Whether the node votes: 0 until it has caught up after it lost its disk.",
            u64::from(status.is_caught_up),
        ),
        ("quorate_epoch", "The latest epoch that the node knows of.", status.epoch.number.into()),
        ("quorate_log_last", "The index of the last entry of its log.", status.last.index.0.into()),
        (
            "quorate_log_committed",
            "Up to where its log is committed and applied, as far as it knows.",
            status.committed.0.into(),
        ),
        ("quorate_log_compacted", "Up to where its log is compacted.", status.base.index.0.into()),
        ("quorate_rows", "Rows held.", status.rows),
        (
            "quorate_waiting_requests",
            "Requests that wait at the leader to be answered.",
            status.waiting,
        ),
    ] {
        make.gauge(metric, help).set(clamped(value));
    }
    let entries = make.gauges(
        "quorate_follower_lag_entries",
        "Entries that a follower is not known to hold, by what the leader knows.",
        &["follower"],
    );
    let seconds = make.seconds(
        "quorate_follower_lag_seconds",
        "For how long there has been an entry that the follower is not known to hold.",
        &["follower"],
    );
    for follower in &status.followers {
        let follower_name = name(follower.node);
        entries.with_label_values(&[follower_name]).set(follower.lag_entries.into());
        seconds.with_label_values(&[follower_name]).set(follower.lag_ms as f64 / 1e3);
    }
    uptime(&make, status.up_ms);
    make.registry().gather()
}

fn fill(make: &Make, cluster: &ClusterFile, status: &NodeStatus) {
    let name = |node: NodeId| cluster.cluster.name(node);
    let ready = make.gauge(
        "quorate_node_serves",
        "Whether the node votes and serves: 0 while it catches up after it lost its disk.",
    );
    ready.set(i64::from(!status.is_catching_up));
    for (metric, help, value) in [
        (
            "quorate_keys",
            "Keys held, deleted ones that are not forgotten yet among them.",
            status.keys,
        ),
        ("quorate_versions", "Versions of all keys held.", status.versions),
        ("quorate_versions_max", "The most versions that one key has.", status.versions_max),
        ("quorate_tombstones", "Keys of which nothing but tombstones is held.", status.tombstones),
        (
            "quorate_oversized_keys",
            "Keys whose states are larger than a message may be: no other node can learn of them.",
            status.oversized,
        ),
        (
            "quorate_pending_requests",
            "Requests that wait for answers of other nodes.",
            status.pending,
        ),
        (
            "quorate_durable_step",
            "Steps that the data directory has durably taken.",
            status.durable_step,
        ),
    ] {
        make.gauge(metric, help).set(clamped(value));
    }
    uptime(make, status.up_ms);
    let hints = make.gauges(
        "quorate_hints_pending",
        "Writes kept for another node until it has taken them in.",
        &["home"],
    );
    let oldest = make.seconds(
        "quorate_hints_oldest_seconds",
        "For how long some write has been kept for another node without a break, over restarts of this node: no \
         less than the age of the oldest hint for it.",
        &["home"],
    );
    for of in &status.hints {
        hints.with_label_values(&[name(of.home)]).set(clamped(of.count));
        oldest.with_label_values(&[name(of.home)]).set(of.pending_ms as f64 / 1e3);
    }
    let heard = make.seconds(
        "quorate_sync_heard_seconds",
        "How long ago anti-entropy last heard of another home; absent where it never did.",
        &["peer"],
    );
    let repaired = make.counters(
        "quorate_sync_keys_repaired_total",
        "Times that anti-entropy with another home changed what this node holds of a key.",
        &["peer"],
    );
    for syncs in &status.syncs {
        repaired.with_label_values(&[name(syncs.peer)]).inc_by(syncs.keys_repaired);
        if let Some(ms) = syncs.heard_ms {
            heard.with_label_values(&[name(syncs.peer)]).set(ms as f64 / 1e3);
        }
    }
    let messages = make.counters(
        "quorate_messages_total",
        "Messages received and understood, and sent; of those sent, streamed as too large for a datagram.",
        &["direction"],
    );
    let traffic = &status.traffic;
    for (direction, count) in
        [("received", traffic.received), ("sent", traffic.sent), ("streamed", traffic.streamed)]
    {
        messages.with_label_values(&[direction]).inc_by(count);
    }
    let dropped = make.counters(
        "quorate_messages_dropped_total",
        "Messages that were received and not believed, or not sent, by the reason.",
        &["reason"],
    );
    for (reason, count) in traffic.dropped() {
        dropped.with_label_values(&[&reason.replace(' ', "_")]).inc_by(count);
    }
}

fn uptime(make: &Make, ms: u64) {
    make.seconds("quorate_uptime_seconds", "Time since the node's process started.", &[])
        .with_label_values::<&str>(&[])
        .set(ms as f64 / 1e3);
}

/// The text that Prometheus reads.
///
/// # Panics
/// Never: writing to memory does not fail.
#[must_use]
pub fn exposition(mut families: Vec<MetricFamily>) -> String {
    families.sort_by(|one, other| one.name().cmp(other.name()));
    // A family without any metric would be an error of the encoder.
    families.retain(|family| !family.get_metric().is_empty());
    TextEncoder::new().encode_to_string(&families).expect("writing to memory does not fail")
}

fn clamped(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
