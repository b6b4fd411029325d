//! Reads may be refused for lack of nodes that answer.

use alloc::format;
use alloc::vec::Vec;

use super::memory::{self, Remembers};
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness};
use crate::check::history::{Base, Happening, Historian, Watch};
use crate::check::symmetry::Permutation;

/// Per client: whether its last read was not answered, until its next operation starts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory(Vec<bool>);

impl Remembers for Memory {
    fn blank(historian: &Historian) -> Self {
        Memory(alloc::vec![false; historian.scenario().clients.len()])
    }

    fn note(&mut self, _: Base<'_>, happening: &Happening<'_>) {
        match happening {
            Happening::ReadBegan { client, .. } | Happening::WriteBegan { client } => {
                self.0[*client] = false;
            }
            Happening::ReadUnavailable { client } => self.0[*client] = true,
            _ => {}
        }
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Memory(clients) = self;
        Memory(names.by_client(clients.clone()))
    }
}

fn clients<'a>(view: &View<'a>) -> &'a [bool] {
    &memory::of(&view.memories().read_unavailable).0
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "read-unavailable",
    statement: "some client is told that its read is unavailable, or gives up waiting for an answer",
    kind: PropertyKind::Reachability {
        reached: |view| clients(view).contains(&true),
        opportunity: Witness {
            shown: |view| view.ledger().read_begun(),
            statement: "a client asked for a read",
            name: "read-unavailable (opportunity)",
        },
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::REACHABLE,
    explanation: |view, _| {
        let client = clients(view).iter().position(|is_so| *is_so)?;
        let client = &view.scenario.clients[client].name;
        Some(format!("{client}'s read was answered Unavailable, or not at all"))
    },
};
