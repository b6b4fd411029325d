//! Snapshots: a follower that is empty, or too far behind, gets rows instead of entries, a page at a time.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use quorate_ids::NodeId;
use serde::Serialize;

use super::{Replica, Role, Turn, acknowledgement};
use crate::limits;
use crate::log;
use crate::message::{Message, Page, Remembers};
use crate::names::{Epoch, Index, Key, Position, Value};
use crate::store::{Snapshot, Store};

/// The pages of a snapshot that have arrived.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub(super) struct Arriving {
    position: Position,
    rows: BTreeMap<Key, Value>,
}

impl Arriving {
    fn last_key(&self) -> Option<&Key> {
        self.rows.keys().next_back()
    }
}

impl Replica {
    /// Sends the page that begins after this row, of what is committed now.
    pub(super) fn send_page<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        to: NodeId,
        after: Option<Key>,
    ) -> Result<(), S::Error> {
        let RowsOfPage { rows, is_last } = rows_of_page(turn, after.as_ref())?;
        let end = if is_last { Some(turn.draft.remembered_before()?) } else { None };
        let (epoch, position) = (turn.draft.epoch()?, turn.committed_position()?);
        turn.send(to, Message::Snapshot(Page { epoch, position, after, rows, end }));
        Ok(())
    }

    /// A follower asks for the next page. If rows have changed since the page before, it gets the first one of
    /// what they are now.
    pub(super) fn on_more<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
        epoch: Epoch,
        position: Position,
        after: Option<Key>,
    ) -> Result<(), S::Error> {
        if epoch != turn.draft.epoch()? || !matches!(self.role, Role::Leader(_)) {
            return Ok(());
        }
        let is_unchanged = turn.committed_position()? == position;
        self.send_page(turn, from, after.filter(|_| is_unchanged))
    }

    /// A page arrives. Once all have, the snapshot takes the place of the log.
    pub(super) fn on_page<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
        page: Page,
    ) -> Result<(), S::Error> {
        let Page { epoch, position, after, rows, end } = page;
        if position.index > Index::LAST {
            return Ok(());
        }
        if !self.accepts(turn, from, epoch, false)? {
            return Ok(());
        }
        if log::holds(&turn.draft, position)? {
            // What its log has beyond the snapshot stays: it may have acknowledged that (Ongaro and Ousterhout 2014, 7).
            turn.apply_through(position.index)?;
            acknowledgement::compact(turn)?;
            self.note_caught_up(turn)?;
            turn.send(from, Message::Appended { epoch, matched: position.index, round: 0 });
            return Ok(());
        }
        let fits = |arriving: &Arriving| {
            arriving.position == position && arriving.last_key() == after.as_ref()
        };
        if after.is_none() {
            self.arriving = Some(Arriving { position, rows: BTreeMap::new() });
        } else if !self.arriving.as_ref().is_some_and(fits) {
            turn.send(from, Message::More { epoch, position, after: None });
            return Ok(());
        }
        let Some(arriving) = &mut self.arriving else { return Ok(()) };
        arriving.rows.extend(rows);
        let Some(Remembers { clients, sessions }) = end else {
            let after = arriving.last_key().cloned();
            turn.send(from, Message::More { epoch, position, after });
            return Ok(());
        };
        let rows = core::mem::take(&mut arriving.rows);
        self.arriving = None;
        let remembered = clients.into_iter().collect();
        turn.draft.install(Snapshot { position, rows, remembered, sessions });
        self.note_caught_up(turn)?;
        turn.send(from, Message::Appended { epoch, matched: position.index, round: 0 });
        Ok(())
    }
}

/// How many rows are read at a time: they may be large.
const ROWS_READ: usize = 16;

/// What a page has of the rows.
#[derive(Default)]
struct RowsOfPage {
    rows: Vec<(Key, Value)>,
    /// Whether there are no further ones.
    is_last: bool,
}

/// The rows of the page that begins after this one, no more and no larger than a page may be unless it is a single one.
fn rows_of_page<S: Store>(turn: &Turn<'_, S>, after: Option<&Key>) -> Result<RowsOfPage, S::Error> {
    let cluster = &turn.config.cluster;
    let (mut page, mut bytes) = (RowsOfPage::default(), 0);
    while page.rows.len() < cluster.page_rows && !page.is_last {
        let after = page.rows.last().map(|(key, _)| key).or(after);
        let at_most = ROWS_READ.min(cluster.page_rows - page.rows.len());
        let read = turn.draft.rows_before(after, at_most)?;
        page.is_last = read.len() < at_most;
        for (key, value) in read {
            bytes += limits::row_bytes(&key, &value);
            if bytes > cluster.limits.piece_bytes_max && !page.rows.is_empty() {
                page.is_last = false;
                return Ok(page);
            }
            page.rows.push((key, value));
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec;

    use quorate_ids::{ClientId, Peer, Timestamp};

    use super::*;
    use crate::config::{ClusterConfig, NodeConfig};
    use crate::effect::Input;
    use crate::founded::raft;
    use crate::log::{Content, Entry, RowEffect};
    use crate::names::RequestId;
    use crate::statement::Surroundings;
    use crate::store::{Ballot, Change, MemoryStore};

    fn config() -> NodeConfig {
        let cluster = ClusterConfig { snapshot_after: Some(2), ..raft(5) };
        NodeConfig { node: NodeId(2), first_leader: NodeId(0), cluster: Arc::new(cluster) }
    }

    #[test]
    fn a_snapshot_keeps_what_the_log_has_beyond_it() {
        let (one, later) = (Epoch::of(1), Epoch::of(2));
        let write = |number: u32| {
            let request = RequestId { client: ClientId(0), number };
            let effect = RowEffect::Row(Value::Number(u64::from(number)));
            let content = Content::Write { key: Key::from("k"), effect, request };
            Change::Append { index: Index(number), entry: Entry { epoch: one, content } }
        };
        let mut store = MemoryStore::default();
        store.apply([Change::Ballot(Ballot { epoch: one, vote: Some(NodeId(0)) })]);
        store.apply((1..=3).map(write));
        let position = Position { epoch: one, index: Index(2) };
        let rows = vec![(Key::from("k"), Value::Number(2))];
        let end = Remembers { clients: vec![], sessions: Default::default() };
        let page = Page { epoch: later, position, after: None, rows, end: Some(end) };
        let from = Peer::Node(NodeId(1));
        let input = Input::Receive { from, message: Message::Snapshot(page) };
        let around = Surroundings { now: Timestamp(0), random: 0 };
        let Ok(step) = Replica::default().step(&config(), &store, around, input);
        store.apply(step.changes);
        assert_eq!(store.last_position(), Position { epoch: one, index: Index(3) });
        assert_eq!((store.committed_index(), store.base_position()), (Index(2), position));
        assert_eq!(store.all_rows()[&Key::from("k")], Value::Number(2));
    }
}
