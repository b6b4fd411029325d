//! One actor's step, and what the ghost needs to know of it: a function of the actor's own state
//! and of what reaches it, and of nothing else.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use quorate_checker::Shared;
use quorate_checker::memo::{self, Fingerprint};
use stateright::actor::{Actor, Command, Id, Out};

use super::action::Envelope;
use super::actor::{ActorState, ClusterActor};
use super::facts::{self, Cause, Fact, Moment};
use super::state::Seat;
use crate::ids::{Key, NodeId, NodeSet, Peer};
use crate::protocol::Timer;
use crate::scenario::Scenario;
use crate::versions::Record;

/// What reaches an actor. Says whom it reaches: two nodes may be in the same state.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Event {
    /// A client starts its next operation through this node.
    Choose(NodeId),
    /// A message arrives.
    Receive(Shared<Envelope>),
    /// A timer expires.
    Expire(Peer, Timer),
    /// A node that stopped starts again.
    Restart(NodeId),
    /// An operator accepts the loss of what these nodes held.
    AcceptLoss(NodeId, NodeSet),
}

impl Fingerprint for Event {
    fn fingerprint(&self) -> u64 {
        match self {
            Event::Receive(envelope) => envelope.fingerprint(),
            Event::Choose(_) | Event::Expire(..) | Event::Restart(_) | Event::AcceptLoss(..) => {
                memo::fingerprint_of(self)
            }
        }
    }
}

/// What becomes of a node's wait for [`Timer::Settled`] in a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wait {
    /// It begins, or begins anew.
    Begins,
    /// It is over.
    Ends,
}

/// What one actor's step comes to.
#[derive(Debug)]
pub(crate) struct LocalStep {
    /// The actor afterwards.
    pub(crate) seat: Shared<Seat>,
    /// What it sent.
    pub(crate) sent: Vec<Shared<Envelope>>,
    /// What becomes of the node's wait for older messages.
    pub(crate) wait: Option<Wait>,
    /// What the ghost notes; `None` when there is nothing.
    pub(crate) facts: Option<Shared<Vec<Fact>>>,
}

/// Takes the step of the actor at this position.
pub(crate) fn step(
    scenario: &Scenario,
    actors: &[ClusterActor],
    index: usize,
    seat: &Seat,
    event: &Event,
) -> LocalStep {
    let nodes = scenario.cluster.nodes().len();
    let (actor, id) = (&actors[index], Id::from(index));
    let mut after = Cow::Borrowed(&seat.state);
    let mut timers = seat.timers.clone();
    let mut out = Out::new();
    match event {
        Event::Choose(coordinator) => actor.on_random(id, &mut after, coordinator, &mut out),
        Event::Expire(_, timer) => {
            timers.remove(timer);
            actor.on_timeout(id, &mut after, timer, &mut out);
        }
        Event::Receive(envelope) => {
            let from = ClusterActor::id(nodes, envelope.from);
            actor.on_msg(id, &mut after, from, envelope.message.clone(), &mut out);
        }
        Event::Restart(_) => actor.restart(after.to_mut(), &mut out),
        Event::AcceptLoss(_, lost) => actor.accept_loss(after.to_mut(), *lost, &mut out),
    }
    let mut after = after.into_owned();
    let facts = match (actor, &seat.state, &mut after) {
        (ClusterActor::Node(config), ActorState::Node(before), ActorState::Node(after)) => {
            let cause = match event {
                Event::Receive(envelope) => Cause::Message(&envelope.message),
                Event::Expire(..) => Cause::Timer,
                Event::Choose(_) | Event::Restart(_) | Event::AcceptLoss(..) => Cause::Command,
            };
            let said = out.iter().filter_map(|command| match command {
                Command::Send(_, message) => Some(message),
                _ => None,
            });
            let (before, after) = (Moment::of(before), Moment::of(after));
            facts::of_node(scenario, config, cause, &before, &after, said)
        }
        (_, _, ActorState::Client(client)) => {
            facts::of_client(index - nodes, client.next, client.outcome.take())
        }
        _ => panic!("an actor's state is of its own kind"),
    };
    let from = ClusterActor::peer(nodes, id);
    let mut sent = Vec::new();
    let waited = seat.timers.contains(&Timer::Settled);
    let mut begins = false;
    if matches!(event, Event::Restart(_)) {
        timers.clear();
    }
    for command in out {
        match command {
            Command::Send(to, message) => {
                let to = ClusterActor::peer(nodes, to);
                sent.push(Shared::new(Envelope { from, to, message }));
            }
            Command::SetTimer(timer, _) => {
                begins |= timer == Timer::Settled;
                timers.insert(timer);
            }
            Command::CancelTimer(timer) => {
                timers.remove(&timer);
            }
            // The model offers a client's choices itself, from the client's state.
            Command::ChooseRandom(..) | Command::Save(()) => {}
        }
    }
    let wait = match timers.contains(&Timer::Settled) {
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

/// Whether a node's store holds all of a record of a key.
pub(crate) fn holds(seat: &Seat, key: &Key, record: &Record) -> bool {
    match &seat.state {
        ActorState::Node(node) => {
            node.store.get(key).is_some_and(|entry| entry.state.dominates(record))
        }
        ActorState::Client(_) => false,
    }
}
