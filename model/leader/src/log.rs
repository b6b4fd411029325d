//! Entries of the log, and how one that arrives meets those that are held.

use serde::{Deserialize, Serialize};

use quorate_ids::{ClientId, NodeId};

use crate::config::LogKind;
use crate::draft::Draft;
use crate::names::{Epoch, Index, Key, Position, RequestId, Value};
use crate::statement::{Statement, Surroundings};
use crate::store::Store;

/// One entry. Its index is its place in the log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The epoch of the leader that made it.
    pub epoch: Epoch,
    /// What it says.
    pub content: Content,
}

/// What an entry says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Content {
    /// This node leads from here on. Changes nothing; a new leader begins with it, so that its log
    /// differs from every other that does not follow it.
    Lead(NodeId),
    /// A client's write.
    Write {
        /// Which row it changes.
        key: Key,
        /// What becomes of the row.
        effect: RowEffect,
        /// On whose request; the log remembers it.
        request: RequestId,
    },
}

/// What becomes of a row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum RowEffect {
    /// It holds this.
    Row(Value),
    /// It holds what executing this comes to.
    Execute(Statement),
}

impl Entry {
    /// The request that it serves.
    #[must_use]
    pub fn request(&self) -> Option<RequestId> {
        match self.content {
            Content::Lead(_) => None,
            Content::Write { request, .. } => Some(request),
        }
    }
}

/// What is shipped for a statement, in this kind of log: the row that it comes to is worked out on top of
/// everything the log holds.
pub(crate) fn effect_of<S: Store>(
    draft: &Draft<'_, S>,
    kind: LogKind,
    key: &Key,
    statement: &Statement,
    around: Surroundings,
) -> Result<RowEffect, S::Error> {
    let ships_statement = match kind {
        LogKind::Row => false,
        LogKind::Statement => true,
        LogKind::Replaced => statement.is_deterministic(),
    };
    if ships_statement {
        return Ok(RowEffect::Execute(statement.clone()));
    }
    let before = latest_row(draft, key)?;
    Ok(RowEffect::Row(statement.execute(before.as_ref(), around)))
}

/// What a row will hold once everything in the log is applied. Only asked where the log ships rows, or values in
/// their place, so the last entry about the key tells, or else what is applied.
fn latest_row<S: Store>(draft: &Draft<'_, S>, key: &Key) -> Result<Option<Value>, S::Error> {
    let (last, committed) = (draft.last()?.index, draft.committed()?);
    for index in (committed.0 + 1..=last.0).rev().map(Index) {
        if let Some(Entry { content: Content::Write { key: of, effect, .. }, .. }) =
            draft.entry(index)?
            && of == *key
            && let RowEffect::Row(value) = effect
        {
            return Ok(Some(value));
        }
    }
    draft.row(key)
}

/// Whether the log holds an entry at this position, or is compacted beyond it: what is compacted was committed, and
/// what comes before the base is of no later epoch.
pub(crate) fn holds<S: Store>(draft: &Draft<'_, S>, position: Position) -> Result<bool, S::Error> {
    let base = draft.base()?;
    if position.index <= base.index {
        return Ok(!contradicts_base(base, position));
    }
    Ok(draft.entry(position.index)?.is_some_and(|entry| entry.epoch == position.epoch))
}

/// Whether a log with an entry at this position does not have what is compacted up to this base. Epochs only grow along
/// a log, and each leader begins with an entry of its own: so a shorter log that goes on without the base tells it by a
/// later epoch at an earlier place.
pub(crate) fn contradicts_base(base: Position, position: Position) -> bool {
    position.index == base.index && position.epoch != base.epoch
        || position.index < base.index && position.epoch > base.epoch
}

/// Takes in an entry that belongs at this index. One that contradicts it is discarded, with everything behind
/// it: whoever leads now does not have that.
pub(crate) fn take_in<S: Store>(
    draft: &mut Draft<'_, S>,
    index: Index,
    entry: Entry,
    keeps_rows: bool,
) -> Result<(), S::Error> {
    if index <= draft.base()?.index {
        return Ok(());
    }
    match draft.entry(index)? {
        Some(held) if held == entry => return Ok(()),
        Some(_) => draft.discard(index, keeps_rows)?,
        None => {}
    }
    draft.append(index, entry);
    Ok(())
}

/// The last request of this client among those that the log holds and that are not applied yet, and where it is.
pub(crate) fn waiting_of<S: Store>(
    draft: &Draft<'_, S>,
    client: ClientId,
) -> Result<Option<(RequestId, Index)>, S::Error> {
    let (last, committed) = (draft.last()?.index, draft.committed()?);
    for index in (committed.0 + 1..=last.0).rev().map(Index) {
        if let Some(request) = draft.entry(index)?.and_then(|entry| entry.request())
            && request.client == client
        {
            return Ok(Some((request, index)));
        }
    }
    Ok(None)
}
