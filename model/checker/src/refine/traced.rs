//! What the traces of a protocol tell.

use std::fmt::{Debug, Display};

use quorate_ids::{NodeId, Peer};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::world::{Protocol, Words};

/// Something that a line of a trace tells.
pub trait Told: Clone + Eq + Debug + Serialize + DeserializeOwned + Send + 'static {}

impl<T: Clone + Eq + Debug + Serialize + DeserializeOwned + Send + 'static> Told for T {}

/// A protocol whose nodes and clients write traces: what is its own in their lines.
///
/// What every trace has (numbers, clocks, who, messages, timers) is said by [`trace`](super::trace). A protocol
/// keeps its own types for what goes into a step and what comes out, and says what each of their values is to
/// everybody else. One that has no such types uses those of [`plain`](super::plain).
pub trait Traced: Protocol {
    /// The cluster, as headers describe it. All headers of traces that go together are equal here.
    type Cluster: Told;
    /// What reaches a node.
    type Input: Told;
    /// What a step of a node or a client asks for.
    type Effect: Told;
    /// What reaches a client.
    type ClientInput: Told;
    /// How an operation of a client ends.
    type Outcome: Told;
    /// A short name of everything that a node holds, volatile and durable.
    type Digest: Told + Copy + Display;

    /// What it is that reaches a node.
    fn reaches_node(input: &Self::Input) -> Reaches<'_, Self>;

    /// What it is that a step asks for.
    fn asks(effect: &Self::Effect) -> Asks<'_, Self>;

    /// What it is that reaches a client.
    fn reaches_client(input: &Self::ClientInput) -> ReachesClient<'_, Self>;

    /// How an operation ended, as operations are counted.
    fn ended(outcome: &Self::Outcome) -> Ended;

    /// What a step asks for, in words.
    fn effect_in_words(effect: &Self::Effect, words: &impl Words<Self>) -> String {
        match Self::asks(effect) {
            Asks::Send { to, message } => {
                format!("send {}: {}", words.peer(to), words.message(message))
            }
            Asks::SetTimer(timer) => format!("start the timer of {}", words.timer(timer)),
            Asks::CancelTimer(timer) => format!("stop the timer of {}", words.timer(timer)),
        }
    }
}

/// What can reach a node.
#[derive(Debug)]
pub enum Reaches<'a, P: Protocol> {
    /// It starts, on whatever its disk holds.
    Start {
        /// Whether it is told that the cluster is being founded, and that an empty disk has therefore lost nothing. A
        /// protocol that does not ask tells no lost disk from a new one: its starts all say so.
        is_founding: bool,
        /// What tells this start from all others of the node: a node that lost its disk must not go by a name that it
        /// had before.
        name: u64,
    },
    /// A message arrives.
    Receive {
        /// From whom.
        from: Peer,
        /// What.
        message: &'a P::Message,
    },
    /// A timer expires.
    Expire(P::Timer),
    /// An operator tells it something.
    Command(P::Command),
}

/// What a step can ask for.
#[derive(Debug)]
pub enum Asks<'a, P: Protocol> {
    /// That a message is sent.
    Send {
        /// To whom.
        to: Peer,
        /// What.
        message: &'a P::Message,
    },
    /// That a timer is started, or started anew if it runs.
    SetTimer(P::Timer),
    /// That a timer is stopped, if it runs.
    CancelTimer(P::Timer),
}

/// What can reach a client.
#[derive(Debug)]
pub enum ReachesClient<'a, P: Protocol> {
    /// It starts an operation.
    Invoke {
        /// Through which node.
        coordinator: NodeId,
        /// Of which kind.
        kind: P::OperationKind,
        /// Whether it is one that changes something.
        is_write: bool,
    },
    /// A message arrives.
    Receive {
        /// From whom.
        from: NodeId,
        /// What.
        message: &'a P::Message,
    },
    /// Its timer expires.
    Expire(P::Timer),
}

/// How an operation can end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// A write was acknowledged.
    Acknowledged,
    /// A read was answered.
    Answered,
    /// Either was refused.
    Refused,
    /// The client was told that it is not possible now, or nothing in time.
    Unavailable,
}
