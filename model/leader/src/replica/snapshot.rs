//! Snapshots: a follower that is empty, or too far behind, gets rows instead of entries, a page at a time.

use alloc::collections::BTreeMap;

use quorate_ids::NodeId;
use serde::Serialize;

use super::{Replica, Role, Turn};
use crate::log;
use crate::message::{Message, Page};
use crate::names::{Epoch, Key, Position, Value};
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
        let at_most = turn.config.cluster.page_rows;
        let rows = turn.draft.rows_before(after.as_ref(), at_most)?;
        let is_last = rows.len() < at_most;
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
        if !self.accepts(turn, from, epoch, false)? {
            return Ok(());
        }
        let committed = turn.draft.committed()?;
        if position.index <= committed && log::holds(&turn.draft, position)? {
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
        let Some(remembered) = end else {
            let after = arriving.last_key().cloned();
            turn.send(from, Message::More { epoch, position, after });
            return Ok(());
        };
        let rows = core::mem::take(&mut arriving.rows);
        self.arriving = None;
        let remembered = remembered.into_iter().collect();
        turn.draft.install(Snapshot { position, rows, remembered });
        self.note_caught_up(turn)?;
        turn.send(from, Message::Appended { epoch, matched: position.index, round: 0 });
        Ok(())
    }
}
