//! A cluster in memory that writes traces: nodes that commit in groups and crash, clients, and a
//! network that loses, duplicates and reorders. All choices follow from a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_model::check::action::Envelope;
use quorate_model::check::node;
use quorate_model::check::state::NodeState;
use quorate_model::cluster::{
    Background, BytesMax, ClusterConfig, ClusterSpec, PlacementSpec, Reaping,
};
use quorate_model::ids::{ClientId, Key, NodeId, Peer, Timestamp, Value};
use quorate_model::protocol::{
    Client, Effect, FanOut, Input, MemoryStore, NodeConfig, Operation, Outcome, ReadRepair, Timer,
};
use quorate_model::refine::digest::{StateDigest, StoreDigest};
use quorate_model::refine::trace::{
    ClientHeader, ClientInput, ClientStep, NodeHeader, NodeStep, TRACE_FORMAT, TraceLine,
};
use quorate_model::versions::{Incarnation, VersionVector, Versioning};

/// What to record.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) cluster: ClusterSpec,
    pub(crate) fan_out: FanOut,
    pub(crate) clients: u64,
    pub(crate) operations: u64,
    pub(crate) keys: u64,
    /// Of a hundred messages, how many are lost, and how many stay under way when delivered.
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    /// Of a hundred turns, in how many a timer expires too early, and some node crashes.
    pub(crate) expired: u64,
    pub(crate) crashed: u64,
    /// Of a thousand turns, in how many one of so many nodes, the first ones, starts with its disk lost.
    pub(crate) wiped: (u64, u64),
    /// Whether such a node says so, or is told that the cluster is being founded.
    pub(crate) tells_loss: bool,
    pub(crate) datagram_lifetime_us: Option<u64>,
    pub(crate) seed: u64,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        Plan {
            cluster: cluster(3, 2, 2, ReadRepair::Async),
            fan_out: FanOut::NodeDriven,
            clients: 3,
            operations: 12,
            keys: 2,
            lost: 5,
            duplicated: 10,
            expired: 1,
            crashed: 0,
            wiped: (0, 0),
            tells_loss: true,
            datagram_lifetime_us: None,
            seed,
        }
    }
}

/// Three nodes, each a home of every key.
pub(crate) fn cluster(n: usize, r: usize, w: usize, read_repair: ReadRepair) -> ClusterSpec {
    ClusterSpec {
        nodes: ["ann", "bob", "cid"].map(String::from).to_vec(),
        n,
        r,
        w,
        versioning: Versioning::Dotted,
        read_repair,
        speculative_retry: false,
        placement: PlacementSpec::InOrder,
        tokens_per_node: 1,
        sloppy: false,
        background: quorate_model::cluster::Background::OFF,
        client_fan_out: false,
        limits: BytesMax::default(),
        left: Vec::new(),
        deviations: Vec::new(),
    }
}

/// Records a run: the files' names with their lines.
pub(crate) fn record(plan: &Plan) -> Vec<(String, Vec<String>)> {
    let mut recording = Recording::new(plan);
    while recording.turn() {}
    recording.files()
}

/// Records how a node on its own reaps a tombstone: two waits, each twice as long as a
/// datagram lives.
pub(crate) fn record_reaping(datagram_lifetime_us: u64) -> Vec<(String, Vec<String>)> {
    let background = Background { reaping: Reaping::Agreed, ..Background::default() };
    let nodes = vec!["ann".to_owned()];
    let cluster = ClusterSpec { nodes, background, ..cluster(1, 1, 1, ReadRepair::Off) };
    let plan = Plan {
        cluster,
        clients: 1,
        lost: 0,
        duplicated: 0,
        datagram_lifetime_us: Some(datagram_lifetime_us),
        ..Plan::new(0)
    };
    let mut recording = Recording::new(&plan);
    let (key, context) = (Key::from("k"), VersionVector::new());
    let operation = Operation::Put { key, value: None, context, w: None, sloppy: None };
    let (coordinator, fan_out) = (NodeId(0), FanOut::NodeDriven);
    recording.client_step(0, ClientInput::Invoke { operation, coordinator, fan_out, attempts: 1 });
    while recording.commit_all() {
        recording.deliver();
    }
    recording.step(0, Input::Expire(Timer::Reap));
    for _ in 0..2 {
        recording.clock_us += 2 * datagram_lifetime_us;
        recording.step(0, Input::Expire(Timer::Settled));
    }
    assert!(recording.nodes[0].before.get(&Key::from("k")).is_none(), "it is reaped");
    recording.files()
}

/// Records how two nodes reap a tombstone that a client has read, and how that client then writes.
pub(crate) fn record_reaped_before_write() -> Vec<(String, Vec<String>)> {
    let background = Background { reaping: Reaping::Agreed, ..Background::default() };
    let nodes = vec!["ann".to_owned(), "bob".to_owned()];
    let cluster = ClusterSpec { nodes, background, ..cluster(2, 1, 2, ReadRepair::Off) };
    let datagram_lifetime_us = 1_000_000;
    let plan = Plan {
        cluster,
        clients: 1,
        lost: 0,
        duplicated: 0,
        datagram_lifetime_us: Some(datagram_lifetime_us),
        ..Plan::new(0)
    };
    let mut recording = Recording::new(&plan);
    let key = Key::from("k");
    let put = |value: Option<&str>, context| {
        let (key, value) = (key.clone(), value.map(Value::from));
        Operation::Put { key, value, context, w: None, sloppy: None }
    };
    recording.operate(put(None, VersionVector::new()));
    recording.operate(Operation::Get { key: key.clone(), r: None });
    let read = recording.customers[0].contexts[&key].clone();
    recording.step(0, Input::Expire(Timer::Reap));
    recording.deliver_all();
    for _ in 0..2 {
        recording.clock_us += 2 * datagram_lifetime_us;
        recording.step(0, Input::Expire(Timer::Settled));
        recording.deliver_all();
    }
    assert!(recording.nodes.iter().all(|node| node.before.get(&key).is_none()), "it is reaped");
    recording.operate(put(Some("v"), read));
    recording.files()
}

/// Records how a key comes to have as many versions as it may, and is then resolved by a client that
/// has read them all; and how a write is refused, for certain, that asks for more acknowledgements than there are homes.
pub(crate) fn record_resolving(cluster: ClusterSpec) -> Vec<(String, Vec<String>)> {
    let siblings = cluster.build().unwrap().limits().siblings_max;
    let nodes = cluster.nodes.len();
    let clients = siblings as u64 + 1;
    let plan = Plan { cluster, clients, lost: 0, duplicated: 0, ..Plan::new(0) };
    let mut recording = Recording::new(&plan);
    let key = Key::from("k");
    let (coordinator, fan_out) = (NodeId(0), FanOut::NodeDriven);
    let mut invoke = |client: usize, operation| {
        let invoke = ClientInput::Invoke { operation, coordinator, fan_out, attempts: 1 };
        recording.client_step(client, invoke);
        while recording.commit_all() {
            recording.deliver();
        }
        recording.customers[client].contexts.values().next().cloned()
    };
    let put = |client: usize, context| {
        let (key, value) = (key.clone(), Some(Value::from(&*format!("v{client}"))));
        Operation::Put { key, value, context, w: None, sloppy: None }
    };
    for client in 0..siblings {
        invoke(client, put(client, VersionVector::new()));
    }
    let read = invoke(siblings, Operation::Get { key: key.clone(), r: None });
    invoke(siblings, put(siblings, read.expect("the read was answered")));
    let mut refused = put(clients as usize, VersionVector::new());
    if let Operation::Put { w, .. } = &mut refused {
        *w = Some(nodes + 1);
    }
    invoke(0, refused);
    recording.files()
}

struct Node {
    config: NodeConfig,
    state: NodeState,
    before: MemoryStore,
    digest: StoreDigest,
    timers: BTreeSet<Timer>,
    number: u64,
    uncommitted: Vec<Envelope>,
    durable: (u64, MemoryStore, StoreDigest),
    lines: Vec<String>,
}

struct Customer {
    client: Client,
    timers: BTreeSet<Timer>,
    number: u64,
    left: u64,
    contexts: BTreeMap<Key, VersionVector>,
    asked: Option<Key>,
    lines: Vec<String>,
}

struct Recording<'a> {
    plan: &'a Plan,
    cluster: Arc<ClusterConfig>,
    nodes: Vec<Node>,
    customers: Vec<Customer>,
    network: Vec<Envelope>,
    clock_us: u64,
    random: u64,
}

impl<'a> Recording<'a> {
    /// The first client asks the first node for this, and everything arrives that follows from it.
    fn operate(&mut self, operation: Operation) {
        let (coordinator, fan_out) = (NodeId(0), FanOut::NodeDriven);
        self.client_step(0, ClientInput::Invoke { operation, coordinator, fan_out, attempts: 1 });
        self.deliver_all();
    }

    fn deliver_all(&mut self) {
        while self.commit_all() {
            self.deliver();
        }
    }

    fn new(plan: &'a Plan) -> Self {
        let cluster = Arc::new(plan.cluster.build().unwrap());
        let nodes = cluster.nodes().iter().map(|node| Node {
            config: NodeConfig::new(*node, Arc::clone(&cluster)),
            state: NodeState::default(),
            before: MemoryStore::default(),
            digest: StoreDigest::default(),
            timers: BTreeSet::new(),
            number: 0,
            uncommitted: Vec::new(),
            durable: Default::default(),
            lines: Vec::new(),
        });
        let header = |client| {
            let (format, cluster) = (TRACE_FORMAT, plan.cluster.clone());
            line(&TraceLine::Client(ClientHeader { format, client, cluster }))
        };
        let customers = (0..plan.clients).map(|index| Customer {
            // Ids as large as the ones that are drawn at random.
            client: Client::new(ClientId(u64::MAX - index)),
            timers: BTreeSet::new(),
            number: 0,
            left: plan.operations,
            contexts: BTreeMap::new(),
            asked: None,
            lines: vec![header(ClientId(u64::MAX - index))],
        });
        let mut recording = Recording {
            plan,
            nodes: nodes.collect(),
            customers: customers.collect(),
            cluster: Arc::clone(&cluster),
            network: Vec::new(),
            clock_us: 1_000,
            random: plan.seed,
        };
        (0..recording.nodes.len()).for_each(|node| recording.start(node, true));
        recording
    }

    /// SplitMix64: Steele et al., "Fast Splittable Pseudorandom Number Generators", 2014.
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn now(&mut self) -> u64 {
        self.clock_us += 1 + self.below(50);
        self.clock_us
    }

    fn start(&mut self, index: usize, founding: bool) {
        let (incarnation, plan) = (Incarnation(self.below(1 << 60)), self.plan);
        let node = &mut self.nodes[index];
        let (durable_step, store, digest) = node.durable.clone();
        let lost_disk = durable_step == 0 && !founding;
        (node.before, node.digest, node.number) = (store.clone(), digest, durable_step);
        node.state = NodeState { store, ..NodeState::default() };
        node.timers.clear();
        node.uncommitted.clear();
        node.lines.push(line(&TraceLine::Node(NodeHeader {
            format: TRACE_FORMAT,
            node: node.config.node,
            cluster: plan.cluster.clone(),
            durable_step,
            lost_disk,
            datagram_lifetime_us: plan.datagram_lifetime_us,
        })));
        self.step(index, Input::Start { incarnation, founding });
        self.commit(index);
    }

    fn step(&mut self, index: usize, input: Input) {
        let at_us = self.now();
        let node = &mut self.nodes[index];
        node.number += 1;
        node.state.clock = Timestamp(at_us);
        let step = node::step(&mut node.state, &node.config, input.clone());
        let Ok(()) = node.digest.follow(&node.before, &step.changes);
        node.before.apply(step.changes);
        node.lines.push(line(&TraceLine::Step(NodeStep {
            number: node.number,
            at_us,
            now: node.state.clock,
            input,
            effects: step.effects.clone(),
            digest: StateDigest::new(&node.state.replica, node.digest),
        })));
        let from = Peer::Node(node.config.node);
        for effect in step.effects {
            follow(&mut node.timers, &mut node.uncommitted, from, effect);
        }
        if self.below(100) < 60 {
            self.commit(index);
        }
    }

    fn commit(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.durable = (node.number, node.before.clone(), node.digest);
        self.network.append(&mut node.uncommitted);
    }

    fn client_step(&mut self, index: usize, input: ClientInput) {
        let at_us = self.now();
        let config = Arc::clone(&self.cluster);
        let customer = &mut self.customers[index];
        customer.number += 1;
        if let ClientInput::Invoke { operation, .. } = &input {
            customer.asked = Some(operation.key().clone());
        }
        let client = &mut customer.client;
        let step = match input.clone() {
            ClientInput::Invoke { operation, coordinator, fan_out, attempts } => {
                client.invoke(&config, operation, coordinator, fan_out, attempts)
            }
            ClientInput::Receive { from, message } => client.receive(&config, from, message),
            ClientInput::Expire(timer) => client.expire(&config, timer),
        };
        customer.lines.push(line(&TraceLine::ClientStep(ClientStep {
            client: client.id(),
            number: customer.number,
            at_us,
            input,
            effects: step.effects.clone(),
            outcome: step.outcome.clone(),
        })));
        let from = Peer::Client(client.id());
        for effect in step.effects {
            follow(&mut customer.timers, &mut self.network, from, effect);
        }
        if let (Some(Outcome::GetOk { state, .. }), Some(key)) = (&step.outcome, &customer.asked) {
            let context = state.as_ref().map(|state| state.context()).unwrap_or_default();
            customer.contexts.insert(key.clone(), context);
        }
    }

    /// Lets one thing happen; says whether anything can.
    fn turn(&mut self) -> bool {
        let nodes = self.nodes.len() as u64;
        if self.below(100) < self.plan.crashed {
            let node = self.below(nodes) as usize;
            self.start(node, true);
        }
        if let (chance, nodes @ 1..) = self.plan.wiped
            && self.below(1_000) < chance
        {
            let node = self.below(nodes) as usize;
            self.nodes[node].durable = Default::default();
            self.start(node, !self.plan.tells_loss);
        }
        let uncommitted = self.below(nodes) as usize;
        self.commit(uncommitted);
        let idle: Vec<_> = (0..self.customers.len())
            .filter(|index| {
                let customer = &self.customers[*index];
                customer.left > 0 && customer.client.pending().is_none()
            })
            .collect();
        if !idle.is_empty() && (self.network.is_empty() || self.below(4) == 0) {
            let at = self.below(idle.len() as u64) as usize;
            self.invoke(idle[at]);
        } else if !self.network.is_empty() && self.below(100) >= self.plan.expired {
            self.deliver();
        } else {
            return self.expire() || !self.network.is_empty() || self.commit_all();
        }
        true
    }

    fn commit_all(&mut self) -> bool {
        (0..self.nodes.len()).for_each(|index| self.commit(index));
        !self.network.is_empty()
    }

    fn invoke(&mut self, index: usize) {
        let key = Key::from(&*format!("k{}", self.below(self.plan.keys)));
        let coordinator = NodeId(self.below(self.nodes.len() as u64) as u16);
        let choice = self.below(10);
        let customer = &mut self.customers[index];
        let context = customer.contexts.get(&key).cloned().unwrap_or_default();
        let value = Value::from(&*format!("{}.{}", customer.client.id(), customer.left));
        let put = |value, context| Operation::Put {
            key: key.clone(),
            value,
            context,
            w: None,
            sloppy: None,
        };
        let operation = match choice {
            0..5 => Operation::Get { key: key.clone(), r: None },
            5..8 => put(Some(value), context),
            8 => put(Some(value), VersionVector::new()),
            _ => put(None, context),
        };
        customer.left -= 1;
        let fan_out = self.plan.fan_out;
        self.client_step(
            index,
            ClientInput::Invoke { operation, coordinator, fan_out, attempts: 2 },
        );
    }

    fn deliver(&mut self) {
        let at = self.below(self.network.len() as u64) as usize;
        let Envelope { from, to, message } = if self.below(100) < self.plan.duplicated {
            self.network[at].clone()
        } else {
            self.network.swap_remove(at)
        };
        if self.below(100) < self.plan.lost {
            return;
        }
        match (from, to) {
            (_, Peer::Node(node)) => self.step(node.index(), Input::Receive { from, message }),
            (Peer::Node(from), Peer::Client(client)) => {
                let index = (u64::MAX - client.0) as usize;
                self.client_step(index, ClientInput::Receive { from, message });
            }
            (Peer::Client(_), Peer::Client(_)) => panic!("clients do not talk to each other"),
        }
    }

    fn expire(&mut self) -> bool {
        // What a node does again and again would keep the run from ending.
        let has_cause = |node: &Node, timer: &Timer| {
            !timer.is_background() || node.state.store.hints().next().is_some()
        };
        let of_nodes = self.nodes.iter().enumerate().flat_map(|(index, node)| {
            let running = node.timers.iter().filter(move |timer| has_cause(node, timer));
            running.map(move |timer| (true, index, *timer))
        });
        let of_clients = self.customers.iter().enumerate().flat_map(|(index, customer)| {
            customer.timers.iter().map(move |timer| (false, index, *timer))
        });
        let running: Vec<_> = of_nodes.chain(of_clients).collect();
        if running.is_empty() {
            return false;
        }
        let (at_node, index, timer) = running[self.below(running.len() as u64) as usize];
        if at_node {
            self.nodes[index].timers.remove(&timer);
            self.step(index, Input::Expire(timer));
        } else {
            self.customers[index].timers.remove(&timer);
            self.client_step(index, ClientInput::Expire(timer));
        }
        true
    }

    fn files(self) -> Vec<(String, Vec<String>)> {
        let nodes = self
            .nodes
            .into_iter()
            .map(|node| (format!("{}.jsonl", self.cluster.name(node.config.node)), node.lines));
        let clients = self.customers.into_iter().enumerate();
        let clients = clients.map(|(index, client)| (format!("c{index}.jsonl"), client.lines));
        nodes.chain(clients).collect()
    }
}

fn follow(timers: &mut BTreeSet<Timer>, sent: &mut Vec<Envelope>, from: Peer, effect: Effect) {
    match effect {
        Effect::Send { to, message } | Effect::Reply { to, message } => {
            sent.push(Envelope { from, to, message });
        }
        Effect::SetTimer(timer) => {
            timers.insert(timer);
        }
        Effect::CancelTimer(timer) => {
            timers.remove(&timer);
        }
    }
}

pub(crate) fn line(line: &TraceLine) -> String {
    serde_json::to_string(line).unwrap()
}
