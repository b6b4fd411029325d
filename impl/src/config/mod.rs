//! `cluster.toml`: what all nodes and clients of a cluster read before they start.

mod leader;
mod template;

pub use leader::{LeaderSettings, LeaderTimes};
pub use template::{Template, TemplateLeader, TemplateNode};

use std::fs;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use quorate_model::cluster::{
    Background, BytesMax, ClusterConfig, ClusterError, ClusterSpec, PlacementSpec, Reaping,
};
use quorate_model::ids::NodeId;
use quorate_model::protocol::ReadRepair;
use quorate_model::quorum::QuorumError;
use quorate_model::ring::TOKENS_PER_NODE_DEFAULT;
use quorate_model::versions::Versioning;

use crate::given::GivenContexts;
use crate::guard::{ENVELOPE_BYTES_MAX, GuardSettings, Party};
use crate::keys::Access;
use crate::runs::Speaks;
use crate::transport::{DATAGRAM_BYTES_MAX, Faults, StreamLimits};
use crate::wire::{Datagram, MESSAGE_BYTES_MAX, Wire};

/// The memory that the database's cache may take unless told otherwise.
pub const CACHE_BYTES_DEFAULT: usize = 64 * 1024 * 1024;

/// The least that the largest message may be limited to: messages that carry no state must fit.
const MESSAGE_BYTES_LEAST: usize = DATAGRAM_BYTES_MAX;

/// The most: with what surrounds it, its length must be one that a stream can say.
const MESSAGE_BYTES_MOST: usize = u32::MAX as usize - ENVELOPE_BYTES_MAX;

/// Where the key of a cluster is unless its configuration says otherwise, relative to that.
pub const KEY_FILE_DEFAULT: &str = "cluster.key";

/// Why there is no configuration. The text names the file and, where there is one, line and field.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read {}: {source}; `quorate cluster` writes one, --config names another",
        path.display()
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of it is wrong.
    #[error("{}:{line}: {detail}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Which line, from one.
        line: usize,
        /// What is wrong with which field.
        detail: String,
    },
    /// The cluster has a leader, and this is about clusters without.
    #[error("{}: this cluster has a leader ([protocol]), and {what} is for clusters without one", path.display())]
    HasLeader {
        /// Which file.
        path: PathBuf,
        /// What was wanted.
        what: &'static str,
    },
    /// There is no node of this name.
    #[error("{} has no node {name:?}; its nodes are {}", path.display(), known.join(", "))]
    UnknownNode {
        /// Which file.
        path: PathBuf,
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
}

/// One node of the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeEntry {
    /// Its name.
    pub name: String,
    /// The address it listens on, for datagrams and for streams.
    pub address: SocketAddr,
    /// Its data directory.
    pub data: PathBuf,
    /// The file it traces to, if it does.
    pub trace: Option<PathBuf>,
    /// The address at which it serves HTTP, if it does.
    pub http: Option<SocketAddr>,
    /// The file with the token that HTTP requests must carry, if they must.
    pub http_token_file: Option<PathBuf>,
}

/// How long to wait for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// How long a coordinator waits for enough answers to one request.
    pub request: Duration,
    /// How long a read waits for the homes that it asked first, where it does not ask all: then it asks
    /// the others too.
    pub speculative_retry: Duration,
    /// How long a client waits for a coordinator before it asks again.
    pub client_attempt: Duration,
    /// How often a client asks in all, always under the same request id.
    pub client_attempts: u32,
    /// How long a client waits for any of a key's homes to answer a ping.
    pub ping: Duration,
}

impl Timeouts {
    /// How long a client may go on asking for one thing. The removal of tombstones relies on it: what
    /// a node remembers of a put goes with the tombstone that covers it.
    #[must_use]
    pub fn request_lifetime(&self) -> Duration {
        self.client_attempt * self.client_attempts.max(1)
    }
}

/// How often a node does what it does of its own accord. Each interval varies by a tenth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Intervals {
    /// How often hints are offered to the homes they are for.
    pub handoff: Duration,
    /// How often two homes compare what they hold.
    pub sync: Duration,
    /// How often a node that lost its disk asks again.
    pub catch_up: Duration,
    /// How often tombstones are looked for.
    pub reap: Duration,
    /// What was sent longer ago is dropped, and so is what was sent further ahead. The removal of
    /// tombstones relies on it.
    pub datagram_lifetime: Duration,
}

/// A cluster's configuration, validated.
#[derive(Clone, Debug)]
pub struct ClusterFile {
    /// Where it was read from.
    pub path: PathBuf,
    /// What a cluster with a leader is told; `None`, if this one has none. What is said below of the protocol is of the
    /// leaderless one: then there are the nodes alone.
    pub leader: Option<LeaderSettings>,
    /// What the protocol is told, as it was written.
    pub spec: ClusterSpec,
    /// What the protocol is told.
    pub cluster: Arc<ClusterConfig>,
    /// The nodes, in the order of their ids.
    pub nodes: Vec<NodeEntry>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// How often to do what.
    pub intervals: Intervals,
    /// The memory that a node's store may take for its cache.
    pub cache_bytes: usize,
    /// The most bytes of one message.
    pub message_bytes_max: usize,
    /// How processes know each other.
    pub access: Access,
    /// What the clients of this process were given by nodes.
    pub given: GivenContexts,
    /// Faults to inject into what nodes send, for tests.
    pub faults: Option<Faults>,
}

impl ClusterFile {
    /// Reads and validates a configuration. Relative paths in it are relative to its directory.
    ///
    /// # Errors
    /// When it cannot be read or something in it is wrong.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.into(), source })?;
        Self::parse(path, &text)
    }

    /// Validates the text of a configuration as if it had been read from `path`.
    ///
    /// # Errors
    /// When something in it is wrong.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let invalid = |at: Option<Range<usize>>, detail: String| {
            let at = at.map_or(0, |span| span.start.min(text.len()));
            let line = 1 + text[..at].matches('\n').count();
            ConfigError::Invalid { path: path.into(), line, detail }
        };
        let wrong = |error: toml::de::Error| invalid(error.span(), describe(&error, text));
        let (raw, leader) = match leader::read(text).map_err(wrong)? {
            Some((raw, leader)) => (raw, Some(leader)),
            None => (toml::from_str(text).map_err(wrong)?, None),
        };
        let directory = path.parent().unwrap_or(Path::new(""));
        let access = match (*raw.unauthenticated.get_ref(), &raw.key_file) {
            (true, Some(_)) => {
                let detail = "unauthenticated: there is a key_file as well; leave one of them out";
                return Err(invalid(Some(raw.unauthenticated.span()), detail.to_string()));
            }
            (true, None) => Access::Unauthenticated,
            (false, key_file) => {
                let key_file = key_file.as_deref().unwrap_or(Path::new(KEY_FILE_DEFAULT));
                Access::KeyFile(directory.join(key_file))
            }
        };
        let mut nodes: Vec<NodeEntry> = Vec::with_capacity(raw.node.len());
        for node in raw.node {
            let (span, node) = (node.span(), node.into_inner());
            if node.name.is_empty() || node.name.contains(['/', '\0']) {
                let detail = "name: a node's name must not be empty or contain a slash";
                return Err(invalid(Some(span), detail.to_string()));
            }
            if access == Access::Unauthenticated && !node.addr.ip().is_loopback() {
                let detail = format!(
                    "addr: {} can be reached from elsewhere, but unauthenticated = true lets whoever can send \
                     to a node do everything; use an address of 127.0.0.1, or a key: `quorate key new`",
                    node.addr
                );
                return Err(invalid(Some(span), detail));
            }
            for other in &nodes {
                let twice = |field: &str| format!("{field}: {} has the same already", other.name);
                if other.name == node.name {
                    return Err(invalid(Some(span), twice("name")));
                }
                if other.address == node.addr {
                    return Err(invalid(Some(span), twice("addr")));
                }
            }
            nodes.push(NodeEntry {
                data: directory.join(node.data.unwrap_or_else(|| PathBuf::from(&node.name))),
                trace: node.trace.map(|trace| directory.join(trace)),
                http: node.http,
                http_token_file: node.http_token_file.map(|file| directory.join(file)),
                name: node.name,
                address: node.addr,
            });
        }
        if let Some(faults) = &raw.faults
            && let Some(field) = faults.get_ref().invalid_field()
        {
            let detail = format!("faults.{field}: a probability must be between 0 and 1");
            return Err(invalid(Some(faults.span()), detail));
        }
        let spec = ClusterSpec {
            nodes: nodes.iter().map(|node| node.name.clone()).collect(),
            n: *raw.n.get_ref(),
            r: *raw.r.get_ref(),
            w: *raw.w.get_ref(),
            versioning: raw.versioning,
            read_repair: raw.read_repair,
            speculative_retry: raw.speculative_retry,
            placement: raw.placement,
            tokens_per_node: raw.tokens_per_node,
            sloppy: *raw.sloppy.get_ref(),
            client_fan_out: *raw.client_fan_out.get_ref(),
            background: raw.background.into(),
            limits: *raw.limits.get_ref(),
            left: raw.left.get_ref().clone(),
            // How the protocol is wrong is for scenarios to say.
            deviations: Vec::new(),
        };
        if spec.sloppy && !spec.background.handoff {
            let detail = "sloppy = true needs background.handoff = true: what other nodes keep for a \
                          home that is down would never reach it";
            return Err(invalid(Some(raw.sloppy.span()), detail.to_string()));
        }
        let cluster = spec.build().map_err(|error| {
            let span = match &error {
                ClusterError::Quorum(QuorumError::ROutOfRange { .. }) => raw.r.span(),
                ClusterError::Quorum(QuorumError::WOutOfRange { .. }) => raw.w.span(),
                ClusterError::UnknownNodeLeft { .. } => raw.left.span(),
                ClusterError::ClientFanOutReaped => raw.client_fan_out.span(),
                ClusterError::PendingBytesTooFew { .. } => raw.limits.span(),
                _ => raw.n.span(),
            };
            let detail = match &error {
                ClusterError::ClientFanOutReaped => format!("client_fan_out: {error}"),
                error => error.to_string(),
            };
            invalid(Some(span), detail)
        })?;
        let timeouts = &raw.timeouts;
        let intervals = raw.intervals.get_ref().checked().map_err(|field| {
            let detail = format!("intervals.{field}: must be at least 1");
            invalid(Some(raw.intervals.span()), detail)
        })?;
        if let Some(faults) = &raw.faults
            && Duration::from_millis(faults.get_ref().delay_ms_max) >= intervals.datagram_lifetime
        {
            let detail = "faults.delay_ms_max: must be less than intervals.datagram_lifetime_ms";
            return Err(invalid(Some(faults.span()), detail.to_string()));
        }
        let names = nodes.iter().map(|node| node.name.clone()).collect();
        let leader = leader.map(|leader| {
            let span = leader.span();
            leader.into_inner().settings(names).map_err(|detail| invalid(Some(span), detail))
        });
        let leader = leader.transpose()?;
        let message_bytes_max = *raw.message_bytes_max.get_ref();
        if !(MESSAGE_BYTES_LEAST..=MESSAGE_BYTES_MOST).contains(&message_bytes_max) {
            let detail = format!(
                "message_bytes_max: must be from {MESSAGE_BYTES_LEAST} to {MESSAGE_BYTES_MOST}"
            );
            return Err(invalid(Some(raw.message_bytes_max.span()), detail));
        }
        if let Some(leader) = &leader {
            let fits = leader.check(message_bytes_max);
            fits.map_err(|detail| invalid(Some(raw.message_bytes_max.span()), detail))?;
        }
        Ok(ClusterFile {
            path: path.into(),
            leader,
            spec,
            cluster: Arc::new(cluster),
            nodes,
            timeouts: Timeouts {
                request: Duration::from_millis(timeouts.request_ms),
                speculative_retry: Duration::from_millis(timeouts.speculative_retry_ms),
                client_attempt: Duration::from_millis(timeouts.client_attempt_ms),
                client_attempts: timeouts.client_attempts,
                ping: Duration::from_millis(timeouts.ping_ms),
            },
            intervals,
            cache_bytes: raw.cache_bytes,
            message_bytes_max,
            access,
            given: GivenContexts::default(),
            faults: raw.faults.map(Spanned::into_inner),
        })
    }

    /// The same, if it has no leader.
    ///
    /// # Errors
    /// When it has one: `what` is for clusters without.
    pub fn without_leader(self, what: &'static str) -> Result<Self, ConfigError> {
        match self.leader {
            None => Ok(self),
            Some(_) => Err(ConfigError::HasLeader { path: self.path, what }),
        }
    }

    /// The node of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn node_named(&self, name: &str) -> Result<NodeId, ConfigError> {
        self.cluster.node_named(name).ok_or_else(|| ConfigError::UnknownNode {
            path: self.path.clone(),
            name: name.to_string(),
            known: self.spec.nodes.clone(),
        })
    }

    /// What the file says about a node.
    #[must_use]
    pub fn node(&self, node: NodeId) -> &NodeEntry {
        &self.nodes[node.index()]
    }

    /// How messages of this cluster are written.
    #[must_use]
    pub fn wire<S: Speaks>(&self) -> Wire<S> {
        Wire::new(&self.spec).limited_to(self.message_bytes_max)
    }

    /// What streams may take. A message that cannot be delivered is given up well before it would
    /// be too old to be believed.
    #[must_use]
    pub fn stream_limits(&self) -> StreamLimits {
        let limits = StreamLimits::default();
        let stall = limits.stall.min(self.intervals.datagram_lifetime / 3);
        let message_bytes_max = self.message_bytes_max + ENVELOPE_BYTES_MAX;
        StreamLimits { message_bytes_max, stall, ..limits }
    }

    /// What guards processes of this cluster.
    #[must_use]
    pub fn guard<S: Speaks>(&self) -> GuardSettings {
        let told = Datagram::ConfiguredOtherwise { spec: Box::new(self.spec.clone()) };
        GuardSettings {
            access: self.access.clone(),
            cluster: S::fingerprint(self),
            nodes: self.nodes.len(),
            lifetime: self.intervals.datagram_lifetime,
            configuration: self.wire::<S>().encode(&told).unwrap_or_default(),
        }
    }

    /// A node, where it is configured to be.
    #[must_use]
    pub fn party(&self, node: NodeId) -> Party {
        Party::node(node, self.node(node).address)
    }

    /// All nodes, in the order of their ids.
    #[must_use]
    pub fn parties(&self) -> Vec<Party> {
        self.cluster.nodes().iter().map(|node| self.party(*node)).collect()
    }
}

/// The file as it is written. Its fields are explained where `quorate cluster` writes them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    n: Spanned<usize>,
    r: Spanned<usize>,
    w: Spanned<usize>,
    #[serde(default)]
    versioning: Versioning,
    #[serde(default)]
    read_repair: ReadRepair,
    #[serde(default)]
    speculative_retry: bool,
    #[serde(default)]
    placement: PlacementSpec,
    #[serde(default = "tokens_per_node_default")]
    tokens_per_node: usize,
    #[serde(default = "cache_bytes_default")]
    cache_bytes: usize,
    #[serde(default = "message_bytes_max_default")]
    message_bytes_max: Spanned<usize>,
    key_file: Option<PathBuf>,
    #[serde(default = "off_default")]
    unauthenticated: Spanned<bool>,
    #[serde(default = "off_default")]
    sloppy: Spanned<bool>,
    #[serde(default = "off_default")]
    client_fan_out: Spanned<bool>,
    #[serde(default = "left_default")]
    left: Spanned<Vec<String>>,
    #[serde(default)]
    background: RawBackground,
    #[serde(default = "limits_default")]
    limits: Spanned<BytesMax>,
    #[serde(default)]
    timeouts: RawTimeouts,
    #[serde(default = "intervals_default")]
    intervals: Spanned<RawIntervals>,
    faults: Option<Spanned<Faults>>,
    node: Vec<Spanned<RawNode>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNode {
    name: String,
    addr: SocketAddr,
    data: Option<PathBuf>,
    trace: Option<PathBuf>,
    http: Option<SocketAddr>,
    http_token_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTimeouts {
    request_ms: u64,
    speculative_retry_ms: u64,
    client_attempt_ms: u64,
    client_attempts: u32,
    ping_ms: u64,
}

impl Default for RawTimeouts {
    fn default() -> Self {
        RawTimeouts {
            request_ms: 1_000,
            speculative_retry_ms: 10,
            client_attempt_ms: 400,
            client_attempts: 10,
            ping_ms: 500,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawIntervals {
    handoff_ms: u64,
    sync_ms: u64,
    catch_up_ms: u64,
    reap_ms: u64,
    datagram_lifetime_ms: u64,
}

impl Default for RawIntervals {
    fn default() -> Self {
        RawIntervals {
            handoff_ms: 500,
            sync_ms: 2_000,
            catch_up_ms: 500,
            reap_ms: 10_000,
            datagram_lifetime_ms: 30_000,
        }
    }
}

impl RawIntervals {
    /// The intervals, or the field that is zero: such a timer would never stop expiring.
    fn checked(&self) -> Result<Intervals, &'static str> {
        let of = |field, ms| match ms {
            0 => Err(field),
            ms => Ok(Duration::from_millis(ms)),
        };
        Ok(Intervals {
            handoff: of("handoff_ms", self.handoff_ms)?,
            sync: of("sync_ms", self.sync_ms)?,
            catch_up: of("catch_up_ms", self.catch_up_ms)?,
            reap: of("reap_ms", self.reap_ms)?,
            datagram_lifetime: of("datagram_lifetime_ms", self.datagram_lifetime_ms)?,
        })
    }
}

/// What nodes do of their own accord, with keys in the case of all others. One was written otherwise before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawBackground {
    handoff: bool,
    #[serde(alias = "anti-entropy")]
    anti_entropy: bool,
    reaping: Reaping,
}

impl Default for RawBackground {
    fn default() -> Self {
        let Background { handoff, anti_entropy, reaping } = Background::default();
        RawBackground { handoff, anti_entropy, reaping }
    }
}

impl From<RawBackground> for Background {
    fn from(raw: RawBackground) -> Self {
        let RawBackground { handoff, anti_entropy, reaping } = raw;
        Background { handoff, anti_entropy, reaping }
    }
}

fn off_default() -> Spanned<bool> {
    Spanned::new(0..0, false)
}

fn left_default() -> Spanned<Vec<String>> {
    Spanned::new(0..0, Vec::new())
}

fn limits_default() -> Spanned<BytesMax> {
    Spanned::new(0..0, BytesMax::default())
}

fn intervals_default() -> Spanned<RawIntervals> {
    Spanned::new(0..0, RawIntervals::default())
}

fn tokens_per_node_default() -> usize {
    TOKENS_PER_NODE_DEFAULT
}

fn message_bytes_max_default() -> Spanned<usize> {
    Spanned::new(0..0, MESSAGE_BYTES_MAX)
}

fn cache_bytes_default() -> usize {
    CACHE_BYTES_DEFAULT
}

/// The error in one line, with the line it is about where the message does not name the field.
fn describe(error: &toml::de::Error, text: &str) -> String {
    let mut message = error.message().replace('\n', ", ");
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    if let Some(meant) = unknown.map(|field| field.replace('-', "_"))
        && unknown != Some(&meant)
        && message.matches(&format!("`{meant}`")).next().is_some()
    {
        message += &format!("; did you mean `{meant}`? Keys have underscores");
    }
    let line = error.span().and_then(|span| {
        let start = text[..span.start.min(text.len())].rfind('\n').map_or(0, |at| at + 1);
        text[start..].lines().next()
    });
    match line.map(str::trim) {
        Some(line) if !line.is_empty() => format!("{message}, in `{line}`"),
        _ => message,
    }
}

#[cfg(test)]
mod tests;
