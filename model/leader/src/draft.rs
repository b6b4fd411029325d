//! What a step is about to change: a store as it will be, and the changes that lead there.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use quorate_ids::ClientId;

use crate::log::{Content, Entry, RowEffect};
use crate::message::Remembers;
use crate::names::{Epoch, Index, Key, Position, Value};
use crate::sessions::{ByUse, Sessions};
use crate::statement::Surroundings;
use crate::store::{Ballot, Change, Remembered, Snapshot, Store, Undo};

/// How many sessions are looked at at a time for the one that expires next: the first few may be in use again.
const SESSIONS_READ: usize = 16;

/// A store under the changes of a step that is being taken. Reads see them; the last about a thing decides.
#[derive(Debug)]
pub struct Draft<'a, S> {
    store: &'a S,
    changes: Vec<Change>,
    /// Which sessions were in use in this step; made when the first of it expires.
    used: Option<Used>,
}

/// The sessions that a step has changed, by where in the log their last writes are now: so that to find the one that expires
/// next does not take longer the more of them have expired in one step.
#[derive(Default, Debug)]
struct Used {
    changed: BTreeSet<ClientId>,
    by_use: ByUse,
    /// Whether the store is replaced by a snapshot.
    is_replaced: bool,
    /// In the store, those up to here were changed in this step.
    looked_through: Index,
}

impl Used {
    fn of(changes: &[Change]) -> Self {
        let mut used = Used::default();
        changes.iter().for_each(|change| used.note(change));
        used
    }

    fn note(&mut self, change: &Change) {
        match change {
            Change::Remember { client, remembered } => {
                self.changed.insert(*client);
                self.by_use.note(*client, remembered.as_ref());
            }
            Change::Install(snapshot) => {
                let by_use = ByUse::of(&snapshot.remembered);
                *self = Used { by_use, is_replaced: true, ..Used::default() };
            }
            _ => {}
        }
    }

    /// The first beyond this index, and other than this client.
    fn first(&self, after: Index, except: ClientId) -> Option<(Index, ClientId)> {
        self.by_use.beyond(after).find(|(_, client)| *client != except)
    }

    /// The first of those that the step has not changed. Those that it has changed are looked through once.
    fn first_in_store<S: Store>(
        &mut self,
        store: &S,
        after: Index,
        except: ClientId,
    ) -> Result<Option<(Index, ClientId)>, S::Error> {
        if self.is_replaced {
            return Ok(None);
        }
        self.looked_through = self.looked_through.max(after);
        let (mut from, mut all_changed) = (self.looked_through, true);
        loop {
            let page = store.sessions_by_use(from, SESSIONS_READ)?;
            let is_last = page.len() < SESSIONS_READ;
            for (index, client) in page {
                let is_changed = self.changed.contains(&client);
                if !is_changed && client != except {
                    return Ok(Some((index, client)));
                }
                all_changed &= is_changed;
                if all_changed {
                    self.looked_through = index;
                }
                from = index;
            }
            if is_last {
                return Ok(None);
            }
        }
    }
}

impl<'a, S: Store> Draft<'a, S> {
    /// No change yet.
    #[must_use]
    pub fn of(store: &'a S) -> Self {
        Draft { store, changes: Vec::new(), used: None }
    }

    /// A step that goes on, with these changes so far.
    #[cfg(feature = "planted-faults")]
    pub(crate) fn resumed(store: &'a S, changes: Vec<Change>) -> Self {
        Draft { store, changes, used: None }
    }

    /// The changes, in order.
    #[must_use]
    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn push(&mut self, change: Change) {
        if let Some(used) = &mut self.used {
            used.note(&change);
        }
        self.changes.push(change);
    }

    fn latest<T>(&self, about: impl Fn(&Change) -> Option<T>) -> Option<T> {
        self.changes.iter().rev().find_map(about)
    }

    pub(crate) fn ballot(&self) -> Result<Ballot, S::Error> {
        let changed = self.latest(|change| match change {
            Change::Ballot(ballot) => Some(*ballot),
            _ => None,
        });
        changed.map_or_else(|| self.store.ballot(), Ok)
    }

    pub(crate) fn epoch(&self) -> Result<Epoch, S::Error> {
        Ok(self.ballot()?.epoch)
    }

    pub(crate) fn is_caught_up(&self) -> Result<bool, S::Error> {
        let changed = self.latest(|change| match change {
            Change::CaughtUp(is_caught_up) => Some(*is_caught_up),
            _ => None,
        });
        changed.map_or_else(|| self.store.is_caught_up(), Ok)
    }

    pub(crate) fn base(&self) -> Result<Position, S::Error> {
        let changed = self.latest(|change| match change {
            Change::Compact(base) => Some(*base),
            Change::Install(snapshot) => Some(snapshot.position),
            _ => None,
        });
        changed.map_or_else(|| self.store.base(), Ok)
    }

    pub(crate) fn entry(&self, index: Index) -> Result<Option<Entry>, S::Error> {
        let changed = self.latest(|change| match change {
            Change::Append { index: at, entry } if *at == index => Some(Some(entry.clone())),
            Change::Discard(from) if *from <= index => Some(None),
            Change::Compact(base) if base.index >= index => Some(None),
            Change::Install(_) => Some(None),
            _ => None,
        });
        changed.map_or_else(|| self.store.entry(index), Ok)
    }

    /// The position of what is held at this index: an entry, or the base.
    pub(crate) fn position(&self, index: Index) -> Result<Option<Position>, S::Error> {
        let base = self.base()?;
        if index == base.index {
            return Ok(Some(base));
        }
        Ok(self.entry(index)?.map(|entry| Position { epoch: entry.epoch, index }))
    }

    pub(crate) fn last(&self) -> Result<Position, S::Error> {
        enum Last {
            Is(Position),
            Before(Index),
        }
        let changed = self.latest(|change| match change {
            Change::Append { index, entry } => {
                Some(Last::Is(Position { epoch: entry.epoch, index: *index }))
            }
            Change::Discard(from) => Some(Last::Before(*from)),
            Change::Install(snapshot) => Some(Last::Is(snapshot.position)),
            _ => None,
        });
        match changed {
            None => self.store.last(),
            Some(Last::Is(position)) => Ok(position),
            Some(Last::Before(from)) => Ok(self.position(from.before())?.unwrap_or_default()),
        }
    }

    pub(crate) fn committed(&self) -> Result<Index, S::Error> {
        let changed = self.latest(|change| match change {
            Change::Committed(index) => Some(*index),
            Change::Install(snapshot) => Some(snapshot.position.index),
            _ => None,
        });
        changed.map_or_else(|| self.store.committed(), Ok)
    }

    pub(crate) fn row(&self, key: &Key) -> Result<Option<Value>, S::Error> {
        let changed = self.latest(|change| match change {
            Change::Row { key: of, value } if of == key => Some(value.clone()),
            Change::Install(snapshot) => Some(snapshot.rows.get(key).cloned()),
            _ => None,
        });
        changed.map_or_else(|| self.store.row(key), Ok)
    }

    pub(crate) fn remembered(&self, of: ClientId) -> Result<Option<Remembered>, S::Error> {
        let changed = self.latest(|change| match change {
            Change::Remember { client, remembered } if *client == of => Some(remembered.clone()),
            Change::Install(snapshot) => Some(snapshot.remembered.get(&of).cloned()),
            _ => None,
        });
        changed.map_or_else(|| self.store.remembered(of), Ok)
    }

    /// What is known of sessions beside that.
    pub(crate) fn sessions(&self) -> Result<Sessions, S::Error> {
        let changed = self.latest(|change| match change {
            Change::Sessions(sessions) => Some(*sessions),
            Change::Install(snapshot) => Some(snapshot.sessions),
            _ => None,
        });
        changed.map_or_else(|| self.store.sessions(), Ok)
    }

    /// The session whose last write is furthest back in the log, of those beyond this index, and other than that of this
    /// client.
    fn oldest_session(
        &mut self,
        after: Index,
        except: ClientId,
    ) -> Result<Option<(ClientId, Remembered)>, S::Error> {
        let store = self.store;
        let used = self.used.get_or_insert_with(|| Used::of(&self.changes));
        let in_step = used.first(after, except);
        let in_store = used.first_in_store(store, after, except)?;
        let oldest = [in_step, in_store].into_iter().flatten().min();
        let Some((_, client)) = oldest else { return Ok(None) };
        Ok(self.remembered(client)?.map(|last| (client, last)))
    }

    /// The last write of this client that was applied in this step: where it is, and what its row held then.
    pub(crate) fn applied_last(&self, of: ClientId) -> Option<(Position, Value)> {
        let (mut row, mut last) = (None, None);
        for change in &self.changes {
            match change {
                Change::Row { value, .. } => row = value.as_ref(),
                Change::Remember { client, remembered: Some(remembered) } if *client == of => {
                    last = row.map(|value| (remembered.position, value));
                }
                _ => {}
            }
        }
        last.map(|(position, value)| (position, value.clone()))
    }

    fn undo(&self, at: Index) -> Result<Option<Undo>, S::Error> {
        let changed = self.latest(|change| match change {
            Change::Undo { index, undo } if *index == at => Some(undo.clone()),
            Change::Install(_) => Some(None),
            _ => None,
        });
        changed.map_or_else(|| self.store.undo(at), Ok)
    }

    /// Rows as they were before this step, which pages of a snapshot are made of: no step changes rows and
    /// makes a page.
    pub(crate) fn rows_before(
        &self,
        after: Option<&Key>,
        at_most: usize,
    ) -> Result<Vec<(Key, Value)>, S::Error> {
        self.store.rows(after, at_most)
    }

    /// What was remembered of all clients before this step.
    pub(crate) fn remembered_before(&self) -> Result<Remembers, S::Error> {
        let (clients, sessions) = (self.store.all_remembered()?, self.store.sessions()?);
        Ok(Remembers { clients, sessions })
    }

    pub(crate) fn vote(&mut self, ballot: Ballot) {
        self.push(Change::Ballot(ballot));
    }

    pub(crate) fn set_caught_up(&mut self, is_caught_up: bool) {
        self.push(Change::CaughtUp(is_caught_up));
    }

    pub(crate) fn append(&mut self, index: Index, entry: Entry) {
        self.push(Change::Append { index, entry });
    }

    pub(crate) fn install(&mut self, snapshot: Snapshot) {
        self.push(Change::Install(snapshot));
    }

    pub(crate) fn compact(&mut self, base: Position) {
        self.push(Change::Compact(base));
    }

    /// Discards the entries from this index on, and what applying them came to; or, if rows are kept, the entries
    /// alone.
    pub(crate) fn discard(&mut self, from: Index, keeps_rows: bool) -> Result<(), S::Error> {
        let committed = self.committed()?;
        for index in (from.0..=committed.0).rev().map(Index) {
            let Some(undo) = self.undo(index)? else { continue };
            self.push(Change::Undo { index, undo: None });
            if keeps_rows {
                continue;
            }
            let Undo { key, value, client, remembered, sessions, expired } = undo;
            self.push(Change::Row { key, value });
            self.push(Change::Remember { client, remembered });
            for (client, last) in expired {
                self.push(Change::Remember { client, remembered: Some(last) });
            }
            self.note_sessions(sessions)?;
        }
        if committed >= from {
            self.push(Change::Committed(from.before()));
        }
        self.push(Change::Discard(from));
        Ok(())
    }

    fn note_sessions(&mut self, sessions: Sessions) -> Result<(), S::Error> {
        if self.sessions()? != sessions {
            self.push(Change::Sessions(sessions));
        }
        Ok(())
    }

    /// Applies the entries up to this index, in order, and keeps so many sessions at most.
    pub(crate) fn apply_through(
        &mut self,
        index: Index,
        around: Surroundings,
        sessions_max: Option<u32>,
    ) -> Result<(), S::Error> {
        let committed = self.committed()?;
        for at in (committed.0 + 1..=index.0).map(Index) {
            let Some(entry) = self.entry(at)? else { break };
            self.apply(at, entry, around, sessions_max)?;
            self.push(Change::Committed(at));
        }
        Ok(())
    }

    fn apply(
        &mut self,
        index: Index,
        entry: Entry,
        around: Surroundings,
        sessions_max: Option<u32>,
    ) -> Result<(), S::Error> {
        let Content::Write { key, effect, request } = entry.content else { return Ok(()) };
        let before = self.row(&key)?;
        let value = match effect {
            RowEffect::Row(value) => value,
            RowEffect::Execute(statement) => statement.execute(before.as_ref(), around),
        };
        let (client, position) = (request.client, Position { epoch: entry.epoch, index });
        let remembered = self.remembered(client)?;
        let sessions = self.sessions()?;
        let mut after = sessions;
        let mut expired = Vec::new();
        if let Some(sessions_max) = sessions_max {
            after.held = after.held.saturating_add(u32::from(remembered.is_none()));
            while after.held > sessions_max
                && let Some((client, last)) = self.oldest_session(after.expired.index, client)?
            {
                after = Sessions { held: after.held - 1, expired: last.position };
                expired.push((client, last));
            }
        }
        let gone: Vec<_> = expired.iter().map(|(client, _)| *client).collect();
        let undo = Undo { key: key.clone(), value: before, client, remembered, sessions, expired };
        self.push(Change::Undo { index, undo: Some(undo) });
        let remembered = Some(Remembered::of(request.number, position, &value));
        self.push(Change::Row { key, value: Some(value) });
        self.push(Change::Remember { client, remembered });
        let forgotten = |client| Change::Remember { client, remembered: None };
        gone.into_iter().map(forgotten).for_each(|change| self.push(change));
        self.note_sessions(after)
    }
}
