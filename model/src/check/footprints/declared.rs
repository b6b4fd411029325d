//! The steps of one actor of the model, and what they declare.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use quorate_checker::footprint::Footprint;
use quorate_checker::world::Protocol;
use quorate_checker::world::footprints::Footprints;

use super::Event;
use super::part::{Part, Sort, footprint_of};
use crate::check::client::ScriptedClient;
use crate::check::leaderless::{Command, Leaderless};
use crate::check::state::{ActorState, NodeState, Seat};
use crate::ids::Peer;
use crate::protocol::footprint::{Component, Declaration, Scope, WAIT};
use crate::protocol::{Client, Input, Message, Timer};
use crate::scenario::{PlannedAction, Scenario};
use crate::versions::Incarnation;

/// About what one request of a scenario takes at most, with what is fetched and kept for it.
const REQUEST_BYTES: usize = 64 * 1024;

/// What the step that takes this input in this state declares to touch: what the protocol declares, and what
/// the model adds.
pub(crate) fn touches(
    protocol: &Leaderless,
    peer: Peer,
    seat: &Seat,
    event: &Event,
) -> Footprint<Part, &'static str> {
    let mut footprint = footprint_of(declaration(protocol, peer, seat, event));
    add_own(protocol.scenario(), event, seat, &mut footprint);
    footprint
}

fn scope(scenario: &Scenario) -> Scope {
    let requests = scenario.clients.iter().map(|client| client.operations.len()).sum();
    let names_writes_once = scenario.names_writes_once();
    Scope { requests, request_bytes: REQUEST_BYTES, names_writes_once }
}

fn declaration(protocol: &Leaderless, peer: Peer, seat: &Seat, event: &Event) -> Declaration {
    match (peer, &seat.state) {
        (Peer::Node(id), ActorState::Node(node)) => {
            let input = match event {
                Event::Receive(sent) => {
                    Input::Receive { from: sent.from, message: sent.message.clone() }
                }
                Event::Expire(_, timer) => Input::Expire(*timer),
                Event::Restart(_) => {
                    let incarnation = Incarnation(node.lives + 1);
                    Input::Start { incarnation, founding: false }
                }
                Event::Command(_, Command::AcceptLoss { lost }) => {
                    Input::AcceptLoss { lost: *lost }
                }
                Event::Invoke(..) => panic!("only clients start operations"),
            };
            let (config, scope) = (protocol.node_config(id), scope(protocol.scenario()));
            node.replica.footprint(config, scope, &node.store, &input)
        }
        (_, ActorState::Client(client)) => match event {
            Event::Invoke(..) => client.client.footprint_of_start(),
            Event::Receive(sent) => match sent.from {
                Peer::Node(from) => client.client.footprint_of_arrival(from, &sent.message),
                Peer::Client(_) => Declaration::default(),
            },
            Event::Expire(_, timer) => client.client.footprint_of_expiry(*timer),
            Event::Restart(_) | Event::Command(..) => panic!("only nodes stop"),
        },
        _ => panic!("an actor's state is of its own kind"),
    }
}

/// What the model adds: the program that a client follows, and how often a node started.
fn add_own(
    scenario: &Scenario,
    event: &Event,
    seat: &Seat,
    footprint: &mut Footprint<Part, &'static str>,
) {
    let ActorState::Client(client) = &seat.state else {
        if let Event::Restart(_) = event {
            footprint.writes.insert(Part::Lives);
        }
        return;
    };
    if let Event::Invoke(of, _) = event {
        footprint.writes.insert(Part::Program);
        let program = &scenario.clients[of.0 as usize];
        let planned = program.operations.get(client.next);
        if let Some(planned) = planned
            && let PlannedAction::Put { with_context: true, .. } = planned.action
        {
            footprint.reads.insert(Part::Context(planned.key.clone()));
        }
    }
    if footprint.tells {
        // What no later operation uses is forgotten when one ends.
        footprint.writes.insert_family(Sort::Context);
        footprint.reads.insert(Part::Program);
    }
}

impl Footprints for Leaderless {
    type Part = Part;

    const WAIT: &'static str = WAIT;

    fn footprint(&self, peer: Peer, seat: &Seat, event: &Event) -> Footprint<Part, &'static str> {
        touches(self, peer, seat, event)
    }

    fn is_possible(&self, _: Peer, seat: &Seat, event: &Event) -> bool {
        match (event, &seat.state) {
            (Event::Invoke(of, coordinator), ActorState::Client(client)) => {
                self.coordinators(*of, client).any(|via| via == *coordinator)
            }
            (Event::Expire(_, timer), _) => seat.timers.contains(timer),
            _ => true,
        }
    }

    fn is_coherent(&self, seat: &Seat) -> bool {
        match &seat.state {
            // A client that waits has begun an operation.
            ActorState::Client(client) => client.client.pending().is_none() || client.next > 0,
            ActorState::Node(_) => true,
        }
    }

    fn parts(&self, seat: &Seat) -> BTreeSet<Part> {
        let timers = seat.timers.iter().map(|timer| Component::Timer(*timer));
        let own: Vec<Component> = match &seat.state {
            ActorState::Node(node) => node.replica.components(&node.store),
            ActorState::Client(_) => Client::components().to_vec(),
        };
        let mut parts: BTreeSet<Part> = own.into_iter().chain(timers).map(Part::Protocol).collect();
        match &seat.state {
            ActorState::Node(_) => parts.extend([Part::Lives, Part::Copies]),
            ActorState::Client(client) => {
                parts.insert(Part::Program);
                parts.extend(client.contexts.iter().map(|(key, _)| Part::Context(key.clone())));
            }
        }
        parts
    }

    fn is_same(&self, part: &Part, one: &Seat, other: &Seat) -> bool {
        if let Part::Protocol(Component::Timer(timer)) = part {
            return one.timers.contains(timer) == other.timers.contains(timer);
        }
        match (&one.state, &other.state) {
            (ActorState::Node(one), ActorState::Node(other)) => match part {
                Part::Protocol(Component::Clock) => one.clock == other.clock,
                Part::Protocol(component) => {
                    let other = (&other.replica, &other.store);
                    one.replica.is_same(&one.store, component, other)
                }
                Part::Lives => one.lives == other.lives,
                Part::Copies => (&one.copies, &one.synced) == (&other.copies, &other.synced),
                Part::Program | Part::Context(_) => true,
            },
            (ActorState::Client(one), ActorState::Client(other)) => match part {
                Part::Protocol(component) => one.client.is_same(component, &other.client),
                Part::Program => (one.next, &one.outcome) == (other.next, &other.outcome),
                Part::Context(key) => {
                    let of = |client: &'_ ScriptedClient| {
                        client.contexts.iter().find(|(known, _)| known == key).cloned()
                    };
                    of(one) == of(other)
                }
                Part::Lives | Part::Copies => true,
            },
            _ => panic!("both are states of one actor"),
        }
    }

    fn take_over(&self, peer: Peer, seat: &mut Seat, part: &Part, from: &Seat) {
        if let Part::Protocol(Component::Timer(timer)) = part {
            if from.timers.contains(timer) {
                seat.timers.insert(*timer);
            } else {
                seat.timers.remove(timer);
            }
            return;
        }
        match (&mut seat.state, &from.state) {
            (ActorState::Node(node), ActorState::Node(from)) => match part {
                Part::Protocol(Component::Clock) => node.clock = from.clock,
                Part::Protocol(component) => {
                    let Peer::Node(id) = peer else { panic!("its state is that of a node") };
                    let NodeState { replica, store, .. } = node;
                    let from = (&from.replica, &from.store);
                    replica.take_over(self.node_config(id), store, component, from);
                }
                Part::Lives => node.lives = from.lives,
                Part::Copies => {
                    node.copies.clone_from(&from.copies);
                    node.synced.clone_from(&from.synced);
                }
                Part::Program | Part::Context(_) => {}
            },
            (ActorState::Client(client), ActorState::Client(from)) => match part {
                Part::Protocol(component) => client.client.take_over(component, &from.client),
                Part::Program => {
                    client.next = from.next;
                    client.outcome.clone_from(&from.outcome);
                }
                Part::Context(key) => {
                    client.contexts.retain(|(known, _)| known != key);
                    let theirs = from.contexts.iter().filter(|(known, _)| known == key);
                    client.contexts.extend(theirs.cloned());
                    client.contexts.sort();
                }
                Part::Lives | Part::Copies => {}
            },
            _ => panic!("both are states of one actor"),
        }
    }

    fn kind_of_message(message: &Message) -> &'static str {
        message.kind()
    }

    fn kind_of_input(event: &Event) -> &'static str {
        match event {
            Event::Invoke(..) => "the start of an operation",
            Event::Receive(sent) => sent.message.kind(),
            Event::Expire(_, timer) => match timer {
                Timer::Request(_) => "the timer of a request",
                Timer::Speculate(_) => "the timer of a speculative retry",
                Timer::Handoff => "the timer of handoff",
                Timer::Sync(_) => "the timer of anti-entropy",
                Timer::CatchUp => "the timer of catching up",
                Timer::Register => "the timer of registration",
                Timer::Waiting => "the timer of puts that wait",
                Timer::Reap => "the timer of reaping",
                Timer::Settled => "the end of a wait",
            },
            Event::Restart(_) => "a start",
            Event::Command(_, Command::AcceptLoss { .. }) => "an accepted loss",
        }
    }
}
