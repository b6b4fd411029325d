//! What all nodes and clients of one cluster agree on before they start.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

#[cfg(feature = "planted-faults")]
use crate::deviation::Mattered;
use crate::deviation::{Deviation, Deviations};
use crate::forest::home_sets;
use crate::hash_tree::TreeShape;
use crate::ids::{Key, NODES_MAX, NodeId, NodeSet};
use crate::protocol::ReadRepair;
use crate::protocol::weight::SHARE_BYTES;
use crate::quorum::{Quorum, QuorumError};
use crate::ring::{Ring, RingError, TOKENS_PER_NODE_DEFAULT};
use crate::versions::{Record, Versioning};

/// The most tokens one node may own, so that a slip of the pen does not fill the memory.
pub const TOKENS_PER_NODE_MAX: usize = 4_096;

/// Limits a node keeps to, so that neither a peer nor a client can make it grow without bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Unfinished requests a node carries at a time; a further one is refused.
    pub pending_max: usize,
    /// Bytes that unfinished requests hold at a time: keys, values, contexts, what was fetched for
    /// them, and a fixed share for each. A further one that would take more is refused. What comes for
    /// one that was admitted is taken in whatever it adds up to: no size of record may stop a read.
    pub pending_bytes_max: usize,
    /// Finished puts a node remembers to answer retries; the oldest is forgotten first.
    pub finished_max: usize,
    /// Bytes of the finished puts a node remembers: their keys, and a fixed share for each. The
    /// oldest is forgotten first.
    pub finished_bytes_max: usize,
    /// Requests of one key that a node remembers durably to have minted versions for; the oldest
    /// is forgotten first.
    pub requests_max: usize,
    /// Bytes of a key; a request about a longer one is refused.
    pub key_bytes_max: usize,
    /// Bytes of a value; a put of a longer one is refused.
    pub value_bytes_max: usize,
    /// Versions of one key, tombstones among them; a put that would add one more is refused unless
    /// it replaces one.
    pub siblings_max: usize,
    /// Hints a node holds for others; a further one is refused, and nobody is told it was stored.
    pub hints_max: usize,
    /// Bytes of the hints a node holds for others: keys, states, and a fixed share for each. What would
    /// make them take more is refused, and nobody is told it was stored.
    pub hints_bytes_max: u64,
    /// Hints a node offers each time its handoff timer expires, and entries a node sends to one
    /// that catches up at a time.
    pub batch_max: usize,
    /// Entries of a key's context beyond which its homes look for a way to forget some of them; as
    /// many as the key has homes if absent.
    pub context_entries_max: Option<usize>,
    /// The shape of the hash trees that homes compare.
    pub tree_shape: TreeShape,
}

impl Limits {
    /// What a put of the largest key and value takes that has seen nothing.
    #[must_use]
    pub fn request_bytes_least(&self) -> usize {
        SHARE_BYTES + self.key_bytes_max + self.value_bytes_max
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            tree_shape: TreeShape::NODES,
            context_entries_max: None,
            pending_max: 10_000,
            pending_bytes_max: BytesMax::DEFAULT.pending,
            finished_max: 10_000,
            finished_bytes_max: 16 * 1024 * 1024,
            requests_max: 16,
            key_bytes_max: 4 * 1024,
            value_bytes_max: 1024 * 1024,
            siblings_max: 64,
            hints_max: 1_000_000,
            hints_bytes_max: BytesMax::DEFAULT.hints,
            batch_max: 256,
        }
    }
}

/// The limits in bytes that a cluster may choose for its machines. See [`Limits`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BytesMax {
    /// [`Limits::pending_bytes_max`].
    #[serde(rename = "pending_bytes_max")]
    pub pending: usize,
    /// [`Limits::hints_bytes_max`].
    #[serde(rename = "hints_bytes_max")]
    pub hints: u64,
}

impl BytesMax {
    /// Memory for 250 puts of the largest value at a time, or for 10,000 requests of 26 KiB; and disk
    /// for a million hints of 16 KiB.
    pub const DEFAULT: BytesMax = BytesMax { pending: 256 * 1024 * 1024, hints: 16 << 30 };
}

impl Default for BytesMax {
    fn default() -> Self {
        BytesMax::DEFAULT
    }
}

/// How keys find their homes.
#[derive(Clone, Debug)]
pub enum Placement {
    /// Every key's preference list is the configured order of the nodes: for scenarios, where
    /// the homes should be known by name.
    InOrder,
    /// The consistent-hash ring.
    Ring(Ring),
}

/// How keys find their homes, as a configuration file says it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlacementSpec {
    /// [`Placement::InOrder`].
    InOrder,
    /// [`Placement::Ring`].
    #[default]
    Ring,
}

/// What becomes of tombstones once everybody has them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reaping {
    /// They stay.
    #[default]
    Off,
    /// They go once every home holds the same state and nobody holds anything older. A node that
    /// is down is waited for.
    Agreed,
    /// They go when they are old, whatever others hold: what many systems do. For comparison.
    ByAge,
}

/// What nodes do of their own accord. By default, whatever loses nothing: what was kept for a home
/// reaches it, and homes that differ find out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Background {
    /// Offer hints to the homes they are for.
    pub handoff: bool,
    /// Compare what two homes hold, and exchange what differs.
    pub anti_entropy: bool,
    /// Remove tombstones.
    pub reaping: Reaping,
}

impl Background {
    /// Nothing at all: for scenarios, which name what they are about.
    pub const OFF: Background =
        Background { handoff: false, anti_entropy: false, reaping: Reaping::Off };
}

impl Default for Background {
    fn default() -> Self {
        Background { handoff: true, anti_entropy: true, ..Background::OFF }
    }
}

/// A cluster as a configuration file, a scenario or a trace says it, not yet validated.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// The names of all nodes. Their order gives them their [`NodeId`]s.
    pub nodes: Vec<String>,
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
    /// Whether a read that a node coordinates asks R homes first, and the others only when one of them
    /// is late: Cassandra's *speculative retry*, or *rapid read protection*. Otherwise it asks all.
    #[serde(default)]
    pub speculative_retry: bool,
    /// How keys find their homes.
    pub placement: PlacementSpec,
    /// Tokens per node of the ring; not looked at where keys are placed in order.
    pub tokens_per_node: usize,
    /// Whether fallbacks may stand in for homes that do not answer a put, unless the put says.
    #[serde(default)]
    pub sloppy: bool,
    /// Whether clients may fan requests out to the homes themselves. Otherwise nodes take from
    /// clients nothing but puts and gets that they fan out.
    #[serde(default)]
    pub client_fan_out: bool,
    /// What nodes do of their own accord.
    #[serde(default)]
    pub background: Background,
    /// The limits in bytes.
    #[serde(default)]
    pub limits: BytesMax,
    /// Nodes that have left: they keep their place in the list, own no keys and are not waited
    /// for.
    #[serde(default)]
    pub left: Vec<String>,
    /// Ways in which the protocol is to be wrong. Scenarios only.
    #[serde(default)]
    pub deviations: Vec<Deviation>,
}

impl ClusterSpec {
    /// Validates the specification.
    ///
    /// # Errors
    /// When a quorum is out of range, there are too few or too many nodes, the ring cannot be built
    /// from these names and tokens, a limit lets nothing through, or two settings exclude each other.
    pub fn build(&self) -> Result<ClusterConfig, ClusterError> {
        let quorum = Quorum::new(self.n, self.r, self.w)?;
        for (position, name) in self.nodes.iter().enumerate() {
            if self.nodes[..position].contains(name) {
                return Err(ClusterError::DuplicateName { name: name.clone() });
            }
        }
        if self.client_fan_out && self.background.reaping == Reaping::Agreed {
            return Err(ClusterError::ClientFanOutReaped);
        }
        let mut left = NodeSet::EMPTY;
        for name in &self.left {
            let position = self.nodes.iter().position(|node| node == name);
            let Some(index) = position else {
                return Err(ClusterError::UnknownNodeLeft { name: name.clone() });
            };
            left.insert(NodeId(index as u16));
        }
        let placement = match self.placement {
            PlacementSpec::InOrder => Placement::InOrder,
            PlacementSpec::Ring => {
                let tokens = self.tokens_per_node;
                if !(1..=TOKENS_PER_NODE_MAX).contains(&tokens) {
                    return Err(ClusterError::TokensOutOfRange { tokens });
                }
                let names = self.nodes.iter().enumerate();
                let names = names
                    .map(|(index, name)| (NodeId(index as u16), name.as_str()))
                    .filter(|(node, _)| !left.contains(*node));
                Placement::Ring(Ring::new(names, self.tokens_per_node)?)
            }
        };
        let names = self.nodes.clone();
        let mut cluster =
            ClusterConfig::new(names, placement, quorum, self.versioning, self.read_repair)?;
        cluster.members.retain(|node| !left.contains(*node));
        if quorum.n() > cluster.members.len() {
            return Err(ClusterError::TooFewNodes { n: quorum.n(), nodes: cluster.members.len() });
        }
        cluster.ranges = cluster.distinct_homes();
        cluster.sloppy = self.sloppy;
        cluster.speculative_retry = self.speculative_retry;
        cluster.client_fan_out = self.client_fan_out;
        cluster.background = self.background;
        let least = cluster.limits.request_bytes_least();
        if self.limits.pending < least {
            return Err(ClusterError::PendingBytesTooFew { bytes: self.limits.pending, least });
        }
        cluster.limits.pending_bytes_max = self.limits.pending;
        cluster.limits.hints_bytes_max = self.limits.hints;
        cluster.deviations = self.deviations.iter().copied().collect();
        Ok(cluster)
    }
}

/// Why a cluster cannot be configured so.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClusterError {
    /// N, R or W is out of range.
    #[error(transparent)]
    Quorum(#[from] QuorumError),
    /// The ring cannot be built.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// There are fewer nodes than homes of a key.
    #[error(
        "n = {n} homes of each key, but the cluster has only {nodes} nodes; lower n or add nodes"
    )]
    TooFewNodes {
        /// The asked N.
        n: usize,
        /// How many nodes there are.
        nodes: usize,
    },
    /// The ring would be too large, or empty.
    #[error(
        "{tokens} tokens per node, but the ring takes 1 to {TOKENS_PER_NODE_MAX}; \
         {TOKENS_PER_NODE_DEFAULT} balance well"
    )]
    TokensOutOfRange {
        /// What was asked for.
        tokens: usize,
    },
    /// Two nodes have one name.
    #[error("two nodes are named `{name}`; rename one of them")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A node that is no node of the cluster has left it.
    #[error("`{name}` has left, but no node has that name; nodes that left stay in the list")]
    UnknownNodeLeft {
        /// The name.
        name: String,
    },
    /// Clients are to fan requests out themselves where tombstones go by agreement.
    #[error(
        "clients cannot fan requests out themselves where tombstones are reaped by agreement, since \
         nobody asks them what they hold; turn off one of the two"
    )]
    ClientFanOutReaped,
    /// Not even one request of the largest key and value would be admitted.
    #[error(
        "limits.pending_bytes_max = {bytes}, but one put of the largest key and value takes {least}"
    )]
    PendingBytesTooFew {
        /// What was asked for.
        bytes: usize,
        /// What it takes at least.
        least: usize,
    },
    /// There are more nodes than a node set can hold.
    #[error("{nodes} nodes, but a cluster has at most {NODES_MAX}")]
    TooManyNodes {
        /// How many nodes there are.
        nodes: usize,
    },
}

/// The configuration that all nodes of a cluster share.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    names: Vec<String>,
    all: Vec<NodeId>,
    members: Vec<NodeId>,
    ranges: Vec<NodeSet>,
    placement: Placement,
    quorum: Quorum,
    versioning: Versioning,
    read_repair: ReadRepair,
    speculative_retry: bool,
    limits: Limits,
    sloppy: bool,
    client_fan_out: bool,
    background: Background,
    deviations: Deviations,
    #[cfg(feature = "planted-faults")]
    mattered: Mattered,
}

impl ClusterConfig {
    /// A cluster of the named nodes, keys placed by `placement`.
    ///
    /// # Errors
    /// When there are fewer nodes than the quorum's N, or more than [`NODES_MAX`].
    pub fn new(
        names: Vec<String>,
        placement: Placement,
        quorum: Quorum,
        versioning: Versioning,
        read_repair: ReadRepair,
    ) -> Result<Self, ClusterError> {
        let nodes = names.len();
        if nodes > NODES_MAX {
            return Err(ClusterError::TooManyNodes { nodes });
        }
        if quorum.n() > nodes {
            return Err(ClusterError::TooFewNodes { n: quorum.n(), nodes });
        }
        let all: Vec<NodeId> = (0..nodes as u16).map(NodeId).collect();
        let limits = Limits::default();
        let mut cluster = ClusterConfig {
            names,
            members: all.clone(),
            all,
            ranges: Vec::new(),
            placement,
            quorum,
            versioning,
            read_repair,
            speculative_retry: false,
            limits,
            sloppy: false,
            client_fan_out: false,
            background: Background::OFF,
            deviations: Deviations::default(),
            #[cfg(feature = "planted-faults")]
            mattered: Mattered::default(),
        };
        cluster.ranges = cluster.distinct_homes();
        Ok(cluster)
    }

    fn distinct_homes(&self) -> Vec<NodeSet> {
        let ranges = home_sets(&self.placement, &self.members, self.quorum.n());
        // No fewer members than homes, as was just validated.
        ranges.map(|ranges| ranges.into_iter().collect()).unwrap_or_default()
    }

    /// Whether fallbacks may stand in for homes, unless the put says otherwise.
    #[must_use]
    pub fn sloppy(&self) -> bool {
        self.sloppy
    }

    /// What nodes do of their own accord.
    #[must_use]
    pub fn background(&self) -> Background {
        self.background
    }

    /// The same with the protocol wrong in one more way.
    #[must_use]
    pub fn with_deviation(mut self, deviation: Deviation) -> Self {
        self.deviations = self.deviations.with(deviation);
        self
    }

    /// Whether the protocol is to be wrong in any way, or it is noted what that would matter: then all
    /// steps are to be looked at that one that is wrong would take.
    #[must_use]
    pub fn is_deviant(&self) -> bool {
        #[cfg(feature = "planted-faults")]
        if self.mattered.looks_at_steps() {
            return true;
        }
        !self.deviations.is_empty()
    }

    /// Whether the protocol is to be wrong in this way.
    #[must_use]
    pub fn deviates(&self, deviation: Deviation) -> bool {
        #[cfg(feature = "planted-faults")]
        self.mattered.note(deviation);
        self.deviations.contains(deviation)
    }

    /// The same, noting which faults would make a step of a node different from what it is.
    #[cfg(feature = "planted-faults")]
    #[must_use]
    pub fn noting_what_matters(&self) -> Self {
        ClusterConfig { mattered: Mattered::in_steps_too(), ..self.clone() }
    }

    /// The deviations that have mattered in this cluster, and in its copies, so far. As long as one does
    /// not matter, it changes nothing.
    #[cfg(feature = "planted-faults")]
    #[must_use]
    pub fn what_mattered(&self) -> Deviations {
        self.mattered.so_far()
    }

    /// What is noted.
    #[cfg(feature = "planted-faults")]
    pub(crate) fn mattered(&self) -> &Mattered {
        &self.mattered
    }

    /// The ways in which the protocol is to be wrong.
    #[cfg(feature = "planted-faults")]
    pub(crate) fn deviations(&self) -> Deviations {
        self.deviations
    }

    /// The nodes that have not left, in their configured order.
    #[must_use]
    pub fn members(&self) -> &[NodeId] {
        &self.members
    }

    /// The distinct sets of homes that keys have here, in order.
    #[must_use]
    pub fn ranges(&self) -> &[NodeSet] {
        &self.ranges
    }

    /// Whether clients may fan requests out themselves: only where the cluster says so, and never
    /// where tombstones go by agreement, since a client is asked by nobody whether it still holds
    /// something older.
    #[must_use]
    pub fn takes_client_driven(&self) -> bool {
        self.client_fan_out
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// All nodes, in their configured order; those that left keep their place.
    #[must_use]
    pub fn nodes(&self) -> &[NodeId] {
        &self.all
    }

    /// The configured name of a node.
    ///
    /// # Panics
    /// If the node is not of this cluster.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &str {
        &self.names[node.index()]
    }

    /// The node of this name.
    #[must_use]
    pub fn node_named(&self, name: &str) -> Option<NodeId> {
        self.names.iter().position(|known| known == name).map(|index| NodeId(index as u16))
    }

    /// N, R and W.
    #[must_use]
    pub fn quorum(&self) -> Quorum {
        self.quorum
    }

    /// How versions are named.
    #[must_use]
    pub fn versioning(&self) -> Versioning {
        self.versioning
    }

    /// What reads do about replicas that are behind.
    #[must_use]
    pub fn read_repair(&self) -> ReadRepair {
        self.read_repair
    }

    /// Whether a read that a node coordinates asks R homes first, and the others only when one is late.
    #[must_use]
    pub fn speculative_retry(&self) -> bool {
        self.speculative_retry
    }

    /// The limits every node keeps to.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether homes look for a way to forget some of what this state of a key has seen: it has
    /// seen more actors than it should, and some of them have no version left.
    #[must_use]
    pub fn is_wide(&self, state: &Record) -> bool {
        let entries_max = self.limits.context_entries_max.unwrap_or(self.quorum.n());
        self.background.reaping == Reaping::Agreed
            && state.context_entries() > entries_max
            && state.pruned().is_some()
    }

    /// All nodes in the key's order of preference: the first N are its homes, the rest its
    /// fallbacks. Dynamo (SOSP 2007), section 4.3.
    #[must_use]
    pub fn preference_list(&self, key: &Key) -> Cow<'_, [NodeId]> {
        match &self.placement {
            Placement::InOrder => Cow::Borrowed(&self.members),
            Placement::Ring(ring) => Cow::Owned(ring.preference_list(key)),
        }
    }

    /// The key's homes.
    #[must_use]
    pub fn homes(&self, key: &Key) -> NodeSet {
        let n = self.quorum.n();
        match &self.placement {
            // Where every node is a home of every key, in which order makes no difference.
            _ if n == self.members.len() => self.members.iter().copied().collect(),
            Placement::InOrder => self.members.iter().take(n).copied().collect(),
            Placement::Ring(ring) => ring.home_set(key, n),
        }
    }
}
