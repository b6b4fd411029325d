//! Whether a datagram names only nodes that the cluster has.
//!
//! Node ids index arrays and name bits of a set, so one from outside is checked before anyone
//! uses it. The actors inside dots are not: they are only ever compared, and may name nodes that
//! have left.

use quorate_model::ids::{NODES_MAX, NodeId, NodeSet, Peer};
use quorate_model::protocol::{GetOutcome, Message, PutOutcome, Refusal};

use super::Datagram;

pub(super) fn names_only_known_nodes(datagram: &Datagram, nodes: usize) -> bool {
    let knows = |node: NodeId| node.index() < nodes.min(NODES_MAX);
    match datagram {
        Datagram::Protocol { from, message } => {
            peer_node(*from).is_none_or(knows) && named_nodes(message).iter().all(knows)
        }
        Datagram::Pong { node, .. } | Datagram::StatusReply { node, .. } => knows(*node),
        Datagram::Ping { .. } | Datagram::StatusRequest { .. } => true,
    }
}

fn peer_node(peer: Peer) -> Option<NodeId> {
    match peer {
        Peer::Node(node) => Some(node),
        Peer::Client(_) => None,
    }
}

/// The nodes that a message names. No wildcard: a new kind of message must be thought about.
fn named_nodes(message: &Message) -> NodeSet {
    match message {
        Message::PutReply { outcome, .. } => match outcome {
            PutOutcome::Ok { acked } | PutOutcome::Unavailable { acked } => *acked,
            PutOutcome::Refused(refusal) => refusing_nodes(refusal),
            PutOutcome::Minted { .. } => NodeSet::EMPTY,
        },
        Message::GetReply { outcome, .. } => match outcome {
            GetOutcome::Ok { replied, .. } | GetOutcome::Unavailable { replied } => *replied,
            GetOutcome::Refused(refusal) => refusing_nodes(refusal),
        },
        Message::Put(_)
        | Message::Get(_)
        | Message::Store { .. }
        | Message::StoreAck { .. }
        | Message::Fetch { .. }
        | Message::FetchReply { .. }
        | Message::Repair { .. } => NodeSet::EMPTY,
    }
}

fn refusing_nodes(refusal: &Refusal) -> NodeSet {
    match refusal {
        Refusal::NotHome { homes } => *homes,
        Refusal::QuorumOutOfRange { .. }
        | Refusal::RecordTooLarge { .. }
        | Refusal::Overloaded { .. } => NodeSet::EMPTY,
    }
}
