//! Hints are kept at all.

use alloc::format;

use super::held::{self, Held};
use super::memory::Nothing;
use super::{OnTraces, PropertyKind, PropertySpec, Witness};
use crate::check::history::Watch;

/// Nothing of its own.
pub(super) type Memory = Nothing;

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "hint-kept",
    statement: "some node keeps a hint for another",
    kind: PropertyKind::Reachability {
        reached: |view| held::any(view, |held| held.hint_for.is_some()),
        opportunity: Witness {
            // That a put is strict is a reason to keep no hint, and not a lack of occasion.
            shown: |view| {
                let cluster = &view.scenario.cluster;
                let has_fallback = |write: usize| {
                    let key = &view.scenario.writes[write].key;
                    cluster.homes(key).len() < cluster.nodes().len()
                };
                view.ledger().invoked().iter().any(has_fallback)
            },
            statement: "a write was asked for of a key that has fallbacks",
            name: "hint-kept (opportunity)",
        },
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::REACHABLE,
    explanation: |view, names| {
        held::find(view, |held: &Held<'_>| {
            let (home, node) = (names.node(held.hint_for?), names.node(held.node));
            Some(format!("{node} keeps a hint for {home}: {}", names.record(held.record)))
        })
    },
};
