//! A new `cluster.toml`, with what its fields mean.

use std::fmt::Write as _;
use std::net::SocketAddr;

use quorate_leader::config::{ElectionKind, LogKind, Reads, Replication};
use quorate_model::protocol::ReadRepair;
use quorate_model::versions::Versioning;
use serde::Serialize;

/// What a new configuration says; everything else takes its default.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    /// Homes of each key.
    pub n: usize,
    /// Replies a read gathers.
    pub r: usize,
    /// Acknowledgements a write gathers.
    pub w: usize,
    /// How versions are named.
    pub versioning: Versioning,
    /// What reads do about replicas that are behind.
    pub read_repair: ReadRepair,
    /// Whether reads ask R homes first, and the others only when one is late.
    pub speculative_retry: bool,
    /// Whether fallbacks may stand in for homes that do not answer a put.
    pub sloppy: bool,
    /// Whether clients may fan requests out themselves.
    pub client_fan_out: bool,
    /// How its leader works, if it is to have one. What is said of quorums is for clusters without.
    pub leader: Option<TemplateLeader>,
    /// Whether the cluster does without a key, on loopback only.
    pub unauthenticated: bool,
    /// The nodes.
    pub nodes: Vec<TemplateNode>,
}

/// What a new configuration says of its leader; everything else takes its default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TemplateLeader {
    /// Whose acknowledgements a write waits for.
    pub replication: Replication,
    /// How a leader is found.
    pub election: ElectionKind,
    /// Where clients read.
    pub reads: Reads,
    /// What the log ships.
    pub log: LogKind,
}

impl Default for TemplateLeader {
    /// Raft.
    fn default() -> Self {
        TemplateLeader {
            replication: Replication::Majority,
            election: ElectionKind::Raft,
            reads: Reads::Confirmed,
            log: LogKind::Row,
        }
    }
}

/// A node of a new configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TemplateNode {
    /// Its name, which also names its data directory.
    pub name: String,
    /// Its address.
    pub address: SocketAddr,
    /// Whether it traces, to `<name>.trace.jsonl`.
    pub is_traced: bool,
    /// Where it serves HTTP, if it does.
    pub http: Option<SocketAddr>,
}

impl TemplateNode {
    /// One that neither traces nor serves HTTP.
    #[must_use]
    pub fn new(name: impl Into<String>, address: impl Into<SocketAddr>) -> Self {
        TemplateNode { name: name.into(), address: address.into(), is_traced: false, http: None }
    }
}

impl Template {
    /// Three homes of each key, or all nodes if there are fewer, of which two are asked, and every choice that costs
    /// something off.
    #[must_use]
    pub fn new(nodes: Vec<TemplateNode>) -> Self {
        let n = nodes.len().min(3);
        Template {
            n,
            r: n.min(2),
            w: n.min(2),
            versioning: Default::default(),
            read_repair: Default::default(),
            speculative_retry: false,
            sloppy: false,
            client_fan_out: false,
            leader: None,
            unauthenticated: false,
            nodes,
        }
    }

    /// The text of the file.
    ///
    /// # Panics
    /// Never: writing to a string does not fail.
    #[must_use]
    pub fn render(&self) -> String {
        let Template { n, r, w, versioning, sloppy, client_fan_out, nodes, .. } = self;
        let Template { read_repair, speculative_retry, .. } = self;
        let key = if self.unauthenticated {
            "unauthenticated = true  # anybody, without a key; only on addresses of this machine"
        } else {
            "key_file = \"cluster.key\"  # relative to this file; who has it may do everything"
        };
        let mut text = self.leader.map_or_else(String::new, |leader| with_leader(leader, key));
        if self.leader.is_none() {
            text = format!(
                r#"# Written by `quorate cluster`. Every process of the cluster must read the same file:
# datagrams of one that differs in the first three blocks or in the nodes' names are dropped.

n = {n}  # homes of each key
r = {r}  # replies a read gathers
w = {w}  # acknowledgements a write gathers
versioning = "{versioning}"  # dotted, server-clock, client-clock, scalar, last-write-wins
read_repair = "{read_repair}"  # off, async, blocking
speculative_retry = {speculative_retry}  # whether a read asks r homes, and the others only when one is late
sloppy = {sloppy}  # whether fallbacks stand in for homes that do not answer a put
client_fan_out = {client_fan_out}  # whether clients may ask the homes themselves (--client-driven)
left = []  # nodes that have left for good; they stay in the list of nodes below

# Who may talk to a node: whoever has a key.
{key}

# What nodes do of their own accord.
[background]
handoff = true       # offer what was kept for a home to that home
anti_entropy = true  # homes compare what they hold and exchange what differs
reaping = "off"      # of tombstones: off, agreed (once all nodes agree), by-age (loses deletes)

# What a node holds at most, weighed. Further requests and hints are refused.
[limits]
pending_bytes_max = 268435456  # memory: keys, values and contexts of unfinished requests
hints_bytes_max = 17179869184  # disk: what is kept for homes that are down

# Below this line processes may differ.

# A sloppy put may take three times request_ms: to find that no home answers, to wait for the
# fallbacks, and for further ones. A client's attempts should last longer than that.
[timeouts]
request_ms = 1000       # a coordinator gives a request up, or turns to the fallbacks
speculative_retry_ms = 10 # a read asks the homes that it did not ask first
client_attempt_ms = 400 # a client asks the coordinator again
client_attempts = 10    # how often it asks in all; reaping waits for as long as that takes
ping_ms = 500           # a client looks for a home that answers

# How often a node does what it does of its own accord; each varies by a tenth.
[intervals]
handoff_ms = 500             # offers a batch of hints to their homes
sync_ms = 2000               # compares with another home
catch_up_ms = 500            # asks the other homes again, after it lost its disk
reap_ms = 10000              # looks for tombstones
datagram_lifetime_ms = 30000 # what was sent longer ago is dropped; clocks must differ by less

# For tests only: probabilities of what happens to each datagram a node sends.
# [faults]
# drop = 0.1
# duplicate = 0.1
# delay = 0.1
# delay_ms_max = 50
"#
            );
        }
        for TemplateNode { name, address, is_traced, http } in nodes {
            write!(
                text,
                "\n[[node]]\nname = \"{name}\"\naddr = \"{address}\"\ndata = \"{name}\"  # relative to this file\n"
            )
            .expect("writing to a string does not fail");
            if let Some(http) = http {
                writeln!(text, "http = \"{http}\"").expect("writing to a string does not fail");
            }
            if *is_traced {
                writeln!(text, "trace = \"{name}.trace.jsonl\"")
                    .expect("writing to a string does not fail");
            }
        }
        text
    }
}

/// A word as the file has it.
fn word<T: Serialize>(word: &T) -> String {
    serde_json::to_string(word).unwrap_or_default()
}

/// The text of the file of a cluster with a leader, up to its nodes.
fn with_leader(leader: TemplateLeader, key: &str) -> String {
    let TemplateLeader { replication, election, reads, log } = leader;
    let [replication, election] = [word(&replication), word(&election)];
    let [reads, log] = [word(&reads), word(&log)];
    format!(
        r#"# Written by `quorate cluster`. Every process of the cluster must read the same file:
# datagrams of one that differs in the first lines of [protocol] or in the nodes' names are dropped.

# Who may talk to a node: whoever has a key.
{key}

# One node, the leader, takes all writes; the first node leads when the cluster is founded.
[protocol]
name = "leader"
replication = {replication}  # whose acknowledgements a write waits for: async, semi-sync, sync, majority
election = {election}  # how a leader is found: manual (quorate promote), bully, raft
log = {log}  # what is shipped: row, statement, replaced (values for what is not deterministic)
snapshot_after = 10000  # committed entries until the log is compacted; what is compacted comes as a snapshot
sessions = 100000  # clients whose last write is remembered, so that none is done twice when it is asked for again
entries_max = 256  # entries of a message
page_rows = 1000  # rows of a page of a snapshot
piece_bytes_max = 1048576  # bytes of the entries of a message, or of the rows of a page, unless it is a single one
pending_bytes_max = 268435456  # memory of a leader: keys and values of requests that wait. Further ones are refused

# Below this line processes may differ.

reads = {reads}  # where clients read: leader, confirmed, any, sticky, own-writes, position
heartbeat_ms = 100  # a leader tells its followers that it leads; varies by a tenth
election_ms = 1000  # a follower takes its leader for gone, after once to twice as long
synchronous_ms = 500  # semi-sync: another follower takes the place of one that does not acknowledge
catch_up_ms = 500  # a node that lost its disk asks again what the others hold

[timeouts]
client_attempt_ms = 400 # a client asks again, the next node
client_attempts = 10    # how often it asks in all
ping_ms = 500           # a client that may ask any node looks for one that answers

[intervals]
datagram_lifetime_ms = 30000 # what was sent longer ago is dropped; clocks must differ by less

# For tests only: probabilities of what happens to each datagram a node sends.
# [faults]
# drop = 0.1
# duplicate = 0.1
# delay = 0.1
# delay_ms_max = 50
"#
    )
}
