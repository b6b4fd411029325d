//! A key can be resolved whatever it has come to hold.

use alloc::format;

use super::memory::{self, Remembers};
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Base, Happening, Historian, Watch};
use crate::check::resolving::Resolving;
use crate::check::symmetry::Permutation;
use crate::deviation::Deviation;
use crate::ids::NodeId;
use crate::versions::Names as _;

/// What came of puts that resolve a key whose record has reached a limit.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory {
    was_let_through: bool,
    was_refused: bool,
    /// Who refused one first, and which; for explanations alone.
    first_refused: Option<(NodeId, usize)>,
}

impl Remembers for Memory {
    fn blank(_: &Historian) -> Self {
        Memory { was_let_through: false, was_refused: false, first_refused: None }
    }

    fn note(&mut self, base: Base<'_>, happening: &Happening<'_>) {
        let Happening::Resolving { node, write, came } = happening else { return };
        match came {
            Resolving::LetThrough => self.was_let_through = true,
            Resolving::Refused => {
                self.was_refused = true;
                if base.historian.explains() {
                    self.first_refused.get_or_insert((*node, *write));
                }
            }
        }
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Memory { was_let_through, was_refused, first_refused } = self;
        Memory {
            was_let_through: *was_let_through,
            was_refused: *was_refused,
            first_refused: first_refused
                .map(|(node, write)| (names.node(node), names.write(write))),
        }
    }
}

fn memory<'a>(view: &View<'a>) -> &'a Memory {
    memory::of(&view.memories().key_resolvable)
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "key-resolvable",
    statement: "a put or delete whose context covers every version that its coordinator holds of the \
                key is never refused for how many these are",
    kind: PropertyKind::Safety {
        holds: |view| !memory(view).was_refused,
        witness: Witness {
            shown: |view| memory(view).was_let_through,
            statement: "such a put was taken in where the key had as many versions as it may, or more",
            name: "key-resolvable (witness)",
        },
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::of_states(
        |promiser| !promiser.cluster.deviates(Deviation::LimitCountsHeld),
        "puts that resolve a key at its limit",
        |_, happening| matches!(happening, Happening::Resolving { .. }),
    ),
    explanation: |view, names| {
        let (node, write) = memory(view).first_refused?;
        let siblings_max = view.scenario.cluster.limits().siblings_max;
        Some(format!(
            "{} refused {}, whose context covers all that it held: a key may have {siblings_max} {}",
            names.node(node),
            wording::write(view.scenario, write),
            if siblings_max == 1 { "version" } else { "versions" },
        ))
    },
};
