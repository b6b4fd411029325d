//! What steps of actors declare to touch, so that each is
//! [compared with its declaration](quorate_checker::world::footprints): what the protocol
//! [declares](quorate_leader::footprint) log by log, and what a scenario adds.

mod part;

use std::collections::BTreeSet;

use quorate_checker::footprint::Footprint;
use quorate_checker::world::footprints::{self as of_world, Footprints};
use quorate_checker::world::{ActorState, Event, NodeState, Protocol, Seat};
use quorate_ids::{Enumerated, KindOf, NodeId, Peer};
use quorate_leader::client::Client;
use quorate_leader::config::Reads;
use quorate_leader::effect::{Input, Timer};
use quorate_leader::footprint::{Component, Declaration};
use quorate_leader::replica::Replica;
use quorate_leader::shards::ShardId;
use quorate_leader::store::MemoryStore;

pub use part::{Part, Sort};

use crate::client::ScriptedClient;
use crate::kinds::{Alarm, MessageKind, Packet};
use crate::leader_based::LeaderBased;

/// What came of comparing the steps of one search.
pub type Comparison = of_world::Comparison<LeaderBased>;

/// A declaration that is wrong on purpose.
pub type Wrong = of_world::Wrong<LeaderBased>;

type Touches = Footprint<Part, &'static str>;

/// What a node keeps of one log; blank where it is down or has lost its disk.
fn log(node: &NodeState<LeaderBased>, shard: ShardId) -> (Replica, MemoryStore) {
    let at = usize::from(shard.0);
    (
        node.replica.get(at).cloned().unwrap_or_default(),
        node.store.get(at).cloned().unwrap_or_default(),
    )
}

/// Of how many logs it keeps something, volatile and durable: of none while it is down, or has lost its disk.
fn logs(node: &NodeState<LeaderBased>) -> (usize, usize) {
    (node.replica.len(), node.store.len())
}

impl LeaderBased {
    fn of_node(
        &self,
        id: NodeId,
        node: &NodeState<LeaderBased>,
        event: &Event<LeaderBased>,
        touches: &mut Touches,
    ) {
        touches.reads.insert(Part::Runs);
        let mut add = |shard: ShardId, input: &Input| {
            let (replica, store) = log(node, shard);
            let declared = replica.footprint(self.node_config(id, shard), &store, input);
            part::add(touches, Some(shard), declared);
        };
        match event {
            Event::Receive(sent) => {
                let Packet { shard, message } = sent.message.clone();
                add(shard, &Input::Receive { from: sent.from, message });
            }
            Event::Expire(_, Alarm::Node { shard, timer, .. }) => {
                add(*shard, &Input::Expire(*timer));
            }
            Event::Restart(_) => {
                let start = Input::Start { life: node.lives + 1, founding: false };
                self.client_config().shards.ids().for_each(|shard| add(shard, &start));
                touches.writes.insert(Part::Runs);
                touches.writes.insert(Part::Lives);
            }
            Event::Expire(..) | Event::Invoke(..) | Event::Command(..) => {}
        }
    }

    fn of_client(&self, state: &ScriptedClient, event: &Event<LeaderBased>, touches: &mut Touches) {
        let config = self.client_config();
        let declared = match event {
            Event::Invoke(client, _) => {
                // Which operation comes next, and whether it waits for another one.
                touches.writes.insert(Part::Program);
                touches.reads.insert(Part::of_client(Component::Asked));
                let started = |task| state.client.footprint_of_start(config, task);
                state.ready(self, *client).map(started).unwrap_or_default()
            }
            Event::Receive(sent) => match sent.from {
                Peer::Node(from) => {
                    state.client.footprint_of_arrival(config, from, &sent.message.message)
                }
                Peer::Client(_) => Declaration::default(),
            },
            Event::Expire(_, Alarm::Request) => state.client.footprint_of_expiry(config),
            Event::Expire(..) => Client::footprint_of_forgetting(),
            Event::Restart(_) | Event::Command(..) => Declaration::default(),
        };
        if let Event::Expire(_, alarm) = event {
            touches.writes.insert(Part::ClientTimer(*alarm));
        }
        if declared.tells {
            touches.writes.insert(Part::ClientTimer(Alarm::Request));
        }
        if config.reads == Reads::OwnWrites && self.setting().window_passes {
            // It runs while there is something to forget.
            touches.reads.insert(Part::of_client(Component::Written));
            touches.writes.insert(Part::ClientTimer(Alarm::Window));
        }
        part::add(touches, None, declared);
    }
}

impl Footprints for LeaderBased {
    type Part = Part;

    /// No node waits until nothing older is under way.
    const WAIT: &'static str = "wait";

    fn footprint(&self, peer: Peer, seat: &Seat<Self>, event: &Event<Self>) -> Touches {
        let mut touches = Footprint::default();
        match (peer, &seat.state) {
            (Peer::Node(id), ActorState::Node(node)) => self.of_node(id, node, event, &mut touches),
            (_, ActorState::Client(client)) => self.of_client(client, event, &mut touches),
            _ => panic!("an actor's state is of its own kind"),
        }
        touches
    }

    fn is_possible(&self, _: Peer, seat: &Seat<Self>, event: &Event<Self>) -> bool {
        match (event, &seat.state) {
            (Event::Invoke(of, coordinator), ActorState::Client(client)) => {
                Protocol::coordinators(self, *of, client).any(|via| via == *coordinator)
            }
            (Event::Restart(_), _) => true,
            // Nothing else reaches a node that is down.
            (_, ActorState::Node(node)) if node.replica.is_empty() => false,
            (Event::Expire(_, timer), _) => seat.timers.contains(timer),
            _ => true,
        }
    }

    fn is_coherent(&self, seat: &Seat<Self>) -> bool {
        match &seat.state {
            // A client that waits has begun an operation.
            ActorState::Client(client) => client.client.asks().is_none() || client.next > 0,
            ActorState::Node(_) => true,
        }
    }

    fn parts(&self, seat: &Seat<Self>) -> BTreeSet<Part> {
        let mut parts = BTreeSet::new();
        match &seat.state {
            ActorState::Node(node) => {
                for shard in self.client_config().shards.ids() {
                    let (replica, store) = log(node, shard);
                    let own = replica.components(&store).into_iter();
                    parts.extend(own.map(|component| Part::OfLog(shard, component)));
                }
                parts.extend([Part::Runs, Part::Lives, Part::Copies]);
            }
            ActorState::Client(client) => {
                parts.insert(Part::Program);
                parts.extend(client.client.components().into_iter().map(Part::of_client));
            }
        }
        parts.extend(seat.timers.iter().map(|alarm| match alarm {
            Alarm::Node { shard, timer, .. } => Part::OfLog(*shard, Component::Timer(*timer)),
            Alarm::Request | Alarm::Window => Part::ClientTimer(*alarm),
        }));
        parts
    }

    fn is_same(&self, part: &Part, one: &Seat<Self>, other: &Seat<Self>) -> bool {
        let run_alike = |alarm| one.timers.contains(&alarm) == other.timers.contains(&alarm);
        match (part, &one.state, &other.state) {
            (Part::ClientTimer(alarm), ..) => run_alike(*alarm),
            (Part::OfLog(shard, Component::Timer(timer)), ..) => {
                both(*shard, *timer).into_iter().all(run_alike)
            }
            (Part::OfLog(shard, component), ActorState::Node(one), ActorState::Node(other)) => {
                let ((replica, store), (others, their_store)) =
                    (log(one, *shard), log(other, *shard));
                replica.is_same(&store, component, (&others, &their_store))
            }
            (Part::Runs, ActorState::Node(one), ActorState::Node(other)) => {
                logs(one) == logs(other)
            }
            (Part::Lives, ActorState::Node(one), ActorState::Node(other)) => {
                one.lives == other.lives
            }
            (Part::Copies, ActorState::Node(one), ActorState::Node(other)) => {
                (&one.copies, &one.synced) == (&other.copies, &other.synced)
            }
            (Part::OfClient(component), ActorState::Client(one), ActorState::Client(other)) => {
                one.client.is_same(component, &other.client)
            }
            (Part::Program, ActorState::Client(one), ActorState::Client(other)) => {
                one.next == other.next
            }
            _ => true,
        }
    }

    fn take_over(&self, _: Peer, seat: &mut Seat<Self>, part: &Part, from: &Seat<Self>) {
        let mut run_alike = |alarm| match from.timers.contains(&alarm) {
            true => {
                seat.timers.insert(alarm);
            }
            false => {
                seat.timers.remove(&alarm);
            }
        };
        match part {
            Part::ClientTimer(alarm) => return run_alike(*alarm),
            Part::OfLog(shard, Component::Timer(timer)) => {
                return both(*shard, *timer).into_iter().for_each(run_alike);
            }
            _ => {}
        }
        match (part, &mut seat.state, &from.state) {
            (Part::OfLog(shard, component), ActorState::Node(node), ActorState::Node(from)) => {
                let at = usize::from(shard.0);
                let (replica, store) = log(from, *shard);
                let NodeState { replica: own, store: own_store, .. } = node;
                if let (Some(own), Some(own_store)) = (own.get_mut(at), own_store.get_mut(at)) {
                    own.take_over(own_store, component, (&replica, &store));
                }
            }
            (Part::Runs, ActorState::Node(node), ActorState::Node(from)) => {
                let (replicas, stores) = logs(from);
                node.replica.resize(replicas, Replica::default());
                node.store.resize(stores, MemoryStore::default());
            }
            (Part::Lives, ActorState::Node(node), ActorState::Node(from)) => {
                node.lives = from.lives;
            }
            (Part::Copies, ActorState::Node(node), ActorState::Node(from)) => {
                node.copies.clone_from(&from.copies);
                node.synced.clone_from(&from.synced);
            }
            (Part::OfClient(component), ActorState::Client(client), ActorState::Client(from)) => {
                client.client.take_over(component, &from.client)
            }
            (Part::Program, ActorState::Client(client), ActorState::Client(from)) => {
                client.next = from.next;
            }
            _ => {}
        }
    }

    fn kind_of_message(packet: &Packet) -> &'static str {
        MessageKind::of(packet).name()
    }

    fn kind_of_input(event: &Event<Self>) -> &'static str {
        match event {
            Event::Invoke(..) => "the start of an operation",
            Event::Receive(sent) => MessageKind::of(&sent.message).name(),
            Event::Expire(_, alarm) => match alarm {
                Alarm::Request => "the timer of a request",
                Alarm::Window => "the timer of own writes",
                Alarm::Node { timer, .. } => match timer {
                    Timer::Election => "the timer of elections",
                    Timer::Candidacy => "the timer of a candidacy",
                    Timer::Heartbeat(_) => "the timer of heartbeats",
                    Timer::Synchronous => "the timer of the synchronous follower",
                    Timer::CatchUp => "the timer of catching up",
                },
            },
            Event::Restart(_) => "a start",
            Event::Command(..) => "a command",
        }
    }
}

/// A node's timer as it may be right, and wrong.
fn both(shard: ShardId, timer: Timer) -> [Alarm; 2] {
    [false, true].map(|is_wrong| Alarm::Node { shard, timer, is_wrong })
}
