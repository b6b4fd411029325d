//! The model that Stateright checks: actors, network, fault budgets and ghost history.
//!
//! It steps the same [`ClusterActor`]s that Stateright's `ActorModel` could, but owns the rest of
//! the global state itself: budgets for faults, messages that can be dropped as soon as they can
//! have no effect, shared parts with precomputed hashes. A test compares the two where both apply.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stateright::actor::{Actor, Command, Id, Out};
use stateright::{Model, Property};

use super::action::{Action, Envelope};
use super::actor::{ActorState, ClusterActor, NodeState};
use super::expiry::{Expiry, expiry};
use super::ghost::Ghost;
use super::history::Watch;
use super::instruments::{Instruments, Kind};
use super::local::{self, Event, Fact, LocalStep, Wait};
use super::offer::{Reduced, offer};
use super::property::{Nodes, PropertySpec, View};
use super::state::Network;
use super::state::{ClusterState, Seat};
use super::system::Condition;
use super::words::{self, Names};
use super::{background, begin, explain, instant, numbering, reduce, stateright_properties};
use crate::ids::{ClientId, NodeId, Peer, Timestamp};
use crate::protocol::{MemoryStore, Message, Outcome, Timer};
use crate::scenario::{PlannedAction, Reductions, Rule, Scenario};
use crate::versions::Versioning;
use quorate_checker::Shared;
use quorate_checker::memo::Memo;

/// A scenario as a Stateright model.
#[derive(Clone)]
pub struct ClusterModel {
    scenario: Arc<Scenario>,
    actors: Vec<ClusterActor>,
    nodes: usize,
    ghost: Ghost,
    properties: Vec<&'static PropertySpec>,
    conditions: Arc<[Condition]>,
    instruments: Arc<Instruments>,
    names: Arc<Names>,
    steps: Arc<Memo<Shared<Seat>, Event, LocalStep>>,
    forgotten: Arc<reduce::ForgetMemo>,
    watch: Watch,
}

impl ClusterModel {
    /// The model of a scenario, with the properties that it states expectations of.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>) -> Self {
        let properties = PropertySpec::judged_in(&scenario);
        Self::with_properties(scenario, properties)
    }

    /// The model of a scenario with these properties instead.
    #[must_use]
    pub fn with_properties(
        scenario: Arc<Scenario>,
        properties: Vec<&'static PropertySpec>,
    ) -> Self {
        let watch = PropertySpec::watch(&properties);
        ClusterModel {
            actors: ClusterActor::all(&scenario),
            nodes: scenario.cluster.nodes().len(),
            ghost: Ghost::new(Arc::clone(&scenario), watch),
            watch,
            conditions: properties.iter().flat_map(|property| Condition::both(property)).collect(),
            properties,
            instruments: Arc::default(),
            names: Arc::new(Names::of(&scenario)),
            steps: Arc::default(),
            forgotten: Arc::default(),
            scenario,
        }
    }

    /// The same model with counters of its own.
    #[must_use]
    pub fn with_fresh_instruments(&self) -> Self {
        ClusterModel { instruments: Arc::default(), ..self.clone() }
    }

    /// The same model with these reductions. Neither what actors do nor what the ghost
    /// notes depends on them, so what was worked out before is remembered.
    #[must_use]
    pub fn with_reductions(&self, reductions: Reductions) -> Self {
        let scenario = Arc::new(Scenario { reductions, ..(*self.scenario).clone() });
        ClusterModel { scenario, ..self.with_fresh_instruments() }
    }

    /// The same model, whose history keeps what explanations need: for walking single runs, since
    /// it tells states apart that behave alike.
    #[must_use]
    pub fn explaining(&self) -> Self {
        let watch = Watch { accounts: true, ..self.watch };
        let ghost = Ghost::new(Arc::clone(&self.scenario), watch);
        ClusterModel { ghost, ..self.with_fresh_instruments() }
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &Arc<Scenario> {
        &self.scenario
    }

    /// The properties that are judged.
    #[must_use]
    pub fn judged(&self) -> &[&'static PropertySpec] {
        &self.properties
    }

    /// What its states may show of these: in the order of the properties, each that it is violated or
    /// reached, and then that it was put to the test.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Counters and the stop switch.
    #[must_use]
    pub fn instruments(&self) -> &Arc<Instruments> {
        &self.instruments
    }

    /// The names of nodes and clients.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// What the properties judge of a state.
    #[must_use]
    pub fn view<'a>(&'a self, state: &'a ClusterState) -> View<'a> {
        View {
            scenario: &self.scenario,
            historian: self.ghost.historian(),
            history: &state.history,
            nodes: state,
        }
    }

    /// An action as one line, told with what the client starts if it is a start.
    #[must_use]
    pub fn tell(&self, before: &ClusterState, action: &Action) -> String {
        match action {
            Action::Invoke { client, coordinator } => {
                let mut told = self.names.action(action, Some(self.starts(before, *client)));
                if self.times_out_at_once(before, *client, *coordinator) {
                    told.push_str(", where no home answers in time");
                }
                told
            }
            Action::InvokeLate { client, .. } => {
                self.names.action(action, Some(self.starts(before, *client)))
            }
            _ => self.names.action(action, None),
        }
    }

    /// The operation that a client is to start next, in words.
    #[must_use]
    pub fn starts(&self, before: &ClusterState, client: ClientId) -> &str {
        let next = before.client(client).map(|state| state.next);
        next.and_then(|next| self.names.operation(client, next)).unwrap_or("nothing")
    }

    fn index(&self, peer: Peer) -> usize {
        usize::from(ClusterActor::id(self.nodes, peer))
    }

    /// Lets something reach an actor, with all that follows in the same step: its messages are
    /// under way, its timers set, the ghost has seen what happened.
    fn step(&self, state: &mut ClusterState, index: usize, event: &Event, hops: &mut Hops) {
        let seat = state.seats[index].clone();
        let take = || local::step(&self.scenario, &self.actors, index, &seat, event);
        self.steps.with(&seat, event, take, |step| {
            state.seats[index] = step.seat.clone();
            match step.wait {
                Some(Wait::Begins) => state.network.begin_wait(NodeId(index as u16)),
                Some(Wait::Ends) => state.network.end_wait(NodeId(index as u16)),
                None => {}
            }
            for envelope in &step.sent {
                if !state.connected(envelope.from, envelope.to) {
                    continue;
                }
                match instant::takes_no_time(&self.scenario, self.watch, state, envelope) {
                    Some(rule) => {
                        self.instruments.left_out(rule, 1);
                        hops.queue.push_back(envelope.clone());
                    }
                    None => state.network.send(envelope.clone()),
                }
            }
            if let Some(facts) = &step.facts {
                if let Some(ended) = &mut hops.ended {
                    ended.extend(facts.iter().filter_map(Ended::of));
                }
                self.ghost.note(state, facts, &self.instruments);
            }
        });
    }

    /// Whether the actor at this position is a client that may begin its next operation through
    /// this node.
    fn may_invoke(&self, state: &ClusterState, index: usize, coordinator: NodeId) -> bool {
        let (Some(ClusterActor::Client(config)), Some(seat)) =
            (self.actors.get(index), state.seats.get(index))
        else {
            return false;
        };
        let ActorState::Client(client) = &seat.state else { return false };
        let through = config.ready(client).is_some_and(|next| next.via.contains(&coordinator));
        through && begin::may_begin(&self.scenario, state, index - self.nodes)
    }

    /// A client gives up the operation that it has just begun: its request is under way, and may
    /// arrive whenever.
    fn give_up(&self, state: &mut ClusterState, index: usize, hops: &mut Hops) {
        let ActorState::Client(scripted) = &state.seats[index].state else {
            panic!("only clients start operations");
        };
        // A request that is refused in the client's own step is over already.
        let Some(request) = scripted.client.pending() else { return };
        while let Some(envelope) = hops.queue.pop_front() {
            state.network.send(envelope);
        }
        self.instruments.count(Kind::ClientTimeout);
        let expire = Event::Expire(Peer::Client(request.client), Timer::Request(request));
        self.step(state, index, &expire, hops);
    }

    fn invoke(&self, state: &mut ClusterState, index: usize, coordinator: NodeId, hops: &mut Hops) {
        let client = index - self.nodes;
        let ActorState::Client(scripted) = &state.seats[index].state else {
            panic!("only clients start operations");
        };
        let operation = scripted.next;
        self.instruments.count(match self.scenario.clients[client].operations[operation].action {
            PlannedAction::Get => Kind::InvokeGet,
            PlannedAction::Put { write, .. } if self.scenario.writes[write].value.is_none() => {
                Kind::InvokeDelete
            }
            PlannedAction::Put { .. } => Kind::InvokePut,
        });
        self.ghost.on_invoke(state, client, operation);
        self.tick(state);
        self.step(state, index, &Event::Choose(coordinator), hops);
    }

    /// Whether the next operation of a client, begun through this node, times out there at once.
    pub(crate) fn times_out_at_once(
        &self,
        state: &ClusterState,
        client: ClientId,
        at: NodeId,
    ) -> bool {
        begin::next_operation(&self.scenario, state, client).is_some_and(|operation| {
            begin::times_out_at_once(&self.scenario, self.watch, state, operation, at)
        })
    }

    /// The request that a client has just begun times out where it began, without a word from
    /// anyone.
    fn time_out(&self, state: &mut ClusterState, index: usize, at: NodeId, hops: &mut Hops) {
        let ActorState::Client(scripted) = &state.seats[index].state else {
            panic!("only clients start operations");
        };
        let request = scripted.client.pending().expect("the client has just begun");
        // With client hops the coordinator has it by now; its questions stay without answer.
        while let Some(envelope) = hops.queue.pop_front() {
            self.deliver(state, envelope, hops);
        }
        let asks = |sent: &Shared<Envelope>| sent.message == Message::Probe { request };
        state.network.retain(|sent| !asks(sent));
        state.faults.timeouts -= 1;
        self.instruments.count(Kind::NodeTimeout);
        let expire = Event::Expire(Peer::Node(at), Timer::Request(request));
        self.step(state, at.index(), &expire, hops);
    }

    /// Time passes at every node, where anyone looks at clocks: one tick per client operation,
    /// so that what a client starts later is later.
    fn tick(&self, state: &mut ClusterState) {
        if self.scenario.spec.versioning != Versioning::LastWriteWins {
            return;
        }
        for seat in &mut state.seats[..self.nodes] {
            let mut ticked = (**seat).clone();
            if let ActorState::Node(node) = &mut ticked.state {
                node.clock = Timestamp(node.clock.0 + 1);
            }
            *seat = Shared::new(ticked);
        }
    }

    /// Applies what happens to a node's disk or process, which no protocol has a say in.
    fn disturb(&self, state: &mut ClusterState, node: NodeId, how: impl FnOnce(&mut NodeState)) {
        let mut seat = (*state.seats[node.index()]).clone();
        if let ActorState::Node(node) = &mut seat.state {
            how(node);
        }
        if state.down.contains(node) {
            seat.timers.clear();
            state.network.end_wait(node);
        }
        state.seats[node.index()] = Shared::new(seat);
    }

    /// No disk is replaced any more: the copies that are left tell apart states that behave alike.
    fn discard_copies(&self, state: &mut ClusterState) {
        for index in 0..self.nodes {
            let node = NodeId(index as u16);
            if !state.node(node).copies.is_empty() {
                self.disturb(state, node, |node| node.copies.clear());
            }
        }
    }

    /// The same, where what the node held before is gone: it owes nothing for it any more.
    fn replace_disk(
        &self,
        state: &mut ClusterState,
        node: NodeId,
        how: impl FnOnce(&mut NodeState),
    ) {
        self.disturb(state, node, how);
        self.ghost.on_disk_lost(state, node);
    }

    /// Lets one action happen. `None` if it is not possible in this state.
    #[must_use]
    pub fn apply(&self, last: &ClusterState, action: Action) -> Option<ClusterState> {
        self.apply_telling(last, action, |_| {})
    }

    /// Lets one action happen and tells what it changed, a line each: messages of nodes that reached
    /// their receivers in the same step, actors that changed, messages sent.
    #[must_use]
    pub fn changes(
        &self,
        last: &ClusterState,
        action: Action,
    ) -> Option<(ClusterState, Vec<String>)> {
        let mut lines = Vec::new();
        let mut hops = Hops { ended: Some(Vec::new()), ..Hops::default() };
        let next = self.carry_out(last, action, &mut hops, |hop| {
            if let Peer::Node(_) = hop.from {
                lines.push(self.names.envelope(hop));
            }
        })?;
        lines.extend(words::changes(&self.names, last, &next));
        let ended = hops.ended.unwrap_or_default();
        lines.extend(ended.iter().map(|ended| explain::outcome(&self.names, ended)));
        Some((next, lines))
    }

    /// What becomes of the operations that end with this action, a line each.
    #[must_use]
    pub fn outcomes(&self, last: &ClusterState, action: &Action) -> Vec<String> {
        let ended = self.with_fresh_instruments().apply_noting_ends(last, action.clone());
        let told = |ended: &Ended| explain::outcome(&self.names, ended);
        ended.map_or_else(Vec::new, |(_, ended)| ended.iter().map(told).collect())
    }

    /// Lets one action happen; `on_hop` is shown what reaches its receiver in the same step.
    pub(crate) fn apply_telling(
        &self,
        last: &ClusterState,
        action: Action,
        on_hop: impl FnMut(&Envelope),
    ) -> Option<ClusterState> {
        self.carry_out(last, action, &mut Hops::default(), on_hop)
    }

    /// Lets one action happen and says which operations ended with it.
    pub(crate) fn apply_noting_ends(
        &self,
        last: &ClusterState,
        action: Action,
    ) -> Option<(ClusterState, Vec<Ended>)> {
        let mut hops = Hops { ended: Some(Vec::new()), ..Hops::default() };
        let next = self.carry_out(last, action, &mut hops, |_| {})?;
        Some((next, hops.ended.unwrap_or_default()))
    }

    fn carry_out(
        &self,
        last: &ClusterState,
        action: Action,
        hops: &mut Hops,
        mut on_hop: impl FnMut(&Envelope),
    ) -> Option<ClusterState> {
        let mut state = last.clone();
        match action {
            Action::Invoke { client, coordinator } => {
                let index = self.index(Peer::Client(client));
                if !self.may_invoke(&state, index, coordinator) {
                    return None;
                }
                let times_out = self.times_out_at_once(&state, client, coordinator);
                self.invoke(&mut state, index, coordinator, hops);
                if times_out {
                    self.time_out(&mut state, index, coordinator, hops);
                }
            }
            Action::InvokeLate { client, coordinator } => {
                let index = self.index(Peer::Client(client));
                if !self.may_invoke(&state, index, coordinator) {
                    return None;
                }
                state.faults.timeouts = state.faults.timeouts.checked_sub(1)?;
                self.invoke(&mut state, index, coordinator, hops);
                self.give_up(&mut state, index, hops);
            }
            Action::Deliver(envelope) => {
                if state.is_down(envelope.to) || !state.network.take(&envelope) {
                    return None;
                }
                self.deliver(&mut state, envelope, hops);
            }
            Action::Drop(envelope) => {
                if !state.is_down(envelope.to) {
                    self.instruments.count(Kind::Drop);
                    state.faults.drops = state.faults.drops.checked_sub(1)?;
                }
                if !state.network.take(&envelope) {
                    return None;
                }
            }
            Action::Duplicate(envelope) => {
                self.instruments.count(Kind::Duplicate);
                state.faults.duplicates = state.faults.duplicates.checked_sub(1)?;
                if !state.network.duplicate(&envelope) {
                    return None;
                }
            }
            Action::Expire { peer, timer } => {
                let index = self.index(peer);
                if !state.seats.get(index)?.timers.contains(&timer) {
                    return None;
                }
                match expiry(&self.scenario, &state, index, timer) {
                    Expiry::Never => return None,
                    Expiry::AFault => {
                        state.faults.timeouts = state.faults.timeouts.checked_sub(1)?;
                    }
                    Expiry::Free => {}
                }
                background::forget_lost(&self.scenario, &mut state, peer, timer);
                self.instruments.count(Kind::of_expiry(peer, timer));
                self.step(&mut state, index, &Event::Expire(peer, timer), hops);
            }
            Action::Crash { node } => {
                state.faults.crashes = state.faults.crashes.checked_sub(1)?;
                if node.index() >= self.nodes || !state.down.insert(node) {
                    return None;
                }
                self.instruments.count(Kind::Crash);
                self.disturb(&mut state, node, NodeState::crash);
            }
            Action::Recover { node } => {
                if !state.down.contains(node) {
                    return None;
                }
                state.down = state.down.without(node);
                self.instruments.count(Kind::Recover);
                self.step(&mut state, node.index(), &Event::Restart(node), hops);
            }
            Action::AcceptLoss { node, lost } => {
                if node.index() >= self.nodes || state.down.contains(node) {
                    return None;
                }
                self.step(&mut state, node.index(), &Event::AcceptLoss(node, lost), hops);
            }
            Action::Wipe { node } => {
                state.faults.wipes = state.faults.wipes.checked_sub(1)?;
                if !state.down.contains(node) {
                    return None;
                }
                self.instruments.count(Kind::Wipe);
                self.replace_disk(&mut state, node, |node| node.store = MemoryStore::default());
            }
            Action::Snapshot { node } => {
                if node.index() >= self.nodes {
                    return None;
                }
                self.instruments.count(Kind::Snapshot);
                self.disturb(&mut state, node, |node| node.copies.push(node.durable().clone()));
            }
            Action::Restore { node, copy } => {
                state.faults.rollbacks = state.faults.rollbacks.checked_sub(1)?;
                let has_copy = state.nodes().nth(node.index())?.copies.len() > copy;
                if !state.down.contains(node) || !has_copy {
                    return None;
                }
                self.instruments.count(Kind::Restore);
                self.replace_disk(&mut state, node, |node| node.store = node.copies.remove(copy));
                if state.faults.rollbacks == 0 {
                    self.discard_copies(&mut state);
                }
            }
            Action::Partition { groups } => {
                state.faults.partitions = state.faults.partitions.checked_sub(1)?;
                self.instruments.count(Kind::Partition);
                state.groups = groups;
            }
            Action::Heal => {
                if state.groups.is_empty() {
                    return None;
                }
                self.instruments.count(Kind::Heal);
                state.groups = Vec::new();
            }
            Action::SetClock { node, to } => {
                if node.index() >= self.nodes {
                    return None;
                }
                self.disturb(&mut state, node, |node| node.clock = to);
            }
        }
        let overdue = instant::take_overdue(&self.scenario, self.watch, last, &mut state);
        self.instruments.left_out(Rule::Answers, overdue.len());
        hops.queue.extend(overdue);
        while let Some(envelope) = hops.queue.pop_front() {
            on_hop(&envelope);
            self.deliver(&mut state, envelope, hops);
        }
        reduce::normalise(&self.scenario, &self.forgotten, &self.instruments, &mut state);
        numbering::renumber(&self.scenario, &mut state);
        Some(state)
    }

    /// Something under way in a state of the unreduced search that takes no time in the reduced one: it was
    /// sent since an earlier state, or it only tells how a put gets on, which takes no time whenever it was
    /// sent.
    pub(crate) fn overdue(
        &self,
        since: &ClusterState,
        state: &ClusterState,
    ) -> Option<Shared<Envelope>> {
        let takes_no_time = |sent: &&Shared<Envelope>| {
            instant::takes_no_time(&self.scenario, self.watch, state, sent).is_some()
                && !begin::is_late_request(state, sent)
                && (instant::is_answer(sent)
                    || state.network.copies(sent) > since.network.copies(sent))
        };
        state.network.iter().find(takes_no_time).cloned()
    }

    /// The form in which the reduced search visits a state of the unreduced one: what takes no time has
    /// arrived, and what nothing can read again is left out.
    pub(crate) fn canonical(&self, since: &ClusterState, state: &ClusterState) -> ClusterState {
        let mut state = state.clone();
        let mut hops = Hops::default();
        while let Some(envelope) = self.overdue(since, &state) {
            state.network.take(&envelope);
            self.deliver(&mut state, envelope, &mut hops);
            while let Some(envelope) = hops.queue.pop_front() {
                self.deliver(&mut state, envelope, &mut hops);
            }
        }
        reduce::normalise(&self.scenario, &self.forgotten, &self.instruments, &mut state);
        numbering::renumber(&self.scenario, &mut state);
        state
    }

    fn deliver(&self, state: &mut ClusterState, envelope: Shared<Envelope>, hops: &mut Hops) {
        if state.is_down(envelope.to) {
            return;
        }
        self.instruments.count(Kind::of_delivery(&envelope.message));
        let index = self.index(envelope.to);
        self.step(state, index, &Event::Receive(envelope), hops);
    }
}

/// What follows from an action in the same step.
#[derive(Default)]
struct Hops {
    /// Messages that take no time, until they reach their receivers.
    queue: VecDeque<Shared<Envelope>>,
    /// The operations that ended, where somebody asks.
    ended: Option<Vec<Ended>>,
}

/// An operation that ended, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ended {
    /// Whose.
    pub(crate) client: ClientId,
    /// Which one of the client's program.
    pub(crate) operation: usize,
    /// How.
    pub(crate) outcome: Outcome,
}

impl Ended {
    fn of(fact: &Fact) -> Option<Ended> {
        let Fact::Outcome { client, operation, outcome } = fact else { return None };
        let client = ClientId(*client as u64);
        Some(Ended { client, operation: *operation, outcome: outcome.clone() })
    }
}

impl Nodes for ClusterState {
    fn visit(&self, visit: &mut dyn FnMut(&NodeState)) {
        self.nodes().for_each(visit);
    }
}

impl Model for ClusterModel {
    type State = ClusterState;
    type Action = Action;

    fn init_states(&self) -> Vec<ClusterState> {
        let mut seats = Vec::new();
        for (index, actor) in self.actors.iter().enumerate() {
            let mut out = Out::new();
            let mut state = actor.on_start(Id::from(index), &None, &mut out);
            if let ActorState::Node(node) = &mut state {
                node.clock = Timestamp(self.scenario.clocks_ahead[index]);
            }
            let mut timers = BTreeSet::new();
            for command in out {
                if let Command::SetTimer(timer, _) = command {
                    timers.insert(timer);
                }
            }
            if self.scenario.down.iter().any(|node| node.index() == index) {
                timers.clear();
            }
            seats.push(Shared::new(Seat { state, timers }));
        }
        let is_split = self.scenario.faults.partitions == 0;
        Vec::from([ClusterState {
            seats,
            network: Network::default(),
            down: self.scenario.down,
            groups: if is_split { self.scenario.partition.clone() } else { Vec::new() },
            faults: self.scenario.faults,
            history: self.ghost.blank(),
        }])
    }

    fn actions(&self, state: &ClusterState, actions: &mut Vec<Action>) {
        if self.instruments.may_expand() {
            let reduced = Reduced { watch: self.watch, instruments: &self.instruments };
            offer(&self.scenario, reduced, &self.actors, state, actions);
        }
    }

    fn next_state(&self, last: &ClusterState, action: Action) -> Option<ClusterState> {
        self.apply(last, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        stateright_properties::of()
    }

    fn format_action(&self, action: &Action) -> String {
        self.names.action(action, None)
    }
}
