//! One actor's step, and what the ghost needs to know of it: a function of the actor's own state
//! and of what reaches it, and of nothing else.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_checker::Shared;
use quorate_checker::memo::{self, Fingerprint};
use stateright::actor::{Actor, Command, Id, Out};

use super::action::Envelope;
use super::actor::{ActorState, ClusterActor, NodeState};
use super::resolving::{self, Resolving};
use super::state::Seat;
use crate::cluster::Reaping;
use crate::ids::{Key, NodeId, NodeSet, Peer};
use crate::protocol::{
    Entry, Message, NodeConfig, Outcome, PutRequest, Store, Timer, has_void_version,
};
use crate::scenario::{PlannedAction, Scenario};
use crate::versions::{ActorId, Dot, Record};

/// What reaches an actor. Says whom it reaches: two nodes may be in the same state.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Event {
    /// A client starts its next operation through this node.
    Choose(NodeId),
    /// A message arrives.
    Receive(Shared<Envelope>),
    /// A timer expires.
    Expire(Peer, Timer),
    /// A node that stopped starts again.
    Restart(NodeId),
    /// An operator accepts the loss of what these nodes held.
    AcceptLoss(NodeId, NodeSet),
}

impl Fingerprint for Event {
    fn fingerprint(&self) -> u64 {
        match self {
            Event::Receive(envelope) => envelope.fingerprint(),
            Event::Choose(_) | Event::Expire(..) | Event::Restart(_) | Event::AcceptLoss(..) => {
                memo::fingerprint_of(self)
            }
        }
    }
}

/// Something that happened at an actor, as the ghost history takes note of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Fact {
    /// A client's operation ended.
    Outcome { client: usize, operation: usize, outcome: Outcome },
    /// A node's record of a key was touched.
    Record {
        /// Which node.
        node: NodeId,
        /// What the node held, and what a message brought.
        came: [Option<Arc<Record>>; 2],
        /// The write minted in this step, and its dot.
        minted: Option<(usize, Option<Dot>)>,
        /// What the node holds now.
        after: Arc<Record>,
    },
    /// A node's hint for a home was touched.
    Hint {
        /// Which node's.
        node: NodeId,
        /// What the hint was, and what a message brought.
        came: [Option<Arc<Record>>; 2],
        /// The write minted in this step, and its dot.
        minted: Option<(usize, Option<Dot>)>,
        /// What the hint is now.
        after: Arc<Record>,
    },
    /// A node reaped a tombstone.
    Reaped {
        /// What it held of the key until then.
        before: Arc<Record>,
    },
    /// A node gave up its incarnation, not because it was told to, or named a write as a fallback.
    Incident {
        /// Which node.
        node: NodeId,
    },
    /// A put whose context covers all that its coordinator held of the key met a limit of the record.
    Resolving {
        /// Its coordinator.
        node: NodeId,
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

/// What becomes of a node's wait for [`Timer::Settled`] in a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wait {
    /// It begins, or begins anew.
    Begins,
    /// It is over.
    Ends,
}

/// What one actor's step comes to.
#[derive(Debug)]
pub(crate) struct LocalStep {
    /// The actor afterwards.
    pub(crate) seat: Shared<Seat>,
    /// What it sent.
    pub(crate) sent: Vec<Shared<Envelope>>,
    /// What becomes of the node's wait for older messages.
    pub(crate) wait: Option<Wait>,
    /// What the ghost notes; `None` when there is nothing.
    pub(crate) facts: Option<Shared<Vec<Fact>>>,
}

/// Takes the step of the actor at this position.
pub(crate) fn step(
    scenario: &Scenario,
    actors: &[ClusterActor],
    index: usize,
    seat: &Seat,
    event: &Event,
) -> LocalStep {
    let nodes = scenario.cluster.nodes().len();
    let (actor, id) = (&actors[index], Id::from(index));
    let mut after = Cow::Borrowed(&seat.state);
    let mut timers = seat.timers.clone();
    let mut out = Out::new();
    match event {
        Event::Choose(coordinator) => actor.on_random(id, &mut after, coordinator, &mut out),
        Event::Expire(_, timer) => {
            timers.remove(timer);
            actor.on_timeout(id, &mut after, timer, &mut out);
        }
        Event::Receive(envelope) => {
            let from = ClusterActor::id(nodes, envelope.from);
            actor.on_msg(id, &mut after, from, envelope.message.clone(), &mut out);
        }
        Event::Restart(_) => actor.restart(after.to_mut(), &mut out),
        Event::AcceptLoss(_, lost) => actor.accept_loss(after.to_mut(), *lost, &mut out),
    }
    let mut after = after.into_owned();
    let message = match event {
        Event::Receive(envelope) => Some(&envelope.message),
        Event::Choose(_) | Event::Expire(..) | Event::Restart(_) | Event::AcceptLoss(..) => None,
    };
    let facts = match (actor, &seat.state, &mut after) {
        (ClusterActor::Node(config), ActorState::Node(before), ActorState::Node(after)) => {
            let mut facts = node_facts(scenario, config, message, before, after);
            facts.extend(resolving_fact(scenario, config, message, before, after, &out));
            if is_incident(event, before, after) {
                facts.push(Fact::Incident { node: config.node });
            }
            facts
        }
        (_, _, ActorState::Client(client)) => {
            let (client_index, operation) = (index - nodes, client.next.wrapping_sub(1));
            let outcome = client.outcome.take();
            outcome
                .map(|outcome| Fact::Outcome { client: client_index, operation, outcome })
                .into_iter()
                .collect()
        }
        _ => panic!("an actor's state is of its own kind"),
    };
    let from = ClusterActor::peer(nodes, id);
    let mut sent = Vec::new();
    let waited = seat.timers.contains(&Timer::Settled);
    let mut begins = false;
    if matches!(event, Event::Restart(_)) {
        timers.clear();
    }
    for command in out {
        match command {
            Command::Send(to, message) => {
                let to = ClusterActor::peer(nodes, to);
                sent.push(Shared::new(Envelope { from, to, message }));
            }
            Command::SetTimer(timer, _) => {
                begins |= timer == Timer::Settled;
                timers.insert(timer);
            }
            Command::CancelTimer(timer) => {
                timers.remove(&timer);
            }
            // The model offers a client's choices itself, from the client's state.
            Command::ChooseRandom(..) | Command::Save(()) => {}
        }
    }
    let wait = match timers.contains(&Timer::Settled) {
        true if begins => Some(Wait::Begins),
        false if waited => Some(Wait::Ends),
        _ => None,
    };
    LocalStep {
        seat: Shared::new(Seat { state: after, timers }),
        sent,
        wait,
        facts: (!facts.is_empty()).then(|| Shared::new(facts)),
    }
}

/// Whether a node gave up its incarnation for lack of answers, or named a write as a fallback.
fn is_incident(event: &Event, before: &NodeState, after: &NodeState) -> bool {
    let incarnation = |node: &NodeState| {
        let Ok(identity) = node.store.identity();
        identity.map(|identity| identity.incarnation)
    };
    match event {
        // What a start loses is the fault of its disk.
        Event::Restart(_) | Event::Choose(_) | Event::AcceptLoss(..) => false,
        Event::Receive(envelope) => {
            let is_told = matches!(envelope.message, Message::Registered { .. });
            !is_told && incarnation(before) != incarnation(after)
        }
        Event::Expire(..) => {
            let probes_less = before.replica.probing().count() > after.replica.probing().count();
            let minted = |node: &NodeState| {
                let Ok(identity) = node.store.identity();
                identity.map(|identity| identity.minted)
            };
            let named = probes_less && minted(before) != minted(after);
            named || incarnation(before) != incarnation(after)
        }
    }
}

fn node_facts(
    scenario: &Scenario,
    config: &NodeConfig,
    message: Option<&Message>,
    before: &NodeState,
    after: &NodeState,
) -> Vec<Fact> {
    let put = match message {
        Some(Message::Put(put)) => Some(put),
        _ => released(before, after),
    };
    // What is turned away is as good as lost on the way.
    let is_kept = |state: &Arc<Record>| {
        let Ok(is_void) = has_void_version(&before.store, state);
        !is_void
    };
    let carried = |key: &Key| {
        let mut carried = message.into_iter().flat_map(Message::carried);
        let carried = carried.find(|(carried, state)| *carried == key && is_kept(state));
        carried.map(|(_, state)| Arc::clone(state))
    };
    let mut facts = Vec::new();
    for (key, entry) in after.store.entries() {
        let old = before.store.get(key);
        let brought = carried(key);
        let same = |old: &Entry| old.run == entry.run && Arc::ptr_eq(&old.state, &entry.state);
        if brought.is_none() && old.is_some_and(same) {
            continue;
        }
        let is_minted = entry.run.is_some() && old.is_none_or(|old| old.run != entry.run);
        let minted = put
            .filter(|_| is_minted)
            .map(|put| (planned_write(scenario, put), after.store.last_dot(config.mints_as, key)));
        facts.push(Fact::Record {
            node: config.node,
            came: [old.map(|old| Arc::clone(&old.state)), brought],
            minted,
            after: Arc::clone(&entry.state),
        });
    }
    // A node takes an entry out of its store only to reap a tombstone.
    if scenario.cluster.background().reaping != Reaping::Off {
        for (key, entry) in before.store.entries() {
            if after.store.get(key).is_none() {
                facts.push(Fact::Reaped { before: Arc::clone(&entry.state) });
            }
        }
    }
    for (home, key, state) in after.store.hints() {
        let Ok(old) = before.store.hint(home, key);
        let old = old.map(|kept| kept.state);
        if old.as_ref().is_some_and(|old| Arc::ptr_eq(old, state)) {
            continue;
        }
        let of_home = |message: &&Message| matches!(message, Message::StoreHint { home: of, .. } if *of == home);
        let brought = message.filter(of_home).and_then(|_| carried(key));
        facts.push(Fact::Hint {
            node: config.node,
            minted: minted_into_hint(scenario, before, after, state),
            came: [old, brought],
            after: Arc::clone(state),
        });
    }
    for (home, key, state) in before.store.hints() {
        let Ok(new) = after.store.hint(home, key);
        if new.is_none_or(|new| !new.state.dominates(state)) {
            let (key, state) = (key.clone(), Arc::clone(state));
            facts.push(Fact::HintDropped { node: config.node, key, state });
        }
    }
    facts
}

/// What came of a put that a node decided about as its coordinator, if the put resolves its key and
/// a limit had to do with it.
fn resolving_fact(
    scenario: &Scenario,
    config: &NodeConfig,
    message: Option<&Message>,
    before: &NodeState,
    after: &NodeState,
    out: &[Command<Message, Timer, NodeId, ()>],
) -> Option<Fact> {
    let as_home = match message {
        Some(Message::Put(put)) => Some(put),
        _ => released(before, after),
    };
    let as_home = as_home.filter(|put| config.is_home(&put.key)).map(|put| {
        let (old, new) = (before.store.get(&put.key), after.store.get(&put.key));
        let run = |entry: Option<&Entry>| entry.and_then(|entry| entry.run);
        (put, old.map(|old| Arc::clone(&old.state)), run(old) != run(new))
    });
    // A fallback keeps what it coordinates in its hint for the first home.
    let as_fallback = || {
        let put = begun_as_fallback(before, after)?;
        let home = config.other_homes(&put.key).next()?;
        let hint = |node: &NodeState| {
            let Ok(kept) = node.store.hint(home, &put.key);
            kept.map(|kept| kept.state)
        };
        let (old, new) = (hint(before), hint(after));
        let is_minted = old != new;
        Some((put, old, is_minted))
    };
    let (put, held, is_minted) = as_home.or_else(as_fallback)?;
    let reply = out.iter().find_map(|command| match command {
        Command::Send(_, Message::PutReply { request, outcome }) if *request == put.request => {
            Some(outcome)
        }
        _ => None,
    });
    let limits = config.cluster.limits();
    let came = resolving::judge(limits, put, held.as_deref(), is_minted, reply)?;
    Some(Fact::Resolving { node: config.node, write: planned_write(scenario, put), came })
}

/// The put that had waited for the node's name and was taken in this step.
fn released<'a>(before: &'a NodeState, after: &NodeState) -> Option<&'a PutRequest> {
    let mut waiting = before.replica.waiting_to_mint();
    waiting.find(|put| !after.replica.waits_to_mint(put.request))
}

/// The put that the node no longer asks homes about: it has begun to coordinate it itself, or has
/// forwarded it.
fn begun_as_fallback<'a>(before: &'a NodeState, after: &NodeState) -> Option<&'a PutRequest> {
    before.replica.probing().find(|put| !after.replica.probes(put.request))
}

/// The write that a node minted as a fallback, with its dot: the one that belongs to a request it
/// has begun to coordinate.
fn minted_into_hint(
    scenario: &Scenario,
    before: &NodeState,
    after: &NodeState,
    state: &Record,
) -> Option<(usize, Option<Dot>)> {
    let begun = begun_as_fallback(before, after)?;
    let Ok(identity) = after.store.identity();
    let own = identity?.incarnation;
    let dot = state.versions().map(|(dot, _)| dot).find(|dot| {
        matches!(dot.actor, ActorId::Node { incarnation, .. } if incarnation == own)
            && before
                .store
                .hints()
                .all(|(_, _, old)| old.versions().all(|(known, _)| known != *dot))
    });
    Some((planned_write(scenario, begun), dot))
}

/// Which of the scenario's writes a request makes.
fn planned_write(scenario: &Scenario, put: &PutRequest) -> usize {
    let operations = &scenario.clients[put.request.client.0 as usize].operations;
    match operations[put.request.sequence as usize].action {
        PlannedAction::Put { write, .. } => write,
        PlannedAction::Get => panic!("a put carries the request id of a put"),
    }
}

/// Whether a node's store holds all of a record of a key.
pub(crate) fn holds(seat: &Seat, key: &Key, record: &Record) -> bool {
    match &seat.state {
        ActorState::Node(node) => {
            node.store.get(key).is_some_and(|entry| entry.state.dominates(record))
        }
        ActorState::Client(_) => false,
    }
}
