//! Which client wrote when last, in order: an index of what is remembered of clients.

use alloc::collections::BTreeMap;
use core::ops::Bound;

use quorate_ids::ClientId;

use crate::names::Index;
use crate::store::Remembered;

/// The clients that are remembered, by where in the log their last writes are. In memory: a cluster bounds how many there
/// are.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ByUse {
    clients: BTreeMap<Index, ClientId>,
    used: BTreeMap<ClientId, Index>,
}

impl ByUse {
    /// The index of all that is remembered.
    pub fn of<'a>(all: impl IntoIterator<Item = (&'a ClientId, &'a Remembered)>) -> Self {
        let mut by_use = ByUse::default();
        for (client, remembered) in all {
            by_use.note(*client, Some(remembered));
        }
        by_use
    }

    /// Follows a change.
    pub fn note(&mut self, client: ClientId, remembered: Option<&Remembered>) {
        if let Some(before) = self.used.remove(&client)
            && self.clients.get(&before) == Some(&client)
        {
            self.clients.remove(&before);
        }
        if let Some(Remembered { position, .. }) = remembered {
            self.used.insert(client, position.index);
            self.clients.insert(position.index, client);
        }
    }

    /// Those beyond this place, in order.
    pub fn beyond(&self, after: Index) -> impl Iterator<Item = (Index, ClientId)> {
        let beyond = self.clients.range((Bound::Excluded(after), Bound::Unbounded));
        beyond.map(|(index, client)| (*index, *client))
    }
}
