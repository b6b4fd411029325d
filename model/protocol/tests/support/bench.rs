//! Names, builders and a one-node bench for tests that assert what comes out of one step.

// Each test binary compiles this module anew and uses its own part of it.
#![allow(dead_code)]

use std::sync::Arc;

use quorate_protocol::cluster::{BytesMax, ClusterSpec, Limits, PlacementSpec};
use quorate_protocol::ids::{ClientId, Key, NodeId, NodeSet, Peer, RequestId, Timestamp, Value};
use quorate_protocol::protocol::{
    Change, Effect, Entry, FanOut, GetOutcome, GetRequest, Identity, Input, MemoryStore, Message,
    NodeConfig, PutOutcome, PutRequest, ReadRepair, Replica, Run, Step, Timer,
};
use quorate_protocol::versions::{
    ActorId, Dot, Epoch, Incarnation, Record, VersionVector, Versioning, Write,
};

pub(crate) const A: NodeId = NodeId(0);
pub(crate) const B: NodeId = NodeId(1);
pub(crate) const C: NodeId = NodeId(2);
/// In a cluster of [`spec`] with more nodes than homes: a node that is no home.
pub(crate) const D: NodeId = NodeId(3);

/// The client whose requests [`request`] names.
pub(crate) const X: ClientId = ClientId(0);
/// Another client.
pub(crate) const Y: ClientId = ClientId(1);

/// Of every node of a test, unless it says otherwise.
pub(crate) const INCARNATION: Incarnation = Incarnation(7);

/// The one key of these tests. Its homes are the first N nodes.
pub(crate) fn key() -> Key {
    Key::from("k")
}

/// The first operations of [`X`].
pub(crate) fn request(sequence: u64) -> RequestId {
    RequestId { client: X, sequence }
}

/// Nodes A, B, … with keys placed in that order, dotted versions and no read repair.
pub(crate) fn spec(nodes: usize, n: usize, r: usize, w: usize) -> ClusterSpec {
    ClusterSpec {
        nodes: ('A'..='Z').take(nodes).map(String::from).collect(),
        n,
        r,
        w,
        versioning: Versioning::Dotted,
        read_repair: ReadRepair::Off,
        speculative_retry: false,
        placement: PlacementSpec::InOrder,
        tokens_per_node: 1,
        sloppy: false,
        background: quorate_protocol::cluster::Background::OFF,
        client_fan_out: false,
        limits: BytesMax::default(),
        left: Vec::new(),
        deviations: Vec::new(),
    }
}

/// The same cluster, whose clients may fan requests out themselves.
pub(crate) fn fanning_out(spec: ClusterSpec) -> ClusterSpec {
    ClusterSpec { client_fan_out: true, ..spec }
}

pub(crate) fn set<const COUNT: usize>(nodes: [NodeId; COUNT]) -> NodeSet {
    nodes.into_iter().collect()
}

// Versions.

/// The dot of a node's first epoch.
pub(crate) fn dot(node: NodeId, counter: u64) -> Dot {
    dot_in(node, 0, counter)
}

pub(crate) fn dot_in(node: NodeId, epoch: u64, counter: u64) -> Dot {
    let actor = ActorId::Node { node, incarnation: INCARNATION, epoch: Epoch(epoch) };
    Dot { actor, counter }
}

pub(crate) fn context<const COUNT: usize>(dots: [Dot; COUNT]) -> VersionVector {
    dots.into_iter().collect()
}

/// What a home holds after one write that nobody else's write was seen by.
pub(crate) fn wrote(dot: Dot, value: &str) -> Arc<Record> {
    wrote_after(&Record::empty(Versioning::Dotted), VersionVector::new(), dot, value)
}

/// A state after one more write, whose client had seen `context`.
pub(crate) fn wrote_after(
    before: &Record,
    context: VersionVector,
    dot: Dot,
    value: &str,
) -> Arc<Record> {
    let mut state = before.clone();
    let value = Some(Value::from(value));
    state.put(&Write { dot, client: X, context, timestamp: Timestamp(0), value });
    Arc::new(state)
}

// What goes in.

/// A blind node-driven put of `"v"`.
pub(crate) fn put(sequence: u64) -> PutRequest {
    PutRequest {
        request: request(sequence),
        key: key(),
        value: Some(Value::from("v")),
        context: VersionVector::new(),
        origin: Default::default(),
        w: None,
        sloppy: None,
        fan_out: FanOut::NodeDriven,
    }
}

pub(crate) fn get(sequence: u64) -> GetRequest {
    GetRequest { request: request(sequence), key: key(), r: None }
}

// Messages, all about the key.

pub(crate) fn store(sequence: u64, state: &Arc<Record>) -> Message {
    Message::Store { request: request(sequence), key: key(), state: Arc::clone(state) }
}

/// Of what [`put`] makes of a key that was never written at A. A put counts an acknowledgement
/// of any state; a get counts only those of its merge, which [`ack_of`] names.
pub(crate) fn ack(sequence: u64) -> Message {
    ack_of(sequence, &wrote(dot(A, 1), "v"))
}

pub(crate) fn ack_of(sequence: u64, state: &Record) -> Message {
    Message::StoreAck { request: request(sequence), held: state.digest() }
}

pub(crate) fn fetch(sequence: u64) -> Message {
    Message::Fetch { request: request(sequence), key: key() }
}

pub(crate) fn fetched(sequence: u64, state: Option<&Arc<Record>>) -> Message {
    Message::FetchReply { request: request(sequence), state: state.cloned() }
}

pub(crate) fn repair(state: &Arc<Record>) -> Message {
    Message::Repair { key: key(), state: Arc::clone(state) }
}

pub(crate) fn put_reply(sequence: u64, outcome: PutOutcome) -> Message {
    Message::PutReply { request: request(sequence), outcome }
}

pub(crate) fn put_ok<const COUNT: usize>(sequence: u64, acked: [NodeId; COUNT]) -> Message {
    put_reply(sequence, PutOutcome::Ok { acked: set(acked) })
}

pub(crate) fn put_unavailable<const COUNT: usize>(
    sequence: u64,
    acked: [NodeId; COUNT],
) -> Message {
    put_reply(sequence, PutOutcome::Unavailable { acked: set(acked) })
}

pub(crate) fn get_reply(sequence: u64, outcome: GetOutcome) -> Message {
    Message::GetReply { request: request(sequence), outcome }
}

pub(crate) fn get_ok<const COUNT: usize>(
    sequence: u64,
    state: Option<&Arc<Record>>,
    replied: [NodeId; COUNT],
) -> Message {
    get_reply(sequence, GetOutcome::Ok { state: state.cloned(), replied: set(replied) })
}

// What comes out.

pub(crate) fn send(to: NodeId, message: Message) -> Effect {
    Effect::Send { to: to.into(), message }
}

pub(crate) fn reply(to: impl Into<Peer>, message: Message) -> Effect {
    Effect::Reply { to: to.into(), message }
}

pub(crate) fn set_timer(sequence: u64) -> Effect {
    Effect::SetTimer(Timer::Request(request(sequence)))
}

pub(crate) fn cancel_timer(sequence: u64) -> Effect {
    Effect::CancelTimer(Timer::Request(request(sequence)))
}

/// The store takes this state of the key; its node may continue the run of this epoch and
/// counter, and has minted versions for these requests.
pub(crate) fn holds_and_may_continue<const COUNT: usize>(
    state: &Arc<Record>,
    epoch: u64,
    counter: u64,
    minted: [u64; COUNT],
) -> Change {
    let run = Some(Run { incarnation: INCARNATION, epoch: Epoch(epoch), counter });
    let requests = minted.into_iter().map(request).collect();
    Change::Entry { key: key(), entry: Entry { state: Arc::clone(state), run, requests } }
}

/// The store takes this state of the key; its node must take a fresh epoch for its next write.
pub(crate) fn holds(state: &Arc<Record>) -> Change {
    Change::Entry { key: key(), entry: Entry::received(Arc::clone(state)) }
}

/// The store takes note of the highest counter that its node has minted.
pub(crate) fn has_minted(counter: u64) -> Change {
    Change::Identity(Identity { minted: counter, ..fresh_identity(INCARNATION) })
}

/// The same, and that the node took an epoch that nobody had heard of.
pub(crate) fn has_minted_in_fresh_epoch(counter: u64, next_epoch: u64) -> Change {
    let next_epoch = Epoch(next_epoch);
    Change::Identity(Identity { minted: counter, next_epoch, ..fresh_identity(INCARNATION) })
}

/// Who a node is that starts under this incarnation for the first time.
pub(crate) fn fresh_identity(incarnation: Incarnation) -> Identity {
    Identity::fresh(incarnation, true)
}

/// Only effects.
pub(crate) fn effects(effects: impl Into<Vec<Effect>>) -> Step {
    Step { changes: Vec::new(), effects: effects.into() }
}

/// Only changes.
pub(crate) fn changes(changes: impl Into<Vec<Change>>) -> Step {
    Step { changes: changes.into(), effects: Vec::new() }
}

pub(crate) fn nothing() -> Step {
    Step::default()
}

/// One node on its own: what it sends goes nowhere, what reaches it the test says.
pub(crate) struct Bench {
    pub(crate) config: NodeConfig,
    pub(crate) store: MemoryStore,
    pub(crate) replica: Replica,
}

impl Bench {
    /// A node that has started on a fresh store.
    pub(crate) fn new(node: NodeId, spec: &ClusterSpec) -> Self {
        Self::with_limits(node, spec, Limits::default())
    }

    /// The same with other limits.
    pub(crate) fn with_limits(node: NodeId, spec: &ClusterSpec, limits: Limits) -> Self {
        let cluster = spec.build().expect("the tests' clusters can be").with_limits(limits);
        let config = NodeConfig::new(node, Arc::new(cluster));
        let mut bench =
            Bench { config, store: MemoryStore::default(), replica: Replica::default() };
        bench.take(Input::Start { incarnation: INCARNATION, founding: true });
        bench
    }

    /// The same node once it holds this, which another node sent it.
    pub(crate) fn holding(mut self, state: &Arc<Record>) -> Self {
        self.receive(B, repair(state));
        self
    }

    /// Takes one input, with its changes durable at once.
    pub(crate) fn take(&mut self, input: Input) -> Step {
        let step = self.replica.step(&self.config, &self.store, Timestamp(0), input);
        let Ok(step) = step;
        self.store.apply(step.changes.iter().cloned());
        assert_eq!(self.replica.pending_bytes(), self.replica.pending_bytes_anew());
        step
    }

    pub(crate) fn receive(&mut self, from: impl Into<Peer>, message: Message) -> Step {
        self.take(Input::Receive { from: from.into(), message })
    }

    pub(crate) fn put(&mut self, put: PutRequest) -> Step {
        self.receive(X, Message::Put(put))
    }

    pub(crate) fn get(&mut self, get: GetRequest) -> Step {
        self.receive(X, Message::Get(get))
    }

    pub(crate) fn expire(&mut self, sequence: u64) -> Step {
        self.take(Input::Expire(Timer::Request(request(sequence))))
    }

    /// A crash and a start: what was durable is still there.
    pub(crate) fn restart(&mut self, incarnation: Incarnation) -> Step {
        self.take(Input::Start { incarnation, founding: true })
    }

    /// What it keeps for a home.
    pub(crate) fn kept_for(&self, home: NodeId) -> Option<&Arc<Record>> {
        let mut hints = self.store.hints();
        hints.find(|(of, ..)| *of == home).map(|(_, _, state)| state)
    }

    pub(crate) fn held(&self) -> Option<&Arc<Record>> {
        self.store.get(&key()).map(|entry| &entry.state)
    }
}
