//! What it takes to send a message to a node.

use quorate_model::ids::{Peer, RequestId};
use quorate_model::protocol::Message;

use crate::keys::Right;
use crate::wire::Need;

/// What a client may send is its own requests, and what the rights say; the rest is for nodes. A request of another
/// client could be answered to this one otherwise, or what that client asks next be taken for a retry.
///
/// No wildcard: a new kind of message must be thought about.
pub(super) fn need(from: Peer, message: &Message) -> Need {
    let right = |request: &RequestId, right| {
        if from == Peer::Client(request.client) || matches!(from, Peer::Node(_)) {
            Need::Right(right)
        } else {
            Need::Node
        }
    };
    match message {
        Message::Put(put) => right(&put.request, Right::Write),
        Message::Store { request, .. } => right(request, Right::Write),
        Message::Repair { .. } => Need::Right(Right::Write),
        Message::Get(get) => right(&get.request, Right::Read),
        Message::Fetch { request, .. } => right(request, Right::Read),
        Message::Probe { request } => right(request, Right::Read),
        Message::PutReply { .. }
        | Message::GetReply { .. }
        | Message::StoreAck { .. }
        | Message::FetchReply { .. }
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
        | Message::SyncStates { .. } => Need::Node,
    }
}

#[cfg(test)]
mod tests {
    use quorate_model::ids::{ClientId, Key, NodeId};
    use quorate_model::protocol::GetRequest;
    use quorate_model::versions::Incarnation;

    use super::*;

    #[test]
    fn a_client_may_ask_in_its_own_name_only_and_a_node_in_that_of_any() {
        let request = RequestId { client: ClientId(1), sequence: 1 };
        let get = Message::Get(GetRequest { request, key: Key::from("a"), r: None });
        assert_eq!(need(ClientId(1).into(), &get), Need::Right(Right::Read));
        assert_eq!(need(ClientId(2).into(), &get), Need::Node);
        assert_eq!(need(NodeId(2).into(), &get), Need::Right(Right::Read));
        let asks = Message::CatchUp { token: Incarnation(1), after: None };
        assert_eq!(need(ClientId(1).into(), &asks), Need::Node);
    }
}
