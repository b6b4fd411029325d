//! One client that asks a cluster for one thing after the other.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use quorate_model::cluster::Reaping;
use quorate_model::ids::{ClientId, NodeId, Peer};
use quorate_model::protocol::{Client, Effect, FanOut, Operation, Outcome, Timer};
use quorate_model::refine::trace::ClientInput;

use super::probe::{Probe, addressed};
use super::{ClientError, ClientTrace};
use crate::config::ClusterFile;
use crate::leaderless::Leaderless;
use crate::transport::{SocketTransport, Transport};
use crate::wire::{Age, Datagram, Wire, age_of, wall_clock_ms};

/// How a session asks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct SessionOptions {
    /// Who fans requests out.
    pub fan_out: FanOut,
    /// Whom to ask; the first home of the key that answers a ping if absent, and for a sloppy put
    /// the first other node if no home does.
    pub coordinator: Option<NodeId>,
    /// How long one operation may take in all; as the configuration says if absent.
    pub timeout: Option<Duration>,
}

/// A client with a socket. It asks for one thing at a time.
#[derive(Debug)]
pub struct Session {
    cluster: ClusterFile,
    options: SessionOptions,
    client: Client,
    wire: Wire<Leaderless>,
    transport: SocketTransport,
    trace: Option<ClientTrace>,
    deadline: Option<(Instant, Timer)>,
    buffer: Vec<u8>,
}

impl Session {
    /// A client with an id that no other client has: drawn at random.
    ///
    /// # Errors
    /// When there is no socket to be had, or it would try for longer than the cluster lets it.
    pub fn new(cluster: ClusterFile, options: SessionOptions) -> Result<Self, ClientError> {
        let lifetime = cluster.timeouts.request_lifetime();
        if let Some(timeout) = options.timeout.filter(|timeout| *timeout > lifetime)
            && cluster.cluster.background().reaping == Reaping::Agreed
        {
            return Err(ClientError::BeyondLifetime { timeout, lifetime });
        }
        let any = (Ipv4Addr::UNSPECIFIED, 0).into();
        let transport =
            SocketTransport::bind(any, cluster.stream_limits()).map_err(ClientError::Socket)?;
        Ok(Session {
            wire: cluster.wire(),
            cluster,
            options,
            client: Client::new(ClientId(rand::random())),
            transport,
            trace: None,
            deadline: None,
            buffer: Vec::new(),
        })
    }

    /// The same, writing down every step it takes.
    ///
    /// # Errors
    /// When the trace cannot be written.
    pub fn traced(mut self, mut trace: ClientTrace) -> Result<Self, ClientError> {
        trace.start(self.client.id(), &self.cluster.spec)?;
        self.trace = Some(trace);
        Ok(self)
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> ClientId {
        self.client.id()
    }

    /// Asks for one thing and waits for its end.
    ///
    /// # Errors
    /// When it cannot be asked for. How the operation itself ended is in the outcome.
    pub fn perform(&mut self, operation: Operation) -> Result<Outcome, ClientError> {
        let fan_out = self.options.fan_out;
        let coordinator = match self.options.coordinator {
            Some(coordinator) => coordinator,
            None => self.answering_node(&operation)?,
        };
        let attempts = self.cluster.timeouts.client_attempts.max(1);
        let mut outcome =
            self.step(ClientInput::Invoke { operation, coordinator, fan_out, attempts })?;
        loop {
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
            outcome = self.wait()?;
        }
    }

    /// The protocol lets any node coordinate; asking a home that is there saves a detour and a
    /// timeout. A sloppy put can do without homes.
    fn answering_node(&self, operation: &Operation) -> Result<NodeId, ClientError> {
        let cluster = &self.cluster;
        let preference = cluster.cluster.preference_list(operation.key());
        let (homes, fallbacks) = preference.split_at(cluster.cluster.quorum().n());
        let mut probe = Probe::<Leaderless>::new(cluster)?;
        let mut asked = addressed(cluster, homes.iter().copied());
        let mut first = probe.ping(&asked, 1, cluster.timeouts.ping)?;
        if first.is_empty() && self.is_sloppy(operation) {
            let fallbacks = addressed(cluster, fallbacks.iter().copied());
            first = probe.ping(&fallbacks, 1, cluster.timeouts.ping)?;
            asked.extend(fallbacks);
        }
        first.first().copied().ok_or_else(|| ClientError::NobodyAnswers {
            asked: asked
                .iter()
                .map(|(node, address)| (cluster.node(*node).name.clone(), *address))
                .collect(),
        })
    }

    fn is_sloppy(&self, operation: &Operation) -> bool {
        let Operation::Put { sloppy, .. } = operation else { return false };
        self.options.fan_out == FanOut::NodeDriven
            && sloppy.unwrap_or(self.cluster.cluster.sloppy())
    }

    /// Receives one message or lets the timer expire.
    fn wait(&mut self) -> Result<Option<Outcome>, ClientError> {
        let now = Instant::now();
        let wait = match self.deadline {
            Some((deadline, timer)) if deadline <= now => {
                self.deadline = None;
                return self.step(ClientInput::Expire(timer));
            }
            Some((deadline, _)) => deadline - now,
            None => self.cluster.timeouts.client_attempt,
        };
        let received =
            self.transport.receive(&mut self.buffer, wait).map_err(ClientError::Socket)?;
        if received.is_none() {
            return Ok(None);
        }
        match self.wire.decode(&self.buffer) {
            Ok(Datagram::Protocol { from: Peer::Node(from), sent_ms, message })
                if self.is_fresh(sent_ms) =>
            {
                self.step(ClientInput::Receive { from, message })
            }
            _ => Ok(None),
        }
    }

    /// Takes a step, writes it down and then lets its effects happen.
    fn step(&mut self, input: ClientInput) -> Result<Option<Outcome>, ClientError> {
        let config = self.cluster.cluster.clone();
        let sent_ms = wall_clock_ms();
        // Only a trace needs the input afterwards.
        let traced = self.trace.is_some().then(|| input.clone());
        let step = match input {
            ClientInput::Invoke { operation, coordinator, fan_out, attempts } => {
                self.client.invoke(&config, operation, coordinator, fan_out, attempts)
            }
            ClientInput::Receive { from, message } => self.client.receive(&config, from, message),
            ClientInput::Expire(timer) => self.client.expire(&config, timer),
        };
        if let (Some(trace), Some(input)) = (&mut self.trace, traced) {
            trace.step(self.client.id(), input, &step)?;
        }
        for effect in step.effects {
            match effect {
                Effect::Send { to: Peer::Node(to), message }
                | Effect::Reply { to: Peer::Node(to), message } => {
                    let from = Peer::Client(self.client.id());
                    let datagram = Datagram::Protocol { from, sent_ms, message };
                    let bytes = self.wire.encode(&datagram).map_err(ClientError::TooLarge)?;
                    // One that cannot be sent is one that was lost: the timer deals with both.
                    let _ = self.transport.send(self.cluster.node(to).address, &bytes);
                }
                // Clients do not talk to each other.
                Effect::Send { to: Peer::Client(_), .. }
                | Effect::Reply { to: Peer::Client(_), .. } => {}
                Effect::SetTimer(timer) => {
                    self.deadline = Some((Instant::now() + self.attempt(), timer));
                }
                Effect::CancelTimer(timer) => {
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
        match self.options.timeout {
            Some(timeout) => timeout / timeouts.client_attempts.max(1),
            None => timeouts.client_attempt,
        }
    }
}
