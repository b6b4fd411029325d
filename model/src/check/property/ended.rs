//! What properties of how operations end have in common.

use alloc::vec::Vec;
use core::marker::PhantomData;

use derive_where::derive_where;

use super::View;
use super::memory::Remembers;
use crate::check::history::{Base, Happening, Historian};
use crate::check::symmetry::Permutation;

/// A way in which a read can end.
pub(super) trait Ending {
    /// The client whose read has ended so, if one has.
    fn client(happening: &Happening<'_>) -> Option<usize>;
}

/// Per client: whether its last read ended so, until its next operation starts.
#[derive_where(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Ended<E> {
    clients: Vec<bool>,
    how: PhantomData<fn() -> E>,
}

impl<E> Ended<E> {
    /// The first client whose last read ended so.
    pub(super) fn first(&self) -> Option<usize> {
        self.clients.iter().position(|is_so| *is_so)
    }
}

impl<E: Ending> Remembers for Ended<E> {
    fn blank(historian: &Historian) -> Self {
        let clients = alloc::vec![false; historian.scenario().clients.len()];
        Ended { clients, how: PhantomData }
    }

    fn note(&mut self, _: Base<'_>, happening: &Happening<'_>) {
        if let Happening::ReadBegan { client, .. } | Happening::WriteBegan { client } = happening {
            self.clients[*client] = false;
        }
        if let Some(client) = E::client(happening) {
            self.clients[client] = true;
        }
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Ended { clients, how } = self;
        Ended { clients: names.by_client(clients.clone()), how: *how }
    }
}

/// Whether an operation can end without what it asked for. Where no timer of a request may expire and no
/// coordinator may be down, it waits for ever instead, however few of the other nodes are up.
pub(super) fn may_go_unanswered(view: &View<'_>) -> bool {
    let scenario = view.scenario;
    let mut operations = scenario.clients.iter().flat_map(|client| &client.operations);
    scenario.faults.timeouts > 0
        || scenario.faults.crashes > 0
        || operations
            .any(|operation| operation.via.iter().any(|node| scenario.down.contains(*node)))
}
