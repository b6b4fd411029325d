//! The lines of a trace file, as nodes and clients of the leaderless protocol write them.

use alloc::format;
use alloc::string::String;

use quorate_checker::refine::{Asks, Ended, Reaches, ReachesClient, Traced, trace};
use quorate_checker::world::Words;
use serde::{Deserialize, Serialize};

use super::digest::StateDigest;
use crate::check::kinds::OperationKind;
use crate::check::leaderless::{Command, Leaderless};
use crate::cluster::ClusterSpec;
use crate::ids::NodeId;
use crate::protocol::{Effect, FanOut, Input, Message, Operation, Outcome, Timer};

pub use quorate_checker::refine::trace::TRACE_FORMAT;

/// One line of a trace file.
pub type TraceLine = trace::TraceLine<Leaderless>;

/// What a node's trace starts with, and starts anew with after every restart.
pub type NodeHeader = trace::NodeHeader<Leaderless>;

/// One step of a node.
pub type NodeStep = trace::NodeStep<Leaderless>;

/// What a client's trace starts with.
pub type ClientHeader = trace::ClientHeader<Leaderless>;

/// One step of a client.
pub type ClientStep = trace::ClientStep<Leaderless>;

/// What can happen to a client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ClientInput {
    /// It starts an operation.
    Invoke {
        /// What it asks for.
        operation: Operation,
        /// Whom it asks.
        coordinator: NodeId,
        /// Who fans the request out.
        fan_out: FanOut,
        /// How often it tries in all.
        attempts: u32,
    },
    /// A message arrives.
    Receive {
        /// From whom.
        from: NodeId,
        /// What.
        message: Message,
    },
    /// A timer that was set, and not cancelled since, expires.
    Expire(Timer),
}

impl Traced for Leaderless {
    type Cluster = ClusterSpec;
    type Input = Input;
    type Effect = Effect;
    type ClientInput = ClientInput;
    type Outcome = Outcome;
    type Digest = StateDigest;

    fn reaches_node(input: &Input) -> Reaches<'_, Self> {
        match input {
            Input::Start { incarnation, founding } => {
                Reaches::Start { is_founding: *founding, name: incarnation.0 }
            }
            Input::Receive { from, message } => Reaches::Receive { from: *from, message },
            Input::Expire(timer) => Reaches::Expire(*timer),
            Input::AcceptLoss { lost } => Reaches::Command(Command::AcceptLoss { lost: *lost }),
        }
    }

    fn asks(effect: &Effect) -> Asks<'_, Self> {
        match effect {
            Effect::Send { to, message } | Effect::Reply { to, message } => {
                Asks::Send { to: *to, message }
            }
            Effect::SetTimer(timer) => Asks::SetTimer(*timer),
            Effect::CancelTimer(timer) => Asks::CancelTimer(*timer),
        }
    }

    fn reaches_client(input: &ClientInput) -> ReachesClient<'_, Self> {
        match input {
            ClientInput::Invoke { operation, coordinator, .. } => {
                let (kind, is_write) = match operation {
                    Operation::Get { .. } => (OperationKind::Get, false),
                    Operation::Put { value: None, .. } => (OperationKind::Delete, true),
                    Operation::Put { .. } => (OperationKind::Put, true),
                };
                ReachesClient::Invoke { coordinator: *coordinator, kind, is_write }
            }
            ClientInput::Receive { from, message } => {
                ReachesClient::Receive { from: *from, message }
            }
            ClientInput::Expire(timer) => ReachesClient::Expire(*timer),
        }
    }

    fn ended(outcome: &Outcome) -> Ended {
        match outcome {
            Outcome::PutOk { .. } => Ended::Acknowledged,
            Outcome::GetOk { .. } => Ended::Answered,
            Outcome::Refused(_) => Ended::Refused,
            Outcome::PutUnavailable { .. } | Outcome::GetUnavailable { .. } | Outcome::NoAnswer => {
                Ended::Unavailable
            }
        }
    }

    /// A refusal also says which request a message serves, and whether it answers one.
    fn effect_in_words(effect: &Effect, words: &impl Words<Self>) -> String {
        match effect {
            Effect::Send { to, message } | Effect::Reply { to, message } => {
                let verb = if matches!(effect, Effect::Send { .. }) { "send" } else { "reply" };
                let request = message.request();
                let request = request.map_or_else(String::new, |request| format!(" ({request})"));
                format!("{verb} {}: {}{request}", words.peer(*to), words.message(message))
            }
            Effect::SetTimer(timer) => format!("start the timer of {}", words.timer(*timer)),
            Effect::CancelTimer(timer) => format!("stop the timer of {}", words.timer(*timer)),
        }
    }
}
