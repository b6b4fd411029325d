//! What nodes and clients say to each other.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use quorate_ids::{Enumerated, KindOf, kinds};
use serde::{Deserialize, Serialize};

use crate::hash_tree::SetHash;
use crate::ids::{Key, NodeId, NodeSet, RequestId, Value};
use crate::versions::{Incarnation, Life, Record, RecordDigest, VersionVector};

/// Who fans a request out to the homes.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum FanOut {
    /// The node that was asked.
    #[default]
    NodeDriven,
    /// The client library; for a put a home still mints the dot first.
    ClientDriven,
}

/// One round of questions about a tombstone, as a node numbers those that it begins in one life.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
pub struct ReapRound(pub u64);

impl fmt::Display for ReapRound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "round {}", self.0)
    }
}

/// Where a put's context comes from, as far as the node knows that takes the put in.
///
/// A client is not believed what it says of itself. Whoever runs the protocol finds out, as by a seal that nodes put on
/// what they give: only that makes it [`ContextOrigin::Given`].
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ContextOrigin {
    /// Some node gave it, for this key. So everything that it covers was minted.
    #[default]
    Given,
    /// Nobody knows that any node did. It may cover what nobody has minted yet.
    Claimed,
}

/// A client's wish to write or delete a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PutRequest {
    /// The identity that a retry repeats.
    pub request: RequestId,
    /// What to write.
    pub key: Key,
    /// The value, or `None` for a delete.
    pub value: Option<Value>,
    /// What the client has seen of the key: empty for a blind write.
    pub context: VersionVector,
    /// Where that comes from.
    #[serde(default)]
    pub origin: ContextOrigin,
    /// Acknowledgements to gather; the cluster's W if absent.
    pub w: Option<usize>,
    /// Whether fallbacks may stand in for homes that do not answer; as the cluster has it if
    /// absent. Node-driven puts only.
    pub sloppy: Option<bool>,
    /// Who sends the new state on.
    pub fan_out: FanOut,
}

/// A client's wish to read a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct GetRequest {
    /// The identity that a retry repeats.
    pub request: RequestId,
    /// What to read.
    pub key: Key,
    /// Replies to gather; the cluster's R if absent.
    pub r: Option<usize>,
}

/// Why a node will not do what it was asked. This attempt stored nothing and was not sent on.
///
/// An earlier attempt under the same request id may have been taken, here or by another home, and a copy that the network made may
/// be taken later. Where neither can be, or the reason is the request itself ([`Refusal::is_of_request`]), a write that was refused
/// does not happen.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, thiserror::Error,
)]
pub enum Refusal {
    /// R or W of the request is not between 1 and N.
    #[error("asked for {asked} replies of {n} homes; ask for 1 to {n}")]
    QuorumOutOfRange {
        /// What the request asked for.
        asked: usize,
        /// The cluster's N.
        n: usize,
    },
    /// A client-driven put reached a node that may not mint for the key.
    #[error("not a home of this key; its homes are {homes}")]
    NotHome {
        /// Who may.
        homes: NodeSet,
    },
    /// The key is too long.
    #[error("a key of {bytes} bytes, but a key has at most {bytes_max}; use a shorter one")]
    KeyTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The value is too large.
    #[error(
        "a value of {bytes} bytes, but a value has at most {bytes_max}; split it over more keys"
    )]
    ValueTooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The write would add a version to a key that has as many as it may, and replaces none.
    #[error(
        "the key has {siblings} versions that nobody has resolved, and may have {siblings_max}; \
         read it, and write or delete with the context of that read, which replaces them"
    )]
    TooManySiblings {
        /// How many versions it has.
        siblings: usize,
        /// The limit.
        siblings_max: usize,
    },
    /// A client wants to fan a request out itself, in a cluster that does not let clients do so.
    #[error(
        "clients do not fan requests out themselves in this cluster: ask a node to (without \
         --client-driven), or set client_fan_out = true in cluster.toml"
    )]
    ClientFanOutOff,
    /// The context of a put is not one that any node gave for this key.
    #[error(
        "the context is not one that this cluster gave for this key, or it was given so long ago that its seal is not \
         believed any more: read the key again, and write with the context of that read"
    )]
    ContextNotGiven,
    /// The node already keeps as many hints as it may.
    #[error("no home of the key answers, and this node already keeps {hints_max} hints for others")]
    TooManyHints {
        /// The limit.
        hints_max: usize,
    },
    /// The node lost its disk and has not caught up yet; no other home answers for it.
    #[error("this node lost its disk and is still catching up; ask another node, or wait")]
    CatchingUp,
    /// The node already carries as many unfinished requests as it may, or as large ones.
    #[error("{limit}; retry later")]
    Overloaded {
        /// Which limit.
        limit: LoadLimit,
    },
    /// The hints that the node keeps are as large as they may be.
    #[error(
        "no home of the key answers, and with this write the hints that this node keeps for others \
         would have more than {hints_bytes_max} bytes"
    )]
    HintsTooLarge {
        /// The limit.
        hints_bytes_max: u64,
    },
}

/// Which limit on its unfinished requests a node has come to.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
pub enum LoadLimit {
    /// On their number.
    #[error("{pending_max} requests are already in flight at this node")]
    Requests {
        /// The limit.
        pending_max: usize,
    },
    /// On what they hold: keys, values, contexts, and the states that were fetched for them.
    #[error(
        "a request of {bytes} bytes, but those in flight at this node may take \
         {pending_bytes_max} in all, and take {pending_bytes}"
    )]
    Bytes {
        /// What the request takes.
        bytes: usize,
        /// What those in flight take.
        pending_bytes: usize,
        /// The limit.
        pending_bytes_max: usize,
    },
}

impl Refusal {
    /// Whether the reason is the request itself: a cluster that is configured so refuses it always, whatever its nodes hold or carry, so
    /// no attempt and no copy of it was ever taken, or will be.
    #[must_use]
    pub fn is_of_request(&self) -> bool {
        match self {
            Refusal::QuorumOutOfRange { .. }
            | Refusal::NotHome { .. }
            | Refusal::KeyTooLong { .. }
            | Refusal::ValueTooLarge { .. }
            | Refusal::ClientFanOutOff => true,
            Refusal::TooManySiblings { .. }
            | Refusal::ContextNotGiven
            | Refusal::TooManyHints { .. }
            | Refusal::CatchingUp
            | Refusal::Overloaded { .. }
            | Refusal::HintsTooLarge { .. } => false,
        }
    }

    /// Whether a write that was refused so may happen all the same, where no copy of a message is made: an earlier attempt may have
    /// been taken, unless the reason is the request itself. Nodes drop the copies that a network makes of a datagram.
    #[must_use]
    pub fn leaves_open(&self, was_asked_again: bool) -> bool {
        was_asked_again && !self.is_of_request()
    }

    /// Whether the reason is what the key's record has come to hold, and not the request itself or
    /// what else the node carries.
    #[must_use]
    pub fn is_of_record(&self) -> bool {
        match self {
            Refusal::TooManySiblings { .. } => true,
            Refusal::QuorumOutOfRange { .. }
            | Refusal::NotHome { .. }
            | Refusal::KeyTooLong { .. }
            | Refusal::ValueTooLarge { .. }
            | Refusal::ClientFanOutOff
            | Refusal::ContextNotGiven
            | Refusal::TooManyHints { .. }
            | Refusal::CatchingUp
            | Refusal::Overloaded { .. }
            | Refusal::HintsTooLarge { .. } => false,
        }
    }
}

/// How a put ended at its coordinator.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum PutOutcome {
    /// These distinct nodes, at least W, hold the write durably.
    Ok {
        /// Who acknowledged in time to be counted.
        acked: NodeSet,
    },
    /// Fewer than W acknowledged in time. The write is indeterminate: nothing is rolled back and
    /// later reads may or may not see it.
    Unavailable {
        /// Who did acknowledge.
        acked: NodeSet,
    },
    /// A client-driven put was minted and is durable at this one home; the client now sends the
    /// state to the others.
    Minted {
        /// The home's whole merged state of the key.
        state: Arc<Record>,
    },
    /// Nothing was done.
    Refused(Refusal),
}

/// How a get ended at its coordinator.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum GetOutcome {
    /// R distinct homes replied.
    Ok {
        /// The merge of what they hold: all live versions and the context. `None` when nobody has
        /// the key.
        state: Option<Arc<Record>>,
        /// Whose replies were counted.
        replied: NodeSet,
    },
    /// Fewer than R replied in time, or a blocking repair did not finish in time.
    Unavailable {
        /// Who did reply.
        replied: NodeSet,
    },
    /// Nothing was done.
    Refused(Refusal),
}

/// A message between a client and a node or between two nodes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Message {
    /// Client to coordinator, or a node that is no home forwarding to one.
    Put(PutRequest),
    /// The coordinator's answer, to whoever sent it the put.
    PutReply {
        /// Which put.
        request: RequestId,
        /// How it ended.
        outcome: PutOutcome,
    },
    /// Client to coordinator.
    Get(GetRequest),
    /// The coordinator's answer.
    GetReply {
        /// Which get.
        request: RequestId,
        /// How it ended.
        outcome: GetOutcome,
    },
    /// Coordinator to home: take this state in, make it durable, then acknowledge.
    Store {
        /// The put, or the get with blocking repair, that this serves.
        request: RequestId,
        /// Which key.
        key: Key,
        /// The coordinator's whole merged state of the key, never the bare new version.
        state: Arc<Record>,
    },
    /// Home to coordinator: what the request's [`Message::Store`] carried is durable here.
    StoreAck {
        /// Which request.
        request: RequestId,
        /// Which state. A get that is retried is read anew under the same request, and an
        /// acknowledgement of the repair before must not stand for the one after.
        held: RecordDigest,
    },
    /// Coordinator to home: tell me what you hold.
    Fetch {
        /// The get that this serves.
        request: RequestId,
        /// Which key.
        key: Key,
    },
    /// Home to coordinator.
    FetchReply {
        /// Which get.
        request: RequestId,
        /// What the home holds of the key, `None` if nothing.
        state: Option<Arc<Record>>,
    },
    /// Coordinator to home, after an asynchronous read repair: take this in; nobody waits.
    Repair {
        /// Which key.
        key: Key,
        /// The merge of the replies.
        state: Arc<Record>,
    },
    /// A node that is no home to homes, before it forwards a sloppy put: are you there?
    Probe {
        /// The put.
        request: RequestId,
    },
    /// A home's answer: I am.
    ProbeReply {
        /// The put.
        request: RequestId,
    },
    /// Coordinator to fallback: keep this for a home that does not answer, make it durable, then
    /// acknowledge as a home would, with a [`Message::StoreAck`].
    StoreHint {
        /// The put that this serves.
        request: RequestId,
        /// For whom.
        home: NodeId,
        /// Which key.
        key: Key,
        /// The coordinator's whole merged state of the key.
        state: Arc<Record>,
    },
    /// Holder of a hint to the home it is for.
    Handoff {
        /// Which key.
        key: Key,
        /// The whole hint.
        state: Arc<Record>,
    },
    /// The home's answer: this very state is durable here.
    HandoffAck {
        /// Which key.
        key: Key,
        /// Which state.
        held: RecordDigest,
    },
    /// A node that lost its disk to another home: what do you hold that I should?
    CatchUp {
        /// What tells the start that asks from every other: what was asked before the disk was lost once more says
        /// nothing of what was acknowledged in between.
        token: Incarnation,
        /// Everything beyond this key, in the order of keys.
        after: Option<Key>,
    },
    /// The answer. Of a node that catches up itself it says nothing but that.
    CatchUpPage {
        /// Which start asked.
        token: Incarnation,
        /// What was asked beyond.
        after: Option<Key>,
        /// States of keys that the asker is a home of, in the order of keys.
        entries: Vec<(Key, Arc<Record>)>,
        /// Beyond which key there is more; `None` at the end.
        next: Option<Key>,
        /// Whether the sender holds all that it ever acknowledged: not while it catches up itself.
        is_caught_up: bool,
    },
    /// A node that has started again to every other, before it mints: may I keep this incarnation?
    Register {
        /// Which.
        incarnation: Incarnation,
        /// The life in which I mint then, if you agree.
        life: Life,
        /// What tells this start from every other.
        token: Incarnation,
        /// The highest counter that I know to have minted under it.
        minted: u64,
    },
    /// The answer. Who agrees has made it durable.
    Registered {
        /// Which start.
        token: Incarnation,
        /// Whether the incarnation is free in that life, and the sender has seen no higher counter.
        agrees: bool,
    },
    /// Home to every node: may this tombstone go?
    ReapAsk {
        /// Which of the asker's rounds it is.
        round: ReapRound,
        /// Which key.
        key: Key,
        /// The state the asker holds: nothing but tombstones.
        state: Arc<Record>,
    },
    /// The answer: the sender, if a home, holds the very same; it holds no hint for the key and
    /// serves no request for it. No answer means no.
    ReapAgree {
        /// The round in which it was asked.
        round: ReapRound,
        /// Which key.
        key: Key,
        /// Which state.
        held: RecordDigest,
    },
    /// To every home, when all have agreed and no older datagram is under way any more: forget the
    /// key if you still hold this.
    Reap {
        /// Which key.
        key: Key,
        /// Which state.
        held: RecordDigest,
    },
    /// Home to home: my hashes below these nodes of the hash tree of our range.
    SyncHashes {
        /// The homes that share the range.
        range: NodeSet,
        /// The level of the nodes; the root's is 0.
        level: u8,
        /// Positions on that level, each with its children that are not empty.
        nodes: Vec<(u32, Vec<(u32, SetHash)>)>,
    },
    /// Home to home: what I hold under a leaf on which our hashes differ.
    SyncKeys {
        /// The homes that share the range.
        range: NodeSet,
        /// Which leaf.
        leaf: u32,
        /// Beyond which key this page begins, in the order of the leaf.
        after: Option<Key>,
        /// Every key from there on with what is held of it, up to the last one if there is more,
        /// and to the end of the leaf otherwise.
        keys: Vec<(Key, RecordDigest)>,
        /// Whether there is more beyond the last key.
        more: bool,
    },
    /// Home to home: states that differ from what you listed, and the keys of which I want yours.
    SyncStates {
        /// States to take in.
        states: Vec<(Key, Arc<Record>)>,
        /// What the sender wants in return.
        wanted: Vec<Key>,
    },
}

kinds! {
    /// The kinds of message, each by the protocol's word for it.
    pub enum MessageKind of Message {
        Put: "Put",
        PutReply: "PutReply",
        Get: "Get",
        GetReply: "GetReply",
        Store: "Store",
        StoreAck: "StoreAck",
        Fetch: "Fetch",
        FetchReply: "FetchReply",
        Repair: "Repair",
        Probe: "Probe",
        ProbeReply: "ProbeReply",
        StoreHint: "StoreHint",
        Handoff: "Handoff",
        HandoffAck: "HandoffAck",
        CatchUp: "CatchUp",
        CatchUpPage: "CatchUpPage",
        Register: "Register",
        Registered: "Registered",
        ReapAsk: "ReapAsk",
        ReapAgree: "ReapAgree",
        Reap: "Reap",
        SyncHashes: "SyncHashes",
        SyncKeys: "SyncKeys",
        SyncStates: "SyncStates",
    }
}

/// What a message is part of. Whoever looks at one kind of exchange decides about each of these, so that a new kind
/// of message has to be put somewhere, and a new exchange has to be thought of everywhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part<'a> {
    /// A client's request: asked, forwarded, fanned out, answered.
    Request(RequestId),
    /// Read repair that nobody waits for.
    Repair,
    /// The handoff of a hint for this key.
    Handoff {
        /// Which key.
        key: &'a Key,
        /// Whether it is the home's answer.
        is_answer: bool,
    },
    /// A node's catching up after it lost its disk.
    CatchUp {
        /// Whether it is the answer to a node that catches up.
        is_answer: bool,
    },
    /// A start's registration of its incarnation.
    Registration {
        /// Whether it is the answer to a node that started.
        is_answer: bool,
    },
    /// A round of agreement about what may be forgotten.
    ReapRound {
        /// Which of the asker's rounds.
        round: ReapRound,
        /// Whether it is an answer.
        is_answer: bool,
    },
    /// The end of such a round: what was agreed is to be forgotten.
    ReapEnd,
    /// Anti-entropy between two homes.
    Exchange {
        /// Whether somebody is to answer it.
        awaits_answer: bool,
    },
}

impl Message {
    /// What it is part of.
    #[must_use]
    pub fn part(&self) -> Part<'_> {
        match self {
            Message::Put(PutRequest { request, .. })
            | Message::Get(GetRequest { request, .. })
            | Message::PutReply { request, .. }
            | Message::GetReply { request, .. }
            | Message::Store { request, .. }
            | Message::StoreAck { request, .. }
            | Message::Fetch { request, .. }
            | Message::FetchReply { request, .. }
            | Message::Probe { request }
            | Message::ProbeReply { request }
            | Message::StoreHint { request, .. } => Part::Request(*request),
            Message::Repair { .. } => Part::Repair,
            Message::Handoff { key, .. } => Part::Handoff { key, is_answer: false },
            Message::HandoffAck { key, .. } => Part::Handoff { key, is_answer: true },
            Message::CatchUp { .. } => Part::CatchUp { is_answer: false },
            Message::CatchUpPage { .. } => Part::CatchUp { is_answer: true },
            Message::Register { .. } => Part::Registration { is_answer: false },
            Message::Registered { .. } => Part::Registration { is_answer: true },
            Message::ReapAsk { round, .. } => Part::ReapRound { round: *round, is_answer: false },
            Message::ReapAgree { round, .. } => Part::ReapRound { round: *round, is_answer: true },
            Message::Reap { .. } => Part::ReapEnd,
            Message::SyncHashes { .. } | Message::SyncKeys { .. } => {
                Part::Exchange { awaits_answer: true }
            }
            Message::SyncStates { wanted, .. } => {
                Part::Exchange { awaits_answer: !wanted.is_empty() }
            }
        }
    }

    /// The protocol's word for this kind of message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        MessageKind::of(self).name()
    }

    /// The request this message serves, if any waits for it.
    #[must_use]
    pub fn request(&self) -> Option<RequestId> {
        match self.part() {
            Part::Request(request) => Some(request),
            Part::Repair
            | Part::Handoff { .. }
            | Part::CatchUp { .. }
            | Part::Registration { .. }
            | Part::ReapRound { .. }
            | Part::ReapEnd
            | Part::Exchange { .. } => None,
        }
    }

    /// The states of keys that this message carries to be stored.
    pub fn carried(&self) -> impl Iterator<Item = (&Key, &Arc<Record>)> {
        let (one, many): (_, &[(Key, Arc<Record>)]) = match self {
            Message::Store { key, state, .. }
            | Message::Repair { key, state }
            | Message::StoreHint { key, state, .. }
            | Message::Handoff { key, state }
            | Message::ReapAsk { key, state, .. } => (Some((key, state)), &[]),
            Message::CatchUpPage { entries, .. } => (None, entries),
            Message::SyncStates { states, .. } => (None, states),
            Message::Put(_)
            | Message::PutReply { .. }
            | Message::Get(_)
            | Message::GetReply { .. }
            | Message::StoreAck { .. }
            | Message::Fetch { .. }
            | Message::FetchReply { .. }
            | Message::Probe { .. }
            | Message::ProbeReply { .. }
            | Message::HandoffAck { .. }
            | Message::CatchUp { .. }
            | Message::Register { .. }
            | Message::Registered { .. }
            | Message::ReapAgree { .. }
            | Message::Reap { .. }
            | Message::SyncHashes { .. }
            | Message::SyncKeys { .. } => (None, &[]),
        };
        one.into_iter().chain(many.iter().map(|(key, state)| (key, state)))
    }
}
