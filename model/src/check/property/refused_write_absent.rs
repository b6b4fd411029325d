//! What was refused for certain is held by nobody.

use alloc::format;

use super::memory::{self, Remembers};
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, held, wording};
use crate::check::history::{Base, Happening, Historian, Watch};
use crate::check::symmetry::Permutation;
use crate::check::write_set::WriteSet;
use crate::deviation::Deviation;
use crate::ids::NodeId;

/// The writes of which clients were told that they do not happen.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory {
    refused: WriteSet,
}

impl Remembers for Memory {
    fn blank(_: &Historian) -> Self {
        Memory { refused: WriteSet::EMPTY }
    }

    fn note(&mut self, _: Base<'_>, happening: &Happening<'_>) {
        if let Happening::WriteRefused { write, is_certain: true, .. } = happening {
            self.refused.insert(*write);
        }
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Memory { refused } = self;
        Memory { refused: names.writes(*refused) }
    }

    fn obliges_as_much_as(&self, other: &Self) -> bool {
        other.refused.is_subset(self.refused)
    }
}

fn refused(view: &View<'_>) -> WriteSet {
    memory::of(&view.memories().refused_write_absent).refused
}

/// A node that holds some of these writes after all, and which.
fn held_after_all(view: &View<'_>) -> Option<(NodeId, WriteSet)> {
    let refused = refused(view);
    if refused.is_empty() {
        return None;
    }
    held::find(view, |held| {
        let these = refused.intersection(held.named);
        (!these.is_empty()).then_some((held.node, these))
    })
}

/// Adya's *aborted read* (Weak Consistency, 1999, phenomenon G1a) cannot happen where this holds: what no
/// record names no read returns.
pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "refused-write-absent",
    statement: "a write of which its client was told that it does not happen is in no record and in no hint",
    kind: PropertyKind::Safety {
        holds: |view| held_after_all(view).is_none(),
        witness: Witness {
            shown: |view| !refused(view).is_empty(),
            statement: "a client was told that its write does not happen",
            name: "refused-write-absent (witness)",
        },
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::of_states(
        |promiser| !promiser.cluster.deviates(Deviation::TrustsRefusals),
        "writes refused for certain",
        |_, happening| matches!(happening, Happening::WriteRefused { is_certain: true, .. }),
    ),
    explanation: |view, names| {
        let (node, writes) = held_after_all(view)?;
        let told = wording::writes(view.scenario, writes);
        Some(format!(
            "{} holds {told}, and its client was told that it does not happen",
            names.node(node)
        ))
    },
};
