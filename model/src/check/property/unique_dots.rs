//! No two writes share a name.

use alloc::format;

use super::memory::Nothing;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::Watch;
use crate::versions::Dot;

/// Nothing of its own.
pub(super) type Memory = Nothing;

/// A dot of two writes, and which.
fn shared_dot(view: &View<'_>) -> Option<(Dot, usize, usize)> {
    let dots = view.ledger().dots();
    dots.iter().enumerate().find_map(|(one, of_one)| {
        dots.iter().enumerate().skip(one + 1).find_map(|(other, of_other)| {
            let dot = of_one.iter().find(|dot| of_other.contains(dot))?;
            Some((*dot, one, other))
        })
    })
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "unique-dots",
    statement: "no dot names two writes",
    kind: PropertyKind::Safety {
        holds: |view| shared_dot(view).is_none(),
        witness: Witness {
            shown: |view| view.ledger().dots().iter().filter(|dots| !dots.is_empty()).count() > 1,
            statement: "two writes were minted",
            name: "unique-dots (witness)",
        },
    },
    watch: Watch { dots: true, ..Watch::NOTHING },
    on_traces: OnTraces::of_states(|_| true, "dots", |_, happening| happening.mints()),
    explanation: |view, names| {
        let (dot, one, other) = shared_dot(view)?;
        let value = |write| wording::value(view.scenario, write);
        Some(format!("dot {} names {} and {}", names.dot(dot), value(one), value(other)))
    },
};
