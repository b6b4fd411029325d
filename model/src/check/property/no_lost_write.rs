//! What was acknowledged is kept.

use alloc::format;

use super::memory::Nothing;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, covered, held, wording};
use crate::check::history::{Happening, Watch};
use crate::check::write_set::WriteSet;

/// Nothing of its own.
pub(super) type Memory = Nothing;

/// The acknowledged writes that are lost. A write may be gone from every disk if it is, or was seen
/// by, a delete that was reaped. A reaped delete itself is kept by nobody having what it covered: it is
/// lost where somebody has.
fn lost(view: &View<'_>) -> WriteSet {
    let ledger = view.ledger();
    let gone = ledger.acknowledged().without(held::everything(view));
    let is_lost =
        |write: &usize| !ledger.went_with_a_delete(*write) || covered::is_undone(view, *write);
    gone.iter().filter(is_lost).collect()
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "no-lost-write",
    statement: "an acknowledged write is held by some node, or was seen by one that is, or went with a \
                delete that was reaped and stays deleted",
    kind: PropertyKind::Safety {
        holds: |view| lost(view).is_empty(),
        witness: Witness {
            shown: |view| !view.ledger().acknowledged().is_empty(),
            statement: "a write was acknowledged",
            name: "no-lost-write (witness)",
        },
    },
    watch: Watch { reaped: true, ..Watch::NOTHING },
    on_traces: OnTraces::of_states(
        |promiser| promiser.is_exact() && promiser.forgets_safely() && promiser.keeps_writes(),
        "acknowledged writes",
        |_, happening| matches!(happening, Happening::WriteAcknowledged { .. }),
    ),
    explanation: |view, names| {
        let write = lost(view).iter().next()?;
        let told = wording::write(view.scenario, write);
        if view.ledger().reaped().contains(write) {
            let covered = covered::told(view, names, write)?;
            return Some(format!("{told} was acknowledged and reaped, and {covered}"));
        }
        Some(format!("{told} was acknowledged, and no node holds it or anything that had seen it"))
    },
};
