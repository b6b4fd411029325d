//! What each step touches, declared: which components of its node or client it may read or write, which kinds of message it
//! may send, and whether it may tell an observer something.
//!
//! A declaration is a function of the input and of *guards*: facts of the state that are cheap to look
//! up, and that the declaration lists among what it touches. It may say more than the step does and never
//! less; the checker holds every step that it takes against it. The steps themselves do not ask for it.

use alloc::vec::Vec;
use core::fmt;

use quorate_ids::{ClientId, NodeId, components};

use crate::effect::Timer;
use crate::names::Key;
use crate::shards::ShardId;

components! {
    /// A named part of the state of a client, or of what a node keeps of one log. Together they are all of it.
    pub enum Component {
        "what the node is" Role,
        "what a follower is known to hold" Matched(NodeId),
        "whether a piece of the log is under way to a follower" UnderWay(NodeId),
        "who is the synchronous follower" Synchronous,
        "the writes that wait" Waiting,
        "the reads that wait" Confirming,
        "in which of its lives the node is" Life,
        "what others have told since a lost disk" Recall,
        "the pages of a snapshot that have arrived" Arriving,
        "the latest epoch and the vote in it" Ballot,
        "whether the disk is caught up" CaughtUp,
        "the log" Log,
        "how far the log is committed" Committed,
        "a row" Row(Key),
        "what is remembered of a client" Remembered(ClientId),
        "what is known of sessions" Sessions,
        "what applied entries replaced" Undo,
        "a timer" Timer(Timer),
        "the request that a client waits for" Asked,
        "whom a client believes to lead" Believes(ShardId),
        "the replica that a client reads from" Sticky,
        "the rows that a client wrote" Written,
        "how far a client has seen a log" Seen(ShardId),
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.family().words();
        match self {
            Component::Matched(node) | Component::UnderWay(node) => write!(f, "{words} {node}"),
            Component::Row(key) => write!(f, "{words} {key:?}"),
            Component::Remembered(client) => write!(f, "{words} {client}"),
            Component::Timer(timer) => write!(f, "{words} {timer:?}"),
            Component::Believes(ShardId(shard)) | Component::Seen(ShardId(shard)) => {
                write!(f, "{words} {shard}")
            }
            Component::Role
            | Component::Synchronous
            | Component::Waiting
            | Component::Confirming
            | Component::Life
            | Component::Recall
            | Component::Arriving
            | Component::Ballot
            | Component::CaughtUp
            | Component::Log
            | Component::Committed
            | Component::Sessions
            | Component::Undo
            | Component::Asked
            | Component::Sticky
            | Component::Written => f.write_str(words),
        }
    }
}

/// What a step may touch and cause. Nothing is a join here: whatever is merged, a majority is counted from it in the same step.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Declaration {
    /// What it reads, and does not change unless it is among the others too.
    pub reads: Vec<Area>,
    /// What it changes, depending on what it was or not.
    pub writes: Vec<Area>,
    /// The kinds of message that it may send.
    pub sends: Vec<&'static str>,
    /// Whether it may tell an observer something: who leads, what is appended, committed or acknowledged, how an operation of a
    /// client ended.
    pub tells: bool,
}

impl Declaration {
    pub(crate) fn read(&mut self, area: impl Into<Area>) -> &mut Self {
        self.reads.push(area.into());
        self
    }

    pub(crate) fn write(&mut self, area: impl Into<Area>) -> &mut Self {
        self.writes.push(area.into());
        self
    }

    pub(crate) fn timer(&mut self, timer: Timer) -> &mut Self {
        self.write(Component::Timer(timer))
    }

    pub(crate) fn send(&mut self, kind: &'static str) -> &mut Self {
        self.sends.push(kind);
        self
    }

    pub(crate) fn tell(&mut self) -> &mut Self {
        self.tells = true;
        self
    }
}
