//! Everything at one moment.

use std::collections::BTreeSet;

use derive_where::derive_where;
use quorate_ids::{ClientId, NodeId, NodeSet, Peer, Timestamp};

use super::action::Envelope;
use super::environment::Faults;
use super::protocol::Protocol;
use crate::memo;
use crate::shared::Shared;

/// Messages under way, and which of them are older than the wait of a node.
pub type Network<P> = crate::network::Network<Envelope<P>, NodeId>;

/// The state of a node.
#[derive_where(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct NodeState<P: Protocol> {
    /// What a crash would forget.
    pub replica: P::Replica,
    /// What it would not.
    pub store: P::Store,
    /// What its wall clock shows; set by the environment, stands still for protocols that do not look.
    pub clock: Timestamp,
    /// How often it has started again.
    pub lives: u64,
    /// The copies that somebody made of its disk, oldest first.
    pub copies: Vec<P::Store>,
    /// What a crash would leave, where that is less than the store: steps of a node are durable unless its
    /// protocol says otherwise here.
    pub synced: Option<Box<P::Store>>,
}

impl<P: Protocol> NodeState<P> {
    /// What its disk holds.
    #[must_use]
    pub fn durable(&self) -> &P::Store {
        self.synced.as_deref().unwrap_or(&self.store)
    }

    /// It stops: what is volatile is gone.
    pub fn crash(&mut self) {
        self.replica = P::Replica::default();
        if let Some(synced) = self.synced.take() {
            self.store = *synced;
        }
    }
}

/// The state of an actor. Always behind a shared pointer, so the size of the larger variant costs
/// nothing.
#[derive_where(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ActorState<P: Protocol> {
    /// A node: what it keeps volatile and durable.
    Node(NodeState<P>),
    /// A client.
    Client(P::Client),
}

/// An actor with the timers it has running.
#[derive_where(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Seat<P: Protocol> {
    /// The actor's own state.
    pub state: ActorState<P>,
    /// Its running timers.
    pub timers: BTreeSet<P::Timer>,
}

/// Everything at one moment: actors, messages under way, faults that may still happen, history.
#[derive_where(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State<P: Protocol> {
    /// The nodes in order, then the clients in order.
    pub seats: Vec<Shared<Seat<P>>>,
    /// The messages under way.
    pub network: Network<P>,
    /// Nodes that have stopped.
    pub down: NodeSet,
    /// The groups that the network is split into; empty when it is whole.
    pub groups: Vec<NodeSet>,
    /// What is left of the fault budgets.
    pub faults: Faults,
    /// What an observer remembers.
    pub history: Shared<P::History>,
}

impl<P: Protocol> State<P> {
    /// A name of this very state.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        memo::fingerprint_of(self)
    }

    /// The nodes' states, in order.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeState<P>> {
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
    pub fn node(&self, node: NodeId) -> &NodeState<P> {
        match &self.seats[node.index()].state {
            ActorState::Node(node) => node,
            ActorState::Client(_) => panic!("nodes come before clients"),
        }
    }

    /// The clients' states, in order.
    pub fn clients(&self) -> impl Iterator<Item = &P::Client> {
        self.seats.iter().filter_map(|seat| match &seat.state {
            ActorState::Client(client) => Some(client),
            ActorState::Node(_) => None,
        })
    }

    /// The state of one client, if there is such a client.
    #[must_use]
    pub fn client(&self, client: ClientId) -> Option<&P::Client> {
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

    /// Whether a node's wait for older messages may end: nothing of them is under way any more but to
    /// nodes that are down. Those are older than a datagram lives, and lost.
    #[must_use]
    pub fn has_outlasted(&self, node: NodeId) -> bool {
        self.network.older_than_wait_of(node).iter().all(|sent| self.is_down(sent.to))
    }
}
