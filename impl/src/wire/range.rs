//! Whether a datagram names only nodes that the cluster has.
//!
//! Node ids index arrays and name bits of a set, so one from outside is checked before anyone
//! uses it.

use quorate_model::ids::{NODES_MAX, NodeId, NodeSet, Peer};

use super::Datagram;
use crate::runs::Speaks;

/// What names nodes, and comes from outside.
pub trait NamesNodes {
    /// Whether it names only nodes that are known.
    fn names_only(&self, known: KnownNodes) -> bool;
}

/// The nodes that there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownNodes {
    /// They are those before this one.
    nodes: usize,
}

impl KnownNodes {
    pub(super) fn new(nodes: usize) -> Self {
        KnownNodes { nodes: nodes.min(NODES_MAX) }
    }

    /// Whether there is this one.
    #[must_use]
    pub fn node(self, node: NodeId) -> bool {
        node.index() < self.nodes
    }

    /// The same, where a client may be meant as well.
    #[must_use]
    pub fn peer(self, peer: Peer) -> bool {
        match peer {
            Peer::Node(node) => self.node(node),
            Peer::Client(_) => true,
        }
    }

    /// Whether there are all of these.
    #[must_use]
    pub fn set(self, nodes: NodeSet) -> bool {
        nodes.iter().all(|node| self.node(node))
    }
}

/// Of nothing.
impl NamesNodes for () {
    fn names_only(&self, _: KnownNodes) -> bool {
        true
    }
}

impl<S: Speaks> NamesNodes for Datagram<S> {
    fn names_only(&self, known: KnownNodes) -> bool {
        match self {
            Datagram::Protocol { message, .. } => message.names_only(known),
            Datagram::Several { messages } => {
                messages.iter().all(|(_, message)| message.names_only(known))
            }
            Datagram::StatusReply { status, .. } => status.names_only(known),
            Datagram::Command { command, .. } => command.names_only(known),
            Datagram::Question { question, .. } => question.names_only(known),
            Datagram::Told { told, .. } => told.names_only(known),
            Datagram::Ping { .. }
            | Datagram::Pong { .. }
            | Datagram::StatusRequest { .. }
            | Datagram::CommandDone { .. }
            | Datagram::Denied { .. }
            // It may have other nodes, and is only compared.
            | Datagram::ConfiguredOtherwise { .. } => true,
        }
    }
}
