//! The leaderless protocol in the runtime: all that nodes and clients need of it that is not its steps.
//!
//! Its steps are in a crate of its own, compiled unchanged. Here is what a running node has over the
//! [trait](crate::runs::Runs) that the runtime knows protocols by; its store is [`Storage`](crate::storage::Storage).

mod client;
mod context_token;
mod convergence;
mod durations;
mod ended;
mod handoff_pace;
mod hint_ages;
mod listing;
mod names;
mod node;
mod observed;
mod operator;
mod oversized;
mod permission;
mod questions;
mod ranges;
mod says;
mod shown;
mod syncs;
mod version_memory;
mod waiting;

pub use client::{LeaderlessClient, SessionOptions};
pub use context_token::{ContextToken, TokenError};
pub use convergence::{catching_up, obstacles};
pub use durations::duration_of;
pub use ended::{Ended, listed, names};
pub use handoff_pace::HandoffPace;
pub use hint_ages::HintAges;
pub use listing::{Page, Uncovered, list_keys};
pub use node::LeaderlessNode;
pub use operator::{accept_loss, ask_nodes, collect_status};
pub use oversized::Oversized;
pub use questions::{Held, Question, Told};
pub use ranges::{RANGES_MAX, RangeDigests};
pub use says::{
    AcceptLoss, Awaited, HintsFor, LATENCY_BUCKETS, LossAccepted, NodeStatus, RangeStatus,
    Requests, SyncsWith, Tally,
};
pub(crate) use shown::{Row, Shown, Siblings, Syncs as ShownSyncs, rows};
pub use syncs::Syncs;
pub use waiting::Waiting;

use quorate_model::check;
use quorate_model::ids::Peer;
use quorate_model::protocol::{ContextOrigin, GetOutcome, Message};
use quorate_model::versions::VersionVector;

use crate::runs::Speaks;
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
