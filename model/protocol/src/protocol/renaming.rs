//! Nodes and clients under other names.
//!
//! The protocol treats all clients alike, so a permutation of clients, with the values that they write,
//! acts on everything that names them: the state of a node and of a client, what is stored, and messages. Where all nodes
//! are homes of all keys and none is asked before others, a permutation of nodes acts likewise. This is
//! that action, written once. Everything is taken apart without a rest, so that a new field or a new kind of
//! message is refused by the compiler until somebody has said whom it names.
//!
//! Digests and hashes say what they name in a way that cannot be undone. Who renames must know what each
//! is of.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::hash_tree::SetHash;
use crate::ids::{ClientId, Key, NodeId, NodeSet, Peer, RequestId, Value};
use crate::versions::{Incarnation, Names, Record, RecordDigest};

use super::client::{Client, Outcome, Pending, Phase};
use super::effect::Timer;
use super::message::{GetOutcome, GetRequest, Message, PutOutcome, PutRequest, ReapRound, Refusal};
use super::minted::MintedRequests;
use super::read_round::ReadRound;
use super::store::{Entry, KeptHint, MemoryStore, Registration};
use super::write_round::WriteRound;

/// What nodes, clients, values, and the digests of all that names them are called instead, one to one.
pub trait Renaming: Names {
    /// The digest of the record that is called otherwise.
    fn digest(&self, digest: RecordDigest) -> RecordDigest;

    /// The hash of the set of entries that are called otherwise.
    fn set_hash(&self, hash: SetHash) -> SetHash;

    /// Whether the requests are renamed for which a disk remembers to have minted versions. A renaming
    /// that forgets them is a planted fault of the checker.
    fn renames_minted_requests(&self) -> bool {
        true
    }
}

/// What may name nodes, clients, or values that they write.
pub trait Renamed {
    /// The same under other names.
    #[must_use]
    fn renamed(&self, names: &dyn Renaming) -> Self;
}

/// Nothing in these names a node or a client.
macro_rules! names_nobody {
    ($($type:ty),*) => {
        $(impl Renamed for $type {
            fn renamed(&self, _: &dyn Renaming) -> Self {
                self.clone()
            }
        })*
    };
}

names_nobody!(Key, ReapRound, Incarnation, Registration, u32, bool, usize);

impl<T: Renamed> Renamed for Option<T> {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        self.as_ref().map(|inner| inner.renamed(names))
    }
}

impl<T: Renamed> Renamed for Vec<T> {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        self.iter().map(|item| item.renamed(names)).collect()
    }
}

impl<T: Renamed> Renamed for VecDeque<T> {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        self.iter().map(|item| item.renamed(names)).collect()
    }
}

impl<T: Renamed + Ord> Renamed for BTreeSet<T> {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        self.iter().map(|item| item.renamed(names)).collect()
    }
}

impl<K: Renamed + Ord, V: Renamed> Renamed for BTreeMap<K, V> {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        self.iter().map(|(key, value)| (key.renamed(names), value.renamed(names))).collect()
    }
}

impl<A: Renamed, B: Renamed> Renamed for (A, B) {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        (self.0.renamed(names), self.1.renamed(names))
    }
}

impl Renamed for NodeId {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        names.node(*self)
    }
}

impl Renamed for NodeSet {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        names.nodes(*self)
    }
}

impl Renamed for ClientId {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        names.client(*self)
    }
}

impl Renamed for Value {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        names.value(self)
    }
}

impl Renamed for RecordDigest {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        names.digest(*self)
    }
}

impl Renamed for SetHash {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        names.set_hash(*self)
    }
}

impl Renamed for Arc<Record> {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        Arc::new((**self).renamed(names))
    }
}

impl Renamed for RequestId {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let RequestId { client, sequence } = *self;
        RequestId { client: client.renamed(names), sequence }
    }
}

impl Renamed for Peer {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        match *self {
            Peer::Node(node) => Peer::Node(node.renamed(names)),
            Peer::Client(client) => Peer::Client(client.renamed(names)),
        }
    }
}

impl Renamed for Timer {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        match *self {
            Timer::Request(request) => Timer::Request(request.renamed(names)),
            Timer::Speculate(request) => Timer::Speculate(request.renamed(names)),
            Timer::Sync(peer) => Timer::Sync(peer.renamed(names)),
            Timer::Handoff
            | Timer::CatchUp
            | Timer::Register
            | Timer::Waiting
            | Timer::Reap
            | Timer::Settled => *self,
        }
    }
}

impl Renamed for PutRequest {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let PutRequest { request, key, value, context, origin, w, sloppy, fan_out } = self;
        PutRequest {
            request: request.renamed(names),
            key: key.clone(),
            value: value.renamed(names),
            context: context.renamed(names),
            origin: *origin,
            w: *w,
            sloppy: *sloppy,
            fan_out: *fan_out,
        }
    }
}

impl Renamed for GetRequest {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let GetRequest { request, key, r } = self;
        GetRequest { request: request.renamed(names), key: key.clone(), r: *r }
    }
}

impl Renamed for Refusal {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        match self {
            Refusal::NotHome { homes } => Refusal::NotHome { homes: homes.renamed(names) },
            Refusal::QuorumOutOfRange { asked: _, n: _ }
            | Refusal::KeyTooLong { bytes: _, bytes_max: _ }
            | Refusal::ValueTooLarge { bytes: _, bytes_max: _ }
            | Refusal::TooManySiblings { siblings: _, siblings_max: _ }
            | Refusal::ClientFanOutOff
            | Refusal::ContextNotGiven
            | Refusal::TooManyHints { hints_max: _ }
            | Refusal::CatchingUp
            | Refusal::Overloaded { limit: _ }
            | Refusal::HintsTooLarge { hints_bytes_max: _ } => self.clone(),
        }
    }
}

impl Renamed for PutOutcome {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        match self {
            PutOutcome::Ok { acked } => PutOutcome::Ok { acked: acked.renamed(names) },
            PutOutcome::Unavailable { acked } => {
                PutOutcome::Unavailable { acked: acked.renamed(names) }
            }
            PutOutcome::Minted { state } => PutOutcome::Minted { state: state.renamed(names) },
            PutOutcome::Refused(refusal) => PutOutcome::Refused(refusal.renamed(names)),
        }
    }
}

impl Renamed for GetOutcome {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        match self {
            GetOutcome::Ok { state, replied } => {
                GetOutcome::Ok { state: state.renamed(names), replied: replied.renamed(names) }
            }
            GetOutcome::Unavailable { replied } => {
                GetOutcome::Unavailable { replied: replied.renamed(names) }
            }
            GetOutcome::Refused(refusal) => GetOutcome::Refused(refusal.renamed(names)),
        }
    }
}

/// Builds the same kind of message, each field under other names.
macro_rules! renamed_message {
    ($message:expr, $names:expr;
     $($tuple:ident),*;
     $($kind:ident { $($field:ident),* }),* $(,)?) => {
        match $message {
            $(Message::$tuple(inner) => Message::$tuple(inner.renamed($names)),)*
            $(Message::$kind { $($field),* } => {
                Message::$kind { $($field: $field.renamed($names)),* }
            })*
            // The token of a start, and what a node says of itself.
            Message::Register { incarnation: _, life: _, token: _, minted: _ } => $message.clone(),
            Message::SyncHashes { range, level, nodes } => Message::SyncHashes {
                range: range.renamed($names),
                level: *level,
                nodes: nodes.renamed($names),
            },
        }
    };
}

impl Renamed for Message {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        renamed_message!(self, names;
            Put, Get;
            PutReply { request, outcome },
            GetReply { request, outcome },
            Store { request, key, state },
            StoreAck { request, held },
            Fetch { request, key },
            FetchReply { request, state },
            Repair { key, state },
            Probe { request },
            ProbeReply { request },
            StoreHint { request, home, key, state },
            Handoff { key, state },
            HandoffAck { key, held },
            CatchUp { token, after },
            CatchUpPage { token, after, entries, next, is_caught_up },
            Registered { token, agrees },
            ReapAsk { round, key, state },
            ReapAgree { round, key, held },
            Reap { key, held },
            SyncKeys { range, leaf, after, keys, more },
            SyncStates { states, wanted },
        )
    }
}

impl Renamed for MintedRequests {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        match names.renames_minted_requests() {
            true => self.iter().map(|request| request.renamed(names)).collect(),
            false => self.clone(),
        }
    }
}

impl Renamed for Entry {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let Entry { state, run, requests } = self;
        Entry { state: state.renamed(names), run: *run, requests: requests.renamed(names) }
    }
}

impl Renamed for KeptHint {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let KeptHint { state, requests } = self;
        KeptHint { state: state.renamed(names), requests: requests.renamed(names) }
    }
}

impl Renamed for MemoryStore {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let MemoryStore { identity, registrations, entries, hints } = self;
        MemoryStore {
            identity: *identity,
            registrations: registrations.renamed(names),
            entries: entries.renamed(names),
            hints: hints.renamed(names),
        }
    }
}

impl Renamed for WriteRound {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let WriteRound { acked, needed } = self;
        WriteRound { acked: acked.renamed(names), needed: *needed }
    }
}

impl Renamed for ReadRound {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let ReadRound {
            repair,
            needed,
            asked,
            holders_needed,
            phase,
            counted,
            replies,
            merged,
            holders,
        } = self;
        let mut replies = replies.renamed(names);
        replies.sort_by_key(|(node, _)| *node);
        ReadRound {
            repair: *repair,
            needed: *needed,
            asked: asked.renamed(names),
            holders_needed: *holders_needed,
            phase: *phase,
            counted: counted.renamed(names),
            replies,
            merged: merged.renamed(names),
            holders: holders.renamed(names),
        }
    }
}

impl Renamed for Phase {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        match self {
            Phase::Asking { node, message } => {
                Phase::Asking { node: node.renamed(names), message: message.renamed(names) }
            }
            Phase::Writing { key, state, round } => Phase::Writing {
                key: key.clone(),
                state: state.renamed(names),
                round: round.renamed(names),
            },
            Phase::Reading { key, round } => {
                Phase::Reading { key: key.clone(), round: round.renamed(names) }
            }
        }
    }
}

impl Renamed for Pending {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let Pending { request, attempts_left, w, phase } = self;
        Pending {
            request: request.renamed(names),
            attempts_left: *attempts_left,
            w: *w,
            phase: phase.renamed(names),
        }
    }
}

impl Renamed for Outcome {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        match self {
            Outcome::GetOk { state, replied } => {
                Outcome::GetOk { state: state.renamed(names), replied: replied.renamed(names) }
            }
            Outcome::PutOk { acked } => Outcome::PutOk { acked: acked.renamed(names) },
            Outcome::PutUnavailable { acked } => {
                Outcome::PutUnavailable { acked: acked.renamed(names) }
            }
            Outcome::GetUnavailable { replied } => {
                Outcome::GetUnavailable { replied: replied.renamed(names) }
            }
            Outcome::NoAnswer => self.clone(),
            Outcome::Refused(refusal) => Outcome::Refused(refusal.renamed(names)),
        }
    }
}

impl Renamed for Client {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let Client { id, next_sequence, pending, trailing } = self;
        Client {
            id: id.renamed(names),
            next_sequence: *next_sequence,
            pending: pending.renamed(names),
            trailing: trailing.renamed(names),
        }
    }
}
