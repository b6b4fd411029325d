//! The names that a protocol, what checks it and what runs it share: nodes, clients, sets of nodes, and
//! what a clock shows.
//!
//! This crate is `no_std`: it cannot name a socket, a file or a clock.
#![no_std]

extern crate alloc;

mod components;
mod deviations;
mod kinds;

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

pub use kinds::{Enumerated, KindOf};

/// The most nodes one cluster may have: a [`NodeSet`] is one machine word pair.
pub const NODES_MAX: usize = 128;

/// A node, as its dense position in the cluster's configuration: `NodeId(0)` is the first node
/// listed. The runtime maps it to an address, the checker to an actor index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u16);

impl NodeId {
    /// The position of the node in its cluster's configuration.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// `n0`, `n1`, …
impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A client, unique among all clients that ever talk to a cluster. The checker counts them from
/// zero, the command line draws them at random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientId(pub u64);

/// `c0`, `c1`, …
impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One end of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Peer {
    /// A node of the cluster.
    Node(NodeId),
    /// A client, which may also be a client library that fans requests out itself.
    Client(ClientId),
}

impl From<NodeId> for Peer {
    fn from(node: NodeId) -> Self {
        Peer::Node(node)
    }
}

impl From<ClientId> for Peer {
    fn from(client: ClientId) -> Self {
        Peer::Client(client)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Node(node) => fmt::Display::fmt(node, f),
            Peer::Client(client) => fmt::Display::fmt(client, f),
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A wall-clock reading in microseconds since the Unix epoch. Only last-write-wins looks at it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

/// A set of nodes of one cluster. Inserting a node twice counts it once, which is what keeps
/// a duplicated acknowledgement from filling a quorum.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeSet(u128);

impl NodeSet {
    /// The set without members.
    pub const EMPTY: NodeSet = NodeSet(0);

    /// Adds a node; says whether it was new.
    ///
    /// # Panics
    /// If the node's index is not below [`NODES_MAX`], which a validated configuration excludes.
    pub fn insert(&mut self, node: NodeId) -> bool {
        assert!(node.index() < NODES_MAX, "{node} is beyond the {NODES_MAX} nodes of a cluster");
        let before = self.0;
        self.0 |= 1 << node.index();
        before != self.0
    }

    /// Whether the node is a member.
    #[must_use]
    pub fn contains(self, node: NodeId) -> bool {
        node.index() < NODES_MAX && self.0 >> node.index() & 1 == 1
    }

    /// How many members there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set without this node.
    #[must_use]
    pub fn without(self, node: NodeId) -> Self {
        match 1_u128.checked_shl(u32::from(node.0)) {
            Some(bit) => NodeSet(self.0 & !bit),
            None => self,
        }
    }

    /// The nodes that are members of both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        NodeSet(self.0 & other.0)
    }

    /// The nodes that are members of either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        NodeSet(self.0 | other.0)
    }

    /// The members that are no members of the other set.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        NodeSet(self.0 & !other.0)
    }

    /// The members in ascending order.
    pub fn iter(self) -> impl Iterator<Item = NodeId> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let first = left.trailing_zeros() as u16;
            // Takes the lowest bit out; of the empty set, nothing.
            left &= left.checked_sub(1)?;
            Some(NodeId(first))
        })
    }
}

impl FromIterator<NodeId> for NodeSet {
    fn from_iter<I: IntoIterator<Item = NodeId>>(nodes: I) -> Self {
        let mut set = NodeSet::EMPTY;
        for node in nodes {
            set.insert(node);
        }
        set
    }
}

/// `{n0, n2}`
impl fmt::Display for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().collect::<Vec<_>>()).finish()
    }
}

impl fmt::Debug for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
