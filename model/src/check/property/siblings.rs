//! Keys come to have siblings.

use super::memory::Nothing;
use super::{OnTraces, PropertyKind, PropertySpec, versions_counted};
use crate::check::history::Watch;

/// Nothing of its own.
pub(super) type Memory = Nothing;

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "siblings",
    statement: "some node holds two versions of one key, each counted by its dot, tombstones among them",
    kind: PropertyKind::Reachability {
        reached: |view| versions_counted::any(view, 1),
        opportunity: versions_counted::opportunity("siblings (opportunity)"),
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::REACHABLE,
    explanation: |view, names| versions_counted::told(view, names, 1),
};
