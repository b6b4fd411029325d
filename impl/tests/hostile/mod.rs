//! Nodes that are told anything by whoever has a key: messages of a running cluster, altered at random, decode and
//! reach them. They must not panic, and what must hold of a node holds after every step.
#![allow(dead_code, unreachable_pub)] // every user of it uses a part

mod altering;
pub mod with_leader;

use std::collections::BTreeSet;
use std::sync::Arc;

use altering::alter;
use quorate::config::{ClusterFile, Template, TemplateNode};
use quorate::leaderless::Leaderless;
use quorate::runs::Speaks;
use quorate::wire::{Datagram, Need, Wire};
use quorate_model::cluster::ClusterConfig;
use quorate_model::ids::{ClientId, Key, NodeId, Peer, RequestId, Timestamp, Value};
use quorate_model::protocol::{
    ContextOrigin, Effect, FanOut, GetRequest, Input, MemoryStore, Message, NodeConfig, PutRequest,
    Replica, Timer,
};
use quorate_model::versions::{Incarnation, VersionVector};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// How many messages are kept to be altered.
const POOL_MAX: usize = 512;

/// How long they may be. Altered messages make contexts grow, which are sent, kept and altered in turn: without a bound
/// a case takes ever longer and shows nothing else.
const KEPT_BYTES_MAX: usize = 1_024;

/// After how many steps nodes begin anew, so that what they hold stays small and every case quick.
const STEPS_PER_CLUSTER: u64 = 1_000;

const CLIENTS: u64 = 3;

struct Node {
    config: NodeConfig,
    replica: Replica,
    store: MemoryStore,
    timers: BTreeSet<Timer>,
}

/// What has been done so far.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Done {
    /// Altered bytes.
    pub cases: u64,
    /// Of these, that decoded.
    pub decoded: u64,
    /// Of these, that a client may send.
    pub from_clients: u64,
    /// Steps of nodes, those about honest messages and timers among them.
    pub steps: u64,
}

/// A cluster, and somebody who has its key and means harm.
pub struct Siege {
    random: StdRng,
    wire: Wire<Leaderless>,
    cluster: Arc<ClusterConfig>,
    nodes: Vec<Node>,
    pool: Vec<(Peer, NodeId, Vec<u8>)>,
    /// What is altered, kept for the memory that it takes.
    altered: Vec<u8>,
    now: u64,
    pub done: Done,
}

/// A cluster of four nodes in which everything is on that messages can be about.
fn cluster() -> ClusterFile {
    let node =
        |number: u16| TemplateNode::new(format!("n{number}"), ([127, 0, 0, 1], 7000 + number));
    let nodes = (1..=4).map(node).collect();
    let template = Template { sloppy: true, unauthenticated: true, ..Template::new(nodes) };
    let text = template.render().replace("reaping = \"off\"", "reaping = \"agreed\"");
    ClusterFile::parse("hostile.toml".as_ref(), &text).unwrap()
}

impl Siege {
    pub fn new(seed: u64) -> Self {
        let file = cluster();
        let mut siege = Siege {
            random: StdRng::seed_from_u64(seed),
            wire: file.wire(),
            cluster: Arc::clone(&file.cluster),
            nodes: Vec::new(),
            pool: Vec::new(),
            altered: Vec::new(),
            now: 0,
            done: Done::default(),
        };
        siege.found();
        siege
    }

    /// Begins with new nodes. What was sent before is kept: it is old, and may come at any time.
    fn found(&mut self) {
        let node = |node: &NodeId| Node {
            config: NodeConfig::new(*node, Arc::clone(&self.cluster)),
            replica: Replica::default(),
            store: MemoryStore::default(),
            timers: BTreeSet::new(),
        };
        self.nodes = self.cluster.nodes().iter().map(node).collect();
        for index in 0..self.nodes.len() {
            self.start(index, true);
        }
    }

    fn start(&mut self, index: usize, founding: bool) {
        let node = &mut self.nodes[index];
        (node.replica, node.timers) = Default::default();
        let incarnation = Incarnation(self.random.random_range(1..=u64::MAX));
        self.step(index, Input::Start { incarnation, founding });
    }

    /// Does one thing more.
    pub fn go_on(&mut self) {
        if self.done.steps % STEPS_PER_CLUSTER == STEPS_PER_CLUSTER - 1 {
            self.found();
        }
        match self.random.random_range(0..100) {
            0..10 => self.ask(),
            10..30 => self.deliver(),
            30..38 => self.expire(),
            38..39 if self.random.random_ratio(1, 20) => {
                let index = self.random.random_range(0..self.nodes.len());
                let founding = self.random.random();
                if self.random.random() {
                    self.nodes[index].store = MemoryStore::default();
                }
                self.start(index, founding);
            }
            _ => self.attack(),
        }
    }

    fn some_client(&mut self) -> ClientId {
        ClientId(self.random.random_range(0..CLIENTS))
    }

    fn some_node(&mut self) -> NodeId {
        *self.cluster.nodes().choose(&mut self.random).unwrap()
    }

    /// An honest client asks for something.
    fn ask(&mut self) {
        let client = self.some_client();
        let request = RequestId { client, sequence: self.random.random_range(0..1_000_000) };
        let key = Key::from(*["a", "b", "c"].choose(&mut self.random).unwrap());
        let context = {
            let node = self.random.random_range(0..self.nodes.len());
            let held = self.nodes[node].store.held(&key);
            held.map_or_else(VersionVector::new, |state| state.context())
        };
        let message = if self.random.random_ratio(1, 3) {
            Message::Get(GetRequest { request, key, r: None })
        } else {
            let value = self.random.random_ratio(3, 4).then(|| Value::from("value"));
            let blind = self.random.random_ratio(1, 3);
            Message::Put(PutRequest {
                request,
                key,
                value,
                context: if blind { VersionVector::new() } else { context },
                origin: ContextOrigin::Given,
                w: None,
                sloppy: None,
                fan_out: FanOut::NodeDriven,
            })
        };
        let to = self.some_node();
        let (evidence, sent_ms) = (Default::default(), self.now);
        let datagram = Datagram::Protocol { sent_ms, evidence, message };
        let bytes = self.wire.encode(&datagram).unwrap();
        self.keep(client.into(), to, bytes);
        let Datagram::Protocol { message, .. } = datagram else { return };
        self.step(to.index(), Input::Receive { from: client.into(), message });
    }

    /// Keeps a message that was sent.
    fn keep(&mut self, from: Peer, to: NodeId, bytes: Vec<u8>) {
        if bytes.len() > KEPT_BYTES_MAX {
            return;
        }
        let kept = (from, to, bytes);
        if self.pool.len() < POOL_MAX {
            self.pool.push(kept);
        } else {
            let at = self.random.random_range(0..POOL_MAX);
            self.pool[at] = kept;
        }
    }

    /// A message arrives as it was sent, perhaps once more.
    fn deliver(&mut self) {
        let Some((from, to, bytes)) = self.pool.choose(&mut self.random) else { return };
        let Ok(Datagram::Protocol { message, .. }) = self.wire.decode(bytes) else {
            panic!("what was sent can be decoded")
        };
        let (from, to) = (*from, *to);
        self.step(to.index(), Input::Receive { from, message });
    }

    fn expire(&mut self) {
        let index = self.random.random_range(0..self.nodes.len());
        let timers = &self.nodes[index].timers;
        let at = self.random.random_range(0..timers.len().max(1));
        let Some(timer) = timers.iter().nth(at).copied() else { return };
        self.nodes[index].timers.remove(&timer);
        self.step(index, Input::Expire(timer));
    }

    /// Somebody alters what was sent and sends it, as a node or as a client.
    fn attack(&mut self) {
        let Some((_, _, bytes)) = self.pool.choose(&mut self.random) else { return };
        let mut altered = std::mem::take(&mut self.altered);
        altered.clone_from(bytes);
        alter(&mut altered, &mut self.random, |random| {
            self.pool.choose(random).map(|(_, _, bytes)| &bytes[..])
        });
        self.tell(&altered);
        self.altered = altered;
    }

    /// Somebody who has a key tells a node these bytes.
    pub fn tell(&mut self, bytes: &[u8]) {
        self.done.cases += 1;
        let Ok(datagram @ Datagram::Protocol { .. }) = self.wire.decode(bytes) else { return };
        self.done.decoded += 1;
        let again = self.wire.encode(&datagram).unwrap();
        assert_eq!(self.wire.decode(&again).as_ref(), Ok(&datagram), "it means one thing");
        let Datagram::Protocol { mut message, .. } = datagram else { return };
        let to = self.some_node();
        let client: Peer = match &message {
            Message::Put(put) => put.request.client.into(),
            Message::Get(get) => get.request.client.into(),
            _ => self.some_client().into(),
        };
        // What the node's loop lets through of a client, and all that a node may say.
        let is_client = self.random.random() && Leaderless::need(client, &message) != Need::Node;
        let from = if is_client { client } else { self.some_node().into() };
        if is_client {
            self.done.from_clients += 1;
            Leaderless::judge(&mut message, false);
        }
        self.step(to.index(), Input::Receive { from, message });
    }

    /// A node takes a step, and what must hold of it holds.
    fn step(&mut self, index: usize, input: Input) {
        self.done.steps += 1;
        self.now += self.random.random_range(0..3);
        let Node { config, replica, store, .. } = &mut self.nodes[index];
        let Ok(step) = replica.step(config, store, Timestamp(self.now), input);
        store.apply(step.changes);
        // That takes as long as there are requests, so it is not done every time.
        if self.done.steps.is_multiple_of(16) {
            assert_eq!(replica.pending_bytes(), replica.pending_bytes_anew(), "what is weighed");
        }
        let limits = config.cluster.limits();
        assert!(replica.pending_count() <= 2 * limits.pending_max, "{}", replica.pending_count());
        let from = Peer::Node(config.node);
        for effect in step.effects {
            match effect {
                Effect::Send { to, message } | Effect::Reply { to, message } => {
                    self.say(from, to, message);
                }
                Effect::SetTimer(timer) => {
                    self.nodes[index].timers.insert(timer);
                }
                Effect::CancelTimer(timer) => {
                    self.nodes[index].timers.remove(&timer);
                }
            }
        }
    }

    /// A node says something. Whatever it says can be understood.
    fn say(&mut self, from: Peer, to: Peer, message: Message) {
        let (evidence, sent_ms) = (Default::default(), self.now);
        let datagram = Datagram::Protocol { sent_ms, evidence, message };
        let bytes = self.wire.encode(&datagram).unwrap();
        assert_eq!(self.wire.decode(&bytes).as_ref(), Ok(&datagram));
        if let Peer::Node(to) = to {
            self.keep(from, to, bytes);
        }
    }
}
