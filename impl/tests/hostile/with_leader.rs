//! Nodes of a cluster with a leader that are told anything by whoever has a key.

use std::collections::BTreeSet;

use quorate::config::{ClusterFile, Template, TemplateLeader, TemplateNode};
use quorate::leader_based::WithLeader;
use quorate::runs::Speaks;
use quorate::wire::{Datagram, Need, Wire};
use quorate_leader::config::{ElectionKind, LogKind, NodeConfig, Replication};
use quorate_leader::effect::{Effect, Timer};
use quorate_leader::message::{Message, Operation, ReadFrom};
use quorate_leader::names::{Key, Position, RequestId};
use quorate_leader::replica::Replica;
use quorate_leader::statement::Statement;
use quorate_leader::store::MemoryStore;
use quorate_leader_model::kinds::Packet;
use quorate_leader_model::refine::{Cluster, LOG, NodeInput, Reaching, StoreDigest, take};
use quorate_model::ids::{ClientId, NodeId, Peer, Timestamp};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::altering::alter;
use super::{CLIENTS, Done, KEPT_BYTES_MAX, POOL_MAX, STEPS_PER_CLUSTER};

struct Node {
    config: NodeConfig,
    replica: Vec<Replica>,
    store: MemoryStore,
    /// Of the store, kept up to date change by change.
    digest: StoreDigest,
    timers: BTreeSet<Timer>,
}

/// A cluster with a leader, and somebody who has its key and means harm.
pub struct Siege {
    random: StdRng,
    wire: Wire<WithLeader>,
    cluster: Cluster,
    nodes: Vec<Node>,
    pool: Vec<(Peer, NodeId, Vec<u8>)>,
    number: u32,
    now: u64,
    pub done: Done,
}

/// Three nodes that compact their logs soon and ship them in small pieces, and that refuse soon.
fn cluster(random: &mut StdRng) -> ClusterFile {
    let node =
        |number: u16| TemplateNode::new(format!("n{number}"), ([127, 0, 0, 1], 7000 + number));
    let replications =
        [Replication::Async, Replication::SemiSync, Replication::Sync, Replication::Majority];
    let leader = TemplateLeader {
        replication: *replications.choose(random).unwrap(),
        // Raft is what most depends on what nodes say.
        election: *[
            ElectionKind::Raft,
            ElectionKind::Raft,
            ElectionKind::Bully,
            ElectionKind::Manual,
        ]
        .choose(random)
        .unwrap(),
        log: *[LogKind::Row, LogKind::Statement, LogKind::Replaced].choose(random).unwrap(),
        ..TemplateLeader::default()
    };
    let nodes = (1..=3).map(node).collect();
    let template = Template { leader: Some(leader), unauthenticated: true, ..Template::new(nodes) };
    let text = template
        .render()
        .replace("snapshot_after = 10000 ", "snapshot_after = 5 ")
        .replace("sessions = 100000 ", "sessions = 2 ")
        .replace("entries_max = 256 ", "entries_max = 4 ")
        .replace("page_rows = 1000 ", "page_rows = 2 ")
        .replace("piece_bytes_max = 1048576 ", "piece_bytes_max = 600 ");
    ClusterFile::parse("hostile.toml".as_ref(), &text).unwrap()
}

impl Siege {
    pub fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let file = cluster(&mut random);
        let mut cluster = file.leader.as_ref().unwrap().cluster.clone();
        cluster.limits.pending_max = 8;
        let mut siege = Siege {
            random,
            wire: file.wire(),
            cluster,
            nodes: Vec::new(),
            pool: Vec::new(),
            number: 0,
            now: 0,
            done: Done::default(),
        };
        siege.found();
        siege
    }

    /// Begins with new nodes. What was sent before is kept: it is old, and may come at any time.
    fn found(&mut self) {
        let store = MemoryStore::default();
        let Ok(digest) = StoreDigest::of(&store);
        let node = |index| Node {
            config: self.cluster.node(NodeId(index)),
            replica: Vec::new(),
            store: store.clone(),
            digest,
            timers: BTreeSet::new(),
        };
        self.nodes = (0..self.cluster.nodes.len() as u16).map(node).collect();
        for index in 0..self.nodes.len() {
            self.start(index, true);
        }
    }

    fn start(&mut self, index: usize, founding: bool) {
        let life = self.random.random();
        self.nodes[index].timers.clear();
        self.step(index, Reaching::Start { life, founding });
    }

    /// Does one thing more.
    pub fn go_on(&mut self) {
        if self.done.steps % STEPS_PER_CLUSTER == STEPS_PER_CLUSTER - 1 {
            self.found();
        }
        match self.random.random_range(0..100) {
            0..15 => self.ask(),
            15..45 => self.deliver(),
            45..53 => self.expire(),
            53..54 if self.random.random_ratio(1, 10) => {
                let index = self.random.random_range(0..self.nodes.len());
                if self.random.random() {
                    let node = &mut self.nodes[index];
                    node.store = MemoryStore::default();
                    let Ok(digest) = StoreDigest::of(&node.store);
                    node.digest = digest;
                }
                self.start(index, false);
            }
            54..55 => {
                let index = self.random.random_range(0..self.nodes.len());
                self.step(index, Reaching::Promote);
            }
            _ => self.attack(),
        }
    }

    fn some_node(&mut self) -> usize {
        self.random.random_range(0..self.nodes.len())
    }

    fn some_client(&mut self) -> ClientId {
        ClientId(self.random.random_range(0..CLIENTS))
    }

    /// An honest client asks, as a rule whoever leads.
    fn ask(&mut self) {
        let client = self.some_client();
        self.number += 1;
        let request = RequestId { client, number: self.number };
        let key = Key::from(*["a", "b", "c", "d"].choose(&mut self.random).unwrap());
        let statements = [Statement::Add(1), Statement::NextId, Statement::Random, Statement::Now];
        let operation = match self.random.random_range(0..8) {
            0 => Operation::Read { key, from: ReadFrom::ConfirmedLeader },
            1 => Operation::Read { key, from: ReadFrom::Replica },
            kind => {
                let statement = match kind {
                    2..5 => Statement::Set("text".into()),
                    _ => statements.choose(&mut self.random).unwrap().clone(),
                };
                Operation::Write { key, statement, since: Some(Position::default()) }
            }
        };
        let leads = |node: &Node| node.replica.iter().any(|replica| replica.leadership().is_some());
        let leader = self.nodes.iter().position(leads);
        let to = leader.unwrap_or_else(|| self.some_node());
        let packet = Packet { shard: LOG, message: Message::Request { request, operation } };
        let bytes = self.wire.encode(&self.datagram(packet.clone())).unwrap();
        self.keep(client.into(), NodeId(to as u16), bytes);
        self.step(to, Reaching::Receive { from: client.into(), packet });
    }

    fn datagram(&self, message: Packet) -> Datagram<WithLeader> {
        Datagram::Protocol { sent_ms: self.now, evidence: Default::default(), message }
    }

    /// Keeps a message that was sent.
    fn keep(&mut self, from: Peer, to: NodeId, bytes: Vec<u8>) {
        if bytes.len() > KEPT_BYTES_MAX {
            return;
        }
        if self.pool.len() < POOL_MAX {
            self.pool.push((from, to, bytes));
        } else {
            let at = self.random.random_range(0..POOL_MAX);
            self.pool[at] = (from, to, bytes);
        }
    }

    /// A message arrives as it was sent, perhaps once more. Most often one of the latest.
    fn deliver(&mut self) {
        let latest = self.pool.len().saturating_sub(8);
        let among = if self.random.random() { &self.pool[latest..] } else { &self.pool[..] };
        let Some((from, to, bytes)) = among.choose(&mut self.random) else { return };
        let Ok(Datagram::Protocol { message: packet, .. }) = self.wire.decode(bytes) else {
            panic!("what was sent can be decoded")
        };
        let (from, to) = (*from, *to);
        self.step(to.index(), Reaching::Receive { from, packet });
    }

    fn expire(&mut self) {
        let index = self.some_node();
        let timers = &self.nodes[index].timers;
        let at = self.random.random_range(0..timers.len().max(1));
        let Some(timer) = timers.iter().nth(at).copied() else { return };
        self.nodes[index].timers.remove(&timer);
        self.step(index, Reaching::Expire(timer));
    }

    /// Somebody alters what was sent and sends it, as a node or as a client.
    fn attack(&mut self) {
        let Some((_, _, bytes)) = self.pool.choose(&mut self.random) else { return };
        let mut altered = bytes.clone();
        alter(&mut altered, &mut self.random, |random| {
            self.pool.choose(random).map(|(_, _, bytes)| &bytes[..])
        });
        self.tell(&altered);
    }

    /// Somebody who has a key tells a node these bytes.
    pub fn tell(&mut self, bytes: &[u8]) {
        self.done.cases += 1;
        let Ok(datagram @ Datagram::Protocol { .. }) = self.wire.decode(bytes) else { return };
        self.done.decoded += 1;
        let again = self.wire.encode(&datagram).unwrap();
        assert_eq!(self.wire.decode(&again).as_ref(), Ok(&datagram), "it means one thing");
        let Datagram::Protocol { message: packet, .. } = datagram else { return };
        let client: Peer = match &packet.message {
            Message::Request { request, .. } => request.client.into(),
            _ => self.some_client().into(),
        };
        // What the node's loop lets through of a client, and all that a node may say.
        let is_client = self.random.random() && WithLeader::need(client, &packet) != Need::Node;
        self.done.from_clients += u64::from(is_client);
        let node = NodeId(self.some_node() as u16);
        let (from, to) = (if is_client { client } else { node.into() }, self.some_node());
        self.step(to, Reaching::Receive { from, packet });
    }

    /// A node takes a step, and what must hold of it holds.
    fn step(&mut self, index: usize, reaching: Reaching) {
        self.done.steps += 1;
        self.now += self.random.random_range(0..3);
        let input = NodeInput { random: self.random.random(), reaching };
        let Node { config, replica, store, digest, .. } = &mut self.nodes[index];
        let Ok(step) = take(config, replica, store, Timestamp(self.now), input);
        for change in step.changes {
            let Ok(()) = digest.follow(store, &change);
            store.apply([change]);
        }
        if self.done.steps.is_multiple_of(16) {
            let Ok(whole) = StoreDigest::of(store);
            assert_eq!(*digest, whole, "what is kept up to date");
        }
        let owed = replica.iter().filter_map(Replica::leadership).map(|leader| leader.owed());
        let entries = store.entries().len();
        assert!(owed.sum::<usize>() <= self.cluster.limits.pending_max + entries, "what waits");
        for effect in step.effects {
            match effect {
                Effect::Send { to, message } => self.say(index, to, message),
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
    fn say(&mut self, from: usize, to: Peer, message: Message) {
        let datagram = self.datagram(Packet { shard: LOG, message });
        let bytes = self.wire.encode(&datagram).unwrap();
        assert_eq!(self.wire.decode(&bytes).as_ref(), Ok(&datagram));
        if let Peer::Node(to) = to {
            self.keep(NodeId(from as u16).into(), to, bytes);
        }
    }
}
