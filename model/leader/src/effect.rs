//! What goes into a step of a node and what comes out of it, as comparable values.

use alloc::vec::Vec;

use quorate_ids::{NodeId, Peer};
use serde::{Deserialize, Serialize};

use crate::message::Message;
use crate::store::Change;

/// What a timer triggers when it expires. Any of them may be wrong about what it concludes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Timer {
    /// A follower has not heard from a leader. With `manual` elections, an operator promotes the node.
    Election,
    /// An election has not come to an end.
    Candidacy,
    /// Say to this follower that the leader leads, and ship what it lacks.
    Heartbeat(NodeId),
    /// The synchronous follower has not acknowledged.
    Synchronous,
    /// Ask again what the others hold.
    CatchUp,
}

/// What can happen to a node.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Input {
    /// The node starts, on whatever its store holds. Volatile state is empty.
    Start {
        /// How often it had started before, or another number that none of its other starts has.
        life: u64,
        /// Whether the cluster is being founded: an empty store has then lost nothing, and the first leader
        /// is appointed.
        founding: bool,
    },
    /// A message arrives.
    Receive {
        /// From whom.
        from: Peer,
        /// What.
        message: Message,
    },
    /// A timer that was set, and not cancelled since, expires.
    Expire(Timer),
}

/// What a step asks of its environment, in this order, after its changes are durable.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Effect {
    /// Send a message.
    Send {
        /// To whom.
        to: Peer,
        /// What.
        message: Message,
    },
    /// Start the timer, or start it anew if it runs.
    SetTimer(Timer),
    /// Stop the timer. Stopping one that does not run does nothing.
    CancelTimer(Timer),
}

/// Everything that comes out of one step.
///
/// The changes are one atomic batch, durable before any of the effects happens: a node that crashes in
/// between has sent nothing.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Step {
    /// What to store.
    pub changes: Vec<Change>,
    /// What to do then.
    pub effects: Vec<Effect>,
}
