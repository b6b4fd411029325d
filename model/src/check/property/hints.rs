//! Hints: that they are kept, and until when.

use alloc::format;

use super::held::{self, Held};
use super::{PropertyKind, PropertySpec, Witness, wording};
use crate::check::history::Watch;

pub(super) const HINT_SAFETY: PropertySpec = PropertySpec {
    name: "hint-safety",
    statement: "no hint is dropped before its home, or another holder, has it durably",
    kind: PropertyKind::Safety {
        holds: |view| !view.history.hint_lost(),
        witness: Witness {
            shown: |view| view.history.hint_dropped(),
            statement: "a hint was dropped",
            name: "hint-safety (witness)",
        },
    },
    watch: Watch { hints: true, ..Watch::NOTHING },
    explanation: |view, names| {
        let dropped = view.history.hint_account()?;
        Some(format!(
            "{} dropped a hint of {}, which was on no other disk",
            names.node(dropped.node),
            wording::values(view.scenario, dropped.writes),
        ))
    },
};

pub(super) const HINT_KEPT: PropertySpec = PropertySpec {
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
                view.history.invoked().iter().any(has_fallback)
            },
            statement: "a write was asked for of a key that has fallbacks",
            name: "hint-kept (opportunity)",
        },
    },
    watch: Watch::NOTHING,
    explanation: |view, names| {
        held::find(view, |held: &Held<'_>| {
            let (home, node) = (names.node(held.hint_for?), names.node(held.node));
            Some(format!("{node} keeps a hint for {home}: {}", names.record(held.record)))
        })
    },
};
