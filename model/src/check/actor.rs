//! The replica and the scripted client as Stateright actors.
//!
//! [`super::model::ClusterModel`] drives them, and so does Stateright's own `ActorModel` in a test
//! that compares the two.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use quorate_protocol::planted;
use stateright::actor::{Actor, Id, Out};

use crate::cluster::ClusterConfig;
use crate::ids::{ClientId, Key, NodeId, NodeSet, Peer, RequestId, Timestamp};
use crate::protocol::{
    Client, ClientStep, Effect, Input, MemoryStore, Message, NodeConfig, Operation, Outcome,
    Replica, Step, Timer,
};
use crate::scenario::{ClientProgram, PlannedAction, PlannedOperation, Scenario};
use crate::versions::{Incarnation, Record, VersionVector};

/// An actor of the model: a node or a client.
#[derive(Clone, Debug)]
pub enum ClusterActor {
    /// A node.
    Node(NodeConfig),
    /// A client that follows a program.
    Client(ScriptedClientConfig),
}

/// What a scripted client is told before it starts.
#[derive(Clone, Debug)]
pub struct ScriptedClientConfig {
    scenario: Arc<Scenario>,
    index: usize,
}

/// The state of an actor. Always behind a shared pointer, so the size of the larger variant costs
/// nothing.
#[expect(clippy::large_enum_variant, reason = "it is always behind a shared pointer")]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ActorState {
    /// A node: what it keeps volatile and durable.
    Node(NodeState),
    /// A client.
    Client(ScriptedClient),
}

/// The state of a node.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct NodeState {
    /// What a crash would forget.
    pub replica: Replica,
    /// What it would not.
    pub store: MemoryStore,
    /// What its wall clock shows; set by the environment, stands still for versionings that do
    /// not look.
    pub clock: Timestamp,
    /// How often it has started again.
    pub lives: u64,
    /// The copies that somebody made of its disk, oldest first.
    pub copies: Vec<MemoryStore>,
    /// What a crash would leave, where that is less than the store: a planted fault.
    pub synced: Option<Box<MemoryStore>>,
}

impl NodeState {
    /// Takes one step: the protocol's transition with its changes applied.
    pub fn step(&mut self, config: &NodeConfig, input: Input) -> Step {
        let Ok(mut step) = self.replica.step(config, &self.store, self.clock, input);
        if planted!(config.cluster, AckBeforeDurable) {
            self.synced = Some(Box::new(self.store.clone()));
        }
        self.store.apply(step.changes.iter().cloned());
        step.changes.shrink_to_fit();
        step
    }

    /// What it holds of a key.
    #[must_use]
    pub fn held(&self, key: &Key) -> Option<&Arc<Record>> {
        self.store.get(key).map(|entry| &entry.state)
    }

    /// What its disk holds.
    #[must_use]
    pub fn durable(&self) -> &MemoryStore {
        self.synced.as_deref().unwrap_or(&self.store)
    }

    /// The requests for which it remembers durably to have minted versions.
    pub(crate) fn minted_requests(&self) -> impl Iterator<Item = RequestId> + '_ {
        self.disks().flat_map(MemoryStore::minted_requests)
    }

    /// Forgets, on its disk and on every copy of it, that a version was minted for this request.
    pub(crate) fn forget_minted_request(&mut self, request: RequestId) {
        self.store.forget_request(request);
        let synced = self.synced.as_deref_mut();
        for copy in self.copies.iter_mut().chain(synced) {
            copy.forget_request(request);
        }
    }

    fn disks(&self) -> impl Iterator<Item = &MemoryStore> {
        core::iter::once(&self.store).chain(&self.copies).chain(self.synced.as_deref())
    }

    /// It stops: what is volatile is gone.
    pub fn crash(&mut self) {
        self.replica = Replica::default();
        if let Some(synced) = self.synced.take() {
            self.store = *synced;
        }
    }
}

/// The state of a scripted client.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ScriptedClient {
    /// The client library.
    pub client: Client,
    /// Which operation of the program comes next.
    pub next: usize,
    /// The context of the last read of each key, as far as a later operation uses it.
    pub contexts: Vec<(Key, VersionVector)>,
    /// How the last operation ended, until the model has judged it.
    pub outcome: Option<Outcome>,
}

impl ScriptedClientConfig {
    fn program(&self) -> &ClientProgram {
        &self.scenario.clients[self.index]
    }

    fn cluster(&self) -> &ClusterConfig {
        &self.scenario.cluster
    }

    fn start(&self) -> ScriptedClient {
        ScriptedClient {
            client: Client::new(self.program().id),
            next: 0,
            contexts: Vec::new(),
            outcome: None,
        }
    }

    /// The operation the client would start now, if it waits for nothing and has one left.
    #[must_use]
    pub fn ready(&self, state: &ScriptedClient) -> Option<&PlannedOperation> {
        match state.client.pending() {
            None => self.program().operations.get(state.next),
            Some(_) => None,
        }
    }

    fn invoke(&self, state: &mut ScriptedClient, coordinator: NodeId) -> ClientStep {
        let planned = &self.program().operations[state.next];
        let key = planned.key.clone();
        let operation = match planned.action {
            PlannedAction::Get => Operation::Get { key, r: planned.quorum },
            PlannedAction::Put { write, with_context } => {
                let context = if with_context { state.context(&key) } else { Default::default() };
                let value = self.scenario.writes[write].value.clone();
                let (w, sloppy) = (planned.quorum, planned.sloppy);
                Operation::Put { key, value, context, w, sloppy }
            }
        };
        state.next += 1;
        // A context is used by the writes that follow its read, and by none after the next read.
        let (cluster, attempts) = (self.cluster(), self.program().attempts);
        state.client.invoke(cluster, operation, coordinator, self.scenario.fan_out, attempts)
    }

    fn finish(&self, state: &mut ScriptedClient, outcome: Option<Outcome>) {
        let Some(outcome) = outcome else { return };
        if let Outcome::GetOk { state: record, .. } = &outcome {
            let key = &self.program().operations[state.next - 1].key;
            let context =
                record.as_ref().map_or_else(VersionVector::new, |record| record.context());
            state.contexts.retain(|(known, _)| known != key);
            state.contexts.push((key.clone(), context));
            state.contexts.sort();
        }
        let rest = &self.program().operations[state.next..];
        state.contexts.retain(|(key, _)| {
            rest.iter()
                .filter(|operation| operation.key == *key)
                .map(|operation| &operation.action)
                .take_while(|action| **action != PlannedAction::Get)
                .any(|action| matches!(action, PlannedAction::Put { with_context: true, .. }))
        });
        state.outcome = Some(outcome);
    }
}

impl ScriptedClient {
    fn context(&self, key: &Key) -> VersionVector {
        let known = self.contexts.iter().find(|(known, _)| known == key);
        known.map_or_else(VersionVector::new, |(_, context)| context.clone())
    }
}

impl ClusterActor {
    /// All actors of a scenario: the nodes in order, then the clients in order.
    #[must_use]
    pub fn all(scenario: &Arc<Scenario>) -> Vec<ClusterActor> {
        let cluster = &scenario.cluster;
        let nodes = cluster.nodes().iter().map(|node| {
            let (cluster, mints_as) = (Arc::clone(cluster), scenario.mints_as[node.index()]);
            ClusterActor::Node(NodeConfig { node: *node, cluster, mints_as })
        });
        let clients = (0..scenario.clients.len()).map(|index| {
            let scenario = Arc::clone(scenario);
            ClusterActor::Client(ScriptedClientConfig { scenario, index })
        });
        nodes.chain(clients).collect()
    }

    /// How many nodes the actor's cluster has: ids from there on are clients.
    fn nodes(&self) -> usize {
        match self {
            ClusterActor::Node(config) => config.cluster.nodes().len(),
            ClusterActor::Client(config) => config.cluster().nodes().len(),
        }
    }

    /// The actor at this position.
    #[must_use]
    pub fn peer(nodes: usize, id: Id) -> Peer {
        let index = usize::from(id);
        if index < nodes {
            Peer::Node(NodeId(index as u16))
        } else {
            Peer::Client(ClientId((index - nodes) as u64))
        }
    }

    /// The position of an actor.
    #[must_use]
    pub fn id(nodes: usize, peer: Peer) -> Id {
        match peer {
            Peer::Node(node) => Id::from(node.index()),
            Peer::Client(client) => Id::from(nodes + client.0 as usize),
        }
    }

    fn perform(&self, effects: Vec<Effect>, out: &mut Out<Self>) {
        for effect in effects {
            match effect {
                Effect::Send { to, message } | Effect::Reply { to, message } => {
                    out.send(Self::id(self.nodes(), to), message);
                }
                Effect::SetTimer(timer) => out.set_timer(timer, any_time()),
                Effect::CancelTimer(timer) => out.cancel_timer(timer),
            }
        }
    }

    /// A node that stopped starts again, under an incarnation it never had.
    pub(crate) fn restart(&self, state: &mut ActorState, out: &mut Out<Self>) {
        let (ClusterActor::Node(config), ActorState::Node(state)) = (self, state) else {
            panic!("only nodes stop");
        };
        state.lives += 1;
        let start = Input::Start { incarnation: Incarnation(state.lives), founding: false };
        let step = state.step(config, start);
        self.perform(step.effects, out);
    }

    /// An operator accepts at a node that catches up that what these nodes held is lost.
    pub(crate) fn accept_loss(&self, state: &mut ActorState, lost: NodeSet, out: &mut Out<Self>) {
        let (ClusterActor::Node(config), ActorState::Node(state)) = (self, state) else {
            panic!("only nodes catch up");
        };
        let step = state.step(config, Input::AcceptLoss { lost });
        self.perform(step.effects, out);
    }

    /// Offers the next operation's coordinators as a choice, once the client waits for nothing.
    fn offer(&self, config: &ScriptedClientConfig, state: &ScriptedClient, out: &mut Out<Self>) {
        if let Some(operation) = config.ready(state) {
            out.choose_random("coordinator", operation.via.clone());
        }
    }
}

/// In the model a timer may expire at any time.
fn any_time() -> Range<Duration> {
    Duration::ZERO..Duration::ZERO
}

impl Actor for ClusterActor {
    type Msg = Message;
    type Timer = Timer;
    type State = ActorState;
    type Storage = ();
    type Random = NodeId;

    fn on_start(&self, _: Id, _: &Option<()>, out: &mut Out<Self>) -> ActorState {
        match self {
            ClusterActor::Node(config) => {
                let mut state = NodeState::default();
                let start = Input::Start { incarnation: Incarnation(0), founding: true };
                let step = state.step(config, start);
                self.perform(step.effects, out);
                ActorState::Node(state)
            }
            ClusterActor::Client(config) => {
                let state = config.start();
                self.offer(config, &state, out);
                ActorState::Client(state)
            }
        }
    }

    fn on_msg(
        &self,
        _: Id,
        state: &mut Cow<'_, ActorState>,
        from: Id,
        message: Message,
        out: &mut Out<Self>,
    ) {
        let from = Self::peer(self.nodes(), from);
        match (self, state.to_mut()) {
            (ClusterActor::Node(config), ActorState::Node(state)) => {
                let step = state.step(config, Input::Receive { from, message });
                self.perform(step.effects, out);
            }
            (ClusterActor::Client(config), ActorState::Client(state)) => {
                // Clients talk to nodes only.
                if let Peer::Node(node) = from {
                    let step = state.client.receive(config.cluster(), node, message);
                    config.finish(state, step.outcome);
                    self.perform(step.effects, out);
                    self.offer(config, state, out);
                }
            }
            _ => panic!("an actor's state is of its own kind"),
        }
    }

    fn on_timeout(
        &self,
        _: Id,
        state: &mut Cow<'_, ActorState>,
        timer: &Timer,
        out: &mut Out<Self>,
    ) {
        match (self, state.to_mut()) {
            (ClusterActor::Node(config), ActorState::Node(state)) => {
                let step = state.step(config, Input::Expire(*timer));
                self.perform(step.effects, out);
            }
            (ClusterActor::Client(config), ActorState::Client(state)) => {
                let step = state.client.expire(config.cluster(), *timer);
                config.finish(state, step.outcome);
                self.perform(step.effects, out);
                self.offer(config, state, out);
            }
            _ => panic!("an actor's state is of its own kind"),
        }
    }

    fn on_random(
        &self,
        _: Id,
        state: &mut Cow<'_, ActorState>,
        coordinator: &NodeId,
        out: &mut Out<Self>,
    ) {
        if let (ClusterActor::Client(config), ActorState::Client(state)) = (self, state.to_mut()) {
            let step = config.invoke(state, *coordinator);
            config.finish(state, step.outcome);
            self.perform(step.effects, out);
            self.offer(config, state, out);
        }
    }
}
