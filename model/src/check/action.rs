//! What can happen next in the model.

use quorate_checker::world;

use super::leaderless::Leaderless;
use crate::ids::{Peer, RequestId};
use crate::protocol::{FanOut, Message, PutOutcome};

/// One action of the environment. All nondeterminism of a run is in their choice.
pub type Action = world::Action<Leaderless>;

/// A message under way.
pub type Envelope = world::Envelope<Leaderless>;

/// Where a message stands in a list that people read: by request, then sender and receiver. The
/// network itself is in the order of fingerprints.
#[must_use]
pub fn reading_order(sent: &Envelope) -> (Option<RequestId>, Peer, Peer, &'static str) {
    (sent.message.request(), sent.from, sent.to, sent.message.kind())
}

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
            _ => false,
        }
}
