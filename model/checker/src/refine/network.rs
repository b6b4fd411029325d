//! What the nodes and clients of a trace were seen to say to each other.

use std::collections::BTreeMap;

use quorate_ids::Peer;
use serde::Serialize;

use super::digest::short;
use super::traced::Traced;
use crate::world::Envelope;

/// A message between two ends, by the hash of it and them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct EnvelopeName(u128);

impl EnvelopeName {
    pub(super) fn of<P: Traced>(envelope: &Envelope<P>) -> Self {
        EnvelopeName(short(envelope))
    }
}

/// What became of the messages.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct MessageCounts {
    /// Sent to someone whose trace is given.
    pub sent: u64,
    /// Received by someone whose trace is given.
    pub received: u64,
    /// Sent and never received.
    pub lost: u64,
    /// Received more often than sent.
    pub duplicated: u64,
    /// Received for the first time after one that was sent later on the same way.
    pub reordered: u64,
    /// Sent to clients without a trace: nobody saw whether they arrived.
    pub unobserved: u64,
    /// Received from clients without a trace, and taken on trust.
    pub trusted: u64,
}

struct Traffic {
    sent: u64,
    received: u64,
    /// The position of its first sending among all sendings on its way.
    position: u64,
    /// When it was sent last.
    sent_us: u64,
}

#[derive(Default)]
struct Way {
    sent: u64,
    /// The latest position that has been received.
    received: u64,
}

/// Everything said so far. A network that may lose, duplicate, delay and reorder needs no more:
/// whatever was said once may arrive at any later time, any number of times. Where nodes rely on a
/// lifetime of datagrams, it must do so in time after it was said last.
#[derive(Default)]
pub(super) struct Network {
    messages: BTreeMap<EnvelopeName, Traffic>,
    ways: BTreeMap<(Peer, Peer), Way>,
    reordered: u64,
    unobserved: u64,
    trusted: u64,
}

impl Network {
    pub(super) fn send<P: Traced>(&mut self, envelope: &Envelope<P>, at_us: u64) -> EnvelopeName {
        let name = EnvelopeName::of(envelope);
        let way = self.ways.entry((envelope.from, envelope.to)).or_default();
        way.sent += 1;
        let first = || Traffic { sent: 0, received: 0, position: way.sent, sent_us: at_us };
        let traffic = self.messages.entry(name).or_insert_with(first);
        traffic.sent += 1;
        traffic.sent_us = traffic.sent_us.max(at_us);
        name
    }

    /// Notes a message to someone whose trace is not given.
    pub(super) fn send_unobserved(&mut self) {
        self.unobserved += 1;
    }

    /// Notes a message from someone whose trace is not given.
    pub(super) fn receive_on_trust(&mut self) {
        self.trusted += 1;
    }

    pub(super) fn is_sent(&self, name: EnvelopeName) -> bool {
        self.messages.contains_key(&name)
    }

    /// When a message was sent last, if it was.
    pub(super) fn sent_us(&self, name: EnvelopeName) -> Option<u64> {
        self.messages.get(&name).map(|traffic| traffic.sent_us)
    }

    /// Notes the receipt of a message that was sent.
    pub(super) fn receive<P: Traced>(&mut self, envelope: &Envelope<P>, name: EnvelopeName) {
        let Some(traffic) = self.messages.get_mut(&name) else { return };
        traffic.received += 1;
        if traffic.received == 1 {
            let way = self.ways.entry((envelope.from, envelope.to)).or_default();
            self.reordered += u64::from(traffic.position < way.received);
            way.received = way.received.max(traffic.position);
        }
    }

    pub(super) fn counts(&self) -> MessageCounts {
        let traffic: Vec<_> = self.messages.values().collect();
        MessageCounts {
            sent: traffic.iter().map(|traffic| traffic.sent).sum(),
            received: traffic.iter().map(|traffic| traffic.received).sum(),
            lost: traffic.iter().map(|one| one.sent.saturating_sub(one.received)).sum(),
            duplicated: traffic.iter().map(|one| one.received.saturating_sub(one.sent)).sum(),
            reordered: self.reordered,
            unobserved: self.unobserved,
            trusted: self.trusted,
        }
    }
}
