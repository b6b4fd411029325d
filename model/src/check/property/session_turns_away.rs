//! The client library's sessions may turn an answer away.

use alloc::format;

use super::memory;
use super::sessions::Sessions;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::Watch;

/// Each client's session, and what it turned away.
pub(super) type Memory = Sessions;

fn sessions<'a>(view: &View<'a>) -> &'a Sessions {
    memory::of(&view.memories().session_turns_away)
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "session-turns-away",
    statement: "some session turns an answer away, which lacks what the session has taken or written",
    kind: PropertyKind::Reachability {
        reached: |view| sessions(view).turned_away().is_some(),
        opportunity: Witness {
            shown: |view| sessions(view).any_obliged() || sessions(view).turned_away().is_some(),
            statement: "a client read what its session had read or written",
            name: "session-turns-away (opportunity)",
        },
    },
    watch: Watch { acked_by: true, reaped: true, ..Watch::NOTHING },
    on_traces: OnTraces::REACHABLE,
    explanation: |view, _| {
        let read = wording::read(view, sessions(view).turned_away()?)?;
        Some(format!("{read}, and its session, which had read or written more, turned that away"))
    },
};
