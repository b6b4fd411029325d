//! What happened in one step of a node or a client, as properties take note of it.
//!
//! Facts are derived here and nowhere else: searches, scripts and the replay of traces judge the same
//! facts. They are a function of what the actor was before the step, of what reached it, of what
//! it is afterwards, and of what it said.

use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_checker::world::{Event, Taken};

use super::leaderless::Leaderless;
use super::resolving::{self, Resolving};
use super::state::{ActorState, NodeState};
use crate::cluster::Reaping;
use crate::ids::{Key, NodeId, Peer, RequestId};
use crate::protocol::{
    Entry, MemoryStore, Message, NodeConfig, Outcome, PutRequest, Store, has_void_version,
};
use crate::scenario::{PlannedAction, Scenario};
use crate::versions::{ActorId, Dot, Record};

/// Something that happened at an actor, as the ghost history takes note of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Fact {
    /// A client started an operation.
    Invoked {
        /// Which client, counted from zero.
        client: usize,
        /// Which of its operations.
        operation: usize,
    },
    /// A client's operation ended.
    Outcome {
        /// Whose, counted from zero.
        client: usize,
        /// Which of that client's operations.
        operation: usize,
        /// How.
        outcome: Outcome,
    },
    /// A node's record of a key was touched.
    Record(Touched),
    /// A node's hint for a home was touched.
    Hint(Touched),
    /// A node reaped a tombstone.
    Reaped {
        /// Of which key.
        key: Key,
        /// What it held of the key until then.
        before: Arc<Record>,
    },
    /// A node gave up its incarnation, not because it was told to, or named a write as a fallback.
    Incident {
        /// Which node.
        node: NodeId,
    },
    /// A node lost its disk, or was given an older one: no step of its own.
    DiskReplaced {
        /// Which node.
        node: NodeId,
        /// What it holds now, key by key.
        holds: Vec<(Key, Arc<Record>)>,
    },
    /// A put whose context covers all that its coordinator held of the key met a limit of the record.
    Resolving {
        /// Its coordinator.
        node: NodeId,
        /// Of which key.
        key: Key,
        /// Which write it was to make.
        write: usize,
        /// What came of it.
        came: Resolving,
    },
    /// A hint was dropped, or became less.
    HintDropped {
        /// By which node.
        node: NodeId,
        /// About which key.
        key: Key,
        /// What it was.
        state: Arc<Record>,
    },
}

impl Fact {
    /// Of which key it is; `None` if it is of none, or of a client's operation.
    pub(crate) fn key(&self) -> Option<&Key> {
        match self {
            Fact::Record(Touched { key, .. })
            | Fact::Hint(Touched { key, .. })
            | Fact::Reaped { key, .. }
            | Fact::Resolving { key, .. }
            | Fact::HintDropped { key, .. } => Some(key),
            Fact::Invoked { .. }
            | Fact::Outcome { .. }
            | Fact::Incident { .. }
            | Fact::DiskReplaced { .. } => None,
        }
    }
}

/// A record that a step changed, or to which a message brought something.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Touched {
    /// Which node holds it.
    pub node: NodeId,
    /// Of which key.
    pub key: Key,
    /// What it was, and what a message brought.
    pub came: [Option<Arc<Record>>; 2],
    /// The write minted in this step, and its dot.
    pub minted: Option<(usize, Option<Dot>)>,
    /// What it is now.
    pub after: Arc<Record>,
}

/// Who knows which write a request makes.
pub(crate) trait Writes {
    /// Which write this request makes; `None` if nobody knows.
    fn write_of(&self, request: RequestId) -> Option<usize>;
}

impl Writes for Scenario {
    fn write_of(&self, request: RequestId) -> Option<usize> {
        let operations = &self.clients[request.client.0 as usize].operations;
        match operations[request.sequence as usize].action {
            PlannedAction::Put { write, .. } => Some(write),
            PlannedAction::Get => panic!("a put carries the request id of a put"),
        }
    }
}

/// What made a node take a step.
#[derive(Clone, Copy)]
pub(crate) enum Cause<'a> {
    /// A message arrived.
    Message(&'a Message),
    /// A timer expired.
    Timer,
    /// The node was started, or an operator told it something.
    Command,
}

/// A node before or after a step, as far as facts are derived from it.
pub(crate) struct Moment<'a> {
    /// What it keeps durably: of the keys that the step may have touched, at least.
    pub(crate) store: &'a MemoryStore,
    /// The puts that wait until it may mint.
    pub(crate) waiting_to_mint: Vec<&'a PutRequest>,
    /// The puts that wait for a home to answer.
    pub(crate) probing: Vec<&'a PutRequest>,
}

impl<'a> Moment<'a> {
    /// All of a node's state.
    pub(crate) fn of(node: &'a NodeState) -> Self {
        Moment {
            store: &node.store,
            waiting_to_mint: node.replica.waiting_to_mint().collect(),
            probing: node.replica.probing().collect(),
        }
    }
}

/// What happened in one step in the model.
pub(crate) fn of(
    scenario: &Scenario,
    nodes: &[NodeConfig],
    taken: &mut Taken<'_, Leaderless>,
) -> Vec<Fact> {
    match (taken.peer, taken.before, &mut *taken.after) {
        (Peer::Node(id), ActorState::Node(before), ActorState::Node(after)) => {
            let cause = match taken.event {
                Event::Receive(envelope) => Cause::Message(&envelope.message),
                Event::Expire(..) => Cause::Timer,
                Event::Invoke(..) | Event::Restart(_) | Event::Command(..) => Cause::Command,
            };
            let said = taken.sent.iter().map(|sent| &sent.message);
            let (before, after) = (Moment::of(before), Moment::of(after));
            of_node(scenario, &nodes[id.index()], cause, &before, &after, said)
        }
        (Peer::Client(id), _, ActorState::Client(client)) => {
            let is_start = matches!(taken.event, Event::Invoke(..));
            let (operation, outcome) = (client.next.wrapping_sub(1), client.outcome.take());
            of_client(id.0 as usize, operation, is_start, outcome)
        }
        _ => panic!("an actor's state is of its own kind"),
    }
}

/// What happened in one step of a client: it started this operation, or was at it already, and the
/// operation ended, if there is an outcome.
pub(crate) fn of_client(
    client: usize,
    operation: usize,
    is_start: bool,
    outcome: Option<Outcome>,
) -> Vec<Fact> {
    let started = is_start.then_some(Fact::Invoked { client, operation });
    let ended = outcome.map(|outcome| Fact::Outcome { client, operation, outcome });
    started.into_iter().chain(ended).collect()
}

/// What happened in one step of a node: `cause` made it go from one moment to the next and say
/// this.
pub(crate) fn of_node<'a>(
    writes: &dyn Writes,
    config: &NodeConfig,
    cause: Cause<'_>,
    before: &Moment<'_>,
    after: &Moment<'_>,
    said: impl Iterator<Item = &'a Message>,
) -> Vec<Fact> {
    let message = match cause {
        Cause::Message(message) => Some(message),
        Cause::Timer | Cause::Command => None,
    };
    let step = NodeStep { writes, config, message, before, after };
    let mut facts = step.records();
    facts.extend(step.resolving(said));
    if step.is_incident(cause) {
        facts.push(Fact::Incident { node: config.node });
    }
    facts
}

/// One step of a node.
struct NodeStep<'a> {
    writes: &'a dyn Writes,
    config: &'a NodeConfig,
    message: Option<&'a Message>,
    before: &'a Moment<'a>,
    after: &'a Moment<'a>,
}

impl NodeStep<'_> {
    /// What became of records and hints.
    fn records(&self) -> Vec<Fact> {
        let (before, after) = (self.before.store, self.after.store);
        let put = match self.message {
            Some(Message::Put(put)) => Some(put),
            _ => self.released(),
        };
        let mut facts = Vec::new();
        for (key, entry) in after.entries() {
            let old = before.get(key);
            let brought = self.carried(key);
            let same = |old: &Entry| old.run == entry.run && Arc::ptr_eq(&old.state, &entry.state);
            if brought.is_none() && old.is_some_and(same) {
                continue;
            }
            let is_minted = entry.run.is_some() && old.is_none_or(|old| old.run != entry.run);
            let minted = put.filter(|_| is_minted).and_then(|put| {
                let write = self.writes.write_of(put.request)?;
                Some((write, after.last_dot(self.config.mints_as, key)))
            });
            facts.push(Fact::Record(Touched {
                node: self.config.node,
                key: key.clone(),
                came: [old.map(|old| Arc::clone(&old.state)), brought],
                minted,
                after: Arc::clone(&entry.state),
            }));
        }
        // A node takes an entry out of its store only to reap a tombstone.
        if self.config.cluster.background().reaping != Reaping::Off {
            for (key, entry) in before.entries() {
                if after.get(key).is_none() {
                    let (key, before) = (key.clone(), Arc::clone(&entry.state));
                    facts.push(Fact::Reaped { key, before });
                }
            }
        }
        for (home, key, state) in after.hints() {
            let Ok(old) = before.hint(home, key);
            let old = old.map(|kept| kept.state);
            if old.as_ref().is_some_and(|old| Arc::ptr_eq(old, state)) {
                continue;
            }
            let of_home = |message: &&Message| matches!(message, Message::StoreHint { home: of, .. } if *of == home);
            let brought = self.message.filter(of_home).and_then(|_| self.carried(key));
            facts.push(Fact::Hint(Touched {
                node: self.config.node,
                key: key.clone(),
                minted: self.minted_into_hint(state),
                came: [old, brought],
                after: Arc::clone(state),
            }));
        }
        for (home, key, state) in before.hints() {
            let Ok(new) = after.hint(home, key);
            if new.is_none_or(|new| !new.state.dominates(state)) {
                let (key, state) = (key.clone(), Arc::clone(state));
                facts.push(Fact::HintDropped { node: self.config.node, key, state });
            }
        }
        facts
    }

    /// What the message brought of a key. What is turned away is as good as lost on the way.
    fn carried(&self, key: &Key) -> Option<Arc<Record>> {
        let is_kept = |state: &Arc<Record>| {
            let Ok(is_void) = has_void_version(self.before.store, state);
            !is_void
        };
        // A page that a node which catches up no longer waits for is ignored, as if it had been lost too.
        let is_page = matches!(self.message, Some(Message::CatchUpPage { .. }));
        if is_page && self.before.store.get(key) == self.after.store.get(key) {
            return None;
        }
        let mut carried = self.message.into_iter().flat_map(Message::carried);
        let carried = carried.find(|(carried, state)| *carried == key && is_kept(state));
        carried.map(|(_, state)| Arc::clone(state))
    }

    /// The put that had waited for the node's name and was taken in this step.
    fn released(&self) -> Option<&PutRequest> {
        self.before.waiting_to_mint.iter().copied().find(|put| {
            let mut waiting = self.after.waiting_to_mint.iter();
            waiting.all(|waits| waits.request != put.request)
        })
    }

    /// The put that the node no longer asks homes about: it has begun to coordinate it itself, or has
    /// forwarded it.
    fn begun_as_fallback(&self) -> Option<&PutRequest> {
        self.before.probing.iter().copied().find(|put| {
            let mut probing = self.after.probing.iter();
            probing.all(|probes| probes.request != put.request)
        })
    }

    /// The write that a node minted as a fallback, with its dot: the one that belongs to a request it
    /// has begun to coordinate.
    fn minted_into_hint(&self, state: &Record) -> Option<(usize, Option<Dot>)> {
        let write = self.writes.write_of(self.begun_as_fallback()?.request)?;
        let Ok(identity) = self.after.store.identity();
        let own = identity?.incarnation;
        let dot = state.versions().map(|(dot, _)| dot).find(|dot| {
            matches!(dot.actor, ActorId::Node { incarnation, .. } if incarnation == own)
                && self
                    .before
                    .store
                    .hints()
                    .all(|(_, _, old)| old.versions().all(|(known, _)| known != *dot))
        });
        Some((write, dot))
    }

    /// What came of a put that a node decided about as its coordinator, if the put resolves its key
    /// and a limit had to do with it.
    fn resolving<'a>(&self, mut said: impl Iterator<Item = &'a Message>) -> Option<Fact> {
        let as_home = match self.message {
            Some(Message::Put(put)) => Some(put),
            _ => self.released(),
        };
        let (before, after) = (self.before.store, self.after.store);
        let as_home = as_home.filter(|put| self.config.is_home(&put.key)).map(|put| {
            let (old, new) = (before.get(&put.key), after.get(&put.key));
            let run = |entry: Option<&Entry>| entry.and_then(|entry| entry.run);
            (put, old.map(|old| Arc::clone(&old.state)), run(old) != run(new))
        });
        // A fallback keeps what it coordinates in its hint for the first home.
        let as_fallback = || {
            let put = self.begun_as_fallback()?;
            let home = self.config.other_homes(&put.key).next()?;
            let hint = |store: &MemoryStore| {
                let Ok(kept) = store.hint(home, &put.key);
                kept.map(|kept| kept.state)
            };
            let (old, new) = (hint(before), hint(after));
            let is_minted = old != new;
            Some((put, old, is_minted))
        };
        let (put, held, is_minted) = as_home.or_else(as_fallback)?;
        let reply = said.find_map(|message| match message {
            Message::PutReply { request, outcome } if *request == put.request => Some(outcome),
            _ => None,
        });
        let limits = self.config.cluster.limits();
        let came = resolving::judge(limits, put, held.as_deref(), is_minted, reply)?;
        let write = self.writes.write_of(put.request)?;
        Some(Fact::Resolving { node: self.config.node, key: put.key.clone(), write, came })
    }

    /// Whether a node gave up its incarnation for lack of answers, or named a write as a fallback.
    fn is_incident(&self, cause: Cause<'_>) -> bool {
        let (before, after) = (self.before, self.after);
        let incarnation = |store: &MemoryStore| {
            let Ok(identity) = store.identity();
            identity.map(|identity| identity.incarnation)
        };
        let gave_up = || incarnation(before.store) != incarnation(after.store);
        match cause {
            // What a start loses is the fault of its disk.
            Cause::Command => false,
            Cause::Message(Message::Registered { .. }) => false,
            Cause::Message(_) => gave_up(),
            Cause::Timer => {
                let minted = |store: &MemoryStore| {
                    let Ok(identity) = store.identity();
                    identity.map(|identity| identity.minted)
                };
                let probes_less = before.probing.len() > after.probing.len();
                (probes_less && minted(before.store) != minted(after.store)) || gave_up()
            }
        }
    }
}
