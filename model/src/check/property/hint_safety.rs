//! Hints are kept until others have what they say.

use alloc::format;
use alloc::vec::Vec;

use super::memory::{self, Remembers};
use super::{Nodes, OnTraces, PropertyKind, PropertySpec, View, Witness, held, wording};
use crate::check::history::{Base, Happening, Historian, Watch};
use crate::check::symmetry::Permutation;
use crate::check::write_set::WriteSet;
use crate::ids::{Key, NodeId};
use crate::versions::Names as _;

/// Whether hints were dropped, and whether what they said was safe.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory {
    was_dropped: bool,
    was_lost: bool,
    /// Those of which it is not known yet.
    open: Vec<Dropped>,
    /// The first one that was not safe; for explanations alone.
    first_lost: Option<(NodeId, WriteSet)>,
}

/// A hint that was dropped, or became less.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Dropped {
    node: NodeId,
    key: Key,
    named: WriteSet,
}

impl Remembers for Memory {
    fn blank(_: &Historian) -> Self {
        Memory { was_dropped: false, was_lost: false, open: Vec::new(), first_lost: None }
    }

    fn note(&mut self, _: Base<'_>, happening: &Happening<'_>) {
        let Happening::HintDropped { node, key, named } = happening else { return };
        self.was_dropped = true;
        self.open.push(Dropped { node: *node, key: (*key).clone(), named: *named });
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Memory { was_dropped, was_lost, open, first_lost } = self;
        let renamed = |Dropped { node, key, named }: &Dropped| Dropped {
            node: names.node(*node),
            key: key.clone(),
            named: names.writes(*named),
        };
        Memory {
            was_dropped: *was_dropped,
            was_lost: *was_lost,
            open: open.iter().map(renamed).collect(),
            first_lost: first_lost.map(|(node, writes)| (names.node(node), names.writes(writes))),
        }
    }

    fn has_questions(&self) -> bool {
        !self.open.is_empty()
    }

    /// Some record of the key must have all that the hint said, on some disk.
    fn ask(&mut self, base: Base<'_>, nodes: &dyn Nodes) {
        for Dropped { node, key, named } in core::mem::take(&mut self.open) {
            let mut is_safe = false;
            held::each_on_disk(nodes, &mut |of, record| {
                is_safe = is_safe || *of == key && named.is_subset(base.seen_by(of, record));
            });
            if !is_safe {
                self.was_lost = true;
                if base.historian.explains() {
                    self.first_lost.get_or_insert((node, named));
                }
            }
        }
    }
}

fn memory<'a>(view: &View<'a>) -> &'a Memory {
    memory::of(&view.memories().hint_safety)
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "hint-safety",
    statement: "when a hint is dropped, its home or another holder has what it said on its disk",
    kind: PropertyKind::Safety {
        holds: |view| !memory(view).was_lost,
        witness: Witness {
            shown: |view| memory(view).was_dropped,
            statement: "a hint was dropped",
            name: "hint-safety (witness)",
        },
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::of_states(
        |promiser| promiser.is_exact() && promiser.forgets_safely() && promiser.keeps_disks(),
        "hints dropped",
        |_, happening| matches!(happening, Happening::HintDropped { .. }),
    ),
    explanation: |view, names| {
        let (node, writes) = memory(view).first_lost?;
        Some(format!(
            "{} dropped a hint of {}, which was on no other disk",
            names.node(node),
            wording::values(view.scenario, writes),
        ))
    },
};
