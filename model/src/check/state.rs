//! The global state of the model.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use quorate_checker::{Shared, memo};

use super::action::Envelope;
use super::actor::{ActorState, NodeState, ScriptedClient};
use super::history::History;
use crate::ids::{ClientId, NodeId, NodeSet, Peer};
use crate::protocol::Timer;
use crate::scenario::Faults;

/// Messages under way, and which of them are older than the wait of a node.
pub type Network = quorate_checker::Network<Envelope, NodeId>;

/// An actor with the timers it has running.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Seat {
    /// The actor's own state.
    pub state: ActorState,
    /// Its running timers.
    pub timers: BTreeSet<Timer>,
}

/// Everything at one moment: actors, messages under way, faults that may still happen, ghost
/// history.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClusterState {
    /// The nodes in order, then the clients in order.
    pub seats: Vec<Shared<Seat>>,
    /// The messages under way.
    pub network: Network,
    /// Nodes that have stopped.
    pub down: NodeSet,
    /// The groups that the network is split into; empty when it is whole.
    pub groups: Vec<NodeSet>,
    /// What is left of the fault budgets.
    pub faults: Faults,
    /// What clients asked for and saw.
    pub history: Shared<History>,
}

impl ClusterState {
    /// The name by which searches tell states apart.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        memo::fingerprint_of(self)
    }

    /// The nodes' states, in order.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeState> {
        self.seats.iter().filter_map(|seat| match &seat.state {
            ActorState::Node(node) => Some(node),
            ActorState::Client(_) => None,
        })
    }

    /// The state of one node.
    ///
    /// # Panics
    /// If the cluster has no such node.
    #[must_use]
    pub fn node(&self, node: NodeId) -> &NodeState {
        match &self.seats[node.index()].state {
            ActorState::Node(node) => node,
            ActorState::Client(_) => panic!("nodes come before clients"),
        }
    }

    /// The clients' states, in order.
    pub fn clients(&self) -> impl Iterator<Item = &ScriptedClient> {
        self.seats.iter().filter_map(|seat| match &seat.state {
            ActorState::Client(client) => Some(client),
            ActorState::Node(_) => None,
        })
    }

    /// The state of one client, if there is such a client.
    #[must_use]
    pub fn client(&self, client: ClientId) -> Option<&ScriptedClient> {
        self.clients().nth(client.0 as usize)
    }

    /// Whether this is a node that is down; clients never are.
    #[must_use]
    pub fn is_down(&self, peer: Peer) -> bool {
        matches!(peer, Peer::Node(node) if self.down.contains(node))
    }

    /// Whether a message sent from one to the other will arrive: nodes reach those of their own
    /// group, clients reach every node. What arrives at a node that is down is
    /// lost.
    #[must_use]
    pub fn connected(&self, from: Peer, to: Peer) -> bool {
        match (from, to) {
            (Peer::Node(from), Peer::Node(to)) => {
                let together = |group: &NodeSet| group.contains(from) && group.contains(to);
                self.groups.is_empty() || self.groups.iter().any(together)
            }
            (Peer::Client(_), Peer::Client(_)) => false,
            _ => true,
        }
    }
}
