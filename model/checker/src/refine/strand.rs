//! The trace of one node or client with the state that its replay has reached.

use quorate_ids::{ClientId, NodeId, Peer};

use super::client::ClientReplay;
use super::node::{NodeReplay, Taken};
use super::parse::{ClientTrace, Life, Place, Placed};
use super::refusal::{Reason, StepName, envelopes};
use super::trace::{ClientStep, NodeStep};
use super::traced::{Reaches, ReachesClient, Traced};
use super::validated::Validated;
use crate::world::Envelope;

/// A trace and how far it has been replayed.
pub(super) enum Strand<'a, V: Validated> {
    Node(Box<NodeStrand<'a, V>>),
    Client(Box<ClientStrand<'a, V>>),
}

pub(super) struct NodeStrand<'a, V: Validated> {
    pub(super) node: NodeId,
    replay: NodeReplay<V>,
    lives: &'a [Life<V::Protocol>],
    life: usize,
    step: usize,
}

pub(super) struct ClientStrand<'a, V: Validated> {
    pub(super) client: ClientId,
    replay: ClientReplay<V>,
    steps: &'a [Placed<ClientStep<V::Protocol>>],
    step: usize,
}

/// A step of a node that was recorded, and what its replay came to.
type TakenStep<'a, V> = (&'a NodeStep<<V as Validated>::Protocol>, Taken<V>);

/// The step that comes next in a strand.
pub(super) struct Next<'a, P: Traced> {
    pub(super) place: &'a Place,
    pub(super) name: StepName,
    pub(super) at_us: u64,
    /// Whether a client starts an operation.
    pub(super) is_invocation: bool,
    /// The message that it takes.
    pub(super) received: Option<Envelope<P>>,
    /// For how long a datagram to it is under way at most, if it relies on that.
    pub(super) datagram_lifetime_us: Option<u64>,
}

impl<'a, V: Validated> Strand<'a, V> {
    pub(super) fn peer(&self) -> Peer {
        match self {
            Strand::Node(strand) => Peer::Node(strand.node),
            Strand::Client(strand) => Peer::Client(strand.client),
        }
    }

    /// The next step; `None` at the end of the trace.
    pub(super) fn next(&self) -> Option<Next<'a, V::Protocol>> {
        match self {
            Strand::Node(strand) => strand.next(),
            Strand::Client(strand) => strand.next(),
        }
    }

    /// All messages that the steps from here on were recorded to send, each with the time of its
    /// step.
    pub(super) fn still_to_send(&self) -> Vec<(u64, Envelope<V::Protocol>)> {
        let effects: Vec<(u64, &[EffectOf<V>])> = match self {
            Strand::Node(strand) => {
                let later = strand.lives[strand.life + 1..].iter().flat_map(|life| &life.steps);
                let rest = strand.lives[strand.life].steps[strand.step..].iter().chain(later);
                rest.map(|step| (step.line.at_us, &*step.line.effects)).collect()
            }
            Strand::Client(strand) => {
                let rest = strand.steps[strand.step..].iter();
                rest.map(|step| (step.line.at_us, &*step.line.effects)).collect()
            }
        };
        let sent = |(at_us, effects)| {
            envelopes::<V::Protocol>(self.peer(), effects)
                .into_iter()
                .map(move |envelope| (at_us, envelope))
        };
        effects.into_iter().flat_map(sent).collect()
    }
}

type EffectOf<V> = <<V as Validated>::Protocol as Traced>::Effect;

impl<'a, V: Validated> NodeStrand<'a, V> {
    pub(super) fn new(validated: &V, node: NodeId, lives: &'a [Life<V::Protocol>]) -> Self {
        let replay = NodeReplay::new(validated.node(node), validated.node(node));
        let mut strand = NodeStrand { node, replay, lives, life: 0, step: 0 };
        strand.begin();
        strand
    }

    /// Starts the life that the cursor has come to, and the next if this one has no steps.
    fn begin(&mut self) {
        let header = &self.lives[self.life].header.line;
        let next = self.lives.get(self.life + 1).map(|life| &life.header.line);
        self.replay.begin(header, next);
        self.turn();
    }

    /// Moves on to the next life, if there is one, at the end of this one.
    fn turn(&mut self) {
        if self.current().is_none() && self.life + 1 < self.lives.len() {
            (self.life, self.step) = (self.life + 1, 0);
            self.begin();
        }
    }

    fn current(&self) -> Option<&'a Placed<NodeStep<V::Protocol>>> {
        self.lives[self.life].steps.get(self.step)
    }

    fn next(&self) -> Option<Next<'a, V::Protocol>> {
        let Placed { place, line } = self.current()?;
        let to = Peer::Node(self.node);
        let received = match V::Protocol::reaches_node(&line.input) {
            Reaches::Receive { from, message } => {
                Some(Envelope { from, to, message: message.clone() })
            }
            Reaches::Start { .. } | Reaches::Expire(_) | Reaches::Command(_) => None,
        };
        let name = StepName { peer: to, number: line.number };
        let datagram_lifetime_us = self.replay.datagram_lifetime_us();
        let (at_us, is_invocation) = (line.at_us, false);
        Some(Next { place, name, at_us, is_invocation, received, datagram_lifetime_us })
    }

    /// Replays the next step; after the last one of a life, the next life starts.
    pub(super) fn take(&mut self) -> Result<TakenStep<'a, V>, Reason<V::Protocol>> {
        let current = self.current().expect("the strand has a next step");
        let taken = self.replay.take(&current.line)?;
        self.step += 1;
        self.turn();
        Ok((&current.line, taken))
    }

    pub(super) fn restarts(&self) -> u64 {
        self.lives.len() as u64 - 1
    }

    /// How often it started with its disk lost.
    pub(super) fn lost_disks(&self) -> u64 {
        self.lives.iter().filter(|life| life.header.line.lost_disk).count() as u64
    }
}

impl<'a, V: Validated> ClientStrand<'a, V> {
    pub(super) fn new(validated: &V, trace: &'a ClientTrace<V::Protocol>) -> Self {
        let client = trace.header.line.client;
        let replay = ClientReplay::new(validated.client(client), validated.nodes());
        ClientStrand { client, replay, steps: &trace.steps, step: 0 }
    }

    fn next(&self) -> Option<Next<'a, V::Protocol>> {
        let Placed { place, line } = self.steps.get(self.step)?;
        let to = Peer::Client(self.client);
        let reaches = V::Protocol::reaches_client(&line.input);
        let is_invocation = matches!(reaches, ReachesClient::Invoke { .. });
        let received = match reaches {
            ReachesClient::Receive { from, message } => {
                Some(Envelope { from: Peer::Node(from), to, message: message.clone() })
            }
            ReachesClient::Invoke { .. } | ReachesClient::Expire(_) => None,
        };
        let name = StepName { peer: to, number: line.number };
        // Clients store nothing that could come back.
        let (at_us, datagram_lifetime_us) = (line.at_us, None);
        Some(Next { place, name, at_us, is_invocation, received, datagram_lifetime_us })
    }

    /// Replays the next step.
    pub(super) fn take(&mut self) -> Result<&'a ClientStep<V::Protocol>, Reason<V::Protocol>> {
        let current = &self.steps[self.step].line;
        self.replay.take(current)?;
        self.step += 1;
        Ok(current)
    }
}

/// Why a message cannot have arrived, where no later step sends it either.
pub(super) fn never_sent<P: Traced>(is_traced: bool, envelope: &Envelope<P>) -> Reason<P> {
    let envelope = Box::new(envelope.clone());
    match envelope.from {
        Peer::Node(_) if !is_traced => Reason::Untraced(envelope),
        _ => Reason::NobodySent(envelope),
    }
}
