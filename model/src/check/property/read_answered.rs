//! Reads may be answered.

use super::ended::{Ended, Ending};
use super::memory;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Happening, Watch};

pub(super) type Memory = Ended<How>;

/// That it was answered.
pub(super) struct How;

impl Ending for How {
    fn client(happening: &Happening<'_>) -> Option<usize> {
        match happening {
            Happening::ReadAnswered(read) => Some(read.client),
            _ => None,
        }
    }
}

fn client(view: &View<'_>) -> Option<usize> {
    memory::of(&view.memories().read_answered).first()
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "read-answered",
    statement: "some read is answered",
    kind: PropertyKind::Reachability {
        reached: |view| client(view).is_some(),
        opportunity: Witness {
            shown: |view| view.ledger().read_begun(),
            statement: "a client asked for a read",
            name: "read-answered (opportunity)",
        },
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::REACHABLE,
    explanation: |view, _| wording::read(view, client(view)?),
};
