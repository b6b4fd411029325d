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
    request: RequestId,
    /// Where, if values do not tell writes apart.
    at: Option<Position>,
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
            let at = self.values_repeat.then_some(position);
            let write = Write { shard: *shard, request: *request, at, value: value.clone() };
            let writes = self.writes.entry(key.clone()).or_default();
            let is_known = |known: &Write| match write.at {
                Some(_) => known.at == write.at && known.request == write.request,
                None => known.value == write.value,
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
        self.seen(key, sight).map_or(0, |(place, _)| place + 1)
    }

    /// Whose write that was, if it was committed.
    pub(super) fn author(&self, key: &Key, sight: &Sight) -> Option<RequestId> {
        self.seen(key, sight).map(|(_, write)| write.request)
    }

    fn seen(&self, key: &Key, sight: &Sight) -> Option<(usize, &Write)> {
        let writes = self.writes.get(key)?;
        let seen = writes.iter().enumerate().filter(|(_, write)| self.may_be(write, sight));
        seen.max_by_key(|(_, write)| write.at.map_or(Index(0), |at| at.index))
    }

    /// Whether this write left the row as it was told, and was in the log that was told of.
    fn may_be(&self, write: &Write, sight: &Sight) -> bool {
        let is_within = |through: Position| {
            write.at.is_none_or(|at| {
                let Write { shard, request, .. } = *write;
                let log_has = || self.logs.has_had(shard, through.epoch, at.index, request);
                at.index <= through.index && log_has() != Some(false)
            })
        };
        write.value == sight.value && sight.through.is_none_or(is_within)
    }
}

#[cfg(test)]
mod tests {
    use quorate_ids::{ClientId, NodeId};
    use quorate_leader::log::RowEffect;
    use quorate_leader::names::Epoch;

    use super::*;
    use crate::setting::parse;

    const LOG: ShardId = ShardId(0);

    fn order(operations: &str) -> Order {
        let text = format!(
            r#"title = "Of a test"
nodes = ["A", "B"]
[protocol]
name = "leader"
replication = "async"
election = "raft"
[[protocol.clients]]
name = "x"
operations = [{operations}]
[expect]
monotonic-reads = "holds"
"#
        );
        let file = parse("mine.toml", &text).unwrap_or_else(|error| panic!("{error}"));
        Order::blank(&file.protocol)
    }

    fn at(epoch: u32, index: u32) -> Position {
        Position { epoch: Epoch::of(epoch), index: Index(index) }
    }

    fn request(number: u32) -> RequestId {
        RequestId { client: ClientId(0), number }
    }

    /// The leader of this place's epoch takes a write, after which the row holds this, and commits it.
    fn write(order: &mut Order, place: Position, number: u32, value: &Value) {
        let (epoch, index, request) = (place.epoch, place.index, request(number));
        order.note(&Fact::Accepted { shard: LOG, node: NodeId(0), epoch, index, request });
        let effect = RowEffect::Row(value.clone());
        let content = Content::Write { key: Key::from("k"), effect, request };
        let (entry, row) = (Entry { epoch, content }, Some(value.clone()));
        order.note(&Fact::Committed { shard: LOG, epoch, index, entry, row });
    }

    fn place(order: &Order, through: Position, value: &Value) -> usize {
        order.place(&Key::from("k"), &order.sight(through, value))
    }

    const COMES_BACK: &str = r#""k += 2", "k = red", "k += 2""#;

    #[test]
    fn a_value_that_comes_back_is_another_write() {
        let mut order = order(COMES_BACK);
        let (two, red) = (Value::Number(2), Value::Text("red".into()));
        for (index, value) in (1..).zip([&two, &red, &two]) {
            write(&mut order, at(1, index), index, value);
        }
        let places = [(1, &two), (2, &red), (3, &two), (4, &two)]
            .map(|(through, value)| place(&order, at(1, through), value));
        assert_eq!(places, [1, 2, 3, 3]);
        let last = order.sight(at(1, 4), &two);
        assert_eq!(order.author(&Key::from("k"), &last), Some(request(3)));
    }

    #[test]
    fn what_a_log_never_had_was_not_seen_in_it() {
        let mut order = order(COMES_BACK);
        let (two, red) = (Value::Number(2), Value::Text("red".into()));
        for (index, value) in (1..).zip([&two, &red, &two]) {
            write(&mut order, at(1, index), index, value);
        }
        // The leader of epoch 2 has the first of them, and no more.
        order.note(&Fact::Led {
            shard: LOG,
            node: NodeId(1),
            epoch: Epoch::of(2),
            base: Position::default(),
            log: vec![(Index(1), request(1))],
        });
        assert_eq!(place(&order, at(2, 3), &two), 1);
        assert_eq!(place(&order, at(2, 3), &red), 0);
    }

    #[test]
    fn where_values_tell_writes_apart_it_does_not_matter_where_they_were_read() {
        let mut order = order(r#""k += 2", "k = red""#);
        write(&mut order, at(1, 1), 1, &Value::Number(2));
        assert_eq!(
            order.sight(at(1, 1), &Value::Number(2)),
            order.sight(at(3, 7), &Value::Number(2))
        );
        assert_eq!(place(&order, at(3, 7), &Value::Number(2)), 1);
    }
}
