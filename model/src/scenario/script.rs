//! Scripts: what happens in a scenario, step by step, instead of everything that could.
//!
//! A script says which requests are made, which messages arrive and what goes wrong, in this
//! order and no other. [`crate::check::script`] carries it out, through nothing but what the model
//! allows.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::check::leaderless::Leaderless;
use crate::ids::{ClientId, Key, NodeId, NodeSet, Timestamp, Value};
use crate::protocol::Timer;

/// The steps of a scenario, in order.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Script {
    /// The file, as it was named when it was read.
    pub file: String,
    /// What happens.
    pub steps: Vec<ScriptStep>,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptStep {
    /// Its line in the file, from one.
    pub line: usize,
    /// What happens.
    pub verb: Verb,
}

/// What a step does, or looks at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verb {
    /// A client makes the next request of its program.
    Ask {
        /// Which client.
        client: ClientId,
        /// Which operation of its program: the steps of a client are its program.
        operation: usize,
        /// The coordinator.
        via: NodeId,
        /// Whom the request's messages reach in this step.
        reach: Reach,
        /// How it is to stand at the end of the step; `None` when that is not judged.
        expect: Option<Answer>,
    },
    /// The timer of the request that a client waits for expires.
    Timeout {
        /// Whose timer: a node's, or the client's own if `None`.
        node: Option<NodeId>,
        /// Whose request.
        client: ClientId,
        /// Whom the messages that follow reach in this step.
        reach: Reach,
        /// How the request is to stand at the end of the step.
        expect: Option<Answer>,
    },
    /// How the last request of a client is to stand.
    ExpectAnswer {
        /// Which client.
        client: ClientId,
        /// How.
        answer: Answer,
    },
    /// The network splits into these groups.
    Partition(Vec<NodeSet>),
    /// A node is cut off from all others; what else is split stays so.
    Isolate(NodeId),
    /// The network is whole again.
    Heal,
    /// A node stops.
    Crash(NodeId),
    /// A node that stopped starts again.
    Recover(NodeId),
    /// The disk of a node that is down is lost.
    Wipe(NodeId),
    /// A node's disk is copied.
    Snapshot(NodeId),
    /// The copy takes the place of the disk of a node that is down.
    Restore(NodeId),
    /// A node's wall clock is set.
    SetClock {
        /// Which node's.
        node: NodeId,
        /// To what.
        to: Timestamp,
    },
    /// An operator accepts that what some nodes held is lost: a node that catches up waits for it no
    /// longer.
    AcceptLoss {
        /// Which node catches up.
        node: NodeId,
        /// Whose holdings are given up.
        lost: NodeSet,
    },
    /// Everything that is under way arrives, and all that follows from it, as far as nodes are up.
    DeliverAll,
    /// One message arrives.
    Deliver(Selector),
    /// One message is lost.
    Drop(Selector),
    /// One message will arrive once more.
    Duplicate(Selector),
    /// A node does what it does of its own accord, now.
    Fire {
        /// Which node.
        node: NodeId,
        /// What: no timer of a request.
        timer: Timer,
    },
    /// The cluster is left to itself until nothing changes any more.
    Settle,
    /// What nodes are to hold.
    ExpectHeld(Vec<Held>),
    /// Which hints nodes are to keep.
    ExpectHint(Vec<HintKept>),
    /// Whether the homes of a key are to agree.
    ExpectAgree {
        /// Which key.
        key: Key,
        /// They are to hold the same state, with its clocks and tombstones; or not to, if `false`.
        agree: bool,
    },
}

/// Whom the messages of a request reach within a step. Clients are always reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// Every node that is up.
    Everybody,
    /// These nodes; what is for others stays under way.
    Only(NodeSet),
    /// Nobody: everything stays under way.
    Nobody,
}

/// How a request stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It has no answer yet.
    Pending,
    /// It succeeded, whatever it found.
    Ok,
    /// It is a get, and found these live values.
    Found(BTreeSet<Value>),
    /// The coordinator answered that too few nodes did.
    Unavailable,
    /// The coordinator would not.
    Refused,
    /// The client gave up waiting.
    NoAnswer,
}

/// Which of the messages under way is meant.
pub type Selector = quorate_checker::world::Selector<Leaderless>;

/// What a node is to hold of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// Which node.
    pub node: NodeId,
    /// Which key.
    pub key: Key,
    /// The live values: none for a tombstone, or for nothing at all.
    pub values: BTreeSet<Value>,
}

/// What a node is to keep for another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HintKept {
    /// Which node.
    pub node: NodeId,
    /// For whom.
    pub home: NodeId,
    /// Which key.
    pub key: Key,
    /// The live values of the hint; `None` when there is to be no hint.
    pub values: Option<BTreeSet<Value>>,
}
