//! Writes may be acknowledged.

use alloc::format;

use super::memory::Nothing;
use super::{OnTraces, PropertyKind, PropertySpec, Witness, wording};
use crate::check::history::Watch;

/// Nothing of its own.
pub(super) type Memory = Nothing;

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "write-acknowledged",
    statement: "some write is acknowledged",
    kind: PropertyKind::Reachability {
        reached: |view| !view.ledger().acknowledged().is_empty(),
        opportunity: Witness {
            shown: |view| !view.ledger().invoked().is_empty(),
            statement: "a client asked for a write",
            name: "write-acknowledged (opportunity)",
        },
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::REACHABLE,
    explanation: |view, _| {
        let write = view.ledger().acknowledged().iter().next()?;
        Some(format!("{} was acknowledged", wording::write(view.scenario, write)))
    },
};
