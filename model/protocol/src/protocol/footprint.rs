//! What each step touches, declared: which components of its node or client it may read, write or
//! join, which kinds of message it may send, and whether it may tell an observer something.
//!
//! A declaration is a function of the input and of *guards*: facts of the state that are cheap to look
//! up, and that the declaration lists among what it reads. It may say more than the step does and never
//! less; the checker holds every step that it takes against it. The steps themselves do not ask for it.

use alloc::vec::Vec;
use core::fmt;

use quorate_ids::components;

use super::effect::Timer;
use crate::ids::{Key, NodeId, RequestId};

components! {
    /// A named part of the state of a node or a client. Together they are all of it.
    pub enum Component {
        "the wall clock" Clock,
        "the incarnation and the life" Incarnation,
        "the counters of what was minted" Counters,
        "whether the disk is caught up" CaughtUp,
        "what is registered of a node" Registration(NodeId),
        "the entry of a key" Record(Key),
        "the hint for a home about a key" Hint(NodeId, Key),
        "a put that is coordinated" Put(RequestId),
        "a get that is coordinated" Get(RequestId),
        "a put that was forwarded" Forward(RequestId),
        "a put that waits for a home to answer" Probe(RequestId),
        "a put that was answered" Finished(RequestId),
        "the order in which puts were answered" FinishedOrder,
        "whether the node may mint" Standing,
        "the puts that wait until the node may mint" Waiting,
        "up to which hint the last handoff came" HandoffCursor,
        "how far the node has caught up" CatchUp,
        "the round about a tombstone" ReapRound(Key),
        "up to where the last round about tombstones came" ReapCursors,
        "the number of the next round about tombstones" ReapNumber,
        "the waits before the first round about tombstones" ReapWaits,
        "whether the node compares with others" Comparing,
        "a timer" Timer(Timer),
        "the request that a client waits for" Pending,
        "the read that a client still repairs" Trailing,
        "the number of a client's next request" Sequence,
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.family().words();
        match self {
            Component::Registration(node) => write!(f, "{words} {node}"),
            Component::Record(key) | Component::ReapRound(key) => write!(f, "{words} {key}"),
            Component::Hint(home, key) => write!(f, "{words} {home} {key}"),
            Component::Put(request)
            | Component::Get(request)
            | Component::Forward(request)
            | Component::Probe(request)
            | Component::Finished(request) => write!(f, "{words} {request}"),
            Component::Timer(timer) => write!(f, "{words} {timer:?}"),
            Component::Clock
            | Component::Incarnation
            | Component::Counters
            | Component::CaughtUp
            | Component::FinishedOrder
            | Component::Standing
            | Component::Waiting
            | Component::HandoffCursor
            | Component::CatchUp
            | Component::ReapCursors
            | Component::ReapNumber
            | Component::ReapWaits
            | Component::Comparing
            | Component::Pending
            | Component::Trailing
            | Component::Sequence => f.write_str(words),
        }
    }
}

/// What a step may touch and cause.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Declaration {
    /// What it reads, and does not change unless it is among the others too.
    pub reads: Vec<Area>,
    /// What it changes, depending on what it was or not.
    pub writes: Vec<Area>,
    /// What it changes by a merge: in any order the same comes out, and nothing else that the step does
    /// depends on it.
    pub joins: Vec<Area>,
    /// The kinds of message that it may send.
    pub sends: Vec<&'static str>,
    /// Whether it may tell an observer something: a record or hint that came or went, a write that was
    /// named, the end of an operation.
    pub tells: bool,
}

/// That a node begins to wait until nothing older is under way, declared like a kind of message: it
/// concerns all messages.
pub const WAIT: &str = "wait";

impl Declaration {
    pub(super) fn read(&mut self, area: impl Into<Area>) -> &mut Self {
        self.reads.push(area.into());
        self
    }

    pub(super) fn write(&mut self, area: impl Into<Area>) -> &mut Self {
        self.writes.push(area.into());
        self
    }

    pub(super) fn join(&mut self, area: impl Into<Area>) -> &mut Self {
        self.joins.push(area.into());
        self.tells = true;
        self
    }

    pub(super) fn send(&mut self, kinds: &[&'static str]) -> &mut Self {
        self.sends.extend(kinds);
        self
    }

    pub(super) fn tell(&mut self) -> &mut Self {
        self.tells = true;
        self
    }

    pub(super) fn timer(&mut self, timer: Timer) -> &mut Self {
        self.write(Component::Timer(timer))
    }
}

/// What is known of a whole run: how much it asks for at most, and what dots name. A limit that is never come
/// near couples nothing: of requests that a node carries, of puts and hints that it keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scope {
    /// Requests, in all.
    pub requests: usize,
    /// What one of them takes at most, with all that is fetched and kept for it.
    pub request_bytes: usize,
    /// Whether a dot names one write. Where two nodes share an identity, or one uses a dot twice, of two
    /// states that disagree about a dot the first one stays: then merging is no join.
    pub names_writes_once: bool,
}

impl Scope {
    /// What all requests take together.
    #[must_use]
    pub fn bytes(self) -> usize {
        self.requests.saturating_mul(self.request_bytes)
    }
}
