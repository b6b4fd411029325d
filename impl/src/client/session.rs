//! One client that asks a cluster for one thing after the other.

use std::time::{Duration, Instant};

use quorate_model::ids::{ClientId, NodeId, Peer};

use super::probe::{Probe, addressed};
use super::{ClientError, ClientTrace};
use crate::config::ClusterFile;
use crate::guard::{GuardedTransport, Party};
use crate::runs::{Asks, EffectOf, Speaks, TimerOf, Whom};
use crate::transport::{SocketTransport, Transport};
use crate::wire::{Age, Datagram, Wire, age_of, wall_clock_ms};

/// A client of some protocol, with a socket. It asks for one thing at a time.
#[derive(Debug)]
pub struct RunningClient<A: Asks> {
    cluster: ClusterFile,
    client: A,
    wire: Wire<A::Speaks>,
    transport: GuardedTransport<SocketTransport>,
    trace: Option<ClientTrace>,
    deadline: Option<(Instant, TimerOf<A::Speaks>)>,
    asked: Option<NodeId>,
    /// Whether it asked for what it is at more than once.
    was_asked_again: bool,
    /// Which node ended the last operation, if one did.
    answered_by: Option<NodeId>,
    /// When it was asked for what it is at, by the wall clock.
    began_ms: u64,
    buffer: Vec<u8>,
}

impl<A: Asks> RunningClient<A> {
    /// A client with an id that no other client has: it follows from its key and a number drawn at random.
    ///
    /// # Errors
    /// When there is no key or no socket to be had, or it would try for longer than the cluster lets it.
    pub fn new(cluster: ClusterFile, options: A::Options) -> Result<Self, ClientError> {
        let transport = super::transport::<A::Speaks>(&cluster)?;
        let id = transport.guarded_by().clients()[0];
        let client = A::new(id, &cluster, options)?;
        Ok(RunningClient {
            wire: cluster.wire(),
            cluster,
            client,
            transport,
            trace: None,
            deadline: None,
            asked: None,
            was_asked_again: false,
            answered_by: None,
            began_ms: 0,
            buffer: Vec::new(),
        })
    }

    /// The same, writing down every step it takes.
    ///
    /// # Errors
    /// When the trace cannot be written.
    pub fn traced(mut self, mut trace: ClientTrace) -> Result<Self, ClientError> {
        trace.start(&self.client.header(&self.cluster))?;
        self.trace = Some(trace);
        Ok(self)
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> ClientId {
        self.client.id()
    }

    /// Asks like this from now on.
    ///
    /// # Errors
    /// When it may not.
    pub fn set_options(&mut self, options: A::Options) -> Result<(), ClientError> {
        self.client.set_options(&self.cluster, options)
    }

    /// Which node it asked last, or had coordinate.
    #[must_use]
    pub fn asked(&self) -> Option<NodeId> {
        self.asked
    }

    /// Whether it asked for the last thing more than once, since no answer came in time.
    #[must_use]
    pub fn was_asked_again(&self) -> bool {
        self.was_asked_again
    }

    /// Which node's answer ended its last operation, if one did.
    #[must_use]
    pub fn answered_by(&self) -> Option<NodeId> {
        self.answered_by
    }

    /// Asks for one thing and waits for its end.
    ///
    /// # Errors
    /// When it cannot be asked for. How the operation itself ended is in the outcome.
    pub fn perform(&mut self, operation: A::Operation) -> Result<A::Outcome, ClientError> {
        let coordinator = match self.client.whom_to_ask(&operation) {
            Whom::Node(coordinator) => coordinator,
            Whom::FirstOf(groups) => self.answering_node(groups)?,
        };
        (self.asked, self.answered_by) = (Some(coordinator), None);
        self.was_asked_again = false;
        let attempts = self.cluster.timeouts.client_attempts.max(1);
        self.began_ms = wall_clock_ms();
        let input = self.client.invoke(operation, coordinator, attempts);
        let mut outcome = self.step(input)?;
        loop {
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
            outcome = self.wait()?;
        }
    }

    fn answering_node(&self, groups: Vec<Vec<NodeId>>) -> Result<NodeId, ClientError> {
        let cluster = &self.cluster;
        let mut probe = Probe::<A::Speaks>::new(cluster)?;
        let mut asked = Vec::new();
        for group in groups {
            let group = addressed(cluster, group);
            if let Some(first) = probe.ping(&group, 1, cluster.timeouts.ping)?.first() {
                return Ok(*first);
            }
            asked.extend(group);
        }
        let named = |(node, address)| (cluster.node(node).name.clone(), address);
        Err(ClientError::NobodyAnswers { asked: asked.into_iter().map(named).collect() })
    }

    /// Receives one message or lets the timer expire.
    fn wait(&mut self) -> Result<Option<A::Outcome>, ClientError> {
        let now = Instant::now();
        let wait = match self.deadline {
            Some((deadline, timer)) if deadline <= now => {
                self.deadline = None;
                self.was_asked_again = true;
                return self.step(A::expire(timer));
            }
            Some((deadline, _)) => deadline - now,
            None => self.cluster.timeouts.client_attempt,
        };
        let received =
            self.transport.receive(&mut self.buffer, wait).map_err(ClientError::Socket)?;
        let Some(Party { peer: Peer::Node(from), .. }) = received else { return Ok(None) };
        match self.wire.decode(&self.buffer) {
            Ok(Datagram::Protocol { sent_ms, evidence, message }) if self.is_fresh(sent_ms) => {
                if let Some(context) = A::Speaks::gives(&message) {
                    self.cluster.given.remember(&context, &evidence);
                }
                let outcome = self.step(A::receive(from, message))?;
                self.answered_by = outcome.is_some().then_some(from);
                Ok(outcome)
            }
            Ok(Datagram::ConfiguredOtherwise { spec }) => {
                Err(ClientError::configured_otherwise(&self.cluster, from, &spec))
            }
            Ok(Datagram::Denied { about, lacks }) if about >= self.began_ms => {
                Err(ClientError::denied(self.transport.guarded_by(), lacks))
            }
            _ => Ok(None),
        }
    }

    /// Takes a step, writes it down and then lets its effects happen.
    fn step(&mut self, input: A::Input) -> Result<Option<A::Outcome>, ClientError> {
        let sent_ms = wall_clock_ms();
        // Only a trace needs the input afterwards.
        let traced = self.trace.is_some().then(|| input.clone());
        let step = self.client.step(input);
        if let (Some(trace), Some(input)) = (&mut self.trace, traced) {
            let at = trace.next_step();
            trace.write(&self.client.line(at, input, &step))?;
        }
        for effect in step.effects {
            match A::effect(effect) {
                EffectOf::Send { to: Peer::Node(to), message } => {
                    let context = A::Speaks::hands_back(&message);
                    let evidence =
                        context.map(|context| self.cluster.given.show(context)).unwrap_or_default();
                    let datagram = Datagram::Protocol { sent_ms, evidence, message };
                    let bytes = self.wire.encode(&datagram).map_err(ClientError::TooLarge)?;
                    // One that cannot be sent is one that was lost: the timer deals with both.
                    let _ = self.transport.send(self.cluster.party(to), &bytes);
                }
                // Clients do not talk to each other.
                EffectOf::Send { to: Peer::Client(_), .. } => {}
                EffectOf::SetTimer(timer) => {
                    self.deadline = Some((Instant::now() + self.attempt(), timer));
                }
                EffectOf::CancelTimer(timer) => {
                    self.deadline = self.deadline.filter(|(_, running)| *running != timer);
                }
            }
        }
        Ok(step.outcome)
    }

    /// A client too must not bring back what nodes take to be gone.
    fn is_fresh(&self, sent_ms: u64) -> bool {
        let lifetime = self.cluster.intervals.datagram_lifetime;
        age_of(sent_ms, wall_clock_ms(), lifetime) == Age::Fresh
    }

    /// How long one attempt may take.
    fn attempt(&self) -> Duration {
        let timeouts = self.cluster.timeouts;
        match self.client.timeout() {
            Some(timeout) => timeout / timeouts.client_attempts.max(1),
            None => timeouts.client_attempt,
        }
    }
}
