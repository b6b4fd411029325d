//! What nodes and clients send each other.

use alloc::vec::Vec;

use quorate_ids::{ClientId, NodeId};
use serde::{Deserialize, Serialize};

use crate::limits::Refusal;
use crate::log::Entry;
use crate::names::{Epoch, Index, Key, Position, RequestId, Value};
use crate::sessions::Sessions;
use crate::statement::Statement;
use crate::store::Remembered;

/// A message about one log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Message {
    /// A client asks a node.
    Request {
        /// Which request. A retry carries the same.
        request: RequestId,
        /// For what.
        operation: Operation,
    },
    /// A node answers a client.
    Reply {
        /// Which request.
        request: RequestId,
        /// What became of it.
        outcome: Outcome,
    },
    /// A leader ships its log, or, with no entries, says that it leads: a heartbeat.
    Append(Append),
    /// The same from a node that has just made itself leader, by the bully election or by an operator.
    Coordinator(Append),
    /// A follower holds the leader's log up to an index, durably; or answers a heartbeat.
    Appended {
        /// The epoch of the leader.
        epoch: Epoch,
        /// Up to where.
        matched: Index,
        /// The round of heartbeats that it answers.
        round: u32,
    },
    /// A follower asks for what comes after its last position.
    Ask {
        /// The epoch of the leader.
        epoch: Epoch,
        /// The last index at which it may agree with the leader.
        last: Index,
    },
    /// A leader sends a page of a snapshot to a follower whose next entries it no longer has.
    Snapshot(Page),
    /// A follower asks for the next page.
    More {
        /// The epoch of the leader.
        epoch: Epoch,
        /// Of which snapshot.
        position: Position,
        /// After which row; the first page if `None`.
        after: Option<Key>,
    },
    /// A candidate asks for a vote.
    RequestVote {
        /// The epoch in which it wants to lead.
        epoch: Epoch,
        /// The last position of its log.
        last: Position,
    },
    /// A node votes for a candidate.
    Vote {
        /// In which epoch.
        epoch: Epoch,
    },
    /// The sender knows a later epoch than its receiver acts in.
    Stale {
        /// The later epoch.
        epoch: Epoch,
    },
    /// Bully: a node asks the higher ones whether one of them is up.
    Election,
    /// Bully: one is, and takes over.
    Answer,
    /// A node that lost its disk asks what the others hold.
    Recall {
        /// Since which of its starts it asks.
        life: u64,
    },
    /// They say so.
    Recalled {
        /// The start that asked.
        life: u64,
        /// The latest epoch that the sender knows of.
        epoch: Epoch,
        /// The last position of its log.
        last: Position,
    },
}

/// A piece of a leader's log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Append {
    /// The leader's epoch.
    pub epoch: Epoch,
    /// The position before the first of the entries: who does not hold it cannot take them in.
    pub previous: Position,
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// Up to where the leader's log is committed.
    pub commit: Index,
    /// The round of heartbeats that it belongs to; zero if nobody waits for its answer.
    pub round: u32,
}

/// A page of a snapshot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Page {
    /// The leader's epoch.
    pub epoch: Epoch,
    /// The last entry of which the snapshot tells: pages of one snapshot have one position.
    pub position: Position,
    /// After which row the page begins; with the first row if `None`.
    pub after: Option<Key>,
    /// The rows, in order.
    pub rows: Vec<(Key, Value)>,
    /// On the last page, what is remembered of clients; `None` on others.
    pub end: Option<Remembers>,
}

/// What is remembered of clients.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Remembers {
    /// The last write of each.
    pub clients: Vec<(ClientId, Remembered)>,
    /// What else is known of their sessions.
    pub sessions: Sessions,
}

/// What a client asks for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Operation {
    /// That a row is changed.
    Write {
        /// Which.
        key: Key,
        /// How.
        statement: Statement,
        /// How far its client had seen the log when it first asked for this, where clients may be forgotten
        /// ([`sessions`](crate::sessions)); nothing if it has seen nothing of it.
        #[serde(default)]
        since: Option<Position>,
    },
    /// What a row holds.
    Read {
        /// Which.
        key: Key,
        /// Who may answer.
        from: ReadFrom,
    },
}

impl Operation {
    /// The row that it is about.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Operation::Write { key, .. } | Operation::Read { key, .. } => key,
        }
    }
}

/// Who may answer a read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum ReadFrom {
    /// The leader, as it believes itself to be.
    Leader,
    /// The leader, once a round of heartbeats has confirmed that it leads.
    ConfirmedLeader,
    /// Any replica.
    Replica,
    /// Any replica that has applied the log up to here.
    ReplicaAt(Position),
}

/// What became of a request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// The write is acknowledged.
    Written {
        /// Where it is in the log.
        position: Position,
        /// What the row held then.
        value: Value,
    },
    /// What the row holds.
    Found {
        /// How far the log was applied where it was read.
        position: Position,
        /// What; nothing if there is no such row.
        value: Option<Value>,
    },
    /// Ask this node: the one that answers does not lead. Nobody, as far as it knows, if `None`.
    Redirect {
        /// Whom.
        leader: Option<NodeId>,
    },
    /// This replica has not come as far as the client has seen.
    Behind {
        /// Who leads, as far as it knows.
        leader: Option<NodeId>,
    },
    /// The log does not remember this client, and is this far now: what its write says of what it had seen does not show that
    /// the write is new.
    NoSession {
        /// How far.
        position: Position,
    },
    /// The node will not do it.
    Refused(Refusal),
}
