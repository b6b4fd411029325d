//! The order of the writes of each key: that in which they were first committed.
//!
//! What a client hears is a value and a place in the log, which tell the write that it saw: the last one of the key in the
//! log that ends there. Where no two writes of a key can leave it with the same value, the value says which; otherwise it is
//! looked up in the [log](LogOfReigns) of the leader of that place's epoch.

use std::collections::BTreeMap;

use quorate_leader::client::Task;
use quorate_leader::log::{Content, Entry};
use quorate_leader::names::{Index, Key, Position, RequestId, Value};
use quorate_leader::shards::ShardId;
use quorate_leader::statement::Statement;

use super::log_of_reigns::LogOfReigns;
use crate::facts::Fact;
use crate::setting::Setting;

/// A write that was committed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Write {
    shard: ShardId,
    /// Where, where values do not tell writes apart.
    at: Option<(Position, RequestId)>,
    /// What the row held then, whatever the log ships.
    value: Value,
}

/// What somebody was told: what a row held, and up to where the log went of which it was told. Where values tell writes
/// apart, the value says all.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Sight {
    through: Option<Position>,
    value: Value,
}

/// The writes of each key in their order. Zero is before the first write.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Order {
    writes: BTreeMap<Key, Vec<Write>>,
    values_repeat: bool,
    logs: LogOfReigns,
}

/// Whether two writes of one key may leave it with the same value. No two set it to the same text, which scenario files
/// refuse.
fn values_repeat(setting: &Setting) -> bool {
    let tasks = setting.clients.iter().flat_map(|client| &client.operations);
    let counts = tasks.filter_map(|written| match &written.0 {
        Task::Write { statement: Statement::Set(_), .. } | Task::Read { .. } => None,
        Task::Write { key, .. } => Some(key),
    });
    let mut counted: Vec<&Key> = counts.collect();
    let all = counted.len();
    counted.sort_unstable();
    counted.dedup();
    counted.len() < all
}

impl Order {
    /// Before anything happened, in such a scenario.
    pub(super) fn blank(setting: &Setting) -> Self {
        let values_repeat = values_repeat(setting);
        let logs = LogOfReigns::of(setting, values_repeat);
        Order { writes: BTreeMap::new(), values_repeat, logs }
    }

    /// Notes what is committed.
    pub(super) fn note(&mut self, fact: &Fact) {
        self.logs.note(fact);
        if let Fact::Committed { shard, index, entry, row: Some(value), .. } = fact
            && let Entry { epoch, content: Content::Write { key, request, .. } } = entry
        {
            let position = Position { epoch: *epoch, index: *index };
            let at = self.values_repeat.then_some((position, *request));
            let write = Write { shard: *shard, at, value: value.clone() };
            let writes = self.writes.entry(key.clone()).or_default();
            let is_known = |known: &Write| {
                known.at == write.at && (at.is_some() || known.value == write.value)
            };
            if !writes.iter().any(is_known) {
                writes.push(write);
            }
        }
    }

    /// What somebody was told by a log that ends at this position.
    pub(super) fn sight(&self, through: Position, value: &Value) -> Sight {
        Sight { through: self.values_repeat.then_some(through), value: value.clone() }
    }

    /// The place of the write that somebody saw who was told this: zero for one that was not committed.
    pub(super) fn place(&self, key: &Key, sight: &Sight) -> usize {
        let writes = self.writes.get(key).map_or(&[][..], Vec::as_slice);
        let seen = writes.iter().enumerate().filter(|(_, write)| self.may_be(write, sight));
        let last = seen.max_by_key(|(_, write)| write.at.map_or(Index(0), |(at, _)| at.index));
        last.map_or(0, |(place, _)| place + 1)
    }

    /// Whether this write left the row as it was told, and was in the log that was told of.
    fn may_be(&self, write: &Write, sight: &Sight) -> bool {
        let is_within = |through: Position| {
            write.at.is_none_or(|(at, request)| {
                let log_has = || self.logs.has_had(write.shard, through.epoch, at.index, request);
                at.index <= through.index && log_has() != Some(false)
            })
        };
        write.value == sight.value && sight.through.is_none_or(is_within)
    }
}
