//! What can happen next.

use derive_where::derive_where;
use quorate_ids::{ClientId, NodeId, NodeSet, Peer, Timestamp};
use serde::{Deserialize, Serialize};

use super::protocol::Protocol;
use crate::shared::Shared;

/// A message under way.
#[derive_where(Clone, PartialEq, Eq, Hash, Debug)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Envelope<P: Protocol> {
    /// Who sent it.
    pub from: Peer,
    /// Whom it is for.
    pub to: Peer,
    /// What it says.
    pub message: P::Message,
}

/// One action of the environment. All nondeterminism of a run is in their choice.
#[derive_where(Clone, PartialEq, Eq, Hash, Debug)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "kebab-case")]
pub enum Action<P: Protocol> {
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
    Deliver(Shared<Envelope<P>>),
    /// A message is lost.
    Drop(Shared<Envelope<P>>),
    /// A message will arrive once more.
    Duplicate(Shared<Envelope<P>>),
    /// The client that sends this message is not honest: in its place it sends a [lie](Protocol::lie).
    Lie(Shared<Envelope<P>>),
    /// A timer expires.
    Expire {
        /// Whose.
        peer: Peer,
        /// Which.
        timer: P::Timer,
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
    /// An operator tells a node something. No search does so; scripts do.
    Command {
        /// Which node.
        node: NodeId,
        /// What.
        command: P::Command,
    },
    /// Somebody sets a node's wall clock. No search does so; scripts do.
    SetClock {
        /// Which node.
        node: NodeId,
        /// To what.
        to: Timestamp,
    },
}

impl<P: Protocol> Action<P> {
    /// Whether it is what a cluster left to itself does: messages arrive, nodes come back, the
    /// network heals, nodes do what they do of their own accord. What clients start is not, nor
    /// are faults; a request timer that expires is one, since it may be wrong.
    #[must_use]
    pub fn is_settling(&self, protocol: &P) -> bool {
        match self {
            Action::Deliver(_) | Action::Recover { .. } | Action::Heal => true,
            Action::Expire { timer, .. } => protocol.is_background(*timer),
            Action::Invoke { .. }
            | Action::InvokeLate { .. }
            | Action::Drop(_)
            | Action::Duplicate(_)
            | Action::Lie(_)
            | Action::Crash { .. }
            | Action::Wipe { .. }
            | Action::Snapshot { .. }
            | Action::Restore { .. }
            | Action::Partition { .. }
            | Action::Command { .. }
            | Action::SetClock { .. } => false,
        }
    }
}
