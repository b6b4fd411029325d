//! The leaderless protocol in the runtime: all that nodes and clients need of it that is not its steps.
//!
//! Its steps are in a crate of its own, compiled unchanged. Here is what a running node has over the
//! [trait](crate::runs::Runs) that the runtime knows protocols by; its store is [`Storage`](crate::storage::Storage).

#[cfg(feature = "server")]
mod answers;
mod client;
mod context_token;
mod convergence;
#[cfg(feature = "server")]
mod durations;
mod ended;
#[cfg(feature = "server")]
mod handoff_pace;
#[cfg(feature = "server")]
mod hint_ages;
mod listing;
mod names;
#[cfg(feature = "server")]
mod node;
#[cfg(feature = "server")]
mod observed;
mod operator;
#[cfg(feature = "server")]
mod oversized;
mod permission;
mod questions;
#[cfg(feature = "server")]
mod ranges;
mod says;
#[cfg(feature = "server")]
mod shown;
#[cfg(feature = "server")]
mod syncs;
#[cfg(feature = "server")]
mod version_memory;
#[cfg(feature = "server")]
mod waiting;

pub use client::{LeaderlessClient, SessionOptions};
pub use context_token::{ContextToken, TokenError};
pub use convergence::{catching_up, obstacles};
#[cfg(feature = "server")]
pub use durations::duration_of;
pub use ended::{Ended, listed, names};
#[cfg(feature = "server")]
pub use handoff_pace::HandoffPace;
#[cfg(feature = "server")]
pub use hint_ages::HintAges;
pub use listing::{Page, Uncovered, list_keys};
#[cfg(feature = "server")]
pub use node::LeaderlessNode;
pub use operator::{accept_loss, ask_nodes, collect_status};
#[cfg(feature = "server")]
pub use oversized::Oversized;
pub use questions::{Held, Question, Told};
#[cfg(feature = "server")]
pub use ranges::{RANGES_MAX, RangeDigests};
pub use says::{
    AcceptLoss, Awaited, HintsFor, LATENCY_BUCKETS, LossAccepted, NodeStatus, RangeStatus,
    RequestKind, Requests, SyncsWith, Tally,
};
#[cfg(feature = "server")]
pub(crate) use shown::{Row, Shown, Siblings, Syncs as ShownSyncs, rows};
#[cfg(feature = "server")]
pub use syncs::Syncs;
#[cfg(feature = "server")]
pub use waiting::Waiting;

use quorate_model::check;
use quorate_model::ids::Peer;
use quorate_model::protocol::{ContextOrigin, Effect, GetOutcome, Message};
use quorate_model::versions::VersionVector;

use crate::runs::{EffectOf, Speaks};
use crate::wire::Need;

/// What processes of the leaderless protocol say to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leaderless {}

impl Speaks for Leaderless {
    const FINGERPRINT_CONTEXT: &'static str = "quorate wire: fingerprint of a cluster, version 1";

    type Checked = check::leaderless::Leaderless;
    type Command = AcceptLoss;
    type Answer = LossAccepted;
    type Question = Question;
    type Told = Told;
    type Status = NodeStatus;

    fn need(from: Peer, message: &Message) -> Need {
        permission::need(from, message)
    }

    fn gives(message: &Message) -> Option<VersionVector> {
        let state = match message {
            Message::GetReply { outcome: GetOutcome::Ok { state, .. }, .. }
            | Message::FetchReply { state, .. } => state.as_ref()?,
            _ => return None,
        };
        Some(state.context())
    }

    fn hands_back(message: &Message) -> Option<&VersionVector> {
        let Message::Put(put) = message else { return None };
        Some(&put.context)
    }

    fn judge(message: &mut Message, is_given: bool) {
        if let Message::Put(put) = message {
            put.origin = if is_given { ContextOrigin::Given } else { ContextOrigin::Claimed };
        }
    }
}

/// What the runtime has to do for an effect of a node or a client.
fn effect(effect: Effect) -> EffectOf<Leaderless> {
    match effect {
        Effect::Send { to, message } | Effect::Reply { to, message } => {
            EffectOf::Send { to, message }
        }
        Effect::SetTimer(timer) => EffectOf::SetTimer(timer),
        Effect::CancelTimer(timer) => EffectOf::CancelTimer(timer),
    }
}
