//! Replaying the traces of a cluster as one run of the protocol's code, without search.
//!
//! # Why no search is needed
//!
//! A trace fixes the inputs of its node or client in their order. What is open is only how the
//! traces of different nodes interleave, and that does not matter to any of them: the next step of
//! a trace depends on its own node's state, which the trace alone determines, and, if it takes a
//! message, on that message having been sent before. Messages that were sent stay sent, since the
//! network may deliver any of them at any later time and again. So a step that is possible stays
//! possible whatever other traces do first, and whichever possible step is taken next, the same
//! steps are taken in the end. Taking any one of them until none is left therefore finds a run if
//! there is one. This replay takes the earliest by `at_us`, for the sake of the properties that
//! are about what was before what: with the clock of one machine that order is the real one.
//!
//! # Crashes
//!
//! Steps that a later header does not have as durable were cut off. They are replayed and compared
//! like others, but nothing they sent counts as sent, and the next life starts on the store as it
//! was before them.
//!
//! # Lost disks
//!
//! A header may say that the disk was lost. Then everything before counts as durable until then, and the
//! next life starts on nothing: the same as a crash and a lost disk in the model.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use quorate_ids::{ClientId, NodeId, Peer};

use super::assemble::Traces;
use super::judge::{Broken, Findings, Judge};
use super::network::{EnvelopeName, Network};
use super::order::{Disorder, check_client, check_lives};
use super::parse::{Place, TraceFile};
use super::refusal::{Reason, Refused, envelopes};
use super::report::{ClientReport, NodeReport, Report};
use super::strand::{ClientStrand, Next, NodeStrand, Strand, never_sent};
use super::tally::Tally;
use super::trace::ClientStep;
use super::traced::{Ended, Reaches, ReachesClient, Traced};
use super::validated::Validated;
use crate::world::{Envelope, Words};

/// Replays trace files of one cluster together and judges what must hold of them.
///
/// # Errors
/// At the first line that the model does not allow, or after which a promised property does not
/// hold.
pub fn validate<V: Validated>(
    files: Vec<TraceFile<V::Protocol>>,
) -> Result<Report, Box<Refused<V::Protocol>>> {
    let traces = Traces::<V>::new(files)?;
    let refused = |(place, step, reason): Disorder<V::Protocol>| {
        Refused::new(place, step, reason, traces.validated.words())
    };
    traces.nodes.values().try_for_each(|lives| check_lives(lives)).map_err(refused)?;
    traces.clients.iter().try_for_each(check_client).map_err(refused)?;
    let mut replay = Replay::new(&traces);
    replay.run()?;
    Ok(replay.report(&traces))
}

/// Where a strand stands in the order in which strands go on: by time, and at one instant what
/// starts goes before what ends, since neither was before the other.
type Turn = Reverse<(u64, bool, usize)>;

/// Why traces are not accepted.
type RefusedBy<V> = Box<Refused<<V as Validated>::Protocol>>;

struct Replay<'a, V: Validated> {
    validated: &'a V,
    strands: Vec<Strand<'a, V>>,
    traced: BTreeSet<Peer>,
    /// Strands whose next step may be possible.
    ready: BinaryHeap<Turn>,
    /// Strands whose next step takes a message that was not sent yet.
    waiting: BTreeMap<EnvelopeName, Vec<usize>>,
    network: Network,
    /// What steps sent that a crash cut off.
    cut_off: BTreeMap<EnvelopeName, Place>,
    judge: V::Judge,
    tally: Tally<V::Protocol>,
    nodes: BTreeMap<NodeId, NodeReport>,
    clients: ClientReport,
    /// How many operations each client has started.
    invoked: BTreeMap<ClientId, u64>,
}

impl<'a, V: Validated> Replay<'a, V> {
    fn new(traces: &'a Traces<V>) -> Self {
        let validated = &traces.validated;
        let nodes = traces
            .nodes
            .iter()
            .map(|(node, lives)| Strand::Node(Box::new(NodeStrand::new(validated, *node, lives))));
        let clients = traces
            .clients
            .iter()
            .map(|trace| Strand::Client(Box::new(ClientStrand::new(validated, trace))));
        let strands: Vec<_> = nodes.chain(clients).collect();
        let mut replay = Replay {
            validated,
            traced: strands.iter().map(Strand::peer).collect(),
            ready: BinaryHeap::new(),
            waiting: BTreeMap::new(),
            network: Network::default(),
            cut_off: BTreeMap::new(),
            judge: validated.judge(&traces.clients),
            tally: Tally::default(),
            nodes: BTreeMap::new(),
            clients: ClientReport { clients: traces.clients.len(), ..Default::default() },
            invoked: BTreeMap::new(),
            strands,
        };
        for index in 0..replay.strands.len() {
            if let Strand::Node(strand) = &replay.strands[index] {
                let report = NodeReport {
                    name: validated.words().node(strand.node),
                    traced: true,
                    restarts: strand.restarts(),
                    lost_disks: strand.lost_disks(),
                    ..Default::default()
                };
                replay.nodes.insert(strand.node, report);
            }
            replay.queue(index);
        }
        replay
    }

    fn refused(&self, next: &Next<'_, V::Protocol>, reason: Reason<V::Protocol>) -> RefusedBy<V> {
        Refused::new(next.place.clone(), Some(next.name), reason, self.validated.words())
    }

    fn run(&mut self) -> Result<(), RefusedBy<V>> {
        while let Some(Reverse((_, _, index))) = self.ready.pop() {
            self.advance(index)?;
        }
        if self.waiting.is_empty() { Ok(()) } else { Err(self.stuck()) }
    }

    /// Puts a strand where its next step, if it has one, will be looked at.
    fn queue(&mut self, index: usize) {
        if let Some(next) = self.strands[index].next() {
            self.ready.push(Reverse((next.at_us, !next.is_invocation, index)));
        }
    }

    /// Refuses a message that arrives later than a datagram can, where its receiver relies on that.
    fn check_age(
        &self,
        next: &Next<'_, V::Protocol>,
        envelope: &Envelope<V::Protocol>,
        name: EnvelopeName,
    ) -> Result<(), RefusedBy<V>> {
        let (Some(lifetime_us), Some(sent_us)) =
            (next.datagram_lifetime_us, self.network.sent_us(name))
        else {
            return Ok(());
        };
        let is_late = |sent_us: u64| next.at_us.saturating_sub(sent_us) > lifetime_us;
        // Where clocks differ, the same may have been said again by a step that comes later in the
        // replay.
        let is_said_again = || {
            self.strands.iter().flat_map(Strand::still_to_send).any(|(sent_us, sent)| {
                EnvelopeName::of(&sent) == name && sent_us <= next.at_us && !is_late(sent_us)
            })
        };
        if !is_late(sent_us) || is_said_again() {
            return Ok(());
        }
        let age_us = next.at_us - sent_us;
        let envelope = Box::new(envelope.clone());
        Err(self.refused(next, Reason::TooOld { envelope, age_us, lifetime_us }))
    }

    /// Takes the next step of a strand, or lets it wait for the message that the step takes.
    fn advance(&mut self, index: usize) -> Result<(), RefusedBy<V>> {
        let Some(next) = self.strands[index].next() else { return Ok(()) };
        let mut trusted = None;
        if let Some(envelope) = &next.received {
            match envelope.from {
                Peer::Client(client) if !self.traced.contains(&envelope.from) => {
                    if !V::may_say(client, &envelope.message) {
                        let reason = Reason::NotOfAClient(Box::new(envelope.clone()));
                        return Err(self.refused(&next, reason));
                    }
                    self.network.receive_on_trust();
                    trusted = Some(client);
                }
                _ => {
                    let name = EnvelopeName::of(envelope);
                    if !self.network.is_sent(name) {
                        self.waiting.entry(name).or_default().push(index);
                        return Ok(());
                    }
                    self.check_age(&next, envelope, name)?;
                    self.network.receive(envelope, name);
                }
            }
        }
        let taken = match &self.strands[index] {
            Strand::Node(_) => self.take_node_step(index, next.place, trusted),
            Strand::Client(_) => self.take_client_step(index),
        };
        taken.map_err(|reason| self.refused(&next, reason))?;
        self.queue(index);
        Ok(())
    }

    fn take_node_step(
        &mut self,
        index: usize,
        place: &Place,
        trusted: Option<ClientId>,
    ) -> Result<(), Reason<V::Protocol>> {
        let Strand::Node(strand) = &mut self.strands[index] else { return Ok(()) };
        let (recorded, taken) = strand.take()?;
        let peer = Peer::Node(strand.node);
        let node = strand.node;
        let report = self.nodes.entry(node).or_default();
        report.steps += 1;
        if taken.lost_disk {
            self.judge.on_lost_disk(node).map_err(broken)?;
        }
        self.tally.note_node(strand.node, recorded, taken.lost_disk);
        if taken.is_cut_off {
            report.cut_off += 1;
            for envelope in envelopes::<V::Protocol>(peer, &taken.effects) {
                self.cut_off.insert(EnvelopeName::of(&envelope), place.clone());
            }
            return Ok(());
        }
        let reaches = V::Protocol::reaches_node(&recorded.input);
        if let (Some(client), Reaches::Receive { message, .. }) = (trusted, reaches) {
            self.judge.on_untraced(client, message);
        }
        self.judge.on_node_step(strand.node, recorded, taken.seen).map_err(broken)?;
        self.send(peer, recorded.at_us, &taken.effects);
        Ok(())
    }

    fn take_client_step(&mut self, index: usize) -> Result<(), Reason<V::Protocol>> {
        let Strand::Client(strand) = &mut self.strands[index] else { return Ok(()) };
        let recorded = strand.take()?;
        let client = strand.client;
        self.clients.steps += 1;
        self.tally.note_client(recorded);
        self.note_client_step(client, recorded)?;
        self.send(Peer::Client(client), recorded.at_us, &recorded.effects);
        Ok(())
    }

    fn note_client_step(
        &mut self,
        client: ClientId,
        recorded: &ClientStep<V::Protocol>,
    ) -> Result<(), Reason<V::Protocol>> {
        let invoked = self.invoked.entry(client).or_default();
        if let ReachesClient::Invoke { is_write, .. } = V::Protocol::reaches_client(&recorded.input)
        {
            *invoked += 1;
            *if is_write { &mut self.clients.writes } else { &mut self.clients.reads } += 1;
        }
        if let Some(outcome) = &recorded.outcome {
            *match V::Protocol::ended(outcome) {
                Ended::Acknowledged => &mut self.clients.writes_acknowledged,
                Ended::Answered => &mut self.clients.reads_answered,
                Ended::Refused => &mut self.clients.refused,
                Ended::Unavailable => &mut self.clients.unavailable,
            } += 1;
        }
        // A client has one operation at a time: what ends is what it started last.
        let operation = invoked.saturating_sub(1);
        self.judge.on_client_step(recorded, operation).map_err(broken)
    }

    /// Lets the messages of a step be under way, and those go on that wait for them.
    fn send(&mut self, from: Peer, at_us: u64, effects: &[<V::Protocol as Traced>::Effect]) {
        for envelope in envelopes::<V::Protocol>(from, effects) {
            if matches!(envelope.to, Peer::Client(_)) && !self.traced.contains(&envelope.to) {
                self.network.send_unobserved();
                continue;
            }
            let name = self.network.send(&envelope, at_us);
            for index in self.waiting.remove(&name).unwrap_or_default() {
                self.queue(index);
            }
        }
    }

    /// Names the step at which traces that cannot go on are wrong: of those that wait for what no
    /// trace says anyone sends, the earliest. The others may only wait for what it would have led
    /// to.
    fn stuck(&self) -> RefusedBy<V> {
        let to_come: BTreeSet<EnvelopeName> = self
            .strands
            .iter()
            .flat_map(|strand| strand.still_to_send())
            .map(|(_, envelope)| EnvelopeName::of(&envelope))
            .collect();
        let waiting = self.waiting.iter().flat_map(|(name, strands)| {
            strands.iter().filter_map(|index| Some((*name, self.strands[*index].next()?)))
        });
        let rank = |(name, next): &(EnvelopeName, Next<'_, V::Protocol>)| {
            let is_cut_off = self.cut_off.contains_key(name);
            (to_come.contains(name) && !is_cut_off, next.at_us, next.place.line)
        };
        let (name, next) = waiting.min_by_key(rank).expect("someone waits");
        let envelope = next.received.clone().expect("what waits takes a message");
        let reason = self.why_not(name, &envelope, to_come.contains(&name));
        self.refused(&next, reason)
    }

    fn why_not(
        &self,
        name: EnvelopeName,
        envelope: &Envelope<V::Protocol>,
        is_to_come: bool,
    ) -> Reason<V::Protocol> {
        let boxed = || Box::new(envelope.clone());
        match self.cut_off.get(&name) {
            Some(sent_at) => Reason::CutOff { envelope: boxed(), sent_at: sent_at.clone() },
            None if is_to_come => Reason::SentLater(boxed()),
            None => never_sent(self.traced.contains(&envelope.from), envelope),
        }
    }

    fn report(self, traces: &Traces<V>) -> Report {
        let node = |node: NodeId| {
            let absent =
                || NodeReport { name: self.validated.words().node(node), ..Default::default() };
            self.nodes.get(&node).cloned().unwrap_or_else(absent)
        };
        let all = (0..self.validated.nodes() as u16).map(NodeId);
        let nodes: Vec<_> = all.map(node).collect();
        let Findings { properties, keys_judged, keys_not_judged } = self.judge.findings();
        Report {
            events: nodes.iter().map(|node| node.steps).sum::<u64>() + self.clients.steps,
            actions: self.tally.counts(),
            nodes,
            clients: self.clients,
            messages: self.network.counts(),
            properties,
            keys_judged,
            keys_not_judged,
            torn: traces.torn.iter().map(|file| (**file).into()).collect(),
        }
    }
}

fn broken<P: Traced>(Broken { name, of, statement }: Broken) -> Reason<P> {
    Reason::Property { name, of, statement }
}
