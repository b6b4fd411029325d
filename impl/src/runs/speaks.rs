//! What processes of a protocol say to each other.

use std::fmt::Debug;

use quorate_checker::world::{KindOf, Protocol};
use quorate_model::ids::Peer;
use quorate_model::versions::VersionVector;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::ClusterFile;
use crate::keys::Right;
use crate::wire::{Fingerprint, NamesNodes, Need};

/// What processes of a protocol, nodes, clients and operators, say to each other. A name for types: nothing is
/// ever made of it.
pub trait Speaks: Copy + Eq + Debug + Send + Sync + 'static {
    /// Separates the hash that names a cluster from all other uses of BLAKE3, and from that of any other
    /// protocol: processes of two protocols do not understand each other, even if they were given the same file.
    const FINGERPRINT_CONTEXT: &'static str;

    /// The same protocol as the checker sees it.
    type Checked: Protocol<Message: NamesNodes>;
    /// What an operator can tell a node.
    type Command: Wired + NamesNodes;
    /// What the node says once that is done.
    type Answer: Wired;
    /// What can be asked about what a node holds.
    type Question: Wired + NamesNodes;
    /// The answer.
    type Told: Wired + NamesNodes;
    /// What a node says of itself.
    type Status: Wired + NamesNodes;

    /// The name of a cluster of this protocol: of all that its processes must agree on.
    #[must_use]
    fn fingerprint(cluster: &ClusterFile) -> Fingerprint {
        Fingerprint::of::<Self>(&cluster.spec)
    }

    /// What it takes to send a message to a node, of whoever sends it: by default a client must have the right to
    /// write.
    #[must_use]
    fn need(from: Peer, message: &MessageOf<Self>) -> Need {
        let _ = (from, message);
        Need::Right(Right::Write)
    }

    /// The context that an answer gives a client, to be handed back with what it asks next.
    #[must_use]
    fn gives(message: &MessageOf<Self>) -> Option<VersionVector> {
        let _ = message;
        None
    }

    /// The context that a client hands back.
    #[must_use]
    fn hands_back(message: &MessageOf<Self>) -> Option<&VersionVector> {
        let _ = message;
        None
    }

    /// Tells a client's message, whatever it says of itself, whether the context that it hands back was given.
    fn judge(message: &mut MessageOf<Self>, is_given: bool) {
        let _ = (message, is_given);
    }
}

/// What goes over the wire.
pub trait Wired: Clone + Eq + Debug + Send + Serialize + DeserializeOwned {}

impl<T: Clone + Eq + Debug + Send + Serialize + DeserializeOwned> Wired for T {}

/// What nodes and clients of a protocol send each other.
pub type MessageOf<S> = <<S as Speaks>::Checked as Protocol>::Message;

/// What can expire at them.
pub type TimerOf<S> = <<S as Speaks>::Checked as Protocol>::Timer;

/// The protocol's word for a message.
#[must_use]
pub fn kind_of<S: Speaks>(message: &MessageOf<S>) -> &'static str {
    use quorate_checker::world::Enumerated;
    <<S::Checked as Protocol>::MessageKind as KindOf<_>>::of(message).name()
}

/// What the runtime does for an effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EffectOf<S: Speaks> {
    /// Sends a message.
    Send {
        /// To whom.
        to: Peer,
        /// What.
        message: MessageOf<S>,
    },
    /// Starts a timer, or starts it anew if it runs.
    SetTimer(TimerOf<S>),
    /// Stops a timer. Stopping one that does not run does nothing.
    CancelTimer(TimerOf<S>),
}
