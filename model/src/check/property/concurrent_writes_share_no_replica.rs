//! Concurrent writes of a key may be acknowledged by nodes of which none has both.

use alloc::format;

use super::memory::Nothing;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::Watch;

/// Nothing of its own.
pub(super) type Memory = Nothing;

/// Two acknowledged writes of a key, neither of which saw the other.
fn concurrent<'a>(view: &View<'a>) -> impl Iterator<Item = (usize, usize)> + use<'a> {
    let ledger = view.ledger();
    let acknowledged = ledger.acknowledged();
    let pairs = acknowledged.iter().flat_map(move |one| {
        acknowledged.iter().filter(move |other| one < *other).map(move |other| (one, other))
    });
    let key = |write: usize| &view.scenario.writes[write].key;
    pairs.filter(move |(one, other)| {
        key(*one) == key(*other)
            && !ledger.past(*other).contains(*one)
            && !ledger.past(*one).contains(*other)
    })
}

/// Two of them that were held by disjoint quorums.
fn share_no_replica(view: &View<'_>) -> Option<(usize, usize)> {
    let ledger = view.ledger();
    concurrent(view)
        .find(|(one, other)| ledger.acked_by(*one).intersection(ledger.acked_by(*other)).is_empty())
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "concurrent-writes-share-no-replica",
    statement: "two acknowledged concurrent writes of a key were acknowledged by disjoint nodes",
    kind: PropertyKind::Reachability {
        reached: |view| share_no_replica(view).is_some(),
        opportunity: Witness {
            shown: |view| concurrent(view).next().is_some(),
            statement: "two writes of a key were acknowledged, neither of which had seen the other",
            name: "concurrent-writes-share-no-replica (opportunity)",
        },
    },
    watch: Watch { acked_by: true, ..Watch::NOTHING },
    on_traces: OnTraces::REACHABLE,
    explanation: |view, names| {
        let (one, other) = share_no_replica(view)?;
        let write = |write| wording::write(view.scenario, write);
        let acked_by = |write| names.node_set(view.ledger().acked_by(write));
        Some(format!(
            "{} was acknowledged by {}, {} by {}, and neither had seen the other",
            write(one),
            acked_by(one),
            write(other),
            acked_by(other),
        ))
    },
};
