//! Load on a cluster without a leader.

use quorate_model::ids::{ClientId, Key, Value};
use quorate_model::protocol::{Message, Operation, Outcome};

use super::{Detour, Ended, Load};
use crate::leaderless::LeaderlessClient;

/// How many homes an operation is to hear from; as many as the cluster says if absent.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Quorums {
    /// Replies that a read gathers.
    pub r: Option<usize>,
    /// Acknowledgements that a write gathers.
    pub w: Option<usize>,
}

impl Load for LeaderlessClient {
    type Asking = Quorums;

    /// With the context of the read before it: a put without one would add a version each time.
    fn write(asking: &Quorums, key: Key, value: Value, read: Option<&Outcome>) -> Operation {
        let context = match read {
            Some(Outcome::GetOk { state: Some(state), .. }) => state.context(),
            _ => Default::default(),
        };
        Operation::Put { key, value: Some(value), context, w: asking.w, sloppy: None }
    }

    fn read(asking: &Quorums, key: Key) -> Operation {
        Operation::Get { key, r: asking.r }
    }

    fn ended(outcome: &Outcome) -> Ended {
        match outcome {
            Outcome::PutOk { .. } | Outcome::GetOk { state: Some(_), .. } => Ended::Ok,
            Outcome::GetOk { state: None, .. } => Ended::Absent,
            Outcome::PutUnavailable { .. } | Outcome::GetUnavailable { .. } => Ended::Unavailable,
            Outcome::Refused(_) => Ended::Refused,
            Outcome::NoAnswer => Ended::NoAnswer,
        }
    }

    fn answers(message: &Message) -> Option<(ClientId, Option<Detour>)> {
        match message {
            Message::PutReply { request, .. }
            | Message::GetReply { request, .. }
            | Message::StoreAck { request, .. }
            | Message::FetchReply { request, .. } => Some((request.client, None)),
            _ => None,
        }
    }
}
