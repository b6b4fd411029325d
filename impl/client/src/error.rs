//! Why something did not come about.

use std::io;

use quorate::client::ClientError;
use quorate::config::ConfigError;
use quorate::keys::Right;
use quorate::wire::WireError;
use quorate_protocol::protocol::Refusal;

use crate::Read;

/// Why there is no client. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no key, no socket or no trace to be had, or the timeout is longer than the cluster allows.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The thread that talks to the cluster cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
}

/// Why a request came to nothing.
///
/// A write is *indeterminate* where nobody can know whether it happened: it may be read later, or never, or be read once
/// and not again until it is repaired. [`RequestError::is_indeterminate`] tells; after any other error nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// No node answers that could have been asked. Nothing was asked.
    #[error("no answer from {}; are they running, and is cluster.toml the one that they read?", .asked.join(", "))]
    NobodyAnswers {
        /// The names of those that were looked for.
        asked: Vec<String>,
    },
    /// Only nodes answer whose configuration differs from the client's, and in what. Nothing was asked.
    #[error(transparent)]
    ConfiguredOtherwise(ClientError),
    /// The node that was asked did not answer in time, nor did any other that could be asked.
    #[error("{node} did not answer in time{}", unsure(*.indeterminate))]
    NoAnswer {
        /// Its name.
        node: String,
        /// Whether it was a write, which may have happened.
        indeterminate: bool,
    },
    /// Too few homes of the key answered the node that was asked.
    #[error(
        "too few homes of the key answered in time (answered: {}){}",
        listed(.answered), unsure(*.indeterminate)
    )]
    Unavailable {
        /// The names of those that did.
        answered: Vec<String>,
        /// Whether it was a write, which may have happened.
        indeterminate: bool,
    },
    /// The node that was asked would not.
    #[error("{node} refused: {refusal}{}", unsure(*.indeterminate))]
    Refused {
        /// Its name.
        node: String,
        /// Why.
        refusal: Refusal,
        /// Whether it was a write that may have happened: it had been asked before without an answer, and the reason is not the
        /// request itself.
        indeterminate: bool,
    },
    /// The key of this client does not allow it. Nothing was done.
    #[error(
        "this takes the right to {lacks}, which the client's key does not give: `quorate key client --rights`"
    )]
    Denied {
        /// The right that it lacks.
        lacks: Right,
    },
    /// The key of this client has ended. Nothing was sent.
    #[error(
        "the client's key has expired: whoever has the key of the cluster makes another with `quorate key client`"
    )]
    KeyExpired,
    /// What was read may lack something that the session has read or written, and the homes that could tell did not
    /// answer in time. The session took no notice of it.
    #[error(
        "the answer may be older than what this session has seen (replied: {}), and too few other homes answered \
         in time; try again once they do, or take the answer as it is from the error",
        listed(.0.replied())
    )]
    Behind(Box<Read>),
    /// The request is larger than a message may be. Nothing was sent.
    #[error("the request cannot be sent: {0}; use a smaller key or value")]
    TooLarge(#[source] WireError),
    /// As many requests as this client may have at a time were under way until its time was up. Nothing was sent.
    #[error("too many requests of this client were under way; allow more at a time, or more time")]
    NotBegun,
    /// The client cannot go on: its socket or its trace failed. Open another.
    #[error("the client has stopped: {why}{}", unsure(*.indeterminate))]
    Stopped {
        /// Why.
        why: String,
        /// Whether it was a write, which may have happened.
        indeterminate: bool,
    },
}

impl RequestError {
    /// Whether it is a write that may have happened all the same.
    #[must_use]
    pub fn is_indeterminate(&self) -> bool {
        match self {
            RequestError::NoAnswer { indeterminate, .. }
            | RequestError::Unavailable { indeterminate, .. }
            | RequestError::Refused { indeterminate, .. }
            | RequestError::Stopped { indeterminate, .. } => *indeterminate,
            RequestError::NobodyAnswers { .. }
            | RequestError::ConfiguredOtherwise(_)
            | RequestError::Denied { .. }
            | RequestError::KeyExpired
            | RequestError::Behind(_)
            | RequestError::TooLarge(_)
            | RequestError::NotBegun => false,
        }
    }

    /// Whether the same request may succeed later: something is down, late or busy now.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            RequestError::NobodyAnswers { .. }
            | RequestError::NoAnswer { .. }
            | RequestError::Unavailable { .. }
            | RequestError::Behind(_)
            | RequestError::NotBegun => true,
            RequestError::Refused { refusal, .. } => is_of_this_node_now(refusal),
            RequestError::ConfiguredOtherwise(_)
            | RequestError::Denied { .. }
            | RequestError::KeyExpired
            | RequestError::TooLarge(_)
            | RequestError::Stopped { .. } => false,
        }
    }
}

/// Whether another node may do what this one would not, or this one later. No wildcard: a new kind must be thought about.
pub(crate) fn is_of_this_node_now(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::CatchingUp
        | Refusal::Overloaded { .. }
        | Refusal::TooManyHints { .. }
        | Refusal::HintsTooLarge { .. } => true,
        Refusal::QuorumOutOfRange { .. }
        | Refusal::NotHome { .. }
        | Refusal::KeyTooLong { .. }
        | Refusal::ValueTooLarge { .. }
        | Refusal::TooManySiblings { .. }
        | Refusal::ClientFanOutOff
        | Refusal::ContextNotGiven => false,
    }
}

fn unsure(indeterminate: bool) -> &'static str {
    if indeterminate {
        "; the write is indeterminate: later reads may or may not see it"
    } else {
        ""
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nobody".to_string() } else { names.join(", ") }
}
