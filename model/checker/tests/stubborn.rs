//! Stubborn sets over a protocol of which everything is known: they leave out orders, and what chosen deliveries would put
//! off for ever is not put off.

use quorate_checker::footprint::{Component, Footprint};
use quorate_checker::ids::{ClientId, NodeId, Peer};
use quorate_checker::stubborn::{Declares, Ever, Stubborn, Touches, undeclared};
use quorate_checker::world::{
    Action, ActorState, ClientInput, Environment, Event, Judged, NodeInput, NodeState, Outbox,
    Property, Protocol, Seat, State, World,
};
use quorate_checker::{Bounds, Explored, Looking, Switch, explore};
use serde::{Deserialize, Serialize};

/// Two nodes to which their clients send a message each, and two that throw a ball to each other for ever.
struct Halls {
    has_ball: bool,
    /// Whether it is forgotten that a ball comes back.
    forgets_returns: bool,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
enum Message {
    Ask,
    Answer,
    Ball,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Client {
    Idle,
    Waits,
    Answered,
}

const FIRST_OF_BALL: NodeId = NodeId(2);

impl Protocol for Halls {
    type Message = Message;
    type Timer = ();
    type Replica = u8;
    type Store = ();
    type Client = Client;
    type Command = ();
    type History = ();
    type Fact = ();
    type MessageKind = ();
    type TimerKind = ();
    type OperationKind = ();
    type Rule = ();

    fn environment(&self) -> Environment {
        Environment::of(4, 2)
    }

    fn node_step(
        &self,
        node: NodeId,
        state: &mut NodeState<Self>,
        input: NodeInput<'_, Self>,
        out: &mut Outbox<Self>,
    ) {
        match input {
            NodeInput::Start { .. } if node == FIRST_OF_BALL && self.has_ball => {
                out.send(NodeId(3), Message::Ball);
            }
            NodeInput::Receive { from, message: Message::Ask } => {
                state.replica += 1;
                out.send(from, Message::Answer);
            }
            NodeInput::Receive { from, message: Message::Ball } => out.send(from, Message::Ball),
            _ => {}
        }
    }

    fn client(&self, _: ClientId) -> Client {
        Client::Idle
    }

    fn coordinators(&self, client: ClientId, state: &Client) -> impl Iterator<Item = NodeId> {
        (*state == Client::Idle).then_some(NodeId(client.0 as u16)).into_iter()
    }

    fn client_step(
        &self,
        _: ClientId,
        state: &mut Client,
        input: ClientInput<'_, Self>,
        out: &mut Outbox<Self>,
    ) {
        match input {
            ClientInput::Invoke { coordinator } => {
                out.send(coordinator, Message::Ask);
                *state = Client::Waits;
            }
            _ => *state = Client::Answered,
        }
    }

    fn history(&self) {}
}

/// The only part of an actor: all of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Whole {
    is_client: bool,
}

impl Component for Whole {
    type Family = bool;

    fn family(&self) -> bool {
        self.is_client
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Class {
    Begins,
    Arrives(Message),
    Else,
}

impl Declares for Halls {
    type Class = Class;
    type Part = Whole;
    type Outlook = ();

    fn outlook(&self, _: &Environment, _: &State<Self>) -> Option<()> {
        Some(())
    }

    fn class(&self, _: &ActorState<Self>, event: &Event<Self>) -> Class {
        match event {
            Event::Receive(sent) => Class::Arrives(sent.message.clone()),
            Event::Invoke(..) => Class::Begins,
            Event::Expire(..) | Event::Restart(_) | Event::Command(..) => Class::Else,
        }
    }

    fn is_arrival(&self, class: &Class) -> bool {
        matches!(class, Class::Arrives(_)) && !self.forgets_returns
    }

    fn ever(&self, (): &(), peer: Peer, class: &Class) -> Ever<Self> {
        let is_client = matches!(peer, Peer::Client(_));
        let mut touches = Footprint::default();
        if *class != Class::Arrives(Message::Ball) {
            touches.writes.insert(Whole { is_client });
        }
        // A client is told something: that is for all to see.
        touches.tells = is_client;
        let leads_to = match (peer, class) {
            (Peer::Client(client), Class::Begins) => {
                vec![(Peer::Node(NodeId(client.0 as u16)), Class::Arrives(Message::Ask))]
            }
            (Peer::Node(node), Class::Arrives(Message::Ask)) => {
                let client = ClientId(u64::from(node.0));
                vec![(Peer::Client(client), Class::Arrives(Message::Answer))]
            }
            (Peer::Node(node), Class::Arrives(Message::Ball)) => {
                vec![(Peer::Node(NodeId(5 - node.0)), Class::Arrives(Message::Ball))]
            }
            _ => Vec::new(),
        };
        Ever { touches, leads_to }
    }

    fn now(&self, peer: Peer, seat: &Seat<Self>, event: &Event<Self>) -> Touches<Self> {
        self.ever(&(), peer, &self.class(&seat.state, event)).touches
    }

    fn may_ever_expire(&self, (): &(), _: Peer, (): ()) -> bool {
        true
    }

    /// Nobody looks at nodes.
    fn is_private(&self, is_client: bool) -> bool {
        !is_client
    }

    fn is_watched(&self, (): &(), _: (Peer, &Class), _: (Peer, &Class)) -> bool {
        false
    }
}

fn all_answered(_: &Halls, state: &State<Halls>) -> bool {
    state.clients().all(|client| *client == Client::Answered)
}

/// Searches for a state in which all are answered, with stubborn sets or without.
fn search(halls: Halls, with_stubborn_sets: bool) -> Explored {
    let world = World::new(halls);
    let reached = Property::sometimes("all-answered", all_answered, |_, _| true);
    let judged = Judged::new(&world, [reached]);
    let stubborn = Stubborn::default();
    let look = |state: &State<Halls>, actions: &mut Vec<Action<Halls>>| {
        for action in &*actions {
            assert_eq!(undeclared(&world, state, action), Vec::<String>::new());
        }
        if with_stubborn_sets {
            stubborn.restrict(world.protocol(), world.environment(), state, actions);
        }
    };
    explore(&Looking { system: &judged, look }, &Bounds::default(), &Switch::default())
}

#[test]
fn what_nobody_sees_happens_in_one_order() {
    let halls = || Halls { has_ball: false, forgets_returns: false };
    let (all, some) = (search(halls(), false), search(halls(), true));
    assert!(all.first(0).is_some() && some.first(0).is_some());
    // No two questions are under way at once: the first one arrives before the second is asked.
    assert_eq!((all.distinct(), some.distinct()), (16, 15));
}

#[test]
fn a_delivery_that_may_lead_to_itself_is_not_chosen_so_nothing_is_put_off_for_ever() {
    let found = search(Halls { has_ball: true, forgets_returns: false }, true);
    assert!(found.first(0).is_some());
}

#[test]
fn without_that_proviso_a_search_goes_round_in_a_circle_and_finds_nothing() {
    let found = search(Halls { has_ball: true, forgets_returns: true }, true);
    assert!(found.first(0).is_none() && found.is_exhausted());
}
