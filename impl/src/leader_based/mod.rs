//! The leader-based protocol in the runtime: all that nodes and clients need of it that is not its steps.
//!
//! Its steps are in crates of their own, compiled unchanged. Here are its store, how long timers run, and what
//! nodes say of themselves.

mod client;
mod durations;
mod http;
mod lag;
mod names;
mod node;
mod says;
mod shown;
mod store;

pub use client::{AskOptions, LeaderClient};
pub use http::router;
pub use lag::Lag;
pub use node::LeaderNode;
pub use says::{Follower, LeaderStatus, Promote, Promoted, RoleName, promote, statuses};
pub(crate) use shown::{Row, ShownFollower, rows};
pub use store::{LogStore, StagedLog};

use quorate_leader::message::{Message, Operation};
use quorate_leader_model::LeaderBased;
use quorate_leader_model::kinds::Packet;
use quorate_model::ids::Peer;

use crate::config::ClusterFile;
use crate::keys::Right;
use crate::runs::Speaks;
use crate::wire::{Fingerprint, Need};

/// What processes of the leader-based protocol say to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WithLeader {}

impl Speaks for WithLeader {
    const FINGERPRINT_CONTEXT: &'static str =
        "quorate wire: fingerprint of a cluster with a leader, version 1";

    type Checked = LeaderBased;
    type Command = Promote;
    type Answer = Promoted;
    type Question = ();
    type Told = ();
    type Status = LeaderStatus;

    fn fingerprint(cluster: &ClusterFile) -> Fingerprint {
        Fingerprint::of::<Self>(&cluster.leader.as_ref().map(|leader| &leader.cluster))
    }

    /// What a client may send is its own requests; the rest is for nodes.
    fn need(from: Peer, packet: &Packet) -> Need {
        match &packet.message {
            Message::Request { request, operation } if from == Peer::Client(request.client) => {
                Need::Right(match operation {
                    Operation::Write { .. } => Right::Write,
                    Operation::Read { .. } => Right::Read,
                })
            }
            _ => Need::Node,
        }
    }
}
