//! Messages that do not fit a datagram, as frames over TCP.
//!
//! A connection carries frames one way, from the process that opened it; whoever answers opens one
//! of its own. So there is nothing to agree on, and a connection that breaks loses what was queued
//! on it, which is what the protocol expects of messages. Nothing here blocks: all sockets are
//! polled, and what waits for a peer that does not read is bounded and given up in time.

mod frame;
mod incoming;
mod outgoing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpListener;
use mio::{Registry, Token};
use tracing::{debug, warn};

use crate::transport::Admits;
use incoming::Incoming;
use outgoing::Outgoing;

/// The token of the socket that connections are accepted on.
pub(super) const LISTENER: Token = Token(1);

/// The first token of a connection.
const FIRST: usize = 2;

/// What streams may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamLimits {
    /// The largest message that is sent or taken in.
    pub message_bytes_max: usize,
    /// Connections each way. At the limit, the one that is quiet for longest makes room.
    pub connections_max: usize,
    /// Bytes that wait for one peer, beyond a single message. What would exceed it is dropped.
    pub peer_bytes_max: usize,
    /// Bytes that wait for all peers together, beyond a single message.
    pub queued_bytes_max: usize,
    /// Bytes that have come of messages that are not whole, beyond a single message. What would exceed it is dropped.
    pub incoming_bytes_max: usize,
    /// How long a connection may take to open, or make no progress, before it is given up.
    pub stall: Duration,
    /// How long a connection on which nothing waits is kept.
    pub idle: Duration,
}

impl Default for StreamLimits {
    fn default() -> Self {
        StreamLimits {
            message_bytes_max: 1 << 30,
            connections_max: 256,
            peer_bytes_max: 64 << 20,
            queued_bytes_max: 256 << 20,
            incoming_bytes_max: 256 << 20,
            stall: Duration::from_secs(5),
            idle: Duration::from_secs(10),
        }
    }
}

/// Messages that went over streams, since the process started.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct StreamTraffic {
    /// Queued to be sent.
    pub queued: u64,
    /// Given up: the connection could not be opened, broke, or made no progress.
    pub failed: u64,
    /// Dropped: too much waited for that peer, or for all of them, or had come of messages that are not whole.
    pub full: u64,
    /// Connections closed because something else than frames of a permitted size came.
    pub malformed: u64,
}

/// All connections of a process.
#[derive(Debug)]
pub(super) struct Streams {
    listener: TcpListener,
    /// Where this process is answered.
    port: u16,
    limits: StreamLimits,
    /// Whether connections may wait to be accepted.
    may_accept: bool,
    next_token: usize,
    incoming: BTreeMap<Token, Incoming>,
    outgoing: BTreeMap<Token, Outgoing>,
    /// The connection to each peer.
    peers: BTreeMap<SocketAddr, Token>,
    traffic: StreamTraffic,
}

impl Streams {
    /// Streams of a process that listens here, on this port for datagrams as well.
    pub(super) fn new(listener: TcpListener, port: u16, limits: StreamLimits) -> Self {
        Streams {
            listener,
            port,
            limits,
            may_accept: false,
            next_token: FIRST,
            incoming: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            peers: BTreeMap::new(),
            traffic: StreamTraffic::default(),
        }
    }

    pub(super) fn traffic(&self) -> StreamTraffic {
        self.traffic
    }

    /// How many connections there are, from and to others.
    #[cfg(test)]
    pub(super) fn open_connections(&self) -> (usize, usize) {
        (self.incoming.len(), self.outgoing.len())
    }

    /// Queues a message for a peer, and opens a connection to it if there is none.
    pub(super) fn send(
        &mut self,
        to: SocketAddr,
        message: &[u8],
        registry: &Registry,
        now: Instant,
    ) {
        let of_peer = self.peers.get(&to).map_or(0, |token| self.outgoing[token].queued_bytes());
        let of_all: usize = self.outgoing.values().map(Outgoing::queued_bytes).sum();
        let is_over = |queued: usize, max: usize| queued > 0 && queued + message.len() > max;
        if message.len() > self.limits.message_bytes_max
            || is_over(of_peer, self.limits.peer_bytes_max)
            || is_over(of_all, self.limits.queued_bytes_max)
        {
            self.traffic.full += 1;
            debug!(%to, bytes = message.len(), of_peer, of_all, "too much waits: dropped a message");
            return;
        }
        let Some(token) = self.peers.get(&to).copied().or_else(|| self.open(to, registry, now))
        else {
            return;
        };
        let outgoing = self.outgoing.get_mut(&token).expect("a peer's connection is there");
        self.traffic.queued += 1;
        outgoing.queue(frame::encode(self.port, message), now);
        if let Err(error) = outgoing.write(now) {
            self.give_up(token, registry, &error.to_string());
        }
    }

    fn open(&mut self, to: SocketAddr, registry: &Registry, now: Instant) -> Option<Token> {
        if self.outgoing.len() >= self.limits.connections_max {
            let quiet = self.outgoing.iter().filter(|(_, outgoing)| outgoing.is_idle());
            let quiet = quiet.min_by_key(|(_, outgoing)| outgoing.moved()).map(|(token, _)| *token);
            let Some(quiet) = quiet else {
                self.traffic.full += 1;
                return None;
            };
            self.close_outgoing(quiet, registry);
        }
        let token = self.new_token();
        match Outgoing::open(to, token, registry, now) {
            Ok(outgoing) => {
                self.outgoing.insert(token, outgoing);
                self.peers.insert(to, token);
                Some(token)
            }
            Err(error) => {
                self.traffic.failed += 1;
                debug!(%to, %error, "could not open a connection: dropped a message");
                None
            }
        }
    }

    fn new_token(&mut self) -> Token {
        self.next_token += 1;
        Token(self.next_token - 1)
    }

    /// Takes note of what the operating system says of one of the sockets.
    pub(super) fn note(&mut self, event: &Event, registry: &Registry, now: Instant) {
        let token = event.token();
        if token == LISTENER {
            self.may_accept = true;
        } else if let Some(incoming) = self.incoming.get_mut(&token) {
            incoming.may_read();
        } else if let Some(outgoing) = self.outgoing.get_mut(&token) {
            let result = match outgoing.check_open(event.is_readable()) {
                Ok(()) if event.is_writable() => outgoing.write(now),
                result => result,
            };
            if let Err(error) = result {
                self.give_up(token, registry, &error.to_string());
            }
        }
    }

    /// Accepts connections, and gives up those on which nothing happened for too long.
    pub(super) fn expire(&mut self, registry: &Registry, now: Instant) {
        self.accept(registry, now);
        let limits = self.limits;
        let stalled = |outgoing: &Outgoing| now >= outgoing.deadline(limits.stall, limits.idle);
        let late: Vec<Token> = self
            .outgoing
            .iter()
            .filter(|(_, outgoing)| stalled(outgoing))
            .map(|(token, _)| *token)
            .collect();
        for token in late {
            self.give_up(token, registry, "no progress");
        }
        let silent = |incoming: &Incoming| now >= incoming.heard() + Self::silence(limits);
        let silent: Vec<Token> = self
            .incoming
            .iter()
            .filter(|(_, incoming)| silent(incoming))
            .map(|(token, _)| *token)
            .collect();
        silent.into_iter().for_each(|token| self.close_incoming(token, registry));
    }

    /// The sender closes a quiet connection first, so that it does not send into a closed one.
    fn silence(limits: StreamLimits) -> Duration {
        3 * limits.idle.max(limits.stall)
    }

    /// When there is something to give up, if nothing happens before.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let StreamLimits { stall, idle, .. } = self.limits;
        let outgoing = self.outgoing.values().map(|outgoing| outgoing.deadline(stall, idle));
        let incoming =
            self.incoming.values().map(|incoming| incoming.heard() + Self::silence(self.limits));
        outgoing.chain(incoming).min()
    }

    fn accept(&mut self, registry: &Registry, now: Instant) {
        while self.may_accept {
            match self.listener.accept() {
                Ok((stream, from)) => {
                    if self.incoming.len() >= self.limits.connections_max {
                        let quiet = self.incoming.iter().min_by_key(|(_, other)| other.heard());
                        let quiet = quiet.map(|(token, _)| *token);
                        quiet.into_iter().for_each(|token| self.close_incoming(token, registry));
                    }
                    let token = self.new_token();
                    match Incoming::new(stream, from.ip(), token, registry, now) {
                        Ok(incoming) => {
                            self.incoming.insert(token, incoming);
                        }
                        Err(error) => debug!(%from, %error, "could not watch a connection"),
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.may_accept = false;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // Too many open files, perhaps: tried again the next time round.
                    debug!(%error, "could not accept a connection");
                    return;
                }
            }
        }
    }

    /// A message that has come whole, into `buffer`, and where to answer it.
    pub(super) fn receive(
        &mut self,
        buffer: &mut Vec<u8>,
        admits: Admits<'_>,
        now: Instant,
    ) -> Option<SocketAddr> {
        let bytes_max = self.limits.message_bytes_max;
        let mut closed = Vec::new();
        let mut received = None;
        // The one that is quiet for longest first, so that a busy one does not keep others waiting.
        let mut readable: Vec<Token> = self
            .incoming
            .iter()
            .filter(|(_, incoming)| incoming.is_readable())
            .map(|(token, _)| *token)
            .collect();
        readable.sort_by_key(|token| self.incoming[token].heard());
        for token in readable {
            let Some(incoming) = self.incoming.get_mut(&token) else { continue };
            match incoming.read(bytes_max, admits, now) {
                Ok(Some((from, message))) => {
                    *buffer = message;
                    received = Some(from);
                    break;
                }
                Ok(None) if incoming.is_over() => closed.push(token),
                Ok(None) => {}
                Err(error) => {
                    self.traffic.malformed += 1;
                    warn!(from = %incoming.from(), %error, "closed a connection");
                    closed.push(token);
                }
            }
        }
        for token in closed {
            // Dropping a socket takes it out of the poll as well.
            self.incoming.remove(&token);
        }
        while let Some(token) = self.beyond_limit() {
            self.traffic.full += 1;
            debug!("closed a connection: too much has come of messages that are not whole");
            self.incoming.remove(&token);
        }
        received
    }

    /// The connection to close if all messages that are not whole take more than they may, but for the largest: of the
    /// others the one that is quiet for longest.
    fn beyond_limit(&self) -> Option<Token> {
        let holding = || self.incoming.iter().filter(|(_, incoming)| incoming.held_bytes() > 0);
        let held: usize = holding().map(|(_, incoming)| incoming.held_bytes()).sum();
        let (largest, incoming) = holding().max_by_key(|(_, incoming)| incoming.held_bytes())?;
        if held - incoming.held_bytes() <= self.limits.incoming_bytes_max {
            return None;
        }
        let others = holding().filter(|(token, _)| *token != largest);
        others.min_by_key(|(_, incoming)| incoming.heard()).map(|(token, _)| *token)
    }

    /// Closes a connection and drops what waits on it.
    fn give_up(&mut self, token: Token, registry: &Registry, why: &str) {
        if let Some(outgoing) = self.outgoing.get(&token) {
            let messages = outgoing.queued_messages();
            if messages > 0 {
                self.traffic.failed += messages as u64;
                debug!(to = %outgoing.to(), messages, why, "gave up messages to a peer");
            }
        }
        self.close_outgoing(token, registry);
    }

    fn close_outgoing(&mut self, token: Token, registry: &Registry) {
        if let Some(mut outgoing) = self.outgoing.remove(&token) {
            self.peers.remove(&outgoing.to());
            outgoing.deregister(registry);
        }
    }

    fn close_incoming(&mut self, token: Token, registry: &Registry) {
        if let Some(mut incoming) = self.incoming.remove(&token) {
            incoming.deregister(registry);
        }
    }
}
