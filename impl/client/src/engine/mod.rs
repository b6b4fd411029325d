//! The thread that talks to the cluster: one socket, as many protocol clients as there may be requests at a time.
//!
//! What is sent, to whom and under which identity, and how a request ends, are steps of the protocol's own client, which
//! the checker visits. Left to this thread is what the model leaves to chance: which node is asked, and when timers expire.
//! A request that is given up is one whose timer expired as often as it takes.

mod heard;

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use quorate::client::{ClientError, ClientTrace};
use quorate::config::ClusterFile;
use quorate::guard::{GuardedTransport, Party};
use quorate::keys::Right;
use quorate::leaderless::{Leaderless, LeaderlessClient, SessionOptions};
use quorate::runs::{Asks, EffectOf, Speaks, Whom};
use quorate::transport::{SocketTransport, Transport};
use quorate::wire::{Age, Datagram, Wire, WireError, age_of, wall_clock_ms};
use quorate_protocol::cluster::ClusterSpec;
use quorate_protocol::ids::{ClientId, NodeId, NodeSet, Peer};
use quorate_protocol::protocol::{Operation, Outcome, Timer};
use tokio::sync::oneshot;
use tracing::warn;

use crate::error::is_of_this_node_now;
use heard::Heard;

/// How long to wait where nothing is due. The socket wakes it for everything else.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// How many messages are taken in before anything new is begun.
const MESSAGES_MAX: usize = 64;

/// How long until nodes are asked again whether they are there.
const PING_AGAIN: Duration = Duration::from_millis(100);

/// Something that is asked for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    /// When it is given up.
    pub(crate) deadline: Instant,
    pub(crate) done: oneshot::Sender<Result<Ended, Failure>>,
}

/// How the protocol's client says that it ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    /// Which node was asked last.
    pub(crate) asked: NodeId,
    /// Whether it had been asked more than once.
    pub(crate) was_asked_again: bool,
}

/// Why it did not come to that.
#[derive(Debug)]
pub(crate) enum Failure {
    NobodyAnswers(NodeSet),
    /// Nobody but nodes that are configured otherwise: what one of them said.
    ConfiguredOtherwise(ClientError),
    NotBegun,
    Denied(Right),
    TooLarge(WireError),
    Stopped(String),
}

/// A client of the protocol, and what it is at.
#[derive(Debug)]
struct Slot {
    client: LeaderlessClient,
    trace: Option<ClientTrace>,
    timer: Option<(Instant, Timer)>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    request: Request,
    phase: Phase,
    /// Nodes that were asked, and would not or did not answer.
    tried: NodeSet,
    /// How the last of them ended.
    ended: Option<Ended>,
    /// That one is configured otherwise, as it said.
    otherwise: Option<ClientError>,
}

#[derive(Debug)]
enum Phase {
    /// It waits for any node of the first group to say that it is there.
    Looking { groups: VecDeque<Vec<NodeId>>, looked_for: NodeSet, until: Instant, again: Instant },
    /// It waits for this node's answer.
    Asking { node: NodeId, since: Instant, since_ms: u64, expired: u32 },
}

impl Running {
    /// How it ends where nobody is left to ask: as the last who was asked said, if anybody was.
    fn failed(&mut self, looked_for: NodeSet) -> Result<Ended, Failure> {
        match (self.ended.take(), self.otherwise.take()) {
            (Some(ended), _) => Ok(ended),
            (None, Some(otherwise)) => Err(Failure::ConfiguredOtherwise(otherwise)),
            (None, None) => Err(Failure::NobodyAnswers(looked_for)),
        }
    }

    fn is_read(&self) -> bool {
        matches!(self.request.operation, Operation::Get { .. })
    }
}

/// Something that ends the thread.
type Fatal = ClientError;

/// See the module.
#[derive(Debug)]
pub(crate) struct Engine {
    cluster: ClusterFile,
    wire: Wire<Leaderless>,
    transport: GuardedTransport<SocketTransport>,
    requests: Receiver<Request>,
    queue: VecDeque<Request>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    slot_of: BTreeMap<ClientId, usize>,
    heard: Heard,
    buffer: Vec<u8>,
}

impl Engine {
    pub(crate) fn new(
        cluster: ClusterFile,
        transport: GuardedTransport<SocketTransport>,
        requests: Receiver<Request>,
    ) -> Result<Self, ClientError> {
        let ids = transport.guarded_by().clients().to_vec();
        let slot = |id: &ClientId| {
            let client = LeaderlessClient::new(*id, &cluster, SessionOptions::default())?;
            Ok(Slot { client, trace: None, timer: None, running: None })
        };
        let slots = ids.iter().map(slot).collect::<Result<Vec<_>, ClientError>>()?;
        Ok(Engine {
            wire: cluster.wire(),
            heard: Heard::of(cluster.nodes.len()),
            transport,
            requests,
            queue: VecDeque::new(),
            free: (0..slots.len()).rev().collect(),
            slots,
            slot_of: ids.iter().enumerate().map(|(slot, id)| (*id, slot)).collect(),
            cluster,
            buffer: Vec::new(),
        })
    }

    /// Writes every step down.
    pub(crate) fn trace(
        &mut self,
        open: impl Fn() -> Result<ClientTrace, ClientError>,
    ) -> Result<(), ClientError> {
        for slot in &mut self.slots {
            let mut trace = open()?;
            trace.start(&slot.client.header(&self.cluster))?;
            slot.trace = Some(trace);
        }
        Ok(())
    }

    /// Goes on until nobody can ask any more, or the socket or the trace fails.
    pub(crate) fn run(mut self) {
        let Err(error) = self.go_on() else { return };
        warn!(%error, "the client has stopped");
        let why = error.to_string();
        let running = self.slots.into_iter().filter_map(|slot| slot.running);
        let running = running.map(|running| running.request);
        for request in running.chain(self.queue) {
            let _ = request.done.send(Err(Failure::Stopped(why.clone())));
        }
    }

    fn go_on(&mut self) -> Result<(), Fatal> {
        loop {
            loop {
                match self.requests.try_recv() {
                    Ok(request) => self.queue.push_back(request),
                    Err(TryRecvError::Empty) => break,
                    // Sessions ask through what has just been dropped: nobody waits for anything.
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            self.begin()?;
            let now = Instant::now();
            let due = self.next_due().map(|due| due.saturating_duration_since(now));
            self.receive(due.map_or(WAIT_MAX, |due| due.min(WAIT_MAX)))?;
            self.expire(Instant::now())?;
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let timers = self.slots.iter().filter_map(|slot| slot.timer.map(|(due, _)| due));
        let looking = self.slots.iter().filter_map(|slot| match &slot.running.as_ref()?.phase {
            Phase::Looking { until, again, .. } => Some(*until.min(again)),
            Phase::Asking { .. } => None,
        });
        let queued = self.queue.iter().map(|request| request.deadline);
        timers.chain(looking).chain(queued).min()
    }

    // Beginning.

    fn begin(&mut self) -> Result<(), Fatal> {
        let now = Instant::now();
        // Of what nobody waits for any more, nothing is sent.
        self.queue.retain(|request| !request.done.is_closed());
        while self.queue.front().is_some_and(|request| request.deadline <= now) {
            let late = self.queue.pop_front().expect("there is one");
            let _ = late.done.send(Err(Failure::NotBegun));
        }
        while !self.queue.is_empty()
            && let Some(slot) = self.free.pop()
        {
            let request = self.queue.pop_front().expect("there is one");
            let phase = Phase::Looking {
                groups: VecDeque::new(),
                looked_for: NodeSet::EMPTY,
                until: now,
                again: now,
            };
            let (tried, ended, otherwise) = (NodeSet::EMPTY, None, None);
            self.slots[slot].running = Some(Running { request, phase, tried, ended, otherwise });
            self.look(slot)?;
        }
        Ok(())
    }

    /// Chooses the node to ask: one that was heard of lately, or else the first to answer a ping.
    fn look(&mut self, slot: usize) -> Result<(), Fatal> {
        let now = Instant::now();
        let Slot { client, running, .. } = &mut self.slots[slot];
        let running = running.as_mut().expect("it is at something");
        let groups = match client.whom_to_ask(&running.request.operation) {
            Whom::Node(node) => vec![vec![node]],
            Whom::FirstOf(groups) => groups,
        };
        let untried =
            |group: Vec<NodeId>| group.into_iter().filter(|node| !running.tried.contains(*node));
        let groups = groups.into_iter().map(|group| untried(group).collect::<Vec<_>>());
        let groups: VecDeque<_> = groups.filter(|group| !group.is_empty()).collect();
        let Some(first) = groups.front() else {
            let failed = running.failed(running.tried);
            self.end(slot, failed);
            return Ok(());
        };
        if let Some(node) = first.iter().find(|node| self.heard.lately(**node, now)) {
            return self.ask(slot, *node);
        }
        let looked_for = first.iter().copied().collect();
        let until = (now + self.cluster.timeouts.ping).min(running.request.deadline);
        let again = now + PING_AGAIN;
        let pinged = first.clone();
        running.phase = Phase::Looking { groups, looked_for, until, again };
        self.ping(&pinged)
    }

    fn ping(&mut self, nodes: &[NodeId]) -> Result<(), Fatal> {
        // Any answer will do.
        let ping = Datagram::Ping { token: 0 };
        let bytes = self.wire.encode(&ping).map_err(ClientError::TooLarge)?;
        for node in nodes {
            // One that cannot be reached is one that does not answer.
            let _ = self.transport.send(self.cluster.party(*node), &bytes);
        }
        Ok(())
    }

    fn ask(&mut self, slot: usize, node: NodeId) -> Result<(), Fatal> {
        let now = Instant::now();
        let attempt = self.attempt();
        let Slot { client, running, .. } = &mut self.slots[slot];
        let running = running.as_mut().expect("it is at something");
        let since_ms = wall_clock_ms();
        running.phase = Phase::Asking { node, since: now, since_ms, expired: 0 };
        // Its time is up before that.
        let left = running.request.deadline.saturating_duration_since(now);
        let attempts = left.as_nanos().div_ceil(attempt.as_nanos()) + 1;
        let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
        let input = client.invoke(running.request.operation.clone(), node, attempts);
        self.step(slot, input)
    }

    fn attempt(&self) -> Duration {
        self.cluster.timeouts.client_attempt.max(Duration::from_millis(1))
    }

    // What comes.

    fn receive(&mut self, wait: Duration) -> Result<(), Fatal> {
        let mut wait = wait;
        for _ in 0..MESSAGES_MAX {
            let received = self.transport.receive(&mut self.buffer, wait);
            let Some(Party { peer: Peer::Node(from), .. }) =
                received.map_err(ClientError::Socket)?
            else {
                break;
            };
            wait = Duration::ZERO;
            let datagram = self.wire.decode(&self.buffer);
            if let Ok(Datagram::ConfiguredOtherwise { spec }) = &datagram {
                self.configured_otherwise(from, spec);
                continue;
            }
            self.hear(from)?;
            match datagram {
                Ok(Datagram::Protocol { sent_ms, evidence, message }) => {
                    let lifetime = self.cluster.intervals.datagram_lifetime;
                    if age_of(sent_ms, wall_clock_ms(), lifetime) != Age::Fresh {
                        continue;
                    }
                    if let Some(context) = Leaderless::gives(&message) {
                        self.cluster.given.remember(&context, &evidence);
                    }
                    let client = message.request().map(|request| request.client);
                    let Some(slot) = client.and_then(|client| self.slot_of.get(&client)) else {
                        continue;
                    };
                    if self.is_asking(*slot).is_some() {
                        self.step(*slot, LeaderlessClient::receive(from, message))?;
                    }
                }
                Ok(Datagram::Denied { about, lacks }) => self.denied(from, about, lacks)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn is_asking(&self, slot: usize) -> Option<(NodeId, u64)> {
        match self.slots[slot].running.as_ref()?.phase {
            Phase::Asking { node, since_ms, .. } => Some((node, since_ms)),
            Phase::Looking { .. } => None,
        }
    }

    /// A node is there.
    fn hear(&mut self, from: NodeId) -> Result<(), Fatal> {
        self.heard.hear(from, Instant::now());
        for slot in 0..self.slots.len() {
            if let Some(Running { phase: Phase::Looking { groups, .. }, .. }) =
                &self.slots[slot].running
                && groups.front().is_some_and(|group| group.contains(&from))
            {
                self.ask(slot, from)?;
            }
        }
        Ok(())
    }

    /// A node does not understand what it is asked. Others may.
    fn configured_otherwise(&mut self, by: NodeId, theirs: &ClusterSpec) {
        self.heard.forget(by);
        for slot in &mut self.slots {
            if let Some(Running { phase: Phase::Looking { groups, .. }, otherwise, .. }) =
                &mut slot.running
                && groups.front().is_some_and(|group| group.contains(&by))
            {
                *otherwise = Some(ClientError::configured_otherwise(&self.cluster, by, theirs));
            }
        }
    }

    /// A node says that this process lacks a right. That is so of all that it asked of that kind.
    fn denied(&mut self, by: NodeId, about_ms: u64, lacks: Right) -> Result<(), Fatal> {
        for slot in 0..self.slots.len() {
            let is_meant = self.slots[slot].running.as_ref().is_some_and(|running| {
                let takes = if running.is_read() { Right::Read } else { Right::Write };
                takes == lacks
            });
            let asked = self.is_asking(slot);
            if is_meant && asked.is_some_and(|(node, since)| node == by && about_ms >= since) {
                self.abandon(slot, Failure::Denied(lacks))?;
            }
        }
        Ok(())
    }

    // What expires.

    fn expire(&mut self, now: Instant) -> Result<(), Fatal> {
        for slot in 0..self.slots.len() {
            let Slot { running: Some(running), timer, .. } = &mut self.slots[slot] else {
                continue;
            };
            let is_over = running.request.deadline <= now;
            match &mut running.phase {
                Phase::Looking { groups, looked_for, until, again } => {
                    if is_over {
                        let looked_for = *looked_for;
                        let failed = running.failed(looked_for);
                        self.end(slot, failed);
                        continue;
                    }
                    if *until <= now {
                        groups.pop_front();
                        let Some(group) = groups.front().cloned() else {
                            let looked_for = *looked_for;
                            let failed = running.failed(looked_for);
                            self.end(slot, failed);
                            continue;
                        };
                        *looked_for = looked_for.union(group.iter().copied().collect());
                        *until = (now + self.cluster.timeouts.ping).min(running.request.deadline);
                        *again = now;
                    }
                    if *again <= now {
                        *again = now + PING_AGAIN;
                        let group = groups.front().cloned().unwrap_or_default();
                        self.ping(&group)?;
                    }
                }
                Phase::Asking { node, since, expired, .. } => {
                    let Some((_, timer)) = timer.filter(|(due, _)| *due <= now) else { continue };
                    *expired += 1;
                    let (node, expired) = (*node, *expired);
                    let is_silent = !self.heard.since(node, *since);
                    let is_unwanted = running.request.done.is_closed();
                    let is_read = running.is_read();
                    if is_silent && expired > 1 {
                        self.heard.forget(node);
                    }
                    // A read can be asked of another node. Nobody else can go on with a write that this one may
                    // have begun.
                    if is_over || (is_read && (is_unwanted || (is_silent && expired > 1))) {
                        self.give_up(slot)?;
                        continue;
                    }
                    if is_silent {
                        self.ping(&[node])?;
                    }
                    self.slots[slot].timer = None;
                    self.step(slot, LeaderlessClient::expire(timer))?;
                }
            }
        }
        Ok(())
    }

    /// Lets the timer expire until the protocol's client has given up. What it sends by then is lost on the way.
    fn give_up(&mut self, slot: usize) -> Result<(), Fatal> {
        while let Some((_, timer)) = self.slots[slot].timer.take() {
            let expire = LeaderlessClient::expire(timer);
            if let Ok(Some(outcome)) = self.take_step(slot, expire, false)? {
                return self.ended(slot, outcome);
            }
        }
        Ok(())
    }

    /// Ends a request for another reason than the protocol's.
    fn abandon(&mut self, slot: usize, failure: Failure) -> Result<(), Fatal> {
        let running = self.slots[slot].running.take().expect("it is at something");
        let _ = running.request.done.send(Err(failure));
        // Nobody waits for how that ends.
        self.give_up(slot)?;
        self.free.push(slot);
        Ok(())
    }

    // Steps.

    fn step(&mut self, slot: usize, input: <LeaderlessClient as Asks>::Input) -> Result<(), Fatal> {
        match self.take_step(slot, input, true)? {
            Ok(Some(outcome)) => self.ended(slot, outcome),
            Ok(None) => Ok(()),
            Err(error) => self.abandon(slot, Failure::TooLarge(error)),
        }
    }

    /// Takes a step, writes it down and then lets its effects happen. Says how the operation ended, if it did, or that
    /// something was too large to be sent.
    fn take_step(
        &mut self,
        slot: usize,
        input: <LeaderlessClient as Asks>::Input,
        sends: bool,
    ) -> Result<Result<Option<Outcome>, WireError>, Fatal> {
        let (sent_ms, attempt) = (wall_clock_ms(), self.attempt());
        let Slot { client, trace, timer, running } = &mut self.slots[slot];
        let traced = trace.is_some().then(|| input.clone());
        let step = client.step(input);
        if let (Some(trace), Some(input)) = (trace, traced) {
            let at = trace.next_step();
            trace.write(&client.line(at, input, &step))?;
        }
        let mut too_large = None;
        for effect in step.effects {
            match LeaderlessClient::effect(effect) {
                EffectOf::Send { to: Peer::Node(to), message } if sends => {
                    let context = Leaderless::hands_back(&message);
                    let evidence =
                        context.map(|context| self.cluster.given.show(context)).unwrap_or_default();
                    match self.wire.encode(&Datagram::Protocol { sent_ms, evidence, message }) {
                        Ok(bytes) => {
                            let party = self.cluster.party(to).by(slot as u32);
                            // One that cannot be sent is one that was lost: the timer deals with both.
                            let _ = self.transport.send(party, &bytes);
                        }
                        Err(error) => too_large = Some(error),
                    }
                }
                // Clients do not talk to each other.
                EffectOf::Send { .. } => {}
                EffectOf::SetTimer(set) => {
                    let due = Instant::now() + attempt;
                    let deadline = running.as_ref().map(|running| running.request.deadline);
                    *timer = Some((deadline.map_or(due, |deadline| due.min(deadline)), set));
                }
                EffectOf::CancelTimer(cancelled) => {
                    *timer = timer.filter(|(_, set)| *set != cancelled);
                }
            }
        }
        Ok(too_large.map_or(Ok(step.outcome), Err))
    }

    /// The protocol's client is done with it. Where nothing was written, and another node may do better, that one is asked.
    fn ended(&mut self, slot: usize, outcome: Outcome) -> Result<(), Fatal> {
        let Some(running) = &mut self.slots[slot].running else { return Ok(()) };
        let Phase::Asking { node, expired, .. } = running.phase else { return Ok(()) };
        let (asked, was_asked_again) = (node, expired > 0);
        let passes_on = match &outcome {
            Outcome::PutOk { .. } | Outcome::GetOk { .. } | Outcome::PutUnavailable { .. } => false,
            Outcome::GetUnavailable { .. } => true,
            Outcome::NoAnswer => running.is_read(),
            Outcome::Refused(refusal) => {
                is_of_this_node_now(refusal) && (running.is_read() || !was_asked_again)
            }
        };
        let ended = Ended { outcome, asked, was_asked_again };
        let has_time = running.request.deadline > Instant::now();
        if passes_on && has_time && !running.request.done.is_closed() {
            running.tried.insert(asked);
            running.ended = Some(ended);
            return self.look(slot);
        }
        self.end(slot, Ok(ended));
        Ok(())
    }

    fn end(&mut self, slot: usize, how: Result<Ended, Failure>) {
        if let Some(running) = self.slots[slot].running.take() {
            // Who asked may have gone.
            let _ = running.request.done.send(how);
            self.free.push(slot);
        }
    }
}
