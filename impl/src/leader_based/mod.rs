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
        "quorate wire: fingerprint of a cluster with a leader, version 3";

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

#[cfg(test)]
mod tests {
    use quorate_leader::message::ReadFrom;
    use quorate_leader::names::{Epoch, Key, RequestId};
    use quorate_leader::statement::Statement;
    use quorate_leader_model::refine::LOG;
    use quorate_model::ids::{ClientId, NodeId};

    use super::*;

    #[test]
    fn what_is_too_large_or_too_much_is_refused_in_the_words_of_the_leaderless_protocol() {
        use quorate_leader::limits::{Limits, Refusal};
        use quorate_model::protocol::{LoadLimit, Refusal as Leaderless};
        let (bytes, bytes_max, pending_bytes) = (7, 5, 3);
        let [pending_max, pending_bytes_max] = [9, 8];
        let requests = LoadLimit::Requests { pending_max };
        let load = LoadLimit::Bytes { bytes, pending_bytes, pending_bytes_max };
        for (here, there) in [
            (Refusal::KeyTooLong { bytes, bytes_max }, Leaderless::KeyTooLong { bytes, bytes_max }),
            (
                Refusal::ValueTooLarge { bytes, bytes_max },
                Leaderless::ValueTooLarge { bytes, bytes_max },
            ),
            (Refusal::TooManyWait { pending_max }, Leaderless::Overloaded { limit: requests }),
            (
                Refusal::TooMuchWaits { bytes, pending_bytes, pending_bytes_max },
                Leaderless::Overloaded { limit: load },
            ),
        ] {
            assert_eq!(here.to_string(), there.to_string());
        }
        let (here, there) = (Limits::default(), quorate_model::cluster::Limits::default());
        assert_eq!(
            (here.key_bytes_max, here.value_bytes_max, here.pending_max, here.pending_bytes_max),
            (
                there.key_bytes_max,
                there.value_bytes_max,
                there.pending_max,
                there.pending_bytes_max
            )
        );
    }

    #[test]
    fn a_client_may_send_its_own_requests_and_nothing_that_is_for_nodes() {
        let request = RequestId { client: ClientId(1), number: 1 };
        let key = Key::from("x");
        let read = Operation::Read { key: key.clone(), from: ReadFrom::Replica };
        let write = Operation::Write { key, statement: Statement::Add(1), since: None };
        let need = |client, message| {
            WithLeader::need(ClientId(client).into(), &Packet { shard: LOG, message })
        };
        let asks = |operation| Message::Request { request, operation };
        assert_eq!(need(1, asks(read.clone())), Need::Right(Right::Read));
        assert_eq!(need(1, asks(write)), Need::Right(Right::Write));
        assert_eq!(need(2, asks(read)), Need::Node);
        for message in [Message::Election, Message::Vote { epoch: Epoch::of(1) }] {
            assert_eq!(need(1, message), Need::Node);
        }
        let vote = Packet { shard: LOG, message: Message::Vote { epoch: Epoch::of(1) } };
        assert_eq!(WithLeader::need(NodeId(1).into(), &vote), Need::Node);
    }
}
