//! Reads may be answered.

use alloc::vec::Vec;

use super::memory::{self, Remembers};
use super::{OnTraces, PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Base, Happening, Historian, Watch};
use crate::check::symmetry::Permutation;

/// Per client: whether its last read was answered, until its next operation starts.
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
            Happening::ReadAnswered(read) => self.0[read.client] = true,
            _ => {}
        }
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Memory(clients) = self;
        Memory(names.by_client(clients.clone()))
    }
}

fn clients<'a>(view: &View<'a>) -> &'a [bool] {
    &memory::of(&view.memories().read_answered).0
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "read-answered",
    statement: "some read is answered",
    kind: PropertyKind::Reachability {
        reached: |view| clients(view).contains(&true),
        opportunity: Witness {
            shown: |view| view.ledger().read_begun(),
            statement: "a client asked for a read",
            name: "read-answered (opportunity)",
        },
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::REACHABLE,
    explanation: |view, _| {
        let client = clients(view).iter().position(|is_so| *is_so)?;
        wording::read(view, client)
    },
};
