//! What can happen next in the model.

use alloc::vec::Vec;

use quorate_checker::Shared;
use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, NodeId, NodeSet, Peer, RequestId, Timestamp};
use crate::protocol::{Message, Timer};

/// A message under way.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// Who sent it.
    pub from: Peer,
    /// Whom it is for.
    pub to: Peer,
    /// What it says.
    pub message: Message,
}

impl Envelope {
    /// Where it stands in a list that people read: by request, then sender and receiver. The
    /// network itself is in the order of fingerprints.
    #[must_use]
    pub fn reading_order(&self) -> (Option<RequestId>, Peer, Peer, &'static str) {
        (self.message.request(), self.from, self.to, self.message.kind())
    }

    /// Whether it travels between a client and the coordinator of a node-driven request. The
    /// messages of a client that fans out itself are like those between nodes.
    #[must_use]
    pub fn is_client_hop(&self) -> bool {
        use crate::protocol::{FanOut, PutOutcome};
        let between_client_and_node = matches!(
            (self.from, self.to),
            (Peer::Client(_), Peer::Node(_)) | (Peer::Node(_), Peer::Client(_))
        );
        between_client_and_node
            && match &self.message {
                Message::Put(put) => put.fan_out == FanOut::NodeDriven,
                Message::PutReply { outcome, .. } => !matches!(outcome, PutOutcome::Minted { .. }),
                Message::Get(_) | Message::GetReply { .. } => true,
                _ => false,
            }
    }
}

/// One action of the environment. All nondeterminism of a run is in their choice.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A client starts its next operation through this node.
    Invoke {
        /// Which client.
        client: ClientId,
        /// Which node it asks.
        coordinator: NodeId,
    },
    /// A client starts its next operation through this node and gives it up: its request is still
    /// under way, and may arrive whenever. Spends a timeout. Only where client hops take no time:
    /// elsewhere it is the start, and then the expiry of the client's timer.
    InvokeLate {
        /// Which client.
        client: ClientId,
        /// Which node it asks.
        coordinator: NodeId,
    },
    /// A message arrives.
    Deliver(Shared<Envelope>),
    /// A message is lost.
    Drop(Shared<Envelope>),
    /// A message will arrive once more.
    Duplicate(Shared<Envelope>),
    /// A timer expires.
    Expire {
        /// Whose.
        peer: Peer,
        /// Which.
        timer: Timer,
    },
    /// A node stops. What is volatile is gone.
    Crash {
        /// Which node.
        node: NodeId,
    },
    /// A node that stopped starts again, on what its disk holds.
    Recover {
        /// Which node.
        node: NodeId,
    },
    /// The disk of a node that is down is lost.
    Wipe {
        /// Which node.
        node: NodeId,
    },
    /// Somebody copies a node's disk.
    Snapshot {
        /// Which node.
        node: NodeId,
    },
    /// Somebody puts a copy in the place of the disk of a node that is down.
    Restore {
        /// Which node.
        node: NodeId,
        /// Which of its copies, the oldest being 0.
        copy: usize,
    },
    /// The network splits: no message that is sent from now on passes between two groups.
    Partition {
        /// The groups.
        groups: Vec<NodeSet>,
    },
    /// The network is whole again.
    Heal,
    /// An operator accepts that what some nodes held is lost. No search does so; scripts do.
    AcceptLoss {
        /// The node that catches up and waits for them.
        node: NodeId,
        /// Whose holdings are given up.
        lost: NodeSet,
    },
    /// Somebody sets a node's wall clock.
    SetClock {
        /// Which node.
        node: NodeId,
        /// To what.
        to: Timestamp,
    },
}

impl Action {
    /// Whether it is what a cluster left to itself does: messages arrive, nodes come back, the
    /// network heals, nodes do what they do of their own accord. What clients start is not, nor
    /// are faults; a request timer that expires is one, since it may be wrong.
    #[must_use]
    pub fn is_settling(&self) -> bool {
        match self {
            Action::Deliver(_) | Action::Recover { .. } | Action::Heal => true,
            Action::Expire { timer, .. } => timer.is_background(),
            _ => false,
        }
    }
}
