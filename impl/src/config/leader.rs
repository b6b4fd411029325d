//! A `cluster.toml` with a table `[protocol]`: that of a cluster with a leader.

use std::path::PathBuf;
use std::time::Duration;

use quorate_leader::config::{ElectionKind, LogKind, Reads, Replication};
use quorate_leader::limits::Limits;
use quorate_leader_model::refine::Cluster;
use quorate_leader_model::setting::ProtocolName;
use serde::Deserialize;
use toml::Spanned;

use super::{
    RawBackground, RawFile, RawNode, RawTimeouts, cache_bytes_default, intervals_default,
    left_default, limits_default, message_bytes_max_default, off_default, tokens_per_node_default,
};
use crate::transport::Faults;

/// What a cluster with a leader is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaderSettings {
    /// What all processes agree on.
    pub cluster: Cluster,
    /// Where clients read unless they say otherwise.
    pub reads: Reads,
    /// How long timers run.
    pub times: LeaderTimes,
}

/// How long timers run. What they are for, the protocol says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeaderTimes {
    /// How often a leader tells a follower that it leads.
    pub heartbeat: Duration,
    /// How long a follower hears nothing until it takes its leader for gone, at least; twice as long at most.
    pub election: Duration,
    /// How long the synchronous follower may take.
    pub synchronous: Duration,
    /// How often a node that lost its disk asks again.
    pub catch_up: Duration,
}

/// The table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProtocol {
    name: ProtocolName,
    replication: Replication,
    election: ElectionKind,
    #[serde(default = "row")]
    log: LogKind,
    #[serde(default = "confirmed")]
    reads: Reads,
    #[serde(default = "snapshot_after_default")]
    snapshot_after: u32,
    #[serde(default = "sessions_default")]
    sessions: u32,
    #[serde(default = "entries_max_default")]
    entries_max: u32,
    #[serde(default = "page_rows_default")]
    page_rows: usize,
    #[serde(default = "pending_bytes_max_default")]
    pending_bytes_max: usize,
    #[serde(default = "piece_bytes_max_default")]
    piece_bytes_max: usize,
    #[serde(default = "heartbeat_default")]
    heartbeat_ms: u64,
    #[serde(default = "election_default")]
    election_ms: u64,
    #[serde(default = "synchronous_default")]
    synchronous_ms: u64,
    #[serde(default = "catch_up_default")]
    catch_up_ms: u64,
}

/// The file as it is written where there is such a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLeaderFile {
    protocol: Spanned<RawProtocol>,
    #[serde(default = "cache_bytes_default")]
    cache_bytes: usize,
    #[serde(default = "message_bytes_max_default")]
    message_bytes_max: Spanned<usize>,
    key_file: Option<PathBuf>,
    #[serde(default = "off_default")]
    unauthenticated: Spanned<bool>,
    #[serde(default)]
    timeouts: RawTimeouts,
    #[serde(default)]
    intervals: RawLifetime,
    faults: Option<Spanned<Faults>>,
    node: Vec<Spanned<RawNode>>,
}

/// Of the intervals, the only one that any protocol has.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLifetime {
    datagram_lifetime_ms: Option<u64>,
}

/// Only whether there is a table.
#[derive(Deserialize)]
struct RawKind {
    protocol: Option<toml::Value>,
}

/// Reads a file with a table `[protocol]`; `None` if it has none. What else it says is taken for a file without.
pub(super) fn read(text: &str) -> Result<Option<(RawFile, Spanned<RawProtocol>)>, toml::de::Error> {
    if toml::from_str::<RawKind>(text)?.protocol.is_none() {
        return Ok(None);
    }
    let raw: RawLeaderFile = toml::from_str(text)?;
    let one = || Spanned::new(0..0, 1);
    let mut intervals = intervals_default();
    if let Some(lifetime) = raw.intervals.datagram_lifetime_ms {
        intervals.get_mut().datagram_lifetime_ms = lifetime;
    }
    let file = RawFile {
        n: one(),
        r: one(),
        w: one(),
        versioning: Default::default(),
        read_repair: Default::default(),
        speculative_retry: false,
        placement: Default::default(),
        tokens_per_node: tokens_per_node_default(),
        cache_bytes: raw.cache_bytes,
        message_bytes_max: raw.message_bytes_max,
        key_file: raw.key_file,
        unauthenticated: raw.unauthenticated,
        sloppy: off_default(),
        client_fan_out: off_default(),
        left: left_default(),
        background: RawBackground::default(),
        limits: limits_default(),
        timeouts: raw.timeouts,
        intervals,
        faults: raw.faults,
        node: raw.node,
    };
    Ok(Some((file, raw.protocol)))
}

impl LeaderSettings {
    /// Refuses to run where what nodes ship would be larger than a message may be.
    pub(super) fn check(&self, message_bytes_max: usize) -> Result<(), String> {
        let limits = &self.cluster.limits;
        // As they are weighed, which is more than they take.
        let least = limits.piece_bytes_max.max(limits.request_bytes_most());
        if message_bytes_max < least {
            return Err(format!(
                "message_bytes_max: must be at least {least} in a cluster with a leader: what is shipped of the log \
                 at a time (protocol.piece_bytes_max), and the largest key and value"
            ));
        }
        Ok(())
    }
}

impl RawProtocol {
    /// What it says of a cluster of these nodes, or what is wrong with it.
    pub(super) fn settings(self, nodes: Vec<String>) -> Result<LeaderSettings, String> {
        let RawProtocol { name, replication, election, log, reads, .. } = self;
        for (field, ms) in [
            ("heartbeat_ms", self.heartbeat_ms),
            ("election_ms", self.election_ms),
            ("synchronous_ms", self.synchronous_ms),
            ("catch_up_ms", self.catch_up_ms),
        ] {
            if ms == 0 {
                return Err(format!("protocol.{field}: must be at least 1"));
            }
        }
        if self.election_ms < 2 * self.heartbeat_ms {
            return Err(format!(
                "protocol.election_ms: {} ms is less than two heartbeats (heartbeat_ms = {}), so that every \
                 leader would soon be taken for gone",
                self.election_ms, self.heartbeat_ms
            ));
        }
        let cluster = Cluster {
            protocol: name,
            nodes,
            replication,
            election,
            log,
            snapshot_after: Some(self.snapshot_after),
            sessions: Some(self.sessions),
            entries_max: self.entries_max,
            page_rows: self.page_rows,
            limits: Limits {
                pending_bytes_max: self.pending_bytes_max,
                piece_bytes_max: self.piece_bytes_max,
                ..Limits::default()
            },
        };
        cluster.check().map_err(|detail| format!("protocol: {detail}"))?;
        let times = LeaderTimes {
            heartbeat: Duration::from_millis(self.heartbeat_ms),
            election: Duration::from_millis(self.election_ms),
            synchronous: Duration::from_millis(self.synchronous_ms),
            catch_up: Duration::from_millis(self.catch_up_ms),
        };
        Ok(LeaderSettings { cluster, reads, times })
    }
}

fn row() -> LogKind {
    LogKind::Row
}

fn confirmed() -> Reads {
    Reads::Confirmed
}

fn snapshot_after_default() -> u32 {
    10_000
}

fn sessions_default() -> u32 {
    100_000
}

fn entries_max_default() -> u32 {
    256
}

fn page_rows_default() -> usize {
    1_000
}

fn pending_bytes_max_default() -> usize {
    Limits::default().pending_bytes_max
}

fn piece_bytes_max_default() -> usize {
    Limits::default().piece_bytes_max
}

fn heartbeat_default() -> u64 {
    100
}

fn election_default() -> u64 {
    1_000
}

fn synchronous_default() -> u64 {
    500
}

fn catch_up_default() -> u64 {
    500
}
