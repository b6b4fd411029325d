//! One actor's step, and what an observer sees of it: a function of the actor's own state and of what
//! reaches it, and of nothing else.

use derive_where::derive_where;
use quorate_ids::{ClientId, NodeId, Peer};

use super::World;
use super::action::Envelope;
use super::protocol::{ClientInput, NodeInput, Outbox, Protocol};
use super::state::{ActorState, Seat};
use crate::memo::{self, Fingerprint};
use crate::shared::Shared;

/// What reaches an actor. Says whom it reaches: two nodes may be in the same state.
#[derive_where(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event<P: Protocol> {
    /// A client starts its next operation through this node.
    Invoke(ClientId, NodeId),
    /// A message arrives.
    Receive(Shared<Envelope<P>>),
    /// A timer expires.
    Expire(Peer, P::Timer),
    /// A node that stopped starts again.
    Restart(NodeId),
    /// An operator tells a node something.
    Command(NodeId, P::Command),
}

impl<P: Protocol> Fingerprint for Event<P> {
    fn fingerprint(&self) -> u64 {
        match self {
            Event::Receive(envelope) => envelope.fingerprint(),
            Event::Invoke(..) | Event::Expire(..) | Event::Restart(_) | Event::Command(..) => {
                memo::fingerprint_of(self)
            }
        }
    }
}

/// A step that was taken, as an observer sees it.
pub struct Taken<'a, P: Protocol> {
    /// By whom.
    pub peer: Peer,
    /// What reached it.
    pub event: &'a Event<P>,
    /// What it was.
    pub before: &'a ActorState<P>,
    /// What it is now. What it keeps for the observer alone may be taken out of it.
    pub after: &'a mut ActorState<P>,
    /// What it sent, in order.
    pub sent: &'a [Shared<Envelope<P>>],
}

/// What becomes of a node's wait for older messages in a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wait {
    /// It begins, or begins anew.
    Begins,
    /// It is over.
    Ends,
}

/// What one actor's step comes to.
#[derive(Debug)]
pub(super) struct LocalStep<P: Protocol> {
    /// The actor afterwards.
    pub(super) seat: Shared<Seat<P>>,
    /// What it sent.
    pub(super) sent: Vec<Shared<Envelope<P>>>,
    /// What becomes of the node's wait for older messages.
    pub(super) wait: Option<Wait>,
    /// What an observer sees; `None` when there is nothing.
    pub(super) facts: Option<Shared<Vec<P::Fact>>>,
}

impl<P: Protocol> World<P> {
    /// Who has this seat.
    #[must_use]
    pub fn peer(&self, index: usize) -> Peer {
        self.environment.peer(index)
    }

    /// The seat of a node or a client.
    #[must_use]
    pub fn index(&self, peer: Peer) -> usize {
        self.environment.index(peer)
    }

    /// Takes the step of the actor in this seat.
    pub(super) fn local_step(
        &self,
        index: usize,
        seat: &Seat<P>,
        event: &Event<P>,
    ) -> LocalStep<P> {
        let peer = self.peer(index);
        let mut after = seat.state.clone();
        let mut timers = seat.timers.clone();
        let mut out = Outbox::new();
        match event {
            Event::Expire(_, timer) => {
                timers.remove(timer);
            }
            Event::Restart(_) => timers.clear(),
            Event::Invoke(..) | Event::Receive(_) | Event::Command(..) => {}
        }
        self.step_actor(peer, &mut after, event, &mut out);
        let outlasts = |timer: &P::Timer| self.protocol.outlasts_messages(*timer);
        let waited = seat.timers.iter().any(outlasts);
        let begins = out.sets(outlasts);
        let sent = out.perform(peer, &mut timers);
        let facts = self.protocol.facts(&mut Taken {
            peer,
            event,
            before: &seat.state,
            after: &mut after,
            sent: &sent,
        });
        let wait = match timers.iter().any(outlasts) {
            true if begins => Some(Wait::Begins),
            false if waited => Some(Wait::Ends),
            _ => None,
        };
        LocalStep {
            seat: Shared::new(Seat { state: after, timers }),
            sent,
            wait,
            facts: (!facts.is_empty()).then(|| Shared::new(facts)),
        }
    }

    fn step_actor(
        &self,
        peer: Peer,
        actor: &mut ActorState<P>,
        event: &Event<P>,
        out: &mut Outbox<P>,
    ) {
        match (peer, actor) {
            (Peer::Node(id), ActorState::Node(node)) => {
                let input = match event {
                    Event::Receive(envelope) => {
                        NodeInput::Receive { from: envelope.from, message: &envelope.message }
                    }
                    Event::Expire(_, timer) => NodeInput::Expire(*timer),
                    Event::Restart(_) => {
                        node.lives += 1;
                        NodeInput::Start { life: node.lives }
                    }
                    Event::Command(_, command) => NodeInput::Command(command),
                    Event::Invoke(..) => panic!("only clients start operations"),
                };
                self.protocol.node_step(id, node, input, out);
            }
            (Peer::Client(id), ActorState::Client(client)) => {
                let input = match event {
                    Event::Invoke(_, coordinator) => {
                        ClientInput::Invoke { coordinator: *coordinator }
                    }
                    Event::Expire(_, timer) => ClientInput::Expire(*timer),
                    Event::Receive(envelope) => {
                        // Clients talk to nodes only.
                        let Peer::Node(from) = envelope.from else { return };
                        ClientInput::Receive { from, message: &envelope.message }
                    }
                    Event::Restart(_) | Event::Command(..) => panic!("only nodes stop"),
                };
                self.protocol.client_step(id, client, input, out);
            }
            _ => panic!("an actor's state is of its own kind"),
        }
    }
}
