//! Tombstones go.

use alloc::format;

use super::memory::Nothing;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::Watch;
use crate::cluster::Reaping;
use crate::ids::NodeId;

/// Nothing of its own.
pub(super) type Memory = Nothing;

/// A node that has held a delete, and holds nothing of its key any more.
fn reaped(view: &View<'_>) -> Option<(NodeId, usize)> {
    let (mut found, mut index) = (None, 0);
    view.nodes.visit(&mut |node| {
        let key = |delete: usize| &view.scenario.writes[delete].key;
        let mut deletes = view.ledger().deletes_held_by(usize::from(index)).iter();
        let gone = deletes.find(|delete| node.store.get(key(*delete)).is_none());
        found = found.or(gone.map(|delete| (NodeId(index), delete)));
        index += 1;
    });
    found
}

/// Whether a delete was minted.
fn is_delete_minted(view: &View<'_>) -> bool {
    let mut deletes = view.historian.deletes().iter();
    deletes.any(|delete| !view.ledger().dots()[delete].is_empty())
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "tombstone-reaped",
    statement: "a node that held a delete holds nothing of the key any more",
    kind: PropertyKind::Reachability {
        reached: |view| reaped(view).is_some(),
        opportunity: Witness {
            shown: |view| {
                let reaping = view.scenario.cluster.background().reaping;
                reaping != Reaping::Off && is_delete_minted(view)
            },
            statement: "a delete was minted, where tombstones are reaped",
            name: "tombstone-reaped (opportunity)",
        },
    },
    watch: Watch { deletes: true, ..Watch::NOTHING },
    on_traces: OnTraces::REACHABLE,
    explanation: |view, names| {
        let (node, delete) = reaped(view)?;
        let (node, delete) = (names.node(node), wording::write(view.scenario, delete));
        Some(format!("{node} has held {delete}, and holds nothing of its key any more"))
    },
};
