//! Reads may be refused for lack of nodes that answer.

use alloc::format;

use super::ended::{self, Ended, Ending};
use super::memory;
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness};
use crate::check::history::{Happening, Watch};

pub(super) type Memory = Ended<How>;

/// That it was not answered.
pub(super) struct How;

impl Ending for How {
    fn client(happening: &Happening<'_>) -> Option<usize> {
        match happening {
            Happening::ReadUnavailable { client } => Some(*client),
            _ => None,
        }
    }
}

fn client(view: &View<'_>) -> Option<usize> {
    memory::of(&view.memories().read_unavailable).first()
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "read-unavailable",
    statement: "some client is told that its read is unavailable, or gives up waiting for an answer",
    kind: PropertyKind::Reachability {
        reached: |view| client(view).is_some(),
        opportunity: Witness {
            shown: |view| view.ledger().read_begun() && ended::may_go_unanswered(view),
            statement: "a client asked for a read, and a timer may expire or a coordinator be down",
            name: "read-unavailable (opportunity)",
        },
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::REACHABLE,
    explanation: |view, _| {
        let client = &view.scenario.clients[client(view)?].name;
        Some(format!("{client}'s read was answered Unavailable, or not at all"))
    },
};
