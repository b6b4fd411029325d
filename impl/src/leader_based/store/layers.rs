//! What steps changed, over what does not have it yet.
//!
//! What there is one of is a [`Head`], whole in every layer that changes any of it. So an entry that was discarded or
//! compacted needs no mark: it is outside of what the head says, and what takes its place later is in a layer above.

use std::collections::BTreeMap;
use std::ops::Bound;

use quorate_leader::log::Entry;
use quorate_leader::names::{Index, Key, Position, Value};
use quorate_leader::sessions::{ByUse, Sessions};
use quorate_leader::store::{Ballot, Change, Remembered, Snapshot, Store, Undo};
use quorate_model::ids::ClientId;
use serde::{Deserialize, Serialize};

use crate::storage::StorageError;

/// What a store has one of.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) ballot: Ballot,
    pub(crate) has_lost_its_disk: bool,
    pub(crate) base: Position,
    pub(crate) last: Position,
    pub(crate) committed: Index,
    pub(crate) sessions: Sessions,
}

/// The changes of some steps, the last one of each thing.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StagedLog {
    head: Option<Head>,
    /// Whether a snapshot has taken the place of everything below.
    replaces_all: bool,
    entries: BTreeMap<Index, Entry>,
    rows: BTreeMap<Key, Option<Value>>,
    remembered: BTreeMap<ClientId, Option<Remembered>>,
    undo: BTreeMap<Index, Option<Undo>>,
    /// The clients among those remembered, in order, while steps are added.
    #[serde(skip)]
    by_use: ByUse,
}

impl StagedLog {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head.is_none()
            && !self.replaces_all
            && self.entries.is_empty()
            && self.rows.is_empty()
            && self.remembered.is_empty()
            && self.undo.is_empty()
    }

    pub(super) fn replaces_all(&self) -> bool {
        self.replaces_all
    }

    pub(super) fn rows_changed(&self) -> impl Iterator<Item = (&Key, Option<&Value>)> {
        self.rows.iter().map(|(key, value)| (key, value.as_ref()))
    }

    pub(super) fn rows_held(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.rows.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)))
    }

    pub(super) fn entries(&self) -> &BTreeMap<Index, Entry> {
        &self.entries
    }

    pub(super) fn remembered(&self) -> &BTreeMap<ClientId, Option<Remembered>> {
        &self.remembered
    }

    pub(super) fn undo(&self) -> &BTreeMap<Index, Option<Undo>> {
        &self.undo
    }

    /// Adds a step's change; `below` is what this is over, the same every time.
    pub(crate) fn stage(&mut self, below: &impl Layer, change: Change) -> Result<(), StorageError> {
        let mut head = self.head.unwrap_or_else(|| below.head());
        match change {
            Change::Ballot(ballot) => head.ballot = ballot,
            Change::CaughtUp(is_caught_up) => head.has_lost_its_disk = !is_caught_up,
            Change::Append { index, entry } => {
                head.last = Position { epoch: entry.epoch, index };
                self.entries.insert(index, entry);
            }
            Change::Discard(from) => {
                let last = from.before();
                let entry = Reading(&Over::new(below, self)).entry(last)?;
                head.last =
                    entry.map_or(head.base, |entry| Position { epoch: entry.epoch, index: last });
            }
            Change::Committed(index) => head.committed = index,
            Change::Row { key, value } => {
                self.rows.insert(key, value);
            }
            Change::Remember { client, remembered } => {
                self.by_use.note(client, remembered.as_ref());
                self.remembered.insert(client, remembered);
            }
            Change::Sessions(sessions) => head.sessions = sessions,
            Change::Undo { index, undo } => {
                self.undo.insert(index, undo);
            }
            Change::Compact(base) => head.base = base,
            Change::Install(Snapshot { position, rows, remembered, sessions }) => {
                let (base, last, committed) = (position, position, position.index);
                head = Head { base, last, committed, sessions, ..head };
                let by_use = ByUse::of(&remembered);
                let some = |(client, remembered)| (client, Some(remembered));
                *self = StagedLog {
                    head: None,
                    replaces_all: true,
                    entries: BTreeMap::new(),
                    rows: rows.into_iter().map(|(key, value)| (key, Some(value))).collect(),
                    remembered: remembered.into_iter().map(some).collect(),
                    undo: BTreeMap::new(),
                    by_use,
                };
            }
        }
        self.set_head(head);
        Ok(())
    }

    /// Sets what there is one of, and forgets what that leaves out.
    fn set_head(&mut self, head: Head) {
        self.head = Some(head);
        if self.entries.last_key_value().is_some_and(|(last, _)| *last > head.last.index) {
            self.entries.split_off(&head.last.index.next());
        }
        let first_kept = head.base.index.next();
        if self.entries.first_key_value().is_some_and(|(first, _)| *first < first_kept) {
            self.entries = self.entries.split_off(&first_kept);
        }
        if self.undo.first_key_value().is_some_and(|(first, _)| *first < first_kept) {
            self.undo = self.undo.split_off(&first_kept);
        }
    }

    /// Adds what came later.
    pub(super) fn absorb(&mut self, later: &StagedLog) {
        if later.replaces_all {
            *self = later.clone();
            return;
        }
        let copied = |(index, entry): (&Index, &Entry)| (*index, entry.clone());
        self.entries.extend(later.entries.iter().map(copied));
        self.rows.extend(later.rows.iter().map(|(key, value)| (key.clone(), value.clone())));
        self.remembered.extend(later.remembered.iter().map(|(client, it)| (*client, it.clone())));
        self.undo.extend(later.undo.iter().map(|(index, undo)| (*index, undo.clone())));
        if let Some(head) = later.head {
            self.set_head(head);
        }
    }
}

/// What can be read, wherever it is. Entries and what they replaced may be there though the head leaves them out.
pub(crate) trait Layer {
    fn head(&self) -> Head;

    fn entry(&self, index: Index) -> Result<Option<Entry>, StorageError>;

    fn row(&self, key: &Key) -> Result<Option<Value>, StorageError>;

    fn rows(&self, after: Option<&Key>, at_most: usize) -> Result<Vec<(Key, Value)>, StorageError>;

    fn remembered(&self, client: ClientId) -> Result<Option<Remembered>, StorageError>;

    fn all_remembered(&self) -> Result<Vec<(ClientId, Remembered)>, StorageError>;

    /// The clients that are remembered, by where in the log their last writes are: those beyond this place, so many at most.
    /// Where there is no index of that, all are read.
    fn sessions_by_use(
        &self,
        after: Index,
        at_most: usize,
    ) -> Result<Vec<(Index, ClientId)>, StorageError> {
        let all = self.all_remembered()?;
        let by_use = ByUse::of(all.iter().map(|(client, last)| (client, last)));
        Ok(by_use.beyond(after).take(at_most).collect())
    }

    fn undo(&self, index: Index) -> Result<Option<Undo>, StorageError>;
}

/// Changes over what they are made to.
#[derive(Debug)]
pub(crate) struct Over<'a, L> {
    below: &'a L,
    changes: &'a StagedLog,
}

impl<'a, L> Over<'a, L> {
    pub(super) fn new(below: &'a L, changes: &'a StagedLog) -> Self {
        Over { below, changes }
    }

    /// The same with further changes made.
    pub(crate) fn with<'b>(&'b self, changes: &'b StagedLog) -> Over<'b, Self> {
        Over::new(self, changes)
    }

    /// What is changed here, or else what is below.
    fn either<T: Clone>(
        &self,
        changed: Option<&Option<T>>,
        below: impl FnOnce(&L) -> Result<Option<T>, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        match changed {
            Some(changed) => Ok(changed.clone()),
            None if self.changes.replaces_all => Ok(None),
            None => below(self.below),
        }
    }
}

impl<L: Layer> Layer for Over<'_, L> {
    fn head(&self) -> Head {
        self.changes.head.unwrap_or_else(|| self.below.head())
    }

    fn entry(&self, index: Index) -> Result<Option<Entry>, StorageError> {
        match self.changes.entries.get(&index) {
            Some(entry) => Ok(Some(entry.clone())),
            None if self.changes.replaces_all => Ok(None),
            None => self.below.entry(index),
        }
    }

    fn row(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        self.either(self.changes.rows.get(key), |below| below.row(key))
    }

    fn rows(&self, after: Option<&Key>, at_most: usize) -> Result<Vec<(Key, Value)>, StorageError> {
        let lower = |after: Option<&Key>| after.cloned().map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = Vec::new();
        let mut after = after.cloned();
        while found.len() < at_most {
            let page = match self.changes.replaces_all {
                true => Vec::new(),
                false => self.below.rows(after.as_ref(), at_most)?,
            };
            // Beyond a page that is full there may be more.
            let end = page.last().filter(|_| page.len() == at_most).map(|(key, _)| key.clone());
            let upper = end.clone().map_or(Bound::Unbounded, Bound::Included);
            let mut window: BTreeMap<Key, Option<Value>> =
                page.into_iter().map(|(key, value)| (key, Some(value))).collect();
            let changed = self.changes.rows.range((lower(after.as_ref()), upper));
            window.extend(changed.map(|(key, value)| (key.clone(), value.clone())));
            found.extend(window.into_iter().filter_map(|(key, value)| Some((key, value?))));
            match end {
                Some(end) => after = Some(end),
                None => break,
            }
        }
        found.truncate(at_most);
        Ok(found)
    }

    fn remembered(&self, client: ClientId) -> Result<Option<Remembered>, StorageError> {
        self.either(self.changes.remembered.get(&client), |below| below.remembered(client))
    }

    fn all_remembered(&self) -> Result<Vec<(ClientId, Remembered)>, StorageError> {
        let below = match self.changes.replaces_all {
            true => Vec::new(),
            false => self.below.all_remembered()?,
        };
        let mut all: BTreeMap<_, _> = below.into_iter().map(|(id, it)| (id, Some(it))).collect();
        let changed = self.changes.remembered.iter();
        all.extend(changed.map(|(client, remembered)| (*client, remembered.clone())));
        Ok(all.into_iter().filter_map(|(client, it)| Some((client, it?))).collect())
    }

    fn sessions_by_use(
        &self,
        after: Index,
        at_most: usize,
    ) -> Result<Vec<(Index, ClientId)>, StorageError> {
        let mut found: BTreeMap<_, _> = self.changes.by_use.beyond(after).take(at_most).collect();
        let (mut from, mut is_last, mut unchanged) = (after, self.changes.replaces_all, 0);
        while !is_last && unchanged < at_most {
            let page = self.below.sessions_by_use(from, at_most)?;
            is_last = page.len() < at_most;
            from = page.last().map_or(from, |(last, _)| *last);
            let is_unchanged =
                |(_, client): &(Index, ClientId)| !self.changes.remembered.contains_key(client);
            for (index, client) in page.into_iter().filter(is_unchanged) {
                found.insert(index, client);
                unchanged += 1;
            }
        }
        Ok(found.into_iter().take(at_most).collect())
    }

    fn undo(&self, index: Index) -> Result<Option<Undo>, StorageError> {
        self.either(self.changes.undo.get(&index), |below| below.undo(index))
    }
}

/// Layers as a step of the protocol reads them: without what their head leaves out.
#[derive(Debug)]
pub(crate) struct Reading<'a, L>(pub(crate) &'a L);

impl<L: Layer> Store for Reading<'_, L> {
    type Error = StorageError;

    fn ballot(&self) -> Result<Ballot, StorageError> {
        Ok(self.0.head().ballot)
    }

    fn is_caught_up(&self) -> Result<bool, StorageError> {
        Ok(!self.0.head().has_lost_its_disk)
    }

    fn base(&self) -> Result<Position, StorageError> {
        Ok(self.0.head().base)
    }

    fn last(&self) -> Result<Position, StorageError> {
        Ok(self.0.head().last)
    }

    fn entry(&self, index: Index) -> Result<Option<Entry>, StorageError> {
        let Head { base, last, .. } = self.0.head();
        if index <= base.index || index > last.index { Ok(None) } else { self.0.entry(index) }
    }

    fn committed(&self) -> Result<Index, StorageError> {
        Ok(self.0.head().committed)
    }

    fn row(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        self.0.row(key)
    }

    fn rows(&self, after: Option<&Key>, at_most: usize) -> Result<Vec<(Key, Value)>, StorageError> {
        self.0.rows(after, at_most)
    }

    fn remembered(&self, client: ClientId) -> Result<Option<Remembered>, StorageError> {
        self.0.remembered(client)
    }

    fn all_remembered(&self) -> Result<Vec<(ClientId, Remembered)>, StorageError> {
        self.0.all_remembered()
    }

    fn sessions(&self) -> Result<Sessions, StorageError> {
        Ok(self.0.head().sessions)
    }

    fn sessions_by_use(
        &self,
        after: Index,
        at_most: usize,
    ) -> Result<Vec<(Index, ClientId)>, StorageError> {
        self.0.sessions_by_use(after, at_most)
    }

    fn undo(&self, index: Index) -> Result<Option<Undo>, StorageError> {
        if index <= self.0.head().base.index { Ok(None) } else { self.0.undo(index) }
    }
}
