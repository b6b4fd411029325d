//! The logs of leaders, as far as writes go: which requests the leader of each epoch has had in its log, and where. What
//! a log was compacted to does not say which writes it came from; the log of the leader of its base's epoch does, by
//! log matching. (Ongaro's history variables in his proof are of this kind: Ongaro 2014, appendix B.)

use std::collections::BTreeMap;

use quorate_leader::log::Entry;
use quorate_leader::names::{Epoch, Index, Position, RequestId};
use quorate_leader::shards::ShardId;
use quorate_leader::store::MemoryStore;

use crate::facts::Fact;
use crate::setting::Setting;

/// Where the writes are in the log of the leader of each epoch; `None` where nobody asks, and where there are no epochs
/// that would tell logs apart.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LogOfReigns(Option<BTreeMap<(ShardId, Epoch), BTreeMap<Index, RequestId>>>);

impl LogOfReigns {
    /// Before anything happened, in such a scenario: needed where logs are compacted.
    pub(super) fn blank(setting: &Setting) -> Self {
        LogOfReigns::of(setting, setting.snapshot_after.is_some())
    }

    /// Before anything happened, where this is needed or not.
    pub(super) fn of(setting: &Setting, is_needed: bool) -> Self {
        LogOfReigns((is_needed && setting.epochs).then(BTreeMap::new))
    }

    /// Whether the leader of an epoch has had this write at this place; `None` where nobody knows.
    pub(super) fn has_had(
        &self,
        shard: ShardId,
        epoch: Epoch,
        index: Index,
        request: RequestId,
    ) -> Option<bool> {
        let log = self.0.as_ref()?.get(&(shard, epoch));
        Some(log.is_some_and(|log| log.get(&index) == Some(&request)))
    }

    /// The writes that a store is known to have: in its log, and in what its log was compacted to.
    pub(super) fn known_writes(
        &self,
        shard: ShardId,
        store: &MemoryStore,
    ) -> impl Iterator<Item = RequestId> {
        let Position { epoch, index: through } = store.base_position();
        let logs = self.0.as_ref();
        let compacted = logs.and_then(|logs| logs.get(&(shard, epoch))).into_iter().flatten();
        let compacted = compacted.filter(move |(index, _)| **index <= through);
        let held = store.entries().iter().filter_map(Entry::request);
        compacted.map(|(_, request)| *request).chain(held)
    }

    /// Notes what leaders begin with, and what they append.
    pub(super) fn note(&mut self, fact: &Fact) {
        let Some(logs) = &mut self.0 else { return };
        match fact {
            Fact::Led { shard, epoch, base, log, .. } => {
                let compacted = logs.get(&(*shard, base.epoch)).into_iter().flatten();
                let compacted = compacted.filter(|(index, _)| **index <= base.index);
                let compacted = compacted.map(|(index, request)| (*index, *request));
                let begins = compacted.chain(log.iter().copied()).collect();
                logs.insert((*shard, *epoch), begins);
            }
            Fact::Accepted { shard, epoch, index, request, .. } => {
                logs.entry((*shard, *epoch)).or_default().insert(*index, *request);
            }
            _ => {}
        }
    }

    /// Whether a store has this write: in its log, or in what its log was compacted to.
    pub(super) fn has_write(
        &self,
        shard: ShardId,
        store: &MemoryStore,
        request: RequestId,
    ) -> bool {
        self.known_writes(shard, store).any(|held| held == request)
            || self.0.is_none() && may_have_compacted(store, request)
    }
}

/// Whether what a log was compacted to may come from this write, as far as the last write of its client tells.
fn may_have_compacted(store: &MemoryStore, request: RequestId) -> bool {
    let remembered = store.clients().get(&request.client);
    store.base_position().index > Index(0)
        && remembered.is_some_and(|remembered| remembered.number >= request.number)
}
