//! Properties of states, judged on the states that a replay comes through.

use std::collections::{BTreeMap, BTreeSet};

use quorate_ids::{ClientId, NodeId, NodeSet, Peer};

use super::Seen;
use crate::refine::judge::{Broken, Findings, Judge};
use crate::refine::report::{PropertyReport, UnjudgedKey};
use crate::refine::trace::{ClientStep, NodeStep};
use crate::refine::traced::{Asks, Reaches, ReachesClient, Traced};
use crate::shared::Shared;
use crate::world::{
    ActorState, ClientInput, Envelope, Event, NodeState, Outbox, Property, PropertyKind, Protocol,
    Seat, State, Taken, World,
};

/// A property that is judged on traces.
pub struct Promise<P: Protocol> {
    /// The property, as the checker judges it. Of the kinds, only safety is judged: what should be reachable is asked of
    /// all runs, and where runs end, traces do not show.
    pub property: Property<P>,
    /// What it says, in one sentence.
    pub statement: &'static str,
    /// Whether this cluster promises it. A state that breaks one that is promised is a refusal; of others it is counted.
    pub is_promised: bool,
}

/// Judges the properties of a protocol in the states of a [`World`] that a replay comes through.
///
/// The world's protocol stands in a scenario in which client `c` does what the client at place `c` of
/// the traces did. Its history takes note of the same facts as in a search: those that [`Protocol::facts`] finds in each
/// step. Nodes are what the replay has made of them. Clients follow the scenario's own
/// [`client_step`](Protocol::client_step); what they send is what was recorded.
///
/// Running clients have ids drawn at random. The ends of messages are told by the scenario's ids; what is *in* messages and
/// nodes is as it was recorded. So where a protocol names clients there, [`Protocol::client`] of the scenario gives a
/// client that goes by its traced id, and facts must not take an id for a place in a list. A client without a
/// trace has no place in the scenario, and keeps its id.
pub struct StateJudge<P: Protocol> {
    world: World<P>,
    state: State<P>,
    /// Where in the scenario each traced client stands.
    clients: BTreeMap<ClientId, ClientId>,
    standings: Vec<Standing<P>>,
    /// The nodes that have started once.
    started: NodeSet,
    changes: fn(&P::Message) -> bool,
    /// Why nothing is judged any more.
    not_judged: Option<String>,
}

struct Standing<P: Protocol> {
    promise: Promise<P>,
    is_witnessed: bool,
    is_broken: bool,
    occasions: u64,
    /// Those of which it was promised then.
    occasions_promised: u64,
    broken: u64,
}

impl<P: Traced> StateJudge<P> {
    /// A judge of these properties. `clients` are the traced clients in the order of the scenario. A message of a
    /// client without a trace ends the judgement if it `changes` something: nobody knows what that client was told.
    #[must_use]
    pub fn new(
        protocol: P,
        clients: impl IntoIterator<Item = ClientId>,
        promises: impl IntoIterator<Item = Promise<P>>,
        changes: fn(&P::Message) -> bool,
    ) -> Self {
        let world = World::new(protocol);
        let standing = |promise| Standing {
            promise,
            is_witnessed: false,
            is_broken: false,
            occasions: 0,
            occasions_promised: 0,
            broken: 0,
        };
        StateJudge {
            state: world.initial_state(),
            world,
            clients: clients.into_iter().zip((0..).map(ClientId)).collect(),
            standings: promises.into_iter().map(standing).collect(),
            started: NodeSet::EMPTY,
            changes,
            not_judged: None,
        }
    }

    /// The same end of a message in the scenario, where clients are numbered.
    fn peer(&self, peer: Peer) -> Peer {
        match peer {
            Peer::Node(_) => peer,
            Peer::Client(client) => {
                Peer::Client(self.clients.get(&client).copied().unwrap_or(client))
            }
        }
    }

    fn envelope(&self, from: Peer, to: Peer, message: &P::Message) -> Shared<Envelope<P>> {
        let (from, to) = (self.peer(from), self.peer(to));
        Shared::new(Envelope { from, to, message: message.clone() })
    }

    fn sent(&self, from: Peer, effects: &[P::Effect]) -> Vec<Shared<Envelope<P>>> {
        let sent = |effect| match P::asks(effect) {
            Asks::Send { to, message } => Some(self.envelope(from, to, message)),
            Asks::SetTimer(_) | Asks::CancelTimer(_) => None,
        };
        effects.iter().filter_map(sent).collect()
    }

    /// Takes note of what an observer sees of a step, and looks whether everything that is promised holds now.
    fn observe(
        &mut self,
        peer: Peer,
        event: Event<P>,
        [before, mut after]: [ActorState<P>; 2],
        sent: &[Shared<Envelope<P>>],
    ) -> Result<(), Broken> {
        let protocol = self.world.protocol();
        let taken = &mut Taken { peer, event: &event, before: &before, after: &mut after, sent };
        let facts = protocol.facts(taken);
        self.sit(peer, after);
        if !facts.is_empty() {
            let counters = self.world.counters();
            self.world.protocol().note(&mut self.state, &Shared::new(facts), counters);
        }
        self.check()
    }

    fn sit(&mut self, peer: Peer, state: ActorState<P>) {
        let seat = Seat { state, timers: BTreeSet::new() };
        self.state.seats[self.world.index(peer)] = Shared::new(seat);
    }

    fn check(&mut self) -> Result<(), Broken> {
        let (protocol, state) = (self.world.protocol(), &self.state);
        for standing in &mut self.standings {
            let Promise { property, statement, is_promised } = &standing.promise;
            let PropertyKind::Safety { holds, witness } = &property.kind else { continue };
            let was_witnessed = standing.is_witnessed;
            standing.is_witnessed = witness(protocol, state);
            let is_occasion = standing.is_witnessed && !was_witnessed;
            standing.occasions += u64::from(is_occasion);
            standing.occasions_promised += u64::from(is_occasion && *is_promised);
            let was_broken = standing.is_broken;
            standing.is_broken = !holds(protocol, state);
            standing.broken += u64::from(standing.is_broken && !was_broken);
            if standing.is_broken && *is_promised {
                let why = (property.explain)(protocol, state);
                let statement = why.unwrap_or_else(|| (*statement).to_owned());
                return Err(Broken { name: property.name, of: None, statement });
            }
        }
        Ok(())
    }
}

impl<P: Traced> Judge<P> for StateJudge<P> {
    type Seen = Seen<P>;

    /// What is promised of nodes that lose disks, nobody has said: nothing is from here on.
    fn on_lost_disk(&mut self, node: NodeId) -> Result<(), Broken> {
        self.sit(Peer::Node(node), ActorState::Node(NodeState::default()));
        self.world.protocol().on_disk_replaced(&mut self.state, node);
        self.standings.iter_mut().for_each(|standing| standing.promise.is_promised = false);
        self.check()
    }

    fn on_node_step(
        &mut self,
        node: NodeId,
        step: &NodeStep<P>,
        seen: Seen<P>,
    ) -> Result<(), Broken> {
        if self.not_judged.is_some() {
            return Ok(());
        }
        let peer = Peer::Node(node);
        let event = match P::reaches_node(&step.input) {
            // In the world, nodes have all started once before anything is observed.
            Reaches::Start { .. } if self.started.insert(node) => {
                self.sit(peer, ActorState::Node(seen.after));
                return self.check();
            }
            Reaches::Start { .. } => Event::Restart(node),
            Reaches::Receive { from, message } => {
                Event::Receive(self.envelope(from, peer, message))
            }
            Reaches::Expire(timer) => Event::Expire(peer, timer),
            Reaches::Command(command) => Event::Command(node, command),
        };
        let moments = [seen.before, seen.after].map(ActorState::Node);
        let sent = self.sent(peer, &step.effects);
        self.observe(peer, event, moments, &sent)
    }

    fn on_client_step(&mut self, step: &ClientStep<P>, _: u64) -> Result<(), Broken> {
        let Some(client) = self.clients.get(&step.client).copied() else { return Ok(()) };
        if self.not_judged.is_some() {
            return Ok(());
        }
        let peer = Peer::Client(client);
        let reaches = P::reaches_client(&step.input);
        if let ReachesClient::Invoke { .. } = reaches {
            self.world.protocol().on_invoke(&mut self.state, client);
        }
        let (event, input) = match reaches {
            ReachesClient::Invoke { coordinator, .. } => {
                (Event::Invoke(client, coordinator), ClientInput::Invoke { coordinator })
            }
            ReachesClient::Receive { from, message } => {
                let event = Event::Receive(self.envelope(Peer::Node(from), peer, message));
                (event, ClientInput::Receive { from, message })
            }
            ReachesClient::Expire(timer) => {
                (Event::Expire(peer, timer), ClientInput::Expire(timer))
            }
        };
        let before = self.state.seats[self.world.index(peer)].state.clone();
        let mut after = before.clone();
        if let ActorState::Client(state) = &mut after {
            self.world.protocol().client_step(client, state, input, &mut Outbox::default());
        }
        let sent = self.sent(peer, &step.effects);
        self.observe(peer, event, [before, after], &sent)
    }

    fn on_untraced(&mut self, client: ClientId, message: &P::Message) {
        if (self.changes)(message) {
            let reason = || format!("not judged once {client} wrote, of which there is no trace");
            self.not_judged.get_or_insert_with(reason);
        }
    }

    fn findings(&self) -> Findings {
        let is_judged = self.not_judged.is_none();
        let report = |standing: &Standing<P>| {
            let is_promised = standing.promise.is_promised;
            PropertyReport {
                name: standing.promise.property.name,
                keys_promised: usize::from(is_promised && is_judged),
                occasions: standing.occasions,
                occasions_promised: standing.occasions_promised,
                occasion: "occasions",
                broken: standing.broken,
            }
        };
        let reason = self.not_judged.clone();
        Findings {
            properties: self.standings.iter().map(report).collect(),
            keys_judged: usize::from(is_judged),
            keys_not_judged: reason
                .into_iter()
                .map(|reason| UnjudgedKey { key: "everything".into(), reason })
                .collect(),
        }
    }
}
