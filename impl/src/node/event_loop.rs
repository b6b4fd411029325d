//! The loop: collect inputs, step, trace, commit, and then let the effects happen.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tracing::{debug, info, warn};

use quorate_model::cluster::Reaping;
use quorate_model::ids::{NodeId, NodeSet, Peer, Timestamp};
use quorate_model::protocol::{Effect, Input, Message, NodeConfig, Replica, Store, Timer};
use quorate_model::refine::digest::{StateDigest, StoreDigest};
use quorate_model::refine::trace::{NodeHeader, NodeStep, TRACE_FORMAT, TraceLine};
use quorate_model::versions::Incarnation;

use super::{
    CLIENTS_MAX, ClientAddresses, HintAges, NodeError, NodeSettings, Oversized, RangeDigests,
    Syncs, Timers, TraceFile, duration_of,
};
use crate::config::{ClusterFile, Intervals, Timeouts};
use crate::storage::{Owner, Staged, StagedChanges, Storage};
use crate::transport::{FaultyTransport, SocketTransport, StreamTraffic, Transport};
use crate::wire::{
    Age, Awaited, Datagram, NodeStatus, Traffic, Wire, WireError, age_of, wall_clock_ms,
};

/// The most inputs of one group: what a single commit may make everyone wait for.
pub const GROUP_MAX: usize = 256;

/// How long the loop waits at most before it looks whether it should stop.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// How long until a node that catches up says again what it waits for.
const TELL_AGAIN: Duration = Duration::from_secs(10);

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

/// A trace being written, with what it must know that a node without one need not.
#[derive(Debug)]
struct Tracing {
    file: TraceFile,
    /// Follows the store and what is staged over it.
    digest: StoreDigest,
    last_at_us: u64,
}

/// A group of steps that are taken but not durable yet.
#[derive(Default)]
struct Group {
    changes: StagedChanges,
    /// What the steps send, in order, and when they were taken, in milliseconds.
    messages: Vec<(Peer, Message, u64)>,
    /// Pings and questions for the status, each with its token: answered once all is durable that
    /// the answer tells of.
    pings: Vec<(SocketAddr, u64)>,
    status_requests: Vec<(SocketAddr, u64)>,
    /// Losses that an operator has accepted.
    losses: Vec<(SocketAddr, u64)>,
    steps: u64,
    /// Whether a step began to wait for older datagrams to be gone.
    waits_for_older: bool,
}

/// A node: its protocol state, its store and its socket.
pub struct Node {
    config: NodeConfig,
    timeouts: Timeouts,
    intervals: Intervals,
    is_founding: bool,
    replica: Replica,
    storage: Storage,
    /// Follow what is durable.
    ranges: RangeDigests,
    oversized: Oversized,
    hint_ages: HintAges,
    syncs: Syncs,
    /// The number of the last step taken.
    step: u64,
    trace: Option<Tracing>,
    wire: Wire,
    transport: Box<dyn Transport>,
    address: SocketAddr,
    nodes: Vec<SocketAddr>,
    clients: ClientAddresses,
    timers: Timers,
    traffic: Traffic,
    started: Instant,
    /// Nodes that asked for what they lost.
    catching_up: NodeSet,
    /// When this node last told what it waits for itself.
    told: Instant,
    /// Whether there is news to tell.
    tells_now: bool,
}

impl Node {
    /// Opens a node's store, trace and socket. Nothing is sent yet.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub fn open(settings: NodeSettings) -> Result<Self, NodeError> {
        let NodeSettings { cluster, node, data, trace, is_founding } = settings;
        let entry = cluster.node(node);
        // The socket first: a node that runs already is best recognised by it.
        let bind =
            |source| NodeError::Bind { address: entry.address, name: entry.name.clone(), source };
        let sockets =
            SocketTransport::bind(entry.address, cluster.stream_limits()).map_err(bind)?;
        let address = sockets.address().map_err(NodeError::Socket)?;
        let transport: Box<dyn Transport> = match cluster.faults {
            Some(faults) => Box::new(FaultyTransport::new(sockets, faults)),
            None => Box::new(sockets),
        };
        let owner = Owner { node: entry.name.clone(), versioning: cluster.spec.versioning };
        let storage = Storage::open(&data, &owner, cluster.cache_bytes)?;
        let ranges = RangeDigests::open(node, Arc::clone(&cluster.cluster), &storage)?;
        let oversized = Oversized::open(cluster.message_bytes_max, &storage)?;
        let mut hint_ages = HintAges::default();
        hint_ages.follow(&storage.counts().hints, Instant::now());
        let trace = match trace {
            None => None,
            Some(path) => {
                let mut file = TraceFile::open(&path, node)?;
                file.write(&TraceLine::Node(NodeHeader {
                    format: TRACE_FORMAT,
                    node,
                    cluster: cluster.spec.clone(),
                    durable_step: storage.durable_step(),
                    datagram_lifetime_us: relied_on_lifetime_us(&cluster),
                }));
                let last_at_us = file.last_at_us();
                Some(Tracing { file, digest: storage.digest()?, last_at_us })
            }
        };
        Ok(Node {
            config: NodeConfig::new(node, Arc::clone(&cluster.cluster)),
            timeouts: cluster.timeouts,
            intervals: cluster.intervals,
            is_founding,
            ranges,
            oversized,
            hint_ages,
            syncs: Syncs::new(node, &cluster.cluster),
            replica: Replica::default(),
            step: storage.durable_step(),
            storage,
            trace,
            wire: cluster.wire(),
            transport,
            address,
            nodes: cluster.addresses(),
            clients: ClientAddresses::new(CLIENTS_MAX),
            timers: Timers::default(),
            traffic: Traffic::default(),
            started: Instant::now(),
            catching_up: NodeSet::EMPTY,
            told: Instant::now(),
            tells_now: false,
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
        let incarnation = Incarnation(rand::random_range(1..=u64::MAX));
        self.step(Input::Start { incarnation, founding: self.is_founding }, &mut group)?;
        self.finish(group, signals)?;
        info!(
            name = self.config.cluster.name(self.config.node),
            address = %self.address,
            durable_step = self.step,
            keys = self.storage.counts().keys,
            "started"
        );
        let mut is_serving = self.replica.serves();
        if !is_serving {
            info!(
                from = %self.neighbours(),
                "catching up: the data directory was empty or had not caught up, and the cluster \
                 is not being founded"
            );
        }
        let mut buffer = Vec::new();
        while !signals.is_stopped() {
            let mut group = Group::default();
            self.collect(&mut buffer, &mut group)?;
            self.finish(group, signals)?;
            if !is_serving {
                self.tell_what_it_waits_for();
            }
            if !is_serving && self.replica.serves() {
                is_serving = true;
                info!(keys = self.storage.counts().keys, "caught up");
            }
        }
        info!(step = self.step, "stopped");
        Ok(())
    }

    /// Waits for something to happen, then takes a step for everything that has, up to a limit.
    fn collect(&mut self, buffer: &mut Vec<u8>, group: &mut Group) -> Result<(), NodeError> {
        let mut wait = self.timers.next_deadline().map_or(WAIT_MAX, |deadline| {
            deadline.saturating_duration_since(Instant::now()).min(WAIT_MAX)
        });
        for _ in 0..GROUP_MAX {
            let received = self.transport.receive(buffer, wait).map_err(NodeError::Socket)?;
            let Some(from) = received else { break };
            self.receive(buffer, from, group)?;
            wait = Duration::ZERO;
        }
        // Some expire as soon as they are set, and belong to this group.
        for _ in 0..GROUP_MAX {
            let Some(timer) = self.timers.pop_expired(Instant::now()) else { break };
            self.step(Input::Expire(timer), group)?;
        }
        Ok(())
    }

    fn receive(
        &mut self,
        bytes: &[u8],
        address: SocketAddr,
        group: &mut Group,
    ) -> Result<(), NodeError> {
        let datagram = match self.wire.decode(bytes) {
            Ok(datagram) => datagram,
            Err(error) => {
                debug!(from = %address, bytes = bytes.len(), %error, "dropped a datagram");
                *match error {
                    WireError::OtherVersion { .. } => &mut self.traffic.other_version,
                    WireError::OtherCluster => &mut self.traffic.other_cluster,
                    WireError::UnknownNode => &mut self.traffic.unknown_node,
                    WireError::NotQuorate | WireError::Malformed | WireError::TooLarge { .. } => {
                        &mut self.traffic.malformed
                    }
                } += 1;
                return Ok(());
            }
        };
        self.traffic.received += 1;
        match datagram {
            Datagram::Protocol { from, sent_ms, message } => {
                let refused =
                    match age_of(sent_ms, wall_clock_ms(), self.intervals.datagram_lifetime) {
                        Age::Fresh => None,
                        Age::TooOld => Some(&mut self.traffic.too_old),
                        Age::FromFuture => Some(&mut self.traffic.from_future),
                    };
                if let Some(count) = refused {
                    *count += 1;
                    debug!(%from, sent_ms, kind = message.kind(), "dropped for its age");
                    return Ok(());
                }
                if let (Peer::Node(node), Message::CatchUp { .. }) = (from, &message) {
                    self.tells_now |= self.catching_up.insert(node);
                }
                if let Peer::Client(client) = from {
                    self.clients.heard(client, address);
                }
                self.step(Input::Receive { from, message }, group)?;
            }
            Datagram::Ping { token } => {
                group.pings.push((address, token));
            }
            Datagram::AcceptLoss { token, lost } => {
                warn!(lost = self.names(lost), "an operator accepts that what these held is lost");
                self.step(Input::AcceptLoss { lost }, group)?;
                group.losses.push((address, token));
            }
            Datagram::StatusRequest { token } => {
                group.status_requests.push((address, token));
            }
            // Answers to questions that a node does not ask.
            Datagram::Pong { .. }
            | Datagram::StatusReply { .. }
            | Datagram::LossAccepted { .. } => {}
        }
        Ok(())
    }

    /// Takes one step over what is durable and what the group has staged.
    fn step(&mut self, input: Input, group: &mut Group) -> Result<(), NodeError> {
        let wall_us = wall_clock_us();
        let now = Timestamp(wall_us);
        // Only a trace needs the input afterwards.
        let traced = self.trace.is_some().then(|| input.clone());
        let sync_sender = Syncs::sender(&input);
        let store = Staged::new(&self.storage, &group.changes);
        let step = self.replica.step(&self.config, &store, now, input)?;
        self.step += 1;
        group.steps += 1;
        if let (Some(trace), Some(input)) = (&mut self.trace, traced) {
            trace.digest.follow(&store, &step.changes)?;
            // A wall clock may be set back; a trace's may not.
            trace.last_at_us = trace.last_at_us.max(wall_us);
            trace.file.write(&TraceLine::Step(NodeStep {
                number: self.step,
                at_us: trace.last_at_us,
                now,
                input,
                effects: step.effects.clone(),
                digest: StateDigest::new(&self.replica, trace.digest),
            }));
        }
        if let Some(sender) = sync_sender {
            self.syncs.follow(sender, &step.changes, Instant::now());
        }
        group.changes.stage(&self.storage, step.changes)?;
        for effect in step.effects {
            match effect {
                Effect::Send { to, message } | Effect::Reply { to, message } => {
                    group.messages.push((to, message, wall_us / 1_000));
                }
                // Nobody outside can see a timer, so it need not wait for the commit; and one
                // that this group cancels must not expire in it.
                Effect::SetTimer(timer) => {
                    group.waits_for_older |= timer == Timer::Settled;
                    let duration = duration_of(timer, &self.timeouts, &self.intervals);
                    self.timers.set(timer, Instant::now() + duration);
                }
                Effect::CancelTimer(timer) => self.timers.cancel(timer),
            }
        }
        Ok(())
    }

    /// Makes a group durable, and only then lets its effects happen.
    fn finish(&mut self, group: Group, signals: &Signals) -> Result<(), NodeError> {
        if signals.is_killed() {
            return Ok(());
        }
        if let Some(trace) = &mut self.trace {
            trace.file.flush()?;
        }
        // Steps that changed nothing need no commit, unless a trace must be able to tell the steps
        // that may have sent something from those that have not.
        if !group.changes.is_empty() || (self.trace.is_some() && group.steps > 0) {
            let (ranges, oversized) = (&mut self.ranges, &mut self.oversized);
            self.storage.commit_observed(&group.changes, self.step, |key, old, new| {
                ranges.replace(key, old, new);
                oversized.replace(key, new);
            })?;
            if !group.changes.hints.is_empty() {
                self.hint_ages.follow(&self.storage.counts().hints, Instant::now());
            }
        }
        if signals.is_killed() {
            return Ok(());
        }
        for (to, message, sent_ms) in group.messages {
            self.send_message(to, message, sent_ms);
        }
        // What earlier steps of the group said has left only now, and is older than the wait.
        if group.waits_for_older && self.timers.is_running(Timer::Settled) {
            let duration = duration_of(Timer::Settled, &self.timeouts, &self.intervals);
            self.timers.set(Timer::Settled, Instant::now() + duration);
        }
        let node = self.config.node;
        for (to, token) in group.pings {
            self.send(to, &Datagram::Pong { token, node });
        }
        for (to, token) in group.status_requests {
            let status = self.status();
            self.send(to, &Datagram::StatusReply { token, node, status });
        }
        let serves = self.replica.serves();
        for (to, token) in group.losses {
            self.send(to, &Datagram::LossAccepted { token, node, serves });
        }
        Ok(())
    }

    fn send_message(&mut self, to: Peer, message: Message, sent_ms: u64) {
        let address = match to {
            Peer::Node(node) => Some(self.nodes[node.index()]),
            Peer::Client(client) => self.clients.of(client),
        };
        let Some(address) = address else {
            self.traffic.unknown_client += 1;
            debug!(%to, kind = message.kind(), "no address to send to");
            return;
        };
        let from = Peer::Node(self.config.node);
        self.send(address, &Datagram::Protocol { from, sent_ms, message });
    }

    fn send(&mut self, to: SocketAddr, datagram: &Datagram) {
        let bytes = match self.wire.encode(datagram) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.traffic.too_large += 1;
                warn!(%to, %error, "did not send a datagram");
                return;
            }
        };
        match self.transport.send(to, &bytes) {
            Ok(()) => self.traffic.sent += 1,
            Err(error) => {
                self.traffic.send_failed += 1;
                warn!(%to, %error, "could not send a datagram");
            }
        }
    }

    /// The names of those that share keys with this node.
    fn neighbours(&self) -> String {
        let (cluster, node) = (&self.config.cluster, self.config.node);
        let ranges = cluster.ranges().iter().filter(|homes| homes.contains(node));
        let others: NodeSet = ranges.flat_map(|homes| homes.without(node).iter()).collect();
        self.names(others)
    }

    fn names(&self, nodes: NodeSet) -> String {
        let known = self.config.cluster.nodes();
        let nodes = nodes.iter().filter(|node| known.contains(node));
        let names: Vec<_> = nodes.map(|node| self.config.cluster.name(node)).collect();
        names.join(", ")
    }

    /// Says now and then what keeps it from serving, for whoever reads the log.
    fn tell_what_it_waits_for(&mut self) {
        if !self.tells_now && self.told.elapsed() < TELL_AGAIN {
            return;
        }
        (self.told, self.tells_now) = (Instant::now(), false);
        let awaited = self.replica.awaited(&self.config);
        let from = awaited.iter().fold(NodeSet::EMPTY, |all, awaited| all.union(awaited.from));
        if from.is_empty() {
            return;
        }
        let is_lost = |home: &NodeId| self.catching_up.contains(*home);
        let lost: NodeSet = from.iter().filter(is_lost).collect();
        warn!(
            waits_for = self.names(from),
            themselves_catching_up = self.names(lost),
            ranges = awaited.len(),
            "still catching up; `quorate status` says what is missing, and `quorate accept-loss` \
             ends the wait for homes that lost their disks too"
        );
    }

    fn awaited(&self) -> Vec<Awaited> {
        let awaited = self.replica.awaited(&self.config).into_iter();
        let awaited = awaited.map(|awaited| Awaited {
            range: awaited.range,
            from: awaited.from,
            missing: u32::try_from(awaited.missing).unwrap_or(u32::MAX),
        });
        awaited.collect()
    }

    fn traffic(&self) -> Traffic {
        let StreamTraffic { queued, failed, full, malformed } = self.transport.stream_traffic();
        Traffic {
            streamed: queued,
            stream_failed: failed,
            stream_full: full,
            stream_malformed: malformed,
            ..self.traffic
        }
    }

    /// What to say of it between groups, when everything is durable that its steps have changed.
    fn status(&self) -> NodeStatus {
        let counts = self.storage.counts();
        let identity = self.storage.identity().ok().flatten();
        NodeStatus {
            incarnation: identity.map(|identity| identity.incarnation).unwrap_or_default(),
            life: identity.map(|identity| identity.life).unwrap_or_default(),
            is_catching_up: !self.replica.serves(),
            awaited: self.awaited(),
            keys: counts.keys,
            versions: counts.versions,
            versions_max: counts.versions_max(),
            tombstones: counts.tombstones,
            oversized: self.oversized.count(),
            hints: self.hint_ages.describe(&counts.hints, Instant::now()),
            ranges: self.ranges.status(self.replica.forest()),
            syncs: self.syncs.describe(Instant::now()),
            pending: self.replica.pending_count() as u64,
            durable_step: self.storage.durable_step(),
            up_ms: self.started.elapsed().as_millis() as u64,
            traffic: self.traffic(),
        }
    }
}

/// For how long a datagram is under way at most, where the node relies on it.
fn relied_on_lifetime_us(cluster: &ClusterFile) -> Option<u64> {
    let is_relied_on = cluster.spec.background.reaping == Reaping::Agreed;
    let lifetime = cluster.intervals.datagram_lifetime;
    is_relied_on.then(|| u64::try_from(lifetime.as_micros()).unwrap_or(u64::MAX))
}

fn wall_clock_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is a clock that was never set.
    since.map_or(0, |since| since.as_micros() as u64)
}
