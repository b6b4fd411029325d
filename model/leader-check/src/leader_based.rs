//! The leader-based protocol in a scenario, as the [`World`](quorate_checker::world::World) sees it.

use std::sync::Arc;

use quorate_checker::Shared;
use quorate_checker::world::{
    Action, ClientInput, Counters, Envelope, Environment, Event, Expiry, NodeInput, NodeState,
    Outbox, Protocol, State, Taken,
};
use quorate_ids::{ClientId, NodeId, NodeSet, Peer};
use quorate_leader::client::{Client, ClientConfig, Task};
use quorate_leader::config::{ClusterConfig, NodeConfig};
use quorate_leader::effect::{Effect, Input, Step};
use quorate_leader::replica::Replica;
use quorate_leader::shards::ShardId;
use quorate_leader::statement::Surroundings;
use quorate_leader::store::{Change, MemoryStore};

use crate::client::ScriptedClient;
use crate::facts::{self, Fact};
use crate::history::History;
use crate::kinds::{Alarm, MessageKind, OperationKind, Packet, Rule, TimerKind};
use crate::setting::{LeaderFile, Setting};
use crate::{dead, expiry, hops};

/// The state of a cluster.
pub type ClusterState = State<LeaderBased>;

/// The leader-based protocol in one scenario, with the history that the judged properties need.
#[derive(Clone)]
pub struct LeaderBased {
    scenario: Arc<LeaderFile>,
    nodes: Arc<[Vec<NodeConfig>]>,
    client: Arc<ClientConfig>,
    blank: Arc<History>,
    environment: Environment,
    impatient: NodeSet,
}

impl LeaderBased {
    /// The protocol in this scenario, to judge what it expects.
    #[must_use]
    pub fn new(scenario: LeaderFile) -> Self {
        let setting = &scenario.protocol;
        let nodes = &scenario.nodes;
        let mut environment = scenario.environment(setting.clients.len());
        environment.clocks_ahead.clone_from(&setting.clocks_ahead);
        let configs: Arc<[Vec<NodeConfig>]> = setting.nodes(nodes).into();
        let judged: Vec<&str> = scenario.expect.keys().map(String::as_str).collect();
        LeaderBased {
            client: Arc::new(setting.client(nodes)),
            blank: Arc::new(History::blank(&judged, setting, nodes)),
            nodes: configs,
            environment,
            impatient: setting.impatient_nodes(nodes),
            scenario: Arc::new(scenario),
        }
    }

    /// The same with another scenario, which differs in its reductions alone.
    pub(crate) fn with_scenario(&self, scenario: Arc<LeaderFile>) -> Self {
        LeaderBased { scenario, ..self.clone() }
    }

    /// The scenario file.
    #[must_use]
    pub fn scenario(&self) -> &Arc<LeaderFile> {
        &self.scenario
    }

    /// What it says of this protocol.
    #[must_use]
    pub fn setting(&self) -> &Setting {
        &self.scenario.protocol
    }

    /// What all nodes agree on.
    #[must_use]
    pub fn cluster(&self) -> &ClusterConfig {
        &self.nodes[0][0].cluster
    }

    /// What clients are told.
    #[must_use]
    pub fn client_config(&self) -> &ClientConfig {
        &self.client
    }

    /// What a node is told of a log.
    #[must_use]
    pub fn node_config(&self, node: NodeId, shard: ShardId) -> &NodeConfig {
        &self.nodes[node.index()][usize::from(shard.0)]
    }

    /// Everything that may happen.
    #[must_use]
    pub fn surroundings(&self) -> &Environment {
        &self.environment
    }

    /// Whether a reduction is on.
    #[must_use]
    pub fn reduces(&self, rule: Rule) -> bool {
        !self.setting().without.contains(&rule)
    }

    /// Whether a node's timers may be wrong.
    #[must_use]
    pub fn may_be_wrong(&self, node: NodeId) -> bool {
        self.impatient.contains(node)
    }

    /// Whether a node is gone for good, with what it holds.
    #[must_use]
    pub fn is_gone(&self, state: &ClusterState, node: NodeId) -> bool {
        let Environment { down, down_returns, .. } = &self.environment;
        // One that has never started has not crashed.
        let has_started = !down.contains(node) || state.node(node).lives > 0;
        let stays_down = if has_started { self.setting().crashed_stay_down } else { !down_returns };
        stays_down && state.down.contains(node)
    }

    /// The nodes that are not gone for good.
    pub fn remaining<'a>(
        &'a self,
        state: &'a ClusterState,
    ) -> impl Iterator<Item = (NodeId, &'a NodeState<LeaderBased>)> {
        let nodes = self.environment.node_ids().zip(state.nodes());
        nodes.filter(|(node, _)| !self.is_gone(state, *node))
    }

    /// What a node does about one log, before its changes are made.
    pub(crate) fn react(
        &self,
        id: NodeId,
        node: &mut NodeState<Self>,
        shard: ShardId,
        input: Input,
    ) -> Step {
        let at = usize::from(shard.0);
        // Every node draws its own number, always the same.
        let around = Surroundings { now: node.clock, random: 100 + u64::from(id.0) };
        let config = self.node_config(id, shard);
        let Ok(step) = node.replica[at].step(config, &node.store[at], around, input);
        step
    }

    /// What a node does about one log, with its changes made.
    fn step(
        &self,
        id: NodeId,
        node: &mut NodeState<Self>,
        shard: ShardId,
        input: Input,
        out: &mut Outbox<Self>,
    ) {
        let step = self.react(id, node, shard, input);
        node.store[usize::from(shard.0)].apply(step.changes);
        for effect in step.effects {
            let both = |timer| [false, true].map(|is_wrong| Alarm::Node { shard, timer, is_wrong });
            match effect {
                Effect::Send { to, message } => out.send(to, Packet { shard, message }),
                Effect::SetTimer(timer) => both(timer).into_iter().for_each(|it| out.set_timer(it)),
                Effect::CancelTimer(timer) => {
                    both(timer).into_iter().for_each(|it| out.cancel_timer(it));
                }
            }
        }
    }

    /// It starts, with nothing but what is on its disk.
    fn forget(&self, node: &mut NodeState<Self>) {
        let shards = self.client.shards.0.len();
        node.replica = vec![Replica::default(); shards];
        node.store.resize(shards, MemoryStore::default());
    }

    /// What a step of a node changed, log by log: the node is asked once more, since its step is a function of what it
    /// was and of what reached it.
    pub(crate) fn changes(
        &self,
        id: NodeId,
        before: &NodeState<Self>,
        event: &Event<Self>,
    ) -> Vec<(ShardId, Vec<Change>)> {
        let mut node = before.clone();
        let mut changes = |shard, input| (shard, self.react(id, &mut node, shard, input).changes);
        match event {
            Event::Receive(sent) => {
                let Packet { shard, message } = sent.message.clone();
                vec![changes(shard, Input::Receive { from: sent.from, message })]
            }
            Event::Expire(_, Alarm::Node { shard, timer, .. }) => {
                vec![changes(*shard, Input::Expire(*timer))]
            }
            Event::Restart(_) => {
                self.forget(&mut node);
                node.lives += 1;
                let life = node.lives;
                let start = Input::Start { life, founding: false };
                let start =
                    |shard| (shard, self.react(id, &mut node, shard, start.clone()).changes);
                self.client.shards.ids().map(start).collect()
            }
            Event::Expire(..) | Event::Invoke(..) | Event::Command(..) => Vec::new(),
        }
    }
}

impl Protocol for LeaderBased {
    type Message = Packet;
    type Timer = Alarm;
    type Replica = Vec<Replica>;
    type Store = Vec<MemoryStore>;
    type Client = ScriptedClient;
    type Command = ();
    type History = History;
    type Fact = Fact;
    type MessageKind = MessageKind;
    type TimerKind = TimerKind;
    type OperationKind = OperationKind;
    type Rule = Rule;

    fn environment(&self) -> Environment {
        self.environment.clone()
    }

    fn node_step(
        &self,
        id: NodeId,
        node: &mut NodeState<Self>,
        input: NodeInput<'_, Self>,
        out: &mut Outbox<Self>,
    ) {
        match input {
            NodeInput::Start { life } => {
                self.forget(node);
                for shard in self.client.shards.ids() {
                    let start = Input::Start { life, founding: life == 0 };
                    self.step(id, node, shard, start, out);
                }
            }
            NodeInput::Receive { from, message: Packet { shard, message } } => {
                let input = Input::Receive { from, message: message.clone() };
                self.step(id, node, *shard, input, out);
            }
            NodeInput::Expire(Alarm::Node { shard, timer, is_wrong }) => {
                out.cancel_timer(Alarm::Node { shard, timer, is_wrong: !is_wrong });
                self.step(id, node, shard, Input::Expire(timer), out);
            }
            NodeInput::Expire(Alarm::Request | Alarm::Window) | NodeInput::Command(()) => {}
        }
    }

    fn client(&self, client: ClientId) -> ScriptedClient {
        let asks = self.setting().asks_first(&self.scenario.nodes, client);
        ScriptedClient { client: Client::new(client, &self.client, asks), next: 0 }
    }

    fn coordinators(
        &self,
        client: ClientId,
        state: &ScriptedClient,
    ) -> impl Iterator<Item = NodeId> {
        state.coordinators(self, client).into_iter()
    }

    fn client_step(
        &self,
        client: ClientId,
        state: &mut ScriptedClient,
        input: ClientInput<'_, Self>,
        out: &mut Outbox<Self>,
    ) {
        state.step(self, client, &input, out);
    }

    fn operation_kind(&self, client: ClientId, state: &ScriptedClient) -> OperationKind {
        match state.ready(self, client) {
            Some(Task::Read { .. }) => OperationKind::Read,
            _ => OperationKind::Write,
        }
    }

    fn may_begin(&self, state: &ClusterState, client: ClientId) -> bool {
        let clients = &self.setting().clients;
        let Some(first) = &clients[client.0 as usize].after else { return true };
        let mut all = clients.iter().zip(0_u64..).zip(state.clients());
        all.all(|((setting, id), state)| {
            setting.name != *first || state.is_over(self, ClientId(id))
        })
    }

    fn expiry(&self, state: &ClusterState, peer: Peer, alarm: Alarm) -> Expiry {
        expiry::expiry(self, state, peer, alarm)
    }

    fn is_background(&self, alarm: Alarm) -> bool {
        matches!(alarm, Alarm::Node { is_wrong: false, .. })
    }

    fn history(&self) -> History {
        (*self.blank).clone()
    }

    fn facts(&self, taken: &mut Taken<'_, Self>) -> Vec<Fact> {
        facts::of(self, taken)
    }

    fn note(&self, state: &mut ClusterState, facts: &Shared<Vec<Fact>>, _: &Counters<Self>) {
        let mut history = (*state.history).clone();
        for fact in &**facts {
            history.note(fact, &state.groups);
        }
        state.history = Shared::new(history);
    }

    fn takes_no_time(&self, state: &ClusterState, envelope: &Envelope<Self>) -> Option<Rule> {
        hops::takes_no_time(self, state, envelope).then_some(Rule::ClientHops)
    }

    fn may_be_late(&self, state: &ClusterState) -> bool {
        hops::may_be_late(self, state)
    }

    fn restrict(&self, state: &ClusterState, actions: &mut Vec<Action<Self>>, _: &Counters<Self>) {
        actions.retain(|action| match action {
            Action::Recover { node } => !self.is_gone(state, *node),
            // Where its requests take time, that is a start and then the expiry of its timer.
            Action::InvokeLate { client, .. } => {
                self.setting().is_impatient(*client) && !hops::may_ask_again(self, state, *client)
            }
            _ => true,
        });
    }

    fn canonicalise(&self, state: &mut ClusterState, counters: &Counters<Self>) {
        if !self.reduces(Rule::DeadMessages) || !dead::applies(self) {
            return;
        }
        let dead = dead::of(self, state);
        if !dead.is_empty() {
            let before = state.network.len();
            state.network.retain(|sent| !dead.contains(sent));
            counters.left_out(Rule::DeadMessages, before - state.network.len());
        }
    }
}
