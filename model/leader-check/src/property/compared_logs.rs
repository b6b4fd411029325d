//! Two logs, compared where both are held, and where one is compacted, by what it has come to.
//!
//! What is compacted is rows and the last request of each client that has a session. The other log comes to the same at that place: its
//! entries up to there are applied on top of what it has applied already, or taken back from it.

use std::collections::BTreeMap;

use quorate_ids::ClientId;
use quorate_leader::config::LogKind;
use quorate_leader::log::{Content, Entry, RowEffect};
use quorate_leader::names::{Epoch, Index, Key, Position, Value};
use quorate_leader::sessions::Sessions;
use quorate_leader::shards::ShardId;
use quorate_leader::statement::Surroundings;
use quorate_leader::store::{MemoryStore, Remembered, Store as _, Undo};

use crate::leader_based::{ClusterState, LeaderBased};
use crate::view;

/// Every two logs of one shard.
pub(super) fn pairs<'a>(
    protocol: &'a LeaderBased,
    state: &'a ClusterState,
) -> impl Iterator<Item = (&'a MemoryStore, &'a MemoryStore)> {
    let logs = |shard: ShardId| {
        let nodes: Vec<_> = state.nodes().filter_map(|node| view::store(node, shard)).collect();
        let pairs: Vec<_> = (0..nodes.len())
            .flat_map(|one| (0..one).map(move |other| (one, other)))
            .map(|(one, other)| (nodes[one], nodes[other]))
            .collect();
        pairs
    };
    protocol.client_config().shards.ids().flat_map(logs)
}

/// Whether every replica that executes what the log ships comes to the same. If not, rows tell nothing about logs.
pub(super) fn rows_tell(protocol: &LeaderBased) -> bool {
    protocol.cluster().log != LogKind::Statement || !protocol.setting().draws()
}

/// The epoch of what a log holds at an index: an entry, or the base.
pub(super) fn epoch_at(store: &MemoryStore, index: Index) -> Option<Epoch> {
    let base = store.base_position();
    let is_base = index == base.index && index > Index(0);
    is_base.then_some(base.epoch).or_else(|| store.entry_at(index).map(|entry| entry.epoch))
}

/// Whether two logs hold the same up to an index, as far as that can be told: entries where both have them, and what
/// entries come to where one is compacted.
pub(super) fn is_same_up_to(
    one: &MemoryStore,
    other: &MemoryStore,
    last: Index,
    rows_tell: bool,
    sessions_max: Option<u32>,
) -> bool {
    let base = one.base_position().index.max(other.base_position().index);
    let same_entries =
        (base.0 + 1..=last.0).map(Index).all(|index| one.entry_at(index) == other.entry_at(index));
    let comes_to_the_same =
        || match (come_to(one, base, sessions_max), come_to(other, base, sessions_max)) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
    let is_told = rows_tell && base > Index(0) && base <= last;
    same_entries && (!is_told || comes_to_the_same())
}

/// What a log comes to: rows, the last request of each client, and what is known of sessions beside that.
#[derive(Clone, PartialEq, Eq, Debug)]
struct ComesTo {
    rows: BTreeMap<Key, Value>,
    remembered: BTreeMap<ClientId, Remembered>,
    sessions: Sessions,
}

/// What the entries of a log up to this index come to, which is not before its base; `None` if it does not hold them.
fn come_to(store: &MemoryStore, through: Index, sessions_max: Option<u32>) -> Option<ComesTo> {
    let committed = store.committed_index();
    let mut comes_to = ComesTo {
        rows: store.all_rows().clone(),
        remembered: store.clients().clone(),
        sessions: store.known_of_sessions(),
    };
    for index in (through.0 + 1..=committed.0).rev().map(Index) {
        let Ok(undo) = store.undo(index);
        let Some(Undo { key, value, client, remembered, sessions, expired }) = undo else {
            continue;
        };
        put(&mut comes_to.rows, key, value);
        put(&mut comes_to.remembered, client, remembered);
        comes_to.remembered.extend(expired);
        comes_to.sessions = sessions;
    }
    for index in (committed.0 + 1..=through.0).map(Index) {
        comes_to.apply(index, store.entry_at(index)?, sessions_max);
    }
    Some(comes_to)
}

impl ComesTo {
    fn apply(&mut self, index: Index, entry: &Entry, sessions_max: Option<u32>) {
        let Content::Write { key, effect, request } = &entry.content else { return };
        let value = match effect {
            RowEffect::Row(value) => value.clone(),
            RowEffect::Execute(statement) => {
                let around = Surroundings::default();
                statement.execute(self.rows.get(key), around)
            }
        };
        let position = Position { epoch: entry.epoch, index };
        let remembered = Remembered::of(request.number, position, &value);
        self.remembered.insert(request.client, remembered);
        self.rows.insert(key.clone(), value);
        let Some(sessions_max) = sessions_max else { return };
        while self.remembered.len() > sessions_max as usize {
            let oldest = self.remembered.iter().min_by_key(|(_, last)| last.position.index);
            let Some((client, expired)) = oldest.map(|(client, last)| (*client, last.position))
            else {
                return;
            };
            self.remembered.remove(&client);
            self.sessions.expired = expired;
        }
        self.sessions.held = self.remembered.len() as u32;
    }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}
