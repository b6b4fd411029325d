//! Writes may not be acknowledged.

use alloc::format;

use super::memory::Nothing;
use super::{OnTraces, PropertyKind, PropertySpec, Witness, ended, wording};
use crate::check::history::Watch;

/// Nothing of its own.
pub(super) type Memory = Nothing;

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "write-unavailable",
    statement: "some client is told that its write is unavailable, or gives up waiting for an answer",
    kind: PropertyKind::Reachability {
        reached: |view| !view.ledger().failed().is_empty(),
        opportunity: Witness {
            shown: |view| !view.ledger().invoked().is_empty() && ended::may_go_unanswered(view),
            statement: "a client asked for a write, and a timer may expire or a coordinator be down",
            name: "write-unavailable (opportunity)",
        },
    },
    watch: Watch { failed: true, ..Watch::NOTHING },
    on_traces: OnTraces::REACHABLE,
    explanation: |view, _| {
        let write = view.ledger().failed().iter().next()?;
        let told = wording::write(view.scenario, write);
        Some(format!("{told} was answered Unavailable, or not at all"))
    },
};
