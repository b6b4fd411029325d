//! Siblings are the versions of concurrent writes, and only those.

use alloc::format;

use super::held::{self, Held};
use super::memory::{self, Remembers};
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::facts::Touched;
use crate::check::history::{Base, Happening, Historian, Watch};
use crate::check::symmetry::Permutation;
use crate::check::write_set::WriteSet;
use crate::ids::NodeId;
use crate::versions::Names as _;

/// Whether some step dropped a version that nothing which stayed had seen.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory {
    dropped: bool,
    /// Where that was first, and which writes; for explanations alone.
    first: Option<(NodeId, WriteSet)>,
}

impl Remembers for Memory {
    fn blank(_: &Historian) -> Self {
        Memory { dropped: false, first: None }
    }

    fn note(&mut self, base: Base<'_>, happening: &Happening<'_>) {
        let Happening::Touched(touched) = happening else { return };
        let dropped = dropped(base, touched);
        if !dropped.is_empty() {
            self.dropped = true;
            if base.historian.explains() {
                self.first.get_or_insert((touched.node, dropped));
            }
        }
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Memory { dropped, first } = self;
        let first = first.map(|(node, writes)| (names.node(node), names.writes(writes)));
        Memory { dropped: *dropped, first }
    }
}

/// The writes whose versions a node lost and should have kept in one step: everything that came
/// together must be there still, or have been seen by something that is, or be gone with a delete that was reaped. A node
/// that has reaped a tombstone goes on counting behind it, so what it mints next takes the tombstone away where the order to
/// reap comes later.
fn dropped(base: Base<'_>, touched: &Touched) -> WriteSet {
    let Touched { node: _, key, came, minted, after } = touched;
    let came = came.iter().flatten().map(|record| base.named(key, record));
    let minted = minted.iter().map(|(write, _)| *write).collect();
    let gone = came.fold(minted, WriteSet::union).without(base.seen_by(key, after));
    gone.iter().filter(|write| !base.ledger.went_with_a_delete(*write)).collect()
}

/// Two writes of a record, the second of which had seen the first.
fn false_siblings(view: &View<'_>, held: &Held<'_>) -> Option<(usize, usize)> {
    held.named.iter().find_map(|later| {
        let earlier = view.ledger().past(later).intersection(held.named).iter().next()?;
        Some((earlier, later))
    })
}

fn memory<'a>(view: &View<'a>) -> &'a Memory {
    memory::of(&view.memories().true_siblings)
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "true-siblings",
    statement: "two versions are siblings exactly when neither writer had seen the other, and neither went with a \
                delete that was reaped",
    kind: PropertyKind::Safety {
        holds: |view| {
            !memory(view).dropped && !held::any(view, |held| false_siblings(view, held).is_some())
        },
        witness: Witness {
            shown: |view| held::any(view, |held| held.named.len() > 1),
            statement: "a node holds versions of two writes of a key",
            name: "true-siblings (witness)",
        },
    },
    watch: Watch { reaped: true, ..Watch::NOTHING },
    on_traces: OnTraces::of_states(
        |promiser| {
            let is_safe = promiser.is_exact() && promiser.forgets_safely();
            is_safe && !promiser.is_minted_twice && promiser.keeps_writes()
        },
        "states with siblings",
        |_, happening| match happening {
            Happening::Touched(touched) => touched.after.versions().count() > 1,
            _ => false,
        },
    ),
    explanation: |view, names| {
        let value = |write| wording::value(view.scenario, write);
        let together = held::find(view, |held| {
            let (earlier, later) = false_siblings(view, held)?;
            Some(format!(
                "{} holds {} and {}, though the writer of {} had seen {}",
                wording::holder(names, held),
                value(earlier),
                value(later),
                value(later),
                value(earlier),
            ))
        });
        together.or_else(|| {
            let (node, writes) = memory(view).first?;
            Some(format!(
                "{} dropped {}, and nothing that it kept had seen it",
                names.node(node),
                wording::values(view.scenario, writes),
            ))
        })
    },
};
