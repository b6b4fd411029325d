//! What stands above an arrow.

use alloc::string::{String, ToString};
use core::fmt::Write;

use crate::ids::Key;
use crate::protocol::{GetOutcome, Message, PutOutcome};
use crate::versions::Record;

/// The kind of a message and the values it carries, as short as can be told apart.
pub(super) fn label(message: &Message) -> String {
    let values = |state: Option<&Record>| {
        let state = state.filter(|state| state.versions().next().is_some());
        let Some(state) = state else { return "nothing".to_string() };
        let mut text = String::new();
        for (position, (_, value)) in state.versions().enumerate() {
            text.push_str(if position == 0 { "" } else { " | " });
            match value {
                Some(value) => {
                    let _ = write!(text, "\"{value}\"");
                }
                None => text.push_str("deleted"),
            }
        }
        text
    };
    let mut text = message.kind().to_string();
    let of_key = |key: &Key, state: &Record| alloc::format!(" {key}: {}", values(Some(state)));
    match message {
        Message::Put(put) => {
            let _ = write!(text, " {}", put.key);
        }
        Message::Get(get) => {
            let _ = write!(text, " {}", get.key);
        }
        Message::Fetch { key, .. } => {
            let _ = write!(text, " {key}");
        }
        Message::Store { key, state, .. } | Message::Repair { key, state } => {
            text.push_str(&of_key(key, state));
        }
        Message::FetchReply { state, .. } => {
            let _ = write!(text, ": {}", values(state.as_deref()));
        }
        Message::StoreHint { key, state, .. }
        | Message::Handoff { key, state }
        | Message::ReapAsk { key, state, .. } => text.push_str(&of_key(key, state)),
        Message::CatchUpPage { entries, .. } => {
            for (key, state) in entries {
                text.push_str(&of_key(key, state));
            }
        }
        Message::SyncStates { states, .. } => {
            for (key, state) in states {
                text.push_str(&of_key(key, state));
            }
        }
        Message::StoreAck { .. }
        | Message::Probe { .. }
        | Message::ProbeReply { .. }
        | Message::HandoffAck { .. }
        | Message::CatchUp { .. }
        | Message::Register { .. }
        | Message::ReapAgree { .. }
        | Message::Reap { .. }
        | Message::SyncHashes { .. }
        | Message::SyncKeys { .. } => {}
        Message::Registered { agrees, .. } => {
            text.push_str(if *agrees { ": yes" } else { ": no" });
        }
        // An answer is known by what it says.
        Message::PutReply { outcome, .. } => {
            text = match outcome {
                PutOutcome::Ok { .. } => "Ok".to_string(),
                PutOutcome::Unavailable { .. } => "Unavailable".to_string(),
                PutOutcome::Minted { state } => "Minted: ".to_string() + &values(Some(state)),
                PutOutcome::Refused(_) => "Refused".to_string(),
            };
        }
        Message::GetReply { outcome, .. } => {
            text = match outcome {
                GetOutcome::Ok { state, .. } => "Ok: ".to_string() + &values(state.as_deref()),
                GetOutcome::Unavailable { .. } => "Unavailable".to_string(),
                GetOutcome::Refused(_) => "Refused".to_string(),
            };
        }
    }
    text
}
