//! What goes into a step of the protocol and what comes out of it, as comparable values.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::message::Message;
use super::store::Change;
use crate::ids::{NodeId, NodeSet, Peer, RequestId};
use crate::versions::Incarnation;

/// What a timer triggers when it expires. The runtime gives each kind its duration; the checker
/// lets any timer that is set expire at any time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Timer {
    /// The request is given up: too few answers came in time. Ignored when the request is no
    /// longer pending, since its answer and its timer may cross.
    Request(RequestId),
    /// The read has waited long enough for the homes that it asked first: ask the others too. Ignored
    /// when it is answered.
    Speculate(RequestId),
    /// Offer hints to the homes they are for, again and again.
    Handoff,
    /// Compare with this other home, again and again.
    Sync(NodeId),
    /// Ask the other homes for what a lost disk held, until caught up.
    CatchUp,
    /// Wait no longer for the other nodes to say whether an incarnation may be kept.
    Register,
    /// Take the next of the puts that waited for that. Its time has come already.
    Waiting,
    /// Look for tombstones that may go, again and again.
    Reap,
    /// No datagram that was under way when this timer was set is under way any more.
    Settled,
}

impl Timer {
    /// Whether it belongs to what a node does of its own accord, and not to a request.
    #[must_use]
    pub fn is_background(self) -> bool {
        !matches!(self, Timer::Request(_) | Timer::Speculate(_))
    }
}

/// What can happen to a node.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Input {
    /// The node starts, on whatever its store holds. Volatile state is empty.
    Start {
        /// An incarnation that was never used before for this node: to mint under if the one on its
        /// disk cannot be kept, and to tell this start from every other.
        incarnation: Incarnation,
        /// Whether the cluster is being founded: an empty store has then lost nothing.
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
    /// An operator says that what these nodes held will not come back: a node that catches up shall
    /// no longer wait for what they could tell. What was acknowledged may be missed then.
    AcceptLoss {
        /// Whose holdings are given up.
        lost: NodeSet,
    },
}

/// What a step asks of its environment, in this order, after its changes are durable.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Effect {
    /// Send a message to another replica, or to whom a client-driven request is served.
    Send {
        /// To whom.
        to: Peer,
        /// What.
        message: Message,
    },
    /// Answer whoever asked for a put or a get.
    Reply {
        /// The client, or the node that forwarded for it.
        to: Peer,
        /// The answer.
        message: Message,
    },
    /// Start the timer, or start it anew if it runs.
    SetTimer(Timer),
    /// Stop the timer. Stopping one that does not run does nothing.
    CancelTimer(Timer),
}

/// Everything that comes out of one step.
///
/// The changes are one atomic batch, durable before any of the effects happens: a node that
/// crashes in between has sent nothing.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Step {
    /// What to store.
    pub changes: Vec<Change>,
    /// What to do then.
    pub effects: Vec<Effect>,
}

impl Step {
    pub(crate) fn send(&mut self, to: impl Into<Peer>, message: Message) {
        self.effects.push(Effect::Send { to: to.into(), message });
    }

    pub(crate) fn reply(&mut self, to: Peer, message: Message) {
        self.effects.push(Effect::Reply { to, message });
    }
}
