//! A store as a node sees it that overlooks some of it.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::ids::{Key, NodeId, RequestId};
use crate::protocol::store::{Entry, Hint, Identity, KeptHint, Registration, Store};
use crate::versions::Incarnation;

/// A store, and what a node overlooks when it looks something up in it.
pub(super) struct View<'a, S> {
    store: &'a S,
    /// What it holds of any key.
    pub(super) overlooks_entries: bool,
    /// What it keeps for other homes.
    pub(super) overlooks_hints: bool,
    /// That it has minted for this request.
    pub(super) overlooks_request: Option<RequestId>,
}

impl<'a, S> View<'a, S> {
    /// Overlooking nothing.
    pub(super) fn of(store: &'a S) -> Self {
        let (overlooks_entries, overlooks_hints, overlooks_request) = (false, false, None);
        View { store, overlooks_entries, overlooks_hints, overlooks_request }
    }
}

impl<S> Clone for View<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for View<'_, S> {}

impl<S: Store> Store for View<'_, S> {
    type Error = S::Error;

    fn identity(&self) -> Result<Option<Identity>, S::Error> {
        self.store.identity()
    }

    fn registration(
        &self,
        node: NodeId,
        incarnation: Incarnation,
    ) -> Result<Option<&Registration>, S::Error> {
        self.store.registration(node, incarnation)
    }

    fn has_seen_beyond(
        &self,
        node: NodeId,
        incarnation: Incarnation,
        counter: u64,
    ) -> Result<bool, S::Error> {
        self.store.has_seen_beyond(node, incarnation, counter)
    }

    fn entry(&self, key: &Key) -> Result<Option<Entry>, S::Error> {
        if self.overlooks_entries {
            return Ok(None);
        }
        let mut entry = self.store.entry(key)?;
        if let (Some(entry), Some(request)) = (&mut entry, self.overlooks_request) {
            entry.requests.forget(request);
        }
        Ok(entry)
    }

    fn tombstones_after(
        &self,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, S::Error> {
        self.store.tombstones_after(after, max)
    }

    fn hint(&self, home: NodeId, key: &Key) -> Result<Option<KeptHint>, S::Error> {
        if self.overlooks_hints {
            return Ok(None);
        }
        let mut kept = self.store.hint(home, key)?;
        if let (Some(kept), Some(request)) = (&mut kept, self.overlooks_request) {
            kept.requests.forget(request);
        }
        Ok(kept)
    }

    fn hints_after(
        &self,
        after: Option<(NodeId, &Key)>,
        max: usize,
    ) -> Result<Vec<Hint>, S::Error> {
        self.store.hints_after(after, max)
    }

    fn hint_count(&self) -> Result<usize, S::Error> {
        self.store.hint_count()
    }

    fn hint_bytes(&self) -> Result<u64, S::Error> {
        self.store.hint_bytes()
    }

    fn entries_in(
        &self,
        positions: RangeInclusive<u64>,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, S::Error> {
        self.store.entries_in(positions, after, max)
    }
}
