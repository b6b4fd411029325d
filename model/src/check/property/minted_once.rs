//! No write has two names.

use alloc::format;

use super::memory::Nothing;
use super::{OnTraces, PropertyKind, PropertySpec, Witness, wording};
use crate::check::history::Watch;

/// Nothing of its own.
pub(super) type Memory = Nothing;

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "minted-once",
    statement: "no write is minted under two dots",
    kind: PropertyKind::Safety {
        holds: |view| view.ledger().dots().iter().all(|dots| dots.len() <= 1),
        witness: Witness {
            shown: |view| view.ledger().dots().iter().any(|dots| !dots.is_empty()),
            statement: "a write was minted",
            name: "minted-once (witness)",
        },
    },
    watch: Watch { dots: true, ..Watch::NOTHING },
    on_traces: OnTraces::of_states(|_| false, "dots", |_, happening| happening.mints()),
    explanation: |view, names| {
        let mut dots = view.ledger().dots().iter().enumerate();
        let (write, dots) = dots.find(|(_, dots)| dots.len() > 1)?;
        let told = wording::and(dots.iter().map(|dot| names.dot(*dot)));
        let write = wording::write(view.scenario, write);
        Some(format!("{write} was minted under the dots {told}"))
    },
};
