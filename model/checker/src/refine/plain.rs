//! For a protocol whose running nodes do nothing but its [`node_step`](Protocol::node_step), and which has no types
//! of its own for what goes into a step and what comes out: lines of traces, nodes that are replayed, and a
//! [`StateJudge`].

mod state_judge;

use std::sync::Arc;

use derive_where::derive_where;
use quorate_ids::{NodeId, Peer, Timestamp};
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::traced::{Asks, Reaches, ReachesClient, Told, Traced};
use super::validated::{Replayed, ReplayedNode};
use crate::world::{Effect, NodeInput, NodeState, Outbox, Protocol};

pub use state_judge::{Promise, StateJudge};

/// What can reach a node.
#[derive_where(Clone, PartialEq, Eq, Debug)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Input<P: Protocol> {
    /// It starts, on whatever its disk holds.
    Start {
        /// What it is told of how often it had started before.
        life: u64,
    },
    /// A message arrives.
    Receive {
        /// From whom.
        from: Peer,
        /// What.
        message: P::Message,
    },
    /// A timer that was set, and not cancelled since, expires.
    Expire(P::Timer),
    /// An operator tells it something.
    Command(P::Command),
}

impl<P: Protocol> Input<P> {
    /// The same, as the protocol takes it.
    #[must_use]
    pub fn as_node_input(&self) -> NodeInput<'_, P> {
        match self {
            Input::Start { life } => NodeInput::Start { life: *life },
            Input::Receive { from, message } => NodeInput::Receive { from: *from, message },
            Input::Expire(timer) => NodeInput::Expire(*timer),
            Input::Command(command) => NodeInput::Command(command),
        }
    }

    /// The same, as validation sees it.
    #[must_use]
    pub fn reaches(&self) -> Reaches<'_, P> {
        match self {
            // Nobody asks whether the cluster is being founded.
            Input::Start { life } => Reaches::Start { is_founding: true, name: *life },
            Input::Receive { from, message } => Reaches::Receive { from: *from, message },
            Input::Expire(timer) => Reaches::Expire(*timer),
            Input::Command(command) => Reaches::Command(command.clone()),
        }
    }
}

/// What a step asks for, as validation sees it.
#[must_use]
pub fn asks<P: Protocol>(effect: &Effect<P>) -> Asks<'_, P> {
    match effect {
        Effect::Send(to, message) => Asks::Send { to: *to, message },
        Effect::SetTimer(timer) => Asks::SetTimer(*timer),
        Effect::CancelTimer(timer) => Asks::CancelTimer(*timer),
    }
}

/// What can reach a client that starts operations of this type.
#[derive_where(Clone, PartialEq, Eq, Debug; O)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "O: Told", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ClientInput<P: Protocol, O> {
    /// It starts an operation.
    Invoke {
        /// Which.
        operation: O,
        /// Through which node.
        coordinator: NodeId,
    },
    /// A message arrives.
    Receive {
        /// From which node.
        from: NodeId,
        /// What.
        message: P::Message,
    },
    /// A timer that was set, and not cancelled since, expires.
    Expire(P::Timer),
}

impl<P: Protocol, O> ClientInput<P, O> {
    /// The same, as validation sees it, where this tells of which kind an operation is, and whether it is a write.
    pub fn reaches(
        &self,
        kind_of: impl FnOnce(&O) -> (P::OperationKind, bool),
    ) -> ReachesClient<'_, P> {
        match self {
            ClientInput::Invoke { operation, coordinator } => {
                let (kind, is_write) = kind_of(operation);
                ReachesClient::Invoke { coordinator: *coordinator, kind, is_write }
            }
            ClientInput::Receive { from, message } => {
                ReachesClient::Receive { from: *from, message }
            }
            ClientInput::Expire(timer) => ReachesClient::Expire(*timer),
        }
    }
}

/// Takes a step of a node: for whoever runs it, and for the replay. What the node keeps is changed, what it asks for is
/// given, in order.
pub fn step<P: Protocol>(
    protocol: &P,
    node: NodeId,
    state: &mut NodeState<P>,
    input: &Input<P>,
) -> Vec<Effect<P>> {
    if let Input::Start { life } = input {
        state.lives = *life;
    }
    let mut out = Outbox::default();
    protocol.node_step(node, state, input.as_node_input(), &mut out);
    out.into_effects()
}

/// The digest of all that a node keeps.
#[must_use]
pub fn digest<R: Serialize, S: Serialize>(replica: &R, store: &S) -> Digest {
    Digest::of(&(replica, store))
}

/// A node that is replayed by its protocol's own step.
#[derive_where(Debug)]
pub struct Node<P: Protocol> {
    #[derive_where(skip(Debug))]
    protocol: Arc<P>,
    node: NodeId,
    state: NodeState<P>,
}

impl<P: Protocol> Node<P> {
    /// A node on an empty disk that has never started.
    #[must_use]
    pub fn new(protocol: Arc<P>, node: NodeId) -> Self {
        Node { protocol, node, state: NodeState::default() }
    }
}

/// A node before and after a step.
#[derive_where(Clone, PartialEq, Eq, Debug)]
pub struct Seen<P: Protocol> {
    /// What it was.
    pub before: NodeState<P>,
    /// What it is.
    pub after: NodeState<P>,
}

impl<P> ReplayedNode<P> for Node<P>
where
    P: Traced<Input = Input<P>, Effect = Effect<P>, Digest = Digest>,
    P::Replica: Serialize,
    P::Store: Serialize,
{
    type Durable = P::Store;
    type Seen = Seen<P>;

    fn durable(&self) -> P::Store {
        self.state.store.clone()
    }

    fn restart(&mut self, durable: Option<P::Store>) {
        self.state.replica = P::Replica::default();
        if let Some(store) = durable {
            self.state.store = store;
        }
    }

    fn step(&mut self, now: Timestamp, input: &Input<P>) -> Replayed<P, Seen<P>> {
        self.state.clock = now;
        let before = self.state.clone();
        let effects = step(&*self.protocol, self.node, &mut self.state, input);
        let digest = digest(&self.state.replica, &self.state.store);
        Replayed { effects, digest, seen: Seen { before, after: self.state.clone() } }
    }
}
