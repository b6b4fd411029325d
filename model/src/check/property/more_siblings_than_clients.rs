//! Keys come to have more siblings than there is anybody to write them.

use super::memory::Nothing;
use super::{OnTraces, PropertyKind, PropertySpec, versions_counted};
use crate::check::history::Watch;

/// Nothing of its own.
pub(super) type Memory = Nothing;

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "more-siblings-than-clients",
    statement: "some node holds more versions of one key, each counted by its dot, than there are clients",
    kind: PropertyKind::Reachability {
        reached: |view| versions_counted::any(view, view.scenario.clients.len()),
        opportunity: versions_counted::opportunity("more-siblings-than-clients (opportunity)"),
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::REACHABLE,
    explanation: |view, names| versions_counted::told(view, names, view.scenario.clients.len()),
};
