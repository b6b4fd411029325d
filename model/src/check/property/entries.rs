//! Version vectors: how many entries they have.

use alloc::format;

use super::held::{self, Held};
use super::{PropertyKind, PropertySpec, View, Witness};
use crate::check::history::Watch;
use crate::ids::NodeId;
use crate::versions::{ActorId, Dot, Life};

pub(super) const ENTRIES_BOUNDED: PropertySpec = PropertySpec {
    name: "entries-bounded",
    statement: "what a key has seen has one entry of each home, and one more of a node only for \
                each time that it lost its disk or had an older one, could not ask whether it \
                may keep its incarnation, or stood in for a home that it could not ask",
    kind: PropertyKind::Safety {
        holds: |view| !held::any(view, |held| in_excess(view, held).is_some()),
        witness: Witness {
            shown: |view| held::any(view, has_later_life),
            statement: "a node that had started again wrote under its old incarnation",
            name: "entries-bounded (witness)",
        },
    },
    watch: Watch { incidents: true, ..Watch::NOTHING },
    explanation: |view, names| {
        held::find(view, |held| {
            let (node, entries) = in_excess(view, held)?;
            let (holder, node) = (names.node(held.node), names.node(node));
            Some(format!("what {holder} has seen of {} has {entries} entries of {node}", held.key))
        })
    },
};

/// The first node of which a record has more entries than it may, and how many.
fn in_excess(view: &View<'_>, held: &Held<'_>) -> Option<(NodeId, usize)> {
    let cluster = &view.scenario.cluster;
    let (homes, context) = (cluster.homes(held.key), held.record.context());
    let entries = |node: NodeId| {
        let is_of = |dot: &Dot| matches!(dot.actor, ActorId::Node { node: of, .. } if of == node);
        (node, context.iter().filter(is_of).count())
    };
    let allowed =
        |node: NodeId| usize::from(homes.contains(node)) + view.history.incidents_of(node.index());
    let mut nodes = cluster.nodes().iter().copied().map(entries);
    nodes.find(|(node, entries)| *entries > allowed(*node))
}

/// Whether a record has seen a write of a node that had started again and kept its incarnation.
fn has_later_life(held: &Held<'_>) -> bool {
    held.record
        .context()
        .iter()
        .any(|dot| matches!(dot.actor, ActorId::Node { .. }) && Life::of(dot.counter) > Life(0))
}
