//! A client's writes take effect in the order in which it made them: monotonic writes, one of the session
//! guarantees of Terry et al. (1994), per key.

use alloc::format;

use super::held::{self, Held};
use super::memory::Nothing;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Happening, Watch};
use crate::check::write_set::WriteSet;

/// Nothing of its own: a client has one operation at a time, so of the writes before one of its own
/// those are acknowledged now that were when it began that one.
pub(super) type Memory = Nothing;

/// The writes of the same client and key that were acknowledged before this one began.
fn earlier(view: &View<'_>, write: usize) -> WriteSet {
    let planned = &view.scenario.writes[write];
    let acknowledged = view.ledger().acknowledged().iter();
    acknowledged
        .filter(|other| {
            let other = &view.scenario.writes[*other];
            other.client == planned.client
                && other.key == planned.key
                && other.operation < planned.operation
        })
        .collect()
}

/// A write that a record names and one that its client made before and that it has not replaced there:
/// the later one, the earlier one, and whether the record names both.
fn out_of_order(view: &View<'_>, held: &Held<'_>) -> Option<(usize, usize, bool)> {
    held.named.iter().find_map(|later| {
        let earlier = earlier(view, later);
        let beside = earlier.intersection(held.named);
        let missing = view.base().missing(earlier, held.named);
        let earlier = beside.union(missing).iter().next()?;
        Some((later, earlier, beside.contains(earlier)))
    })
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "monotonic-writes",
    statement: "where a write is held, something held there had seen what its client had written to the key \
                before, and been told is stored; and that is not beside it",
    kind: PropertyKind::Safety {
        holds: |view| !held::any(view, |held| out_of_order(view, held).is_some()),
        witness: Witness {
            shown: |view| {
                held::any(view, |held| {
                    held.named.iter().any(|write| !earlier(view, write).is_empty())
                        && out_of_order(view, held).is_none()
                })
            },
            statement: "a node holds a write whose client's earlier write was acknowledged, and was seen",
            name: "monotonic-writes (witness)",
        },
    },
    watch: Watch { reaped: true, ..Watch::NOTHING },
    on_traces: OnTraces::of_states(
        |_| false,
        "records with a later write of a client",
        |view, happening| match happening {
            Happening::Touched(touched) => {
                let mut named = view.base().named(&touched.key, &touched.after).iter();
                named.any(|write| !earlier(view, write).is_empty())
            }
            _ => false,
        },
    ),
    explanation: |view, names| {
        held::find(view, |held| {
            let (later, earlier, is_beside) = out_of_order(view, held)?;
            let holder = wording::holder(names, held);
            let [earlier, later] =
                [earlier, later].map(|write| wording::value(view.scenario, write));
            Some(if is_beside {
                format!(
                    "{holder} holds {later} beside {earlier}, which its client had written before"
                )
            } else {
                format!(
                    "{holder} holds {later}, and nothing that had seen {earlier}, which its client had \
                     written before"
                )
            })
        })
    },
};
