//! Load on a cluster with a leader.

use std::sync::Arc;

use quorate_leader::client::Task;
use quorate_leader::message::{Message, Outcome};
use quorate_leader::names::Key as RowKey;
use quorate_leader::statement::Statement;
use quorate_leader_model::kinds::Packet;
use quorate_leader_model::refine::Answer;
use quorate_model::ids::{ClientId, Key, Value};

use super::{Detour, Ended, Load};
use crate::leader_based::LeaderClient;

/// Characters that text is made of, one for every six bits.
const ALPHABET: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

/// Text of as many bytes. Six bits of each are kept.
fn text_of(value: &Value) -> Arc<str> {
    let characters = value.0.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)]));
    characters.collect::<String>().into()
}

fn row(key: &Key) -> RowKey {
    RowKey(String::from_utf8_lossy(&key.0).into())
}

impl Load for LeaderClient {
    type Asking = ();

    fn write((): &(), key: Key, value: Value, _: Option<&Answer>) -> Task {
        Task::Write { key: row(&key), statement: Statement::Set(text_of(&value)) }
    }

    fn read((): &(), key: Key) -> Task {
        Task::Read { key: row(&key) }
    }

    fn ended(answer: &Answer) -> Ended {
        match answer {
            Answer::Written { .. } | Answer::Found { value: Some(_), .. } => Ended::Ok,
            Answer::Found { value: None, .. } => Ended::Absent,
            Answer::Refused(_) => Ended::Refused,
            Answer::Unknown => Ended::NoAnswer,
        }
    }

    fn answers(packet: &Packet) -> Option<(ClientId, Option<Detour>)> {
        let Message::Reply { request, outcome } = &packet.message else { return None };
        let detour = match outcome {
            Outcome::Redirect { leader: Some(_) } | Outcome::Behind { leader: Some(_) } => {
                Some(Detour::Redirected)
            }
            Outcome::Redirect { leader: None } | Outcome::Behind { leader: None } => {
                Some(Detour::NobodyLeads)
            }
            Outcome::Written { .. }
            | Outcome::Found { .. }
            | Outcome::NoSession { .. }
            | Outcome::Refused(_) => None,
        };
        Some((request.client, detour))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_text_of_as_many_bytes() {
        let value = Value([0, 63, 64, 255].as_slice().into());
        assert_eq!(&*text_of(&value), "0_0_");
    }
}
