//! Small clusters under random writes, reads, losses, duplicates, reorderings, timeouts and
//! restarts: what must hold after every step, and that the homes converge in the end.
//!
//! The checker visits every state of small programs; this walks at random through long ones, and
//! restarts nodes, which the checker's scenarios do not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use quorate_protocol::cluster::ClusterSpec;
use quorate_protocol::ids::{ClientId, Key, NodeId, NodeSet, Peer, RequestId, Timestamp, Value};
use quorate_protocol::protocol::{
    Effect, FanOut, GetOutcome, GetRequest, Input, MemoryStore, Message, NodeConfig, PutOutcome,
    PutRequest, ReadRepair, Replica, Timer,
};
use quorate_protocol::versions::{Dot, Incarnation, Record, VersionVector};

#[path = "support/bench.rs"]
mod bench;
use bench::spec;

const CLIENTS: u64 = 3;
const KEYS: [&str; 2] = ["k", "l"];

/// One thing that happens. What it happens to is chosen among what there is at that moment.
#[derive(Clone, Debug)]
enum Event {
    /// A client writes, having seen what it last read or nothing.
    Put {
        client: u64,
        key: usize,
        node: Index,
        delete: bool,
        blind: bool,
    },
    Get {
        client: u64,
        key: usize,
        node: Index,
    },
    /// A client asks again for something it asked for before, where it asked for it.
    Retry(Index),
    Deliver(Index),
    Lose(Index),
    Duplicate(Index),
    Expire(Index),
    /// A node loses what is volatile and starts again.
    Restart(Index),
}

fn event() -> impl Strategy<Value = Event> {
    let at = any::<Index>;
    let put = (0..CLIENTS, 0..KEYS.len(), at(), any::<bool>(), any::<bool>());
    prop_oneof![
        6 => put.prop_map(|(client, key, node, delete, blind)| {
            Event::Put { client, key, node, delete, blind }
        }),
        4 => (0..CLIENTS, 0..KEYS.len(), at())
            .prop_map(|(client, key, node)| Event::Get { client, key, node }),
        2 => at().prop_map(Event::Retry),
        40 => at().prop_map(Event::Deliver),
        3 => at().prop_map(Event::Lose),
        3 => at().prop_map(Event::Duplicate),
        3 => at().prop_map(Event::Expire),
        2 => at().prop_map(Event::Restart),
    ]
}

/// Three to five nodes, two or three of them homes of every key, any R and W.
fn clusters() -> impl Strategy<Value = ClusterSpec> {
    (3..=5_usize, 2..=3_usize)
        .prop_flat_map(|(nodes, n)| (Just(nodes), Just(n), 1..=n, 1..=n))
        .prop_flat_map(|(nodes, n, r, w)| {
            let repairs = select(&[ReadRepair::Off, ReadRepair::Async, ReadRepair::Blocking]);
            repairs.prop_map(move |read_repair| ClusterSpec { read_repair, ..spec(nodes, n, r, w) })
        })
}

struct Node {
    config: NodeConfig,
    store: MemoryStore,
    replica: Replica,
    timers: BTreeSet<Timer>,
}

/// A message under way.
#[derive(Clone)]
struct Letter {
    from: Peer,
    to: Peer,
    message: Message,
}

/// A read as its client remembers it.
struct Read {
    key: Key,
    /// The writes of the key that were acknowledged before it was asked for.
    owed: Vec<RequestId>,
}

struct Cluster {
    spec: ClusterSpec,
    nodes: Vec<Node>,
    network: Vec<Letter>,
    /// Everything that was ever asked, for retries.
    asked: Vec<Letter>,
    /// What each client has seen of each key.
    seen: BTreeMap<(ClientId, Key), VersionVector>,
    /// The dots that a request was minted under, with the coordinator's state right after: more
    /// than one where a retry reached a coordinator that had forgotten it.
    minted: BTreeMap<RequestId, Vec<(Dot, Arc<Record>)>>,
    /// Which value each dot has named.
    named: BTreeMap<(Key, Dot), Option<Value>>,
    acknowledged: Vec<(Key, RequestId)>,
    reads: BTreeMap<RequestId, Read>,
    restarts: u64,
}

type Judged = Result<(), TestCaseError>;

fn pick<T>(all: &[T], at: Index) -> Option<usize> {
    (!all.is_empty()).then(|| at.index(all.len()))
}

impl Cluster {
    fn new(spec: ClusterSpec) -> Result<Self, TestCaseError> {
        let config = Arc::new(spec.build().expect("the generated clusters can be"));
        let node = |node: &NodeId| Node {
            config: NodeConfig::new(*node, Arc::clone(&config)),
            store: MemoryStore::default(),
            replica: Replica::default(),
            timers: BTreeSet::new(),
        };
        let mut cluster = Cluster {
            spec,
            nodes: config.nodes().iter().map(node).collect(),
            network: Vec::new(),
            asked: Vec::new(),
            seen: BTreeMap::new(),
            minted: BTreeMap::new(),
            named: BTreeMap::new(),
            acknowledged: Vec::new(),
            reads: BTreeMap::new(),
            restarts: 0,
        };
        for index in 0..cluster.nodes.len() {
            cluster.start(index)?;
        }
        Ok(cluster)
    }

    fn start(&mut self, index: usize) -> Judged {
        self.restarts += 1;
        let incarnation = Incarnation(self.restarts);
        self.nodes[index].timers.clear();
        self.step(index, Input::Start { incarnation, founding: true })
    }

    fn happen(&mut self, event: &Event) -> Judged {
        match *event {
            Event::Put { client, key, node, delete, blind } => {
                let request = self.next_request(ClientId(client));
                let key = Key::from(KEYS[key]);
                let context = match self.seen.get(&(request.client, key.clone())) {
                    Some(context) if !blind => context.clone(),
                    _ => VersionVector::new(),
                };
                let value = (!delete).then(|| Value::from(&*request.to_string()));
                let (w, sloppy, fan_out) = (None, None, FanOut::NodeDriven);
                let put = PutRequest {
                    request,
                    key,
                    value,
                    context,
                    origin: Default::default(),
                    w,
                    sloppy,
                    fan_out,
                };
                self.ask(node, request, Message::Put(put));
            }
            Event::Get { client, key, node } => {
                let request = self.next_request(ClientId(client));
                let key = Key::from(KEYS[key]);
                let of_key = self.acknowledged.iter().filter(|(written, _)| *written == key);
                let owed = of_key.map(|(_, write)| *write).collect();
                self.reads.insert(request, Read { key: key.clone(), owed });
                self.ask(node, request, Message::Get(GetRequest { request, key, r: None }));
            }
            Event::Retry(at) => {
                if let Some(at) = pick(&self.asked, at) {
                    self.network.push(self.asked[at].clone());
                }
            }
            Event::Deliver(at) => {
                if let Some(at) = pick(&self.network, at) {
                    let letter = self.network.swap_remove(at);
                    self.deliver(letter)?;
                }
            }
            Event::Lose(at) => {
                if let Some(at) = pick(&self.network, at) {
                    self.network.swap_remove(at);
                }
            }
            Event::Duplicate(at) => {
                if let Some(at) = pick(&self.network, at) {
                    self.network.push(self.network[at].clone());
                }
            }
            Event::Expire(at) => {
                let set = self.nodes.iter().enumerate();
                let set =
                    set.flat_map(|(node, state)| state.timers.iter().map(move |t| (node, *t)));
                let set: Vec<(usize, Timer)> = set.collect();
                if let Some(at) = pick(&set, at) {
                    let (node, timer) = set[at];
                    self.nodes[node].timers.remove(&timer);
                    self.step(node, Input::Expire(timer))?;
                }
            }
            Event::Restart(at) => {
                let node = at.index(self.nodes.len());
                self.start(node)?;
            }
        }
        Ok(())
    }

    fn next_request(&self, client: ClientId) -> RequestId {
        RequestId { client, sequence: self.asked.len() as u64 }
    }

    fn ask(&mut self, node: Index, request: RequestId, message: Message) {
        let to = Peer::Node(NodeId(node.index(self.nodes.len()) as u16));
        let letter = Letter { from: request.client.into(), to, message };
        self.asked.push(letter.clone());
        self.network.push(letter);
    }

    fn deliver(&mut self, letter: Letter) -> Judged {
        let Letter { from, to, message } = letter;
        match to {
            Peer::Node(node) => self.step(node.index(), Input::Receive { from, message }),
            Peer::Client(client) => {
                if let Message::GetReply { request, outcome: GetOutcome::Ok { state, .. } } =
                    message
                {
                    let key = self.reads[&request].key.clone();
                    let context = state.map_or_else(VersionVector::new, |state| state.context());
                    self.seen.entry((client, key)).or_default().join(&context);
                }
                Ok(())
            }
        }
    }

    /// One step of one node, as its environment would carry it out, and what must hold then.
    fn step(&mut self, index: usize, input: Input) -> Judged {
        let is_start = matches!(input, Input::Start { .. });
        let put = match &input {
            Input::Receive { message: Message::Put(put), .. } => Some(put.clone()),
            _ => None,
        };
        let node = &mut self.nodes[index];
        let (id, before) = (node.config.node, node.store.clone());
        let waited: Vec<PutRequest> = node.replica.waiting_to_mint().cloned().collect();
        let Ok(step) = node.replica.step(&node.config, &node.store, Timestamp(0), input);
        assert_eq!(node.replica.pending_bytes(), node.replica.pending_bytes_anew());
        node.store.apply(step.changes);
        // One that waited is minted later, and not with its own arrival.
        let mut released = waited.into_iter().filter(|_| !is_start);
        let put = released.find(|put| !node.replica.waits_to_mint(put.request)).or(put);
        if let Some(put) = put {
            let dot = node.store.last_dot(id, &put.key);
            if let Some(dot) = dot.filter(|dot| before.last_dot(id, &put.key) != Some(*dot)) {
                let state = Arc::clone(&node.store.get(&put.key).expect("just written").state);
                let is_new = self.minted.values().flatten().all(|(minted, _)| {
                    // Counters are of all keys, so no dot is minted twice for any key.
                    *minted != dot
                });
                prop_assert!(is_new, "{dot} was minted before");
                self.minted.entry(put.request).or_default().push((dot, state));
            }
        }
        self.judge_store(index, &before)?;
        for effect in step.effects {
            match effect {
                Effect::Send { to, message } => {
                    self.network.push(Letter { from: id.into(), to, message });
                }
                Effect::Reply { to, message } => {
                    self.judge_answer(&message)?;
                    self.network.push(Letter { from: id.into(), to, message });
                }
                Effect::SetTimer(timer) => {
                    self.nodes[index].timers.insert(timer);
                }
                Effect::CancelTimer(timer) => {
                    self.nodes[index].timers.remove(&timer);
                }
            }
        }
        Ok(())
    }

    fn judge_store(&mut self, index: usize, before: &MemoryStore) -> Judged {
        let node = &self.nodes[index];
        for (key, entry) in before.entries() {
            let after = node.store.get(key).map(|entry| &entry.state);
            let goes_on = after.is_some_and(|after| after.dominates(&entry.state));
            prop_assert!(goes_on, "{key} went back from {} to {after:?}", entry.state);
        }
        for (key, entry) in node.store.entries() {
            let context = entry.state.context();
            for (dot, value) in entry.state.versions() {
                prop_assert!(context.covers(dot), "{} does not cover {dot}", entry.state);
                let known = self.named.entry((key.clone(), dot)).or_insert_with(|| value.cloned());
                prop_assert_eq!(known.as_ref(), value, "{} names two writes", dot);
            }
        }
        Ok(())
    }

    fn homes(&self, key: &Key) -> NodeSet {
        self.nodes[0].config.cluster.homes(key)
    }

    fn holds(&self, node: NodeId, key: &Key, state: &Record) -> bool {
        let held = self.nodes[node.index()].store.get(key);
        held.is_some_and(|entry| entry.state.dominates(state))
    }

    fn key_of(&self, request: RequestId) -> Key {
        match &self.asked[request.sequence as usize].message {
            Message::Put(put) => put.key.clone(),
            message => panic!("{message:?} is no put"),
        }
    }

    fn judge_answer(&mut self, message: &Message) -> Judged {
        match message {
            Message::PutReply { request, outcome: PutOutcome::Ok { acked } } => {
                let (request, key) = (*request, self.key_of(*request));
                prop_assert!(acked.len() >= self.spec.w, "{acked} are fewer than W");
                let homes = self.homes(&key);
                for node in acked.iter() {
                    prop_assert!(homes.contains(node), "{node} is no home of {key}");
                    let states = &self.minted[&request];
                    let held = states.iter().any(|(_, state)| self.holds(node, &key, state));
                    prop_assert!(held, "{node} acknowledged {request} and does not hold it");
                }
                self.acknowledged.push((key, request));
            }
            Message::GetReply { request, outcome: GetOutcome::Ok { state, replied } } => {
                let read = &self.reads[request];
                prop_assert!(replied.len() >= self.spec.r, "{replied} are fewer than R");
                let homes = self.homes(&read.key);
                prop_assert!(replied.iter().all(|node| homes.contains(node)));
                if self.spec.r + self.spec.w > self.spec.n {
                    let context = state.as_ref().map(|state| state.context()).unwrap_or_default();
                    for write in &read.owed {
                        let seen = self.minted[write].iter().any(|(dot, _)| context.covers(*dot));
                        prop_assert!(seen, "{request} missed the acknowledged {write}");
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Everything under way arrives, in order, with all that it causes.
    fn settle(&mut self) -> Judged {
        // A message causes at most one for each home, and no chain of them is long.
        const DELIVERIES_MAX: usize = 100_000;
        for _ in 0..DELIVERIES_MAX {
            if self.network.is_empty() {
                return Ok(());
            }
            let letter = self.network.remove(0);
            self.deliver(letter)?;
        }
        Err(TestCaseError::fail("messages go on causing messages"))
    }

    /// Every two homes send each other what they hold.
    fn exchange(&mut self) -> Judged {
        for key in KEYS.map(Key::from) {
            let homes: Vec<NodeId> = self.homes(&key).iter().collect();
            for (from, to) in homes.iter().flat_map(|from| homes.iter().map(move |to| (from, to))) {
                if let Some(entry) = self.nodes[from.index()].store.get(&key) {
                    let state = Arc::clone(&entry.state);
                    let message = Message::Repair { key: key.clone(), state };
                    self.network.push(Letter { from: (*from).into(), to: (*to).into(), message });
                }
            }
        }
        self.settle()
    }

    fn judge_convergence(&self) -> Judged {
        for key in KEYS.map(Key::from) {
            let homes: Vec<NodeId> = self.homes(&key).iter().collect();
            let held = |node: &NodeId| self.nodes[node.index()].store.get(&key).map(|e| &e.state);
            for pair in homes.windows(2) {
                prop_assert_eq!(
                    held(&pair[0]),
                    held(&pair[1]),
                    "{} and {} differ",
                    pair[0],
                    pair[1]
                );
            }
            for node in self.nodes.iter().filter(|node| !homes.contains(&node.config.node)) {
                prop_assert!(node.store.get(&key).is_none(), "{} is no home", node.config.node);
            }
            for (_, write) in self.acknowledged.iter().filter(|(written, _)| *written == key) {
                let context = held(&homes[0]).map(|state| state.context()).unwrap_or_default();
                let seen = self.minted[write].iter().any(|(dot, _)| context.covers(*dot));
                prop_assert!(seen, "the acknowledged {write} is lost");
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_promises_hold_and_the_homes_converge(
        spec in clusters(),
        events in vec(event(), 1..300),
    ) {
        let mut cluster = Cluster::new(spec)?;
        for event in &events {
            cluster.happen(event)?;
        }
        cluster.settle()?;
        cluster.exchange()?;
        cluster.judge_convergence()?;
    }
}
