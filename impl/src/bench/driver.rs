//! Clients at work: all of them on one thread, over one socket.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;

use quorate_model::ids::{ClientId, Key, Peer};

use super::{Act, Ended, Kind, Load, Measured, Workload};
use crate::client::{ClientError, transport_of};
use crate::config::ClusterFile;
use crate::guard::GuardedTransport;
use crate::node::Timers;
use crate::runs::{EffectOf, Speaks, TimerOf, Whom};
use crate::transport::{SocketTransport, Transport};
use crate::wire::{Age, Datagram, Wire, age_of, wall_clock_ms};

/// How long to wait before looking whether the measurement is over, or is to be given up.
const WAIT_MAX: Duration = Duration::from_millis(50);

/// How many answers are taken before anything new is begun.
const ANSWERS_MAX: usize = 64;

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The clients cannot ask.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A key that is to be read later was not written.
    #[error(
        "{failed} of {keys} keys that are to be read could not be written ({why}): all nodes of the cluster \
         are asked, and `quorate status` says which are up"
    )]
    NotFilled {
        /// How many were not.
        failed: u64,
        /// Of how many.
        keys: u64,
        /// How the writes ended.
        why: String,
    },
}

/// When operations begin.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pace {
    /// Whenever a client is free.
    Closed,
    /// So many per second. One that finds no client free waits, and the wait is part of its time.
    Open {
        /// How many.
        per_second: f64,
    },
}

/// How far a measurement is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Progress {
    /// How much of it is done, from zero to one.
    pub part: f64,
    /// How many operations have ended.
    pub operations: u64,
}

/// An operation under way.
#[derive(Debug)]
struct Running {
    kind: Kind,
    key: Key,
    /// When it was due.
    due: Instant,
    /// Whether an update has read already.
    writes: bool,
}

#[derive(Debug)]
struct Slot<A> {
    client: A,
    running: Option<Running>,
}

/// What is to be begun.
enum Source {
    /// Every key once.
    Fill { next: u64 },
    /// What the workload says, until the end.
    Mix { pace: Pace, begun: u64, start: Instant, end: Instant },
}

/// Clients of a cluster, and what they are to ask for.
#[derive(Debug)]
pub struct Driver<A: Load> {
    cluster: ClusterFile,
    wire: Wire<A::Speaks>,
    transport: GuardedTransport<SocketTransport>,
    workload: Workload,
    asking: A::Asking,
    slots: Vec<Slot<A>>,
    free: Vec<usize>,
    slot_of: BTreeMap<ClientId, usize>,
    timers: Timers<(usize, TimerOf<A::Speaks>)>,
    random: SmallRng,
    buffer: Vec<u8>,
}

impl<A: Load> Driver<A> {
    /// So many clients with ids that nobody else has, who ask like this.
    ///
    /// # Errors
    /// When there is no socket to be had, or they may not ask like this.
    pub fn new(
        cluster: ClusterFile,
        workload: Workload,
        clients: usize,
        options: &A::Options,
        asking: A::Asking,
    ) -> Result<Self, BenchError> {
        let count = u32::try_from(clients).unwrap_or(u32::MAX);
        let transport = transport_of::<A::Speaks>(&cluster, count)?;
        let ids = transport.guarded_by().clients();
        let slot_of = ids.iter().enumerate().map(|(slot, id)| (*id, slot)).collect();
        let slot = |id: &ClientId| {
            let client = A::new(*id, &cluster, options.clone())?;
            Ok(Slot { client, running: None })
        };
        let slots = ids.iter().map(slot).collect::<Result<Vec<_>, ClientError>>()?;
        Ok(Driver {
            wire: cluster.wire(),
            cluster,
            transport,
            workload,
            asking,
            free: (0..slots.len()).collect(),
            slots,
            slot_of,
            timers: Timers::default(),
            random: SmallRng::seed_from_u64(rand::random()),
            buffer: Vec::new(),
        })
    }

    /// Writes every key that is to be read later.
    ///
    /// # Errors
    /// When that fails for any of them, or the socket does.
    pub fn fill(&mut self, watch: impl FnMut(Progress) -> bool) -> Result<(), BenchError> {
        let keys = self.workload.keys();
        let measured = self.go_on(Source::Fill { next: 0 }, watch)?;
        let failed = measured.of(Kind::Put).failed();
        if failed > 0 {
            let why = measured.of(Kind::Put).failures();
            return Err(BenchError::NotFilled { failed, keys, why });
        }
        Ok(())
    }

    /// Begins operations for so long and waits until all have ended. `watch` is shown how far it is
    /// and says whether to go on.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn measure(
        &mut self,
        pace: Pace,
        lasts: Duration,
        watch: impl FnMut(Progress) -> bool,
    ) -> Result<Measured, BenchError> {
        let start = Instant::now();
        self.go_on(Source::Mix { pace, begun: 0, start, end: start + lasts }, watch)
    }

    fn go_on(
        &mut self,
        mut source: Source,
        mut watch: impl FnMut(Progress) -> bool,
    ) -> Result<Measured, BenchError> {
        let mut measured = Measured::default();
        let start = Instant::now();
        let mut stopped_at = None;
        loop {
            let mut due = None;
            if stopped_at.is_none() {
                due = self.begin(&mut source, &mut measured)?;
                if due.is_none() && self.is_over(&source) {
                    stopped_at = Some(Instant::now());
                }
            }
            if stopped_at.is_some() && self.free.len() == self.slots.len() {
                break;
            }
            let until = due.into_iter().chain(self.timers.next_deadline()).min();
            let until = until.map_or(WAIT_MAX, |at| at.saturating_duration_since(Instant::now()));
            self.receive(until.min(WAIT_MAX), &mut measured)?;
            while let Some((slot, timer)) = self.timers.pop_expired(Instant::now()) {
                self.step(slot, A::expire(timer), &mut measured)?;
            }
            let part = source.part(self.workload.keys());
            if !watch(Progress { part, operations: measured.operations() }) && stopped_at.is_none()
            {
                stopped_at = Some(Instant::now());
            }
        }
        measured.lasted = stopped_at.unwrap_or_else(Instant::now) - start;
        Ok(measured)
    }

    fn is_over(&self, source: &Source) -> bool {
        match source {
            Source::Fill { next } => *next >= self.workload.keys(),
            Source::Mix { end, .. } => Instant::now() >= *end,
        }
    }

    /// Begins what is due as long as clients are free. Says when the next one is due that has to
    /// wait for nothing else.
    fn begin(
        &mut self,
        source: &mut Source,
        measured: &mut Measured,
    ) -> Result<Option<Instant>, BenchError> {
        let now = Instant::now();
        while let Some(slot) = self.free.pop() {
            let next = match source {
                Source::Fill { next } if *next < self.workload.keys() => {
                    *next += 1;
                    let key = self.workload.key(*next - 1);
                    Ok((Act { kind: Kind::Put, key }, now))
                }
                Source::Mix { pace: Pace::Closed, end, .. } if now < *end => {
                    Ok((self.workload.next_act(), now))
                }
                Source::Mix { pace: Pace::Open { per_second }, begun, start, end } => {
                    let due = *start + Duration::from_secs_f64(*begun as f64 / *per_second);
                    if due >= *end {
                        Err(None)
                    } else if due > now {
                        Err(Some(due))
                    } else {
                        *begun += 1;
                        Ok((self.workload.next_act(), due))
                    }
                }
                Source::Fill { .. } | Source::Mix { .. } => Err(None),
            };
            match next {
                Ok((act, due)) => self.begin_act(slot, act, due, measured)?,
                Err(due) => {
                    self.free.push(slot);
                    return Ok(due);
                }
            }
        }
        Ok(None)
    }

    fn begin_act(
        &mut self,
        slot: usize,
        Act { kind, key }: Act,
        due: Instant,
        measured: &mut Measured,
    ) -> Result<(), BenchError> {
        let operation = match kind {
            Kind::Put => A::write(&self.asking, key.clone(), self.workload.value(), None),
            Kind::Get | Kind::Update => A::read(&self.asking, key.clone()),
        };
        self.slots[slot].running = Some(Running { kind, key, due, writes: kind == Kind::Put });
        self.invoke(slot, operation, measured)
    }

    /// Asks one of the nodes that may be asked first, chosen at random: whether it is there, nobody looks.
    fn invoke(
        &mut self,
        slot: usize,
        operation: A::Operation,
        measured: &mut Measured,
    ) -> Result<(), BenchError> {
        let client = &self.slots[slot].client;
        let node = match client.whom_to_ask(&operation) {
            Whom::Node(node) => node,
            Whom::FirstOf(groups) => {
                let first = groups.first().and_then(|nodes| nodes.choose(&mut self.random));
                *first.expect("somebody may be asked")
            }
        };
        let attempts = self.cluster.timeouts.client_attempts.max(1);
        let input = client.invoke(operation, node, attempts);
        self.step(slot, input, measured)
    }

    /// Waits for an answer, then takes what else there is, up to a limit.
    fn receive(&mut self, wait: Duration, measured: &mut Measured) -> Result<(), BenchError> {
        let mut wait = wait;
        for _ in 0..ANSWERS_MAX {
            let received = self.transport.receive(&mut self.buffer, wait);
            let Some(from) = received.map_err(ClientError::Socket)? else { break };
            wait = Duration::ZERO;
            let (Peer::Node(from), Ok(Datagram::Protocol { sent_ms, evidence, message })) =
                (from.peer, self.wire.decode(&self.buffer))
            else {
                continue;
            };
            let lifetime = self.cluster.intervals.datagram_lifetime;
            if age_of(sent_ms, wall_clock_ms(), lifetime) != Age::Fresh {
                continue;
            }
            if let Some(context) = A::Speaks::gives(&message) {
                self.cluster.given.remember(&context, &evidence);
            }
            let Some((client, detour)) = A::answers(&message) else { continue };
            if let Some(slot) = self.slot_of.get(&client).copied() {
                if let Some(detour) = detour {
                    measured.count_detour(detour);
                }
                self.step(slot, A::receive(from, message), measured)?;
            }
        }
        Ok(())
    }

    fn step(
        &mut self,
        slot: usize,
        input: A::Input,
        measured: &mut Measured,
    ) -> Result<(), BenchError> {
        let client = &mut self.slots[slot].client;
        let step = client.step(input);
        for effect in step.effects {
            match A::effect(effect) {
                EffectOf::Send { to: Peer::Node(to), message } => {
                    let sent_ms = wall_clock_ms();
                    let context = A::Speaks::hands_back(&message);
                    let evidence =
                        context.map(|context| self.cluster.given.show(context)).unwrap_or_default();
                    let datagram = Datagram::Protocol { sent_ms, evidence, message };
                    let bytes = self.wire.encode(&datagram).map_err(ClientError::TooLarge)?;
                    // One that cannot be sent is one that was lost: the timer deals with both.
                    let party = self.cluster.party(to).by(slot as u32);
                    let _ = self.transport.send(party, &bytes);
                }
                // Clients do not talk to each other.
                EffectOf::Send { to: Peer::Client(_), .. } => {}
                EffectOf::SetTimer(timer) => {
                    let attempt = self.cluster.timeouts.client_attempt;
                    self.timers.set((slot, timer), Instant::now() + attempt);
                }
                EffectOf::CancelTimer(timer) => self.timers.cancel((slot, timer)),
            }
        }
        match step.outcome {
            Some(outcome) => self.end(slot, &outcome, measured),
            None => Ok(()),
        }
    }

    /// Counts what has ended, or writes what an update has read.
    fn end(
        &mut self,
        slot: usize,
        outcome: &A::Outcome,
        measured: &mut Measured,
    ) -> Result<(), BenchError> {
        let Some(mut running) = self.slots[slot].running.take() else { return Ok(()) };
        let ended = A::ended(outcome);
        let has_read = matches!(ended, Ended::Ok | Ended::Absent) && !running.writes;
        if running.kind == Kind::Update && has_read {
            running.writes = true;
            let (key, value) = (running.key.clone(), self.workload.value());
            let operation = A::write(&self.asking, key, value, Some(outcome));
            self.slots[slot].running = Some(running);
            return self.invoke(slot, operation, measured);
        }
        measured.count(running.kind, ended, running.due.elapsed());
        self.free.push(slot);
        Ok(())
    }
}

impl Source {
    fn part(&self, keys: u64) -> f64 {
        match self {
            Source::Fill { next } => *next as f64 / keys.max(1) as f64,
            Source::Mix { start, end, .. } => {
                (start.elapsed().as_secs_f64() / (*end - *start).as_secs_f64()).min(1.0)
            }
        }
    }
}
