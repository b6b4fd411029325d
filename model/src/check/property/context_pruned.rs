//! Contexts shrink.

use alloc::format;

use super::memory::Nothing;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, held};
use crate::check::history::Watch;
use crate::cluster::Reaping;
use crate::ids::NodeId;
use crate::versions::Record;

/// Nothing of its own.
pub(super) type Memory = Nothing;

/// A node whose own last dot of a key is not in the context of what it holds of it any more. Contexts of other
/// versionings than dotted do not say which dots they have seen, and are not pruned.
fn pruned(view: &View<'_>) -> Option<NodeId> {
    if view.scenario.cluster.background().reaping != Reaping::Agreed {
        return None;
    }
    let (mut found, mut index) = (None, 0);
    view.nodes.visit(&mut |node| {
        let mints_as = view.scenario.mints_as[usize::from(index)];
        let is_pruned = node.store.entries().any(|(_, entry)| {
            let minted = entry.last_dot(mints_as);
            let is_dotted = matches!(*entry.state, Record::Dotted(_));
            minted.is_some_and(|dot| is_dotted && !entry.state.context().covers(dot))
        });
        found = found.or(is_pruned.then_some(NodeId(index)));
        index += 1;
    });
    found
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "context-pruned",
    statement: "a node that wrote a key holds a record of it that has forgotten the write",
    kind: PropertyKind::Reachability {
        reached: |view| pruned(view).is_some(),
        opportunity: Witness {
            shown: |view| held::any(view, |held| view.scenario.cluster.is_wide(held.record)),
            statement: "a context had more entries than may stay, where tombstones are reaped by agreement",
            name: "context-pruned (opportunity)",
        },
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::REACHABLE,
    explanation: |view, names| {
        let node = names.node(pruned(view)?);
        Some(format!("{node} wrote a key, and the context of what it holds no longer says so"))
    },
};
