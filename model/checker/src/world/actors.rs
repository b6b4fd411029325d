//! Nodes and clients as Stateright actors, so that Stateright's own `ActorModel` can drive them too.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use derive_where::derive_where;
use quorate_ids::{ClientId, NodeId, Peer};
use stateright::actor::{Actor, Id, Out};

use super::World;
use super::environment::Environment;
use super::protocol::{ClientInput, Effect, NodeInput, Outbox, Protocol};
use super::state::{ActorState, NodeState};

/// A node or a client as a Stateright actor. Nodes come first, in order, then clients, in order.
#[derive_where(Clone, Debug)]
pub struct WorldActor<P: Protocol> {
    #[derive_where(skip(Debug))]
    protocol: Arc<P>,
    environment: Arc<Environment>,
    peer: Peer,
}

impl<P: Protocol> World<P> {
    /// All nodes and clients as actors.
    #[must_use]
    pub fn stateright_actors(&self) -> Vec<WorldActor<P>> {
        let all = self.environment.nodes + self.environment.clients;
        let actor = |index| WorldActor {
            protocol: Arc::clone(&self.protocol),
            environment: Arc::clone(&self.environment),
            peer: self.peer(index),
        };
        (0..all).map(actor).collect()
    }
}

/// In the model a timer may expire at any time.
fn any_time() -> Range<Duration> {
    Duration::ZERO..Duration::ZERO
}

impl<P: Protocol> WorldActor<P> {
    fn id(&self, peer: Peer) -> Id {
        Id::from(self.environment.index(peer))
    }

    fn perform(&self, outbox: Outbox<P>, out: &mut Out<Self>) {
        for effect in outbox.effects {
            match effect {
                Effect::Send(to, message) => out.send(self.id(to), message),
                Effect::SetTimer(timer) => out.set_timer(timer, any_time()),
                Effect::CancelTimer(timer) => out.cancel_timer(timer),
            }
        }
    }

    /// Offers the next operation's coordinators as a choice, once the client waits for nothing.
    fn offer(&self, client: ClientId, state: &P::Client, out: &mut Out<Self>) {
        let coordinators: Vec<NodeId> = self.protocol.coordinators(client, state).collect();
        if !coordinators.is_empty() {
            out.choose_random("coordinator", coordinators);
        }
    }

    fn step_node(&self, state: &mut ActorState<P>, input: NodeInput<'_, P>, out: &mut Out<Self>) {
        let (Peer::Node(id), ActorState::Node(node)) = (self.peer, state) else {
            panic!("an actor's state is of its own kind");
        };
        let mut outbox = Outbox::new();
        self.protocol.node_step(id, node, input, &mut outbox);
        self.perform(outbox, out);
    }

    fn step_client(
        &self,
        state: &mut ActorState<P>,
        input: ClientInput<'_, P>,
        out: &mut Out<Self>,
    ) {
        let (Peer::Client(id), ActorState::Client(client)) = (self.peer, state) else {
            panic!("an actor's state is of its own kind");
        };
        let mut outbox = Outbox::new();
        self.protocol.client_step(id, client, input, &mut outbox);
        self.perform(outbox, out);
        self.offer(id, client, out);
    }
}

impl<P: Protocol> Actor for WorldActor<P> {
    type Msg = P::Message;
    type Timer = P::Timer;
    type State = ActorState<P>;
    type Storage = ();
    type Random = NodeId;

    fn on_start(&self, _: Id, _: &Option<()>, out: &mut Out<Self>) -> ActorState<P> {
        match self.peer {
            Peer::Node(_) => {
                let mut state = ActorState::Node(NodeState::default());
                self.step_node(&mut state, NodeInput::Start { life: 0 }, out);
                state
            }
            Peer::Client(id) => {
                let client = self.protocol.client(id);
                self.offer(id, &client, out);
                ActorState::Client(client)
            }
        }
    }

    fn on_msg(
        &self,
        _: Id,
        state: &mut Cow<'_, ActorState<P>>,
        from: Id,
        message: P::Message,
        out: &mut Out<Self>,
    ) {
        let from = self.environment.peer(from.into());
        match (self.peer, from) {
            (Peer::Node(_), from) => {
                let input = NodeInput::Receive { from, message: &message };
                self.step_node(state.to_mut(), input, out);
            }
            (Peer::Client(_), Peer::Node(from)) => {
                let input = ClientInput::Receive { from, message: &message };
                self.step_client(state.to_mut(), input, out);
            }
            // Clients talk to nodes only.
            (Peer::Client(_), Peer::Client(_)) => {}
        }
    }

    fn on_timeout(
        &self,
        _: Id,
        state: &mut Cow<'_, ActorState<P>>,
        timer: &P::Timer,
        out: &mut Out<Self>,
    ) {
        match self.peer {
            Peer::Node(_) => self.step_node(state.to_mut(), NodeInput::Expire(*timer), out),
            Peer::Client(_) => self.step_client(state.to_mut(), ClientInput::Expire(*timer), out),
        }
    }

    fn on_random(
        &self,
        _: Id,
        state: &mut Cow<'_, ActorState<P>>,
        coordinator: &NodeId,
        out: &mut Out<Self>,
    ) {
        let input = ClientInput::Invoke { coordinator: *coordinator };
        self.step_client(state.to_mut(), input, out);
    }
}
