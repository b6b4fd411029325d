//! What can happen next in the model.

use quorate_checker::world;

use super::leaderless::Leaderless;
use crate::ids::Peer;
use crate::protocol::{FanOut, Message, PutOutcome};

/// One action of the environment. All nondeterminism of a run is in their choice.
pub type Action = world::Action<Leaderless>;

/// A message under way.
pub type Envelope = world::Envelope<Leaderless>;

/// Whether a message travels between a client and the coordinator of a node-driven request. The
/// messages of a client that fans out itself are like those between nodes.
#[must_use]
pub fn is_client_hop(sent: &Envelope) -> bool {
    let between_client_and_node = matches!(
        (sent.from, sent.to),
        (Peer::Client(_), Peer::Node(_)) | (Peer::Node(_), Peer::Client(_))
    );
    between_client_and_node
        && match &sent.message {
            Message::Put(put) => put.fan_out == FanOut::NodeDriven,
            Message::PutReply { outcome, .. } => !matches!(outcome, PutOutcome::Minted { .. }),
            Message::Get(_) | Message::GetReply { .. } => true,
            Message::Store { .. }
            | Message::StoreAck { .. }
            | Message::Fetch { .. }
            | Message::FetchReply { .. }
            | Message::Repair { .. }
            | Message::Probe { .. }
            | Message::ProbeReply { .. }
            | Message::StoreHint { .. }
            | Message::Handoff { .. }
            | Message::HandoffAck { .. }
            | Message::CatchUp { .. }
            | Message::CatchUpPage { .. }
            | Message::Register { .. }
            | Message::Registered { .. }
            | Message::ReapAsk { .. }
            | Message::ReapAgree { .. }
            | Message::Reap { .. }
            | Message::SyncHashes { .. }
            | Message::SyncKeys { .. }
            | Message::SyncStates { .. } => false,
        }
}
