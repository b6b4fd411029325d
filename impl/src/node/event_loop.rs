//! The loop: collect inputs, step, trace, begin to commit, and let effects happen once they may.
//!
//! It goes on while a commit is on its way to the disk. What the steps of a group say is held back until the
//! group is durable, and with it what every group after it says: so nobody learns of a step before it is
//! durable, nor of steps out of order. `docs/durability.md` says why that is the model's atomic step.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tracing::{debug, info, warn};

use quorate_model::ids::{Peer, Timestamp};

use super::outgoing::{Outgoing, datagrams};
use super::{CLIENTS_MAX, ClientAddresses, NodeError, NodeSettings, Timers, TraceFile};
use crate::config::{Intervals, Timeouts};
use crate::guard::{Guard, GuardedTransport, Party};
use crate::keys::Right;
use crate::runs::{
    DurableStore, EffectOf, MessageOf, ProcessStatus, ReplicaOf, Runs, Seen, Speaks, StagedOf,
    Started, Taken, TimerOf, kind_of,
};
use crate::transport::{FaultyTransport, SocketTransport, Transport};
use crate::wire::{Age, Datagram, Need, Traffic, Wire, WireError, age_of, wall_clock_ms};

/// The most inputs of one group: what a single commit may make everyone wait for.
pub const GROUP_MAX: usize = 256;

/// The most messages that wait for the disk. With more the loop waits too.
const HELD_MAX: usize = 1 << 16;

/// How long the loop waits at most before it looks whether it should stop.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// What tells a running node to end.
#[derive(Debug, Default)]
pub struct Signals {
    stop: Arc<AtomicBool>,
    kill: AtomicBool,
}

impl Signals {
    /// Asks the node to finish its group and end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The flag that [`Signals::stop`] sets, for a signal handler to set.
    #[must_use]
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Asks the node to end at once.
    pub fn kill(&self) {
        self.kill.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.is_killed()
    }

    fn is_killed(&self) -> bool {
        self.kill.load(Ordering::Relaxed)
    }
}

type QuestionOf<P> = <<P as Runs>::Speaks as Speaks>::Question;

/// A trace being written, with what it must know that a node without one need not.
struct Tracing<P: Runs> {
    file: TraceFile<P::Line>,
    /// Follows the store and what is staged over it.
    digest: P::Digest,
    last_at_us: u64,
}

/// What a group of steps says once it is durable.
struct Held<P: Runs> {
    /// The step that must be durable first.
    step: u64,
    /// Messages of the protocol, and when the steps that send them were taken, in milliseconds.
    messages: Vec<(Peer, MessageOf<P::Speaks>, u64)>,
    /// Answers to whatever else was asked, as things stood after the group.
    answers: Vec<(Party, Datagram<P::Speaks>)>,
    /// The timer by which a step began to wait for older datagrams to be gone.
    waits_for_older: Option<TimerOf<P::Speaks>>,
}

/// A group of steps that are taken but not committed yet.
struct Group<P: Runs> {
    staged: StagedOf<P>,
    /// What the steps send, in order, and when they were taken, in milliseconds.
    messages: Vec<(Peer, MessageOf<P::Speaks>, u64)>,
    /// Pings, questions for the status and others, each with its token: answered once all is durable that
    /// the answer tells of.
    pings: Vec<(Party, u64)>,
    status_requests: Vec<(Party, u64)>,
    questions: Vec<(Party, u64, QuestionOf<P>)>,
    /// What operators told it.
    commands: Vec<(Party, u64)>,
    /// What clients may not do: what it is about, and the right they lack.
    denied: Vec<(Party, u64, Right)>,
    steps: u64,
    /// The timer by which a step began to wait for older datagrams to be gone.
    waits_for_older: Option<TimerOf<P::Speaks>>,
}

impl<P: Runs> Default for Group<P> {
    fn default() -> Self {
        Group {
            staged: StagedOf::<P>::default(),
            messages: Vec::new(),
            pings: Vec::new(),
            status_requests: Vec::new(),
            questions: Vec::new(),
            commands: Vec::new(),
            denied: Vec::new(),
            steps: 0,
            waits_for_older: None,
        }
    }
}

/// A node of some protocol: what the protocol remembers, its store and its socket.
pub struct RunningNode<P: Runs> {
    protocol: P,
    timeouts: Timeouts,
    intervals: Intervals,
    replica: ReplicaOf<P>,
    store: P::Store,
    /// The number of the last step taken.
    step: u64,
    /// The last one that is durable or on its way to the disk.
    committed: u64,
    /// What is said once more is durable, in order.
    held: VecDeque<Held<P>>,
    /// How many messages that is.
    held_messages: usize,
    trace: Option<Tracing<P>>,
    wire: Wire<P::Speaks>,
    /// What leaves next for other nodes.
    outgoing: Outgoing<P::Speaks>,
    /// Whether messages share datagrams. Faults are injected into each message for itself.
    shares_datagrams: bool,
    transport: Box<dyn Transport<Party>>,
    address: SocketAddr,
    nodes: Vec<Party>,
    clients: ClientAddresses,
    timers: Timers<TimerOf<P::Speaks>>,
    traffic: Traffic,
    started: Instant,
}

impl<P: Runs> RunningNode<P> {
    /// Opens a node's store, trace and socket. Nothing is sent yet.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub fn open(settings: NodeSettings) -> Result<Self, NodeError> {
        let NodeSettings { cluster, node, trace, .. } = &settings;
        let entry = cluster.node(*node);
        // The socket first: a node that runs already is best recognised by it.
        let bind =
            |source| NodeError::Bind { address: entry.address, name: entry.name.clone(), source };
        // From then on nobody else can take in what is sent here.
        let listens_since_ms = wall_clock_ms();
        let sockets =
            SocketTransport::bind(entry.address, cluster.stream_limits()).map_err(bind)?;
        let address = sockets.address().map_err(NodeError::Socket)?;
        let guard = Guard::of_node(&cluster.guard::<P::Speaks>(), *node, listens_since_ms)?;
        let guarded = GuardedTransport::new(sockets, guard);
        // A message that is sent twice is sealed twice: the protocol is to meet it twice.
        let transport: Box<dyn Transport<Party>> = match cluster.faults {
            Some(faults) => Box::new(FaultyTransport::new(guarded, faults)),
            None => Box::new(guarded),
        };
        let (protocol, mut store) = P::open(&settings)?;
        store.wake(transport.waker().map_err(NodeError::Socket)?);
        let trace = match trace {
            None => None,
            Some(path) => {
                let mut file = TraceFile::open(path, *node)?;
                file.write(&P::header(&settings, store.durable_step()));
                let last_at_us = file.last_at_us();
                Some(Tracing { file, digest: P::digest(&store)?, last_at_us })
            }
        };
        Ok(RunningNode {
            protocol,
            timeouts: cluster.timeouts,
            intervals: cluster.intervals,
            replica: ReplicaOf::<P>::default(),
            step: store.durable_step(),
            committed: store.durable_step(),
            held: VecDeque::new(),
            held_messages: 0,
            store,
            trace,
            wire: cluster.wire(),
            outgoing: Outgoing::default(),
            shares_datagrams: cluster.faults.is_none(),
            transport,
            address,
            nodes: cluster.parties(),
            clients: ClientAddresses::new(CLIENTS_MAX),
            timers: Timers::default(),
            traffic: Traffic::default(),
            started: Instant::now(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs until it is told to end.
    ///
    /// # Errors
    /// When the store, the trace or the socket fails. Nothing that was not durable has been said
    /// to anyone.
    pub fn run(mut self, signals: &Signals) -> Result<(), NodeError> {
        let mut group = Group::default();
        self.step(self.protocol.start(), &mut group)?;
        self.finish(group, signals)?;
        self.settle(signals)?;
        let started = Started { address: self.address, step: self.step };
        self.protocol.tell_start(&self.replica, &self.store, started);
        let mut buffer = Vec::new();
        while !signals.is_stopped() {
            let mut group = Group::default();
            self.collect(&mut buffer, &mut group)?;
            self.finish(group, signals)?;
            self.protocol.tell_news(&self.replica, &self.store);
        }
        self.settle(signals)?;
        info!(step = self.step, "stopped");
        Ok(())
    }

    /// Waits for something to happen, then takes a step for everything that has, up to a limit.
    fn collect(&mut self, buffer: &mut Vec<u8>, group: &mut Group<P>) -> Result<(), NodeError> {
        let mut wait = self.timers.next_deadline().map_or(WAIT_MAX, |deadline| {
            deadline.saturating_duration_since(Instant::now()).min(WAIT_MAX)
        });
        for _ in 0..GROUP_MAX {
            let received = self.transport.receive(buffer, wait).map_err(NodeError::Socket)?;
            let Some(from) = received else { break };
            self.receive(buffer, &from, group)?;
            wait = Duration::ZERO;
        }
        // Some expire as soon as they are set, and belong to this group.
        for _ in 0..GROUP_MAX {
            let Some(timer) = self.timers.pop_expired(Instant::now()) else { break };
            if self.held.iter().any(|held| held.waits_for_older == Some(timer)) {
                // What is to be gone has not even left.
                self.set_timer(timer);
                continue;
            }
            self.step(P::expire(timer), group)?;
        }
        Ok(())
    }

    fn receive(
        &mut self,
        bytes: &[u8],
        from: &Party,
        group: &mut Group<P>,
    ) -> Result<(), NodeError> {
        let datagram = match self.wire.decode(bytes) {
            Ok(datagram) => datagram,
            Err(error) => {
                debug!(from = %from.address, bytes = bytes.len(), %error, "dropped a datagram");
                *match error {
                    WireError::UnknownNode => &mut self.traffic.unknown_node,
                    WireError::Malformed | WireError::TooLarge { .. } => {
                        &mut self.traffic.malformed
                    }
                } += 1;
                return Ok(());
            }
        };
        if !self.is_permitted(&datagram, from, group) {
            return Ok(());
        }
        self.traffic.received += match &datagram {
            Datagram::Several { messages } => messages.len() as u64,
            _ => 1,
        };
        match datagram {
            Datagram::Protocol { sent_ms, evidence, mut message } => {
                if !self.is_fresh(sent_ms, from, &message) {
                    return Ok(());
                }
                if let Peer::Client(client) = from.peer {
                    let is_given = P::Speaks::hands_back(&message).is_some_and(|context| {
                        let guard = self.transport.guard();
                        guard.is_some_and(|guard| guard.was_given(context, &evidence))
                    });
                    P::Speaks::judge(&mut message, is_given);
                    self.clients.heard(client, *from);
                }
                self.step(P::receive(from.peer, message), group)?;
            }
            Datagram::Several { messages } => {
                for (sent_ms, message) in messages {
                    if self.is_fresh(sent_ms, from, &message) {
                        self.step(P::receive(from.peer, message), group)?;
                    }
                }
            }
            Datagram::Ping { token } => {
                group.pings.push((*from, token));
            }
            Datagram::Command { token, command } => {
                self.step(self.protocol.command(command), group)?;
                group.commands.push((*from, token));
            }
            Datagram::StatusRequest { token } => {
                group.status_requests.push((*from, token));
            }
            Datagram::Question { token, question } => {
                group.questions.push((*from, token, question));
            }
            // Answers to questions that a node does not ask.
            Datagram::Pong { .. }
            | Datagram::StatusReply { .. }
            | Datagram::CommandDone { .. }
            | Datagram::Told { .. }
            | Datagram::Denied { .. }
            | Datagram::ConfiguredOtherwise { .. } => {}
        }
        Ok(())
    }

    /// Whether a message is to be believed by its age.
    fn is_fresh(&mut self, sent_ms: u64, from: &Party, message: &MessageOf<P::Speaks>) -> bool {
        let refused = match age_of(sent_ms, wall_clock_ms(), self.intervals.datagram_lifetime) {
            Age::Fresh => return true,
            Age::TooOld => &mut self.traffic.too_old,
            Age::FromFuture => &mut self.traffic.from_future,
        };
        *refused += 1;
        debug!(from = %from.peer, sent_ms, kind = kind_of::<P::Speaks>(message), "dropped for its age");
        false
    }

    /// Whether the sender may send this. A client that lacks a right is told.
    fn is_permitted(
        &mut self,
        datagram: &Datagram<P::Speaks>,
        from: &Party,
        group: &mut Group<P>,
    ) -> bool {
        let is_node = matches!(from.peer, Peer::Node(_));
        let lacks = match datagram.need(from.peer) {
            Need::Nothing => return true,
            Need::Node if is_node => return true,
            Need::Right(right) if from.may(right) => return true,
            Need::Node => None,
            Need::Right(right) => Some(right),
        };
        self.traffic.not_permitted += 1;
        debug!(from = %from.peer, address = %from.address, ?lacks, "denied a datagram");
        group.denied.extend(lacks.map(|right| (*from, datagram.about(), right)));
        false
    }

    /// Takes one step over what is durable and what the group has staged.
    fn step(&mut self, input: P::Input, group: &mut Group<P>) -> Result<(), NodeError> {
        let wall_us = wall_clock_us();
        let now = Timestamp(wall_us);
        // Only a trace needs the input afterwards.
        let traced = self.trace.is_some().then(|| input.clone());
        let store = Seen { durable: &self.store, staged: &group.staged };
        let step = self.protocol.step(&mut self.replica, store, now, input)?;
        self.step += 1;
        group.steps += 1;
        if let (Some(trace), Some(input)) = (&mut self.trace, traced) {
            P::follow(&mut trace.digest, store, &step.changes)?;
            // A wall clock may be set back; a trace's may not.
            trace.last_at_us = trace.last_at_us.max(wall_us);
            let (number, at_us, effects) = (self.step, trace.last_at_us, &step.effects[..]);
            let taken = Taken { number, at_us, now, input, effects };
            trace.file.write(&P::line(taken, &self.replica, &trace.digest));
        }
        self.store.stage(&mut group.staged, step.changes)?;
        for effect in step.effects {
            match P::effect(effect) {
                EffectOf::Send { to, message } => {
                    group.messages.push((to, message, wall_us / 1_000));
                }
                // Nobody outside can see a timer, so it need not wait for the commit; and one
                // that this group cancels must not expire in it.
                EffectOf::SetTimer(timer) => {
                    if P::outlasts_messages(timer) {
                        group.waits_for_older = Some(timer);
                    }
                    self.set_timer(timer);
                }
                EffectOf::CancelTimer(timer) => self.timers.cancel(timer),
            }
        }
        Ok(())
    }

    fn set_timer(&mut self, timer: TimerOf<P::Speaks>) {
        match self.protocol.duration_of(timer, &self.timeouts, &self.intervals) {
            Some(duration) => {
                let paced = self.protocol.paced(timer, duration);
                self.timers.set(timer, Instant::now() + paced);
            }
            None => self.timers.cancel(timer),
        }
    }

    /// Begins to make a group durable, and lets happen what may happen by now.
    fn finish(&mut self, group: Group<P>, signals: &Signals) -> Result<(), NodeError> {
        if signals.is_killed() {
            return Ok(());
        }
        if let Some(trace) = &mut self.trace {
            trace.file.flush()?;
        }
        // Steps that changed nothing need no commit, unless a trace must be able to tell the steps
        // that may have sent something from those that have not.
        if !P::Store::is_unchanged(&group.staged) || (self.trace.is_some() && group.steps > 0) {
            self.protocol.commit(&mut self.store, &group.staged, self.step)?;
            self.committed = self.step;
        }
        self.hold(group)?;
        self.release(signals)?;
        if self.held_messages > HELD_MAX {
            self.settle(signals)?;
        }
        Ok(())
    }

    /// Keeps what a group says until it is durable, and so is every group before it: also what a group says that
    /// changed nothing may tell of them.
    fn hold(&mut self, group: Group<P>) -> Result<(), NodeError> {
        let pings = group.pings.into_iter();
        let mut answers: Vec<_> = pings.map(|(to, token)| (to, Datagram::Pong { token })).collect();
        for (to, token) in group.status_requests {
            let status = self.status();
            answers.push((to, Datagram::StatusReply { token, status }));
        }
        for (to, token, question) in group.questions {
            let told = self.protocol.tell(&self.replica, &self.store, question)?;
            answers.push((to, Datagram::Told { token, told }));
        }
        for (to, token) in group.commands {
            let answer = self.protocol.answer(&self.replica);
            answers.push((to, Datagram::CommandDone { token, answer }));
        }
        for (to, about, lacks) in group.denied {
            answers.push((to, Datagram::Denied { about, lacks }));
        }
        let (step, messages) = (self.committed, group.messages);
        let waits_for_older = group.waits_for_older;
        if messages.is_empty() && answers.is_empty() && waits_for_older.is_none() {
            return Ok(());
        }
        self.held_messages += messages.len();
        self.held.push_back(Held { step, messages, answers, waits_for_older });
        Ok(())
    }

    /// Waits for the disk, and lets everything happen that was held back.
    fn settle(&mut self, signals: &Signals) -> Result<(), NodeError> {
        if !signals.is_killed() {
            self.store.settle()?;
        }
        self.release(signals)
    }

    /// Lets everything happen that was held back for what is durable by now.
    fn release(&mut self, signals: &Signals) -> Result<(), NodeError> {
        let durable = self.store.progress()?;
        while let Some(held) = self.held.pop_front_if(|held| held.step <= durable) {
            if signals.is_killed() {
                return Ok(());
            }
            self.held_messages -= held.messages.len();
            for (to, message, sent_ms) in held.messages {
                match to {
                    Peer::Node(node) if self.shares_datagrams => {
                        self.outgoing.push(node, sent_ms, message);
                    }
                    _ => self.send_message(to, message, sent_ms),
                }
            }
            if held.waits_for_older.is_some() {
                self.send_outgoing();
            }
            // What earlier steps said has left only now, and is older than the wait.
            let timer = held.waits_for_older.filter(|timer| self.timers.is_running(*timer));
            if let Some(timer) = timer {
                self.set_timer(timer);
            }
            for (to, answer) in held.answers {
                self.send(to, &answer);
            }
        }
        self.send_outgoing();
        Ok(())
    }

    /// Sends what other nodes are told, in as few datagrams as it takes.
    fn send_outgoing(&mut self) {
        for (node, messages) in self.outgoing.take() {
            let (party, mut bytes) = (self.nodes[node.index()], Vec::new());
            datagrams(&self.wire, messages, &mut bytes);
            for (count, bytes) in bytes {
                self.send_bytes(party, bytes, count as u64);
            }
        }
    }

    fn send_message(&mut self, to: Peer, message: MessageOf<P::Speaks>, sent_ms: u64) {
        let party = match to {
            Peer::Node(node) => Some(self.nodes[node.index()]),
            Peer::Client(client) => self.clients.of(client),
        };
        let Some(party) = party else {
            self.traffic.unknown_client += 1;
            debug!(%to, kind = kind_of::<P::Speaks>(&message), "no address to send to");
            return;
        };
        let given = match to {
            Peer::Client(_) => P::Speaks::gives(&message),
            Peer::Node(_) => None,
        };
        let give = |context| Some(self.transport.guard()?.give(&context));
        let evidence = given.and_then(give).unwrap_or_default();
        self.send(party, &Datagram::Protocol { sent_ms, evidence, message });
    }

    fn send(&mut self, to: Party, datagram: &Datagram<P::Speaks>) {
        self.send_bytes(to, self.wire.encode(datagram), 1);
    }

    /// Sends a datagram that carries so many messages.
    fn send_bytes(&mut self, to: Party, bytes: Result<Vec<u8>, WireError>, messages: u64) {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => {
                self.traffic.too_large += messages;
                warn!(to = %to.address, %error, "did not send a datagram");
                return;
            }
        };
        match self.transport.send(to, &bytes) {
            Ok(()) => self.traffic.sent += messages,
            Err(error) => {
                self.traffic.send_failed += messages;
                warn!(to = %to.address, %error, "could not send a datagram");
            }
        }
    }

    fn traffic(&self) -> Traffic {
        self.traffic.with(self.transport.refusals(), self.transport.stream_traffic())
    }

    /// What to say of it between groups, when everything is durable that its steps have changed.
    fn status(&self) -> <P::Speaks as Speaks>::Status {
        let says = ProcessStatus { up: self.started.elapsed(), traffic: self.traffic() };
        self.protocol.status(&self.replica, &self.store, says)
    }
}

fn wall_clock_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is a clock that was never set.
    since.map_or(0, |since| since.as_micros() as u64)
}
