//! How many entries version vectors have.

use alloc::format;
use alloc::vec::Vec;

use super::held::{self, Held};
use super::memory::{self, Remembers};
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness};
use crate::check::history::{Base, Happening, Historian, Watch};
use crate::check::symmetry::Permutation;
use crate::cluster::Reaping;
use crate::deviation::Deviation;
use crate::ids::NodeId;
use crate::versions::{ActorId, Dot, Life, Record};

/// Per node: how often it lost its disk or was given an older one, could not wait for those who
/// know whether it may keep its incarnation, or named a write though it is no home of its key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory(Vec<u8>);

impl Remembers for Memory {
    fn blank(historian: &Historian) -> Self {
        Memory(alloc::vec![0; historian.scenario().cluster.nodes().len()])
    }

    fn note(&mut self, _: Base<'_>, happening: &Happening<'_>) {
        if let Happening::Incident { node } | Happening::DiskReplaced { node } = happening {
            let incidents = &mut self.0[node.index()];
            *incidents = incidents.saturating_add(1);
        }
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Memory(incidents) = self;
        Memory(names.by_node(incidents.clone()))
    }
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "entries-bounded",
    statement: "what a key has seen has one entry of each home, and one more of a node only for \
                each time that it lost its disk or had an older one, could not ask whether it \
                may keep its incarnation, or stood in for a home that it could not ask",
    kind: PropertyKind::Safety {
        holds: |view| !held::any(view, |held| in_excess(view, held).is_some()),
        witness: Witness {
            shown: |view| held::any(view, |held| knows_later_life(held.record)),
            statement: "a node that had started again wrote under its old incarnation",
            name: "entries-bounded (witness)",
        },
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::of_states(
        |promiser| {
            let cluster = promiser.cluster;
            let keeps_incarnation = !cluster.deviates(Deviation::RestartsAnew);
            // A node that has forgotten a key counts it under a fresh epoch if the client has not.
            let keeps_tombstones = cluster.background().reaping == Reaping::Off;
            let may_ask = cluster.nodes().len() > 1;
            promiser.is_exact() && may_ask && keeps_incarnation && keeps_tombstones
        },
        "records with a write of a later start",
        |_, happening| match happening {
            Happening::Touched(touched) => knows_later_life(&touched.after),
            _ => false,
        },
    ),
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
    let Memory(incidents) = memory::of(&view.memories().entries_bounded);
    let (homes, context) = (cluster.homes(held.key), held.record.context());
    let entries = |node: NodeId| {
        let is_of = |dot: &Dot| matches!(dot.actor, ActorId::Node { node: of, .. } if of == node);
        (node, context.iter().filter(is_of).count())
    };
    let allowed =
        |node: NodeId| usize::from(homes.contains(node)) + usize::from(incidents[node.index()]);
    let mut nodes = cluster.nodes().iter().copied().map(entries);
    nodes.find(|(node, entries)| *entries > allowed(*node))
}

/// Whether a record has seen a write of a node that had started again and kept its incarnation.
fn knows_later_life(record: &Record) -> bool {
    record
        .context()
        .iter()
        .any(|dot| matches!(dot.actor, ActorId::Node { .. }) && Life::of(dot.counter) > Life(0))
}
