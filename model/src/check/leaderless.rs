//! The leaderless protocol in a scenario, as the [`World`](quorate_checker::world::World) sees it.
//!
//! What it does is in the protocol's own crate. Here is which operations clients start, when timers may
//! expire, what is seen of a step, and which states pass for the same, each in a module of its own.

use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_checker::Shared;
use quorate_checker::stubborn::Stubborn;
use quorate_checker::world::{
    ClientInput, Counters, Environment, Expiry, NodeInput, Outbox, Protocol, Taken,
};

use super::action::{Action, Envelope};
use super::client::{self, ScriptedClient};
use super::facts::{self, Fact};
use super::ghost::Ghost;
use super::history::{History, Watch};
use super::kinds::{MessageKind, OperationKind, TimerKind};
use super::property::{PropertySpec, View};
use super::state::{ClusterState, NodeState};
use super::symmetry::Symmetry;
use super::{background, begin, expiry, instant, late, lie, node, numbering, reduce};
use crate::ids::{ClientId, NodeId, NodeSet, Peer};
use crate::protocol::{Effect, Input, MemoryStore, Message, NodeConfig, Replica, Timer};
use crate::scenario::{Rule, Scenario};
use crate::versions::Incarnation;

/// The leaderless protocol in one scenario, with the history that some properties need.
#[derive(Clone)]
pub struct Leaderless {
    scenario: Arc<Scenario>,
    nodes: Arc<[NodeConfig]>,
    environment: Arc<Environment>,
    watch: Watch,
    ghost: Ghost,
    forgotten: Arc<reduce::ForgetMemo>,
    symmetry: Arc<Symmetry>,
    /// Whether it is asked where runs end.
    asks_where_runs_end: bool,
    stubborn: Arc<Stubborn<Leaderless>>,
}

/// How many nodes and clients a scenario has, and what may happen to them.
fn environment_of(scenario: &Scenario) -> Environment {
    Environment {
        nodes: scenario.cluster.nodes().len(),
        clients: scenario.clients.len(),
        faults: scenario.faults,
        faulty: scenario.faulty,
        down: scenario.down,
        down_returns: scenario.down_returns,
        partition: scenario.partition.clone(),
        heals: scenario.heals,
        clocks_ahead: scenario.clocks_ahead.clone(),
    }
}

/// What an operator can tell a node.
#[derive(Clone, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// That what these nodes held is lost: a node that catches up waits for it no longer.
    AcceptLoss {
        /// Whose holdings are given up.
        lost: NodeSet,
    },
}

impl Leaderless {
    /// The protocol in this scenario, to judge these properties.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>, judged: &[&'static PropertySpec]) -> Self {
        let config = |node: &NodeId| {
            let (cluster, mints_as) =
                (Arc::clone(&scenario.cluster), scenario.mints_as[node.index()]);
            NodeConfig { node: *node, cluster, mints_as }
        };
        Leaderless {
            environment: Arc::new(environment_of(&scenario)),
            nodes: scenario.cluster.nodes().iter().map(config).collect(),
            watch: PropertySpec::watch(judged),
            ghost: Ghost::new(Arc::clone(&scenario), judged),
            forgotten: Arc::default(),
            symmetry: Arc::new(Symmetry::new(&scenario)),
            asks_where_runs_end: judged.iter().any(|property| property.goal().is_some()),
            stubborn: Arc::default(),
            scenario,
        }
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &Arc<Scenario> {
        &self.scenario
    }

    /// What a node is told before it starts.
    pub(crate) fn node_config(&self, node: NodeId) -> &NodeConfig {
        &self.nodes[node.index()]
    }

    /// The same, with what explanations need in its history.
    pub(crate) fn explaining(&self) -> Self {
        Leaderless { ghost: self.ghost.explaining(), ..self.clone() }
    }

    /// What properties judge of a state.
    #[must_use]
    pub fn view<'a>(&'a self, state: &'a ClusterState) -> View<'a> {
        View {
            scenario: &self.scenario,
            historian: self.ghost.historian(),
            history: &state.history,
            nodes: state,
        }
    }

    /// The same with another scenario, which differs in its reductions alone.
    pub(crate) fn with_scenario(&self, scenario: Arc<Scenario>) -> Self {
        let symmetry = Arc::new(self.symmetry.with_reductions_of(&scenario));
        Leaderless { scenario, symmetry, stubborn: Arc::default(), ..self.clone() }
    }

    /// Whether it is asked where runs end.
    pub(crate) fn asks_where_runs_end(&self) -> bool {
        self.asks_where_runs_end
    }

    /// How nodes and clients may be exchanged.
    pub(crate) fn symmetry(&self) -> &Symmetry {
        &self.symmetry
    }

    /// The configurations of the nodes, in order.
    pub(crate) fn nodes(&self) -> &[NodeConfig] {
        &self.nodes
    }
}

impl Protocol for Leaderless {
    type Message = Message;
    type Timer = Timer;
    type Replica = Replica;
    type Store = MemoryStore;
    type Client = ScriptedClient;
    type Command = Command;
    type History = History;
    type Fact = Fact;
    type MessageKind = MessageKind;
    type TimerKind = TimerKind;
    type OperationKind = OperationKind;
    type Rule = Rule;

    fn environment(&self) -> Environment {
        (*self.environment).clone()
    }

    fn node_step(
        &self,
        id: NodeId,
        state: &mut NodeState,
        input: NodeInput<'_, Self>,
        out: &mut Outbox<Self>,
    ) {
        let input = match input {
            NodeInput::Start { life } => {
                Input::Start { incarnation: Incarnation(life), founding: life == 0 }
            }
            NodeInput::Receive { from, message } => {
                Input::Receive { from, message: message.clone() }
            }
            NodeInput::Expire(timer) => Input::Expire(timer),
            NodeInput::Command(Command::AcceptLoss { lost }) => Input::AcceptLoss { lost: *lost },
        };
        let step = node::step(state, &self.nodes[id.index()], input);
        perform(step.effects, out);
    }

    fn client(&self, client: ClientId) -> ScriptedClient {
        ScriptedClient::new(client)
    }

    fn coordinators(
        &self,
        client: ClientId,
        state: &ScriptedClient,
    ) -> impl Iterator<Item = NodeId> {
        let next = client::ready(&self.scenario, client, state);
        next.into_iter().flat_map(|next| next.via.iter().copied())
    }

    fn client_step(
        &self,
        client: ClientId,
        state: &mut ScriptedClient,
        input: ClientInput<'_, Self>,
        out: &mut Outbox<Self>,
    ) {
        perform(client::step(&self.scenario, client, state, input), out);
    }

    fn operation_kind(&self, client: ClientId, state: &ScriptedClient) -> OperationKind {
        let program = &self.scenario.clients[client.0 as usize].operations;
        OperationKind::of(&self.scenario, &program[state.next])
    }

    fn may_begin(&self, state: &ClusterState, client: ClientId) -> bool {
        begin::may_begin(&self.scenario, state, client.0 as usize)
    }

    fn expiry(&self, state: &ClusterState, peer: Peer, timer: Timer) -> Expiry {
        expiry::expiry(&self.scenario, state, peer, timer)
    }

    fn is_background(&self, timer: Timer) -> bool {
        timer.is_background()
    }

    fn outlasts_messages(&self, timer: Timer) -> bool {
        timer == Timer::Settled
    }

    fn before_expiry(&self, state: &mut ClusterState, _: Peer, timer: Timer) {
        background::forget_overtaken(&self.scenario, state, timer);
    }

    fn history(&self) -> History {
        self.ghost.blank()
    }

    fn facts(&self, taken: &mut Taken<'_, Self>) -> Vec<Fact> {
        self.symmetry.learn(taken);
        facts::of(&self.scenario, &self.nodes, taken)
    }

    fn note(&self, state: &mut ClusterState, facts: &Shared<Vec<Fact>>, counters: &Counters<Self>) {
        self.ghost.note(state, facts, counters);
    }

    fn on_invoke(&self, state: &mut ClusterState, _: ClientId) {
        node::tick(&self.scenario, state);
    }

    fn on_disk_replaced(&self, state: &mut ClusterState, node: NodeId) {
        self.ghost.on_disk_replaced(state, node);
    }

    fn lie(&self, message: &Message) -> Option<Message> {
        lie::of(&self.scenario, message)
    }

    fn takes_no_time(&self, state: &ClusterState, envelope: &Envelope) -> Option<Rule> {
        instant::takes_no_time(&self.scenario, self.watch, state, envelope)
    }

    fn overdue(
        &self,
        before: &ClusterState,
        state: &mut ClusterState,
        counters: &Counters<Self>,
    ) -> Vec<Shared<Envelope>> {
        let overdue = instant::take_overdue(&self.scenario, self.watch, before, state);
        counters.left_out(Rule::Answers, overdue.len());
        overdue
    }

    fn may_be_late(&self, state: &ClusterState) -> bool {
        begin::may_be_late(&self.scenario, self.watch, state)
    }

    fn is_loss_like_delay(&self, envelope: &Envelope) -> Option<Rule> {
        instant::is_loss_like_delay(&self.scenario, envelope).then_some(Rule::Replies)
    }

    fn restrict(&self, state: &ClusterState, actions: &mut Vec<Action>, counters: &Counters<Self>) {
        if let Some(current) = late::current_exchange(&self.scenario, state) {
            let all = actions.len();
            actions.retain(|action| current.allows(&self.scenario, state, action));
            counters.left_out(Rule::LateExchanges, all - actions.len());
        }
        if self.scenario.reductions.stubborn_sets {
            let left_out = self.stubborn.restrict(self, &self.environment, state, actions);
            counters.left_out(Rule::StubbornSets, left_out);
        }
    }

    fn fingerprint(&self, state: &ClusterState, counters: &Counters<Self>) -> u64 {
        let (name, of_another) = self.symmetry.fingerprint(&self.nodes, state);
        if let Some(rule) = of_another {
            counters.left_out(rule, 1);
        }
        name
    }

    /// Leaves out what nothing can read again, and gives rounds their least numbers.
    fn canonicalise(&self, state: &mut ClusterState, counters: &Counters<Self>) {
        reduce::normalise(&self.scenario, &self.forgotten, counters, state);
        numbering::renumber(&self.scenario, state);
    }
}

/// Hands the effects of a step to the world. A reply is a message like any other there.
fn perform(effects: Vec<Effect>, out: &mut Outbox<Leaderless>) {
    for effect in effects {
        match effect {
            Effect::Send { to, message } | Effect::Reply { to, message } => out.send(to, message),
            Effect::SetTimer(timer) => out.set_timer(timer),
            Effect::CancelTimer(timer) => out.cancel_timer(timer),
        }
    }
}
