//! Whether a datagram names only nodes that the cluster has.
//!
//! Node ids index arrays and name bits of a set, so one from outside is checked before anyone
//! uses it. The actors inside dots are not: they are only ever compared, and may name nodes that
//! have left.

use quorate_model::ids::{NODES_MAX, NodeId, NodeSet, Peer};
use quorate_model::protocol::{GetOutcome, Message, PutOutcome, Refusal};

use super::{Datagram, NodeStatus};

pub(super) fn names_only_known_nodes(datagram: &Datagram, nodes: usize) -> bool {
    let known = Known { nodes: nodes.min(NODES_MAX) };
    match datagram {
        Datagram::Protocol { from, message, .. } => known.peer(*from) && known.all_of(message),
        Datagram::StatusReply { node, status, .. } => {
            known.node(*node) && known.all_of_status(status)
        }
        Datagram::Pong { node, .. } | Datagram::LossAccepted { node, .. } => known.node(*node),
        Datagram::AcceptLoss { lost, .. } => known.set(*lost),
        Datagram::Ping { .. } | Datagram::StatusRequest { .. } => true,
    }
}

/// The nodes that there are: those before this one.
#[derive(Clone, Copy)]
struct Known {
    nodes: usize,
}

impl Known {
    fn node(self, node: NodeId) -> bool {
        node.index() < self.nodes
    }

    fn peer(self, peer: Peer) -> bool {
        match peer {
            Peer::Node(node) => self.node(node),
            Peer::Client(_) => true,
        }
    }

    fn set(self, nodes: NodeSet) -> bool {
        nodes.iter().all(|node| self.node(node))
    }

    fn all_of_status(self, status: &NodeStatus) -> bool {
        status.hints.iter().all(|hints| self.node(hints.home))
            && status.awaited.iter().all(|of| self.set(of.range) && self.set(of.from))
            && status.syncs.iter().all(|syncs| self.node(syncs.peer))
            && status.ranges.iter().flatten().all(|range| self.set(range.homes))
    }

    /// No wildcard: a new kind of message must be thought about.
    fn all_of(self, message: &Message) -> bool {
        match message {
            Message::PutReply { outcome, .. } => match outcome {
                PutOutcome::Ok { acked } | PutOutcome::Unavailable { acked } => self.set(*acked),
                PutOutcome::Refused(refusal) => self.all_of_refusal(refusal),
                PutOutcome::Minted { .. } => true,
            },
            Message::GetReply { outcome, .. } => match outcome {
                GetOutcome::Ok { replied, .. } | GetOutcome::Unavailable { replied } => {
                    self.set(*replied)
                }
                GetOutcome::Refused(refusal) => self.all_of_refusal(refusal),
            },
            Message::StoreHint { home, .. } => self.node(*home),
            Message::SyncHashes { range, .. } | Message::SyncKeys { range, .. } => self.set(*range),
            Message::Put(_)
            | Message::Get(_)
            | Message::Store { .. }
            | Message::StoreAck { .. }
            | Message::Fetch { .. }
            | Message::FetchReply { .. }
            | Message::Repair { .. }
            | Message::Probe { .. }
            | Message::ProbeReply { .. }
            | Message::Handoff { .. }
            | Message::HandoffAck { .. }
            | Message::CatchUp { .. }
            | Message::CatchUpPage { .. }
            | Message::Register { .. }
            | Message::Registered { .. }
            | Message::ReapAsk { .. }
            | Message::ReapAgree { .. }
            | Message::Reap { .. }
            | Message::SyncStates { .. } => true,
        }
    }

    fn all_of_refusal(self, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::NotHome { homes } => self.set(*homes),
            Refusal::QuorumOutOfRange { .. }
            | Refusal::KeyTooLong { .. }
            | Refusal::ValueTooLarge { .. }
            | Refusal::TooManySiblings { .. }
            | Refusal::ClientFanOutOff
            | Refusal::TooManyHints { .. }
            | Refusal::CatchingUp
            | Refusal::Overloaded { .. }
            | Refusal::HintsTooLarge { .. } => true,
        }
    }
}
