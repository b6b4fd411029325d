//! Histories of one key at several replicas: the only states the laws are about are those that
//! some history reaches.

use itertools::Itertools;
use quickcheck::{Arbitrary, Gen};
use quorate_protocol::ids::{ClientId, NodeId, Timestamp, Value};
use quorate_protocol::versions::{
    ActorId, Dot, Epoch, Incarnation, Record, VersionVector, Versioning, Write,
};

pub(crate) const REPLICAS: usize = 3;
pub(crate) const CLIENTS: usize = 3;

/// How far apart the wall clocks of two neighbouring replicas are where they disagree.
const SKEW: u64 = 7;

/// One thing that happens to the key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// A client reads a replica and keeps the context.
    Get { client: usize, replica: usize },
    /// A client writes at a replica, with the context it last got unless it writes blindly.
    Put { client: usize, replica: usize, blind: bool, delete: bool },
    /// One replica sends its state to another.
    Merge { from: usize, into: usize },
    /// A replica loses its state, so it starts another run of dots.
    Lose { replica: usize },
}

impl Arbitrary for Op {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut below = |bound: usize| usize::arbitrary(g) % bound;
        let (client, replica) = (below(CLIENTS), below(REPLICAS));
        match below(16) {
            0..4 => Op::Get { client, replica },
            4..10 => Op::Put { client, replica, blind: below(4) == 0, delete: below(4) == 0 },
            10..15 => Op::Merge { from: below(REPLICAS), into: replica },
            _ => Op::Lose { replica },
        }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        match *self {
            Op::Get { client, replica } => Box::new(
                (client, replica).shrink().map(|(client, replica)| Op::Get { client, replica }),
            ),
            Op::Put { client, replica, blind, delete } => {
                Box::new((client, replica, blind, delete).shrink().map(
                    |(client, replica, blind, delete)| Op::Put { client, replica, blind, delete },
                ))
            }
            Op::Merge { from, into } => {
                Box::new((from, into).shrink().map(|(from, into)| Op::Merge { from, into }))
            }
            Op::Lose { replica } => Box::new(replica.shrink().map(|replica| Op::Lose { replica })),
        }
    }
}

/// What happens to the key, in order. Any part of a history is a history, so it shrinks freely.
#[derive(Clone, Debug)]
pub(crate) struct History(pub(crate) Vec<Op>);

impl Arbitrary for History {
    fn arbitrary(g: &mut Gen) -> Self {
        History(Vec::arbitrary(g))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(History))
    }
}

/// One write of a history, as the code under test was told of it.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// Under which dot the write is listed.
    pub(crate) dot: Dot,
    /// Under which dot contexts count it: client clocks count the writes of clients.
    pub(crate) counted_as: Dot,
    pub(crate) value: Option<Value>,
}

#[derive(Clone)]
struct Replica {
    state: Record,
    epoch: Epoch,
    counter: u64,
}

#[derive(Clone, Default)]
struct Session {
    /// The context of the last get.
    got: VersionVector,
    /// The clock of its own last write, where a client must have read that before it writes.
    own: VersionVector,
}

/// The replicas and clients of one history, with the states under test.
pub(crate) struct World {
    versioning: Versioning,
    /// How far each replica's clock is ahead of the one before.
    skew: u64,
    time: u64,
    replicas: Vec<Replica>,
    sessions: Vec<Session>,
    pub(crate) writes: Vec<Written>,
}

impl World {
    /// Nothing written; all replicas tell the same time.
    pub(crate) fn new(versioning: Versioning) -> Self {
        let state = Record::empty(versioning);
        World {
            versioning,
            skew: 0,
            time: 0,
            replicas: vec![Replica { state, epoch: Epoch(0), counter: 0 }; REPLICAS],
            sessions: vec![Session::default(); CLIENTS],
            writes: Vec::new(),
        }
    }

    /// As [`World::new`], but the replicas' wall clocks disagree.
    pub(crate) fn skewed(versioning: Versioning) -> Self {
        World { skew: SKEW, ..World::new(versioning) }
    }

    pub(crate) fn state(&self, replica: usize) -> &Record {
        &self.replicas[replica].state
    }

    /// The context of the client's last get.
    pub(crate) fn got(&self, client: usize) -> &VersionVector {
        &self.sessions[client].got
    }

    pub(crate) fn apply(&mut self, op: Op) {
        self.time += 1;
        match op {
            Op::Get { client, replica } => {
                self.sessions[client].got = self.state(replica).context();
            }
            Op::Put { client, replica, blind, delete } => self.put(client, replica, blind, delete),
            Op::Merge { from, into } => {
                let sent = self.state(from).clone();
                self.replicas[into].state.merge(&sent);
            }
            Op::Lose { replica } => {
                let lost = &mut self.replicas[replica];
                lost.state = Record::empty(self.versioning);
                lost.epoch.0 += 1;
                lost.counter = 0;
            }
        }
    }

    fn put(&mut self, client: usize, replica: usize, blind: bool, delete: bool) {
        let session = &mut self.sessions[client];
        let coordinator = &mut self.replicas[replica];
        let mut context = session.own.clone();
        if !blind {
            context.join(&session.got);
        }
        coordinator.counter += 1;
        let dot = Dot { actor: actor(replica, coordinator.epoch), counter: coordinator.counter };
        let counted_as = if self.versioning == Versioning::ClientClock {
            let actor = ActorId::Client(ClientId(client as u64));
            let counted_as = Dot { actor, counter: context.get(actor) + 1 };
            session.own.clone_from(&context);
            session.own.observe(counted_as);
            counted_as
        } else {
            dot
        };
        let value = (!delete).then(|| format!("w{}", self.writes.len()).as_str().into());
        coordinator.state.put(&Write {
            dot,
            client: ClientId(client as u64),
            context,
            timestamp: Timestamp(self.time + replica as u64 * self.skew),
            value: value.clone(),
        });
        self.writes.push(Written { dot, counted_as, value });
    }
}

pub(crate) fn actor(replica: usize, epoch: Epoch) -> ActorId {
    let node = NodeId(u16::try_from(replica).expect("replicas are few"));
    ActorId::Node { node, incarnation: Incarnation(0), epoch }
}

/// Every state that any replica was in, the empty one first, each once in a row.
pub(crate) fn states_of(mut world: World, history: &History) -> Vec<Record> {
    let mut states = vec![world.state(0).clone()];
    for op in &history.0 {
        world.apply(*op);
        if let Op::Put { replica, .. } | Op::Merge { into: replica, .. } = *op {
            states.push(world.state(replica).clone());
        }
    }
    states.into_iter().dedup().collect()
}
