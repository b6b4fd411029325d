//! The client library's sessions keep what they promise: read your writes and monotonic reads (Terry et al. 1994), of
//! the answers that they take.

use alloc::format;

use super::memory;
use super::sessions::Sessions;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Judgement, Watch};

/// Each client's session, and what it took.
pub(super) type Memory = Sessions;

fn sessions<'a>(view: &View<'a>) -> &'a Sessions {
    memory::of(&view.memories().session_guarantees)
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "session-guarantees",
    statement: "an answer that a session takes lacks nothing that the session has taken or written",
    kind: PropertyKind::Safety {
        holds: |view| !sessions(view).taken().any(Judgement::Broken),
        witness: Witness {
            shown: |view| sessions(view).taken().any(Judgement::Met),
            statement: "a session took an answer after it had read or written something, and that was in it",
            name: "session-guarantees (witness)",
        },
    },
    watch: Watch { acked_by: true, reaped: true, ..Watch::NOTHING },
    on_traces: OnTraces::NotJudged(
        "a session is in the client library alone; what it is told is judged by read-your-writes and \
         monotonic-reads",
    ),
    explanation: |view, _| {
        sessions(view).taken().told_of_missing(view, |missing| {
            let told = wording::values(view.scenario, missing);
            format!("its session, which took the answer, had read or written {told}")
        })
    },
};
