//! What a node keeps durably about one log, and the trait through which the protocol reads it.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::convert::Infallible;

use quorate_ids::{ClientId, NodeId};
use serde::{Deserialize, Serialize};

use crate::log::Entry;
use crate::names::{Epoch, Index, Key, Position, Value};
use crate::sessions::Sessions;
use crate::statement::Statement;

/// The latest epoch a node knows of, and whom it follows or votes for in it.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
pub struct Ballot {
    /// The epoch.
    pub epoch: Epoch,
    /// For whom it has voted in this epoch.
    pub vote: Option<NodeId>,
}

/// What is remembered of a client's last write that was applied.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Remembered {
    /// Which of the client's requests it was.
    pub number: u32,
    /// Where it is in the log.
    pub position: Position,
    /// The number that the row held then, if it was one: its client asks for it again with a retry. If the row held text,
    /// the retry says itself which.
    pub counted: Option<u64>,
}

impl Remembered {
    /// What is remembered of a write that left this in its row.
    #[must_use]
    pub fn of(number: u32, position: Position, value: &Value) -> Self {
        let counted = match value {
            Value::Number(counted) => Some(*counted),
            Value::Text(_) => None,
        };
        Remembered { number, position, counted }
    }

    /// What the row held then, as a retry with this statement is told; `None` if that is no retry.
    #[must_use]
    pub fn value(&self, statement: &Statement) -> Option<Value> {
        match (self.counted, statement) {
            (Some(counted), _) => Some(Value::Number(counted)),
            (None, Statement::Set(text)) => Some(Value::Text(Arc::clone(text))),
            (None, _) => None,
        }
    }
}

/// What applying an entry replaced: so that a deposed leader can discard what it had applied.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Undo {
    /// Which row.
    pub key: Key,
    /// What it held.
    pub value: Option<Value>,
    /// Whose write.
    pub client: ClientId,
    /// What was remembered of the client.
    pub remembered: Option<Remembered>,
    /// What was known of sessions.
    pub sessions: Sessions,
    /// The sessions that expired with it.
    pub expired: Vec<(ClientId, Remembered)>,
}

/// Everything that applying a prefix of the log comes to.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last entry of the prefix.
    pub position: Position,
    /// The rows.
    pub rows: BTreeMap<Key, Value>,
    /// What is remembered of each client.
    pub remembered: BTreeMap<ClientId, Remembered>,
    /// What else is known of their sessions.
    pub sessions: Sessions,
}

/// What a step reads of a node's disk.
pub trait Store {
    /// Why reading fails.
    type Error;

    /// The latest epoch, and the vote in it.
    ///
    /// # Errors
    /// When the store cannot be read, as all others.
    fn ballot(&self) -> Result<Ballot, Self::Error>;

    /// Whether it holds all that this node once acknowledged: not after a lost disk, until it has caught up.
    ///
    /// # Errors
    /// As all others.
    fn is_caught_up(&self) -> Result<bool, Self::Error>;

    /// Up to where the log is compacted.
    ///
    /// # Errors
    /// As all others.
    fn base(&self) -> Result<Position, Self::Error>;

    /// The last entry of the log, or the base.
    ///
    /// # Errors
    /// As all others.
    fn last(&self) -> Result<Position, Self::Error>;

    /// The entry at an index above the base.
    ///
    /// # Errors
    /// As all others.
    fn entry(&self, index: Index) -> Result<Option<Entry>, Self::Error>;

    /// The last entry that is committed, and applied, as far as this node knows.
    ///
    /// # Errors
    /// As all others.
    fn committed(&self) -> Result<Index, Self::Error>;

    /// What a row holds, of what is applied.
    ///
    /// # Errors
    /// As all others.
    fn row(&self, key: &Key) -> Result<Option<Value>, Self::Error>;

    /// Rows in the order of their keys, those after this key, so many at most.
    ///
    /// # Errors
    /// As all others.
    fn rows(&self, after: Option<&Key>, at_most: usize) -> Result<Vec<(Key, Value)>, Self::Error>;

    /// What is remembered of a client.
    ///
    /// # Errors
    /// As all others.
    fn remembered(&self, client: ClientId) -> Result<Option<Remembered>, Self::Error>;

    /// What is remembered of all clients.
    ///
    /// # Errors
    /// As all others.
    fn all_remembered(&self) -> Result<Vec<(ClientId, Remembered)>, Self::Error>;

    /// What is known of sessions beside that.
    ///
    /// # Errors
    /// As all others.
    fn sessions(&self) -> Result<Sessions, Self::Error>;

    /// The clients that are remembered in the order of their last writes, with where those are: those beyond this index,
    /// so many at most.
    ///
    /// # Errors
    /// As all others.
    fn sessions_by_use(
        &self,
        after: Index,
        at_most: usize,
    ) -> Result<Vec<(Index, ClientId)>, Self::Error>;

    /// What applying the entry at this index replaced.
    ///
    /// # Errors
    /// As all others.
    fn undo(&self, index: Index) -> Result<Option<Undo>, Self::Error>;
}

/// A change to a store. Those of one step are one atomic batch, in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Change {
    /// The latest epoch, and the vote in it.
    Ballot(Ballot),
    /// Whether it holds all that this node once acknowledged.
    CaughtUp(bool),
    /// An entry is appended: there is none at this index, and one before it.
    Append {
        /// Where.
        index: Index,
        /// What.
        entry: Entry,
    },
    /// The entries from this index on go.
    Discard(Index),
    /// Entries up to here are committed.
    Committed(Index),
    /// A row holds this, or nothing.
    Row {
        /// Which.
        key: Key,
        /// What.
        value: Option<Value>,
    },
    /// What is remembered of a client.
    Remember {
        /// Of which.
        client: ClientId,
        /// What; nothing if `None`.
        remembered: Option<Remembered>,
    },
    /// What is known of sessions beside that.
    Sessions(Sessions),
    /// What applying the entry at this index replaced.
    Undo {
        /// Which entry.
        index: Index,
        /// What; `None` once it is undone.
        undo: Option<Undo>,
    },
    /// Entries up to here are compacted: what they come to is in the rows.
    Compact(Position),
    /// A snapshot takes the place of the log and of all rows.
    Install(Snapshot),
}

/// A store in memory.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct MemoryStore {
    pub(crate) ballot: Ballot,
    pub(crate) has_lost_its_disk: bool,
    pub(crate) base: Position,
    pub(crate) entries: Vec<Entry>,
    pub(crate) committed: Index,
    pub(crate) rows: BTreeMap<Key, Value>,
    pub(crate) remembered: BTreeMap<ClientId, Remembered>,
    pub(crate) sessions: Sessions,
    pub(crate) undo: BTreeMap<Index, Undo>,
}

impl MemoryStore {
    /// The entries above the base, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All rows.
    #[must_use]
    pub fn all_rows(&self) -> &BTreeMap<Key, Value> {
        &self.rows
    }

    /// What is remembered of all clients.
    #[must_use]
    pub fn clients(&self) -> &BTreeMap<ClientId, Remembered> {
        &self.remembered
    }

    /// What is known of sessions beside that.
    #[must_use]
    pub fn known_of_sessions(&self) -> Sessions {
        self.sessions
    }

    /// The entry at an index above the base.
    #[must_use]
    pub fn entry_at(&self, index: Index) -> Option<&Entry> {
        let above = index.0.checked_sub(self.base.index.0 + 1)?;
        self.entries.get(above as usize)
    }

    /// The last entry of the log, or the base.
    #[must_use]
    pub fn last_position(&self) -> Position {
        let index = Index(self.base.index.0 + self.entries.len() as u32);
        self.entries.last().map_or(self.base, |last| Position { epoch: last.epoch, index })
    }

    /// Up to where the log is compacted.
    #[must_use]
    pub fn base_position(&self) -> Position {
        self.base
    }

    /// The last entry that is committed, as far as this node knows.
    #[must_use]
    pub fn committed_index(&self) -> Index {
        self.committed
    }

    /// The latest epoch, and the vote in it.
    #[must_use]
    pub fn latest_ballot(&self) -> Ballot {
        self.ballot
    }

    /// Whether it holds all that this node once acknowledged.
    #[must_use]
    pub fn has_caught_up(&self) -> bool {
        !self.has_lost_its_disk
    }

    /// Makes changes, in order.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) {
        changes.into_iter().for_each(|change| self.change(change));
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Ballot(ballot) => self.ballot = ballot,
            Change::CaughtUp(is_caught_up) => self.has_lost_its_disk = !is_caught_up,
            Change::Append { index, entry } => {
                debug_assert_eq!(index, self.last_position().index.next());
                self.entries.push(entry);
            }
            Change::Discard(from) => {
                let kept = from.0.saturating_sub(self.base.index.0 + 1);
                self.entries.truncate(kept as usize);
            }
            Change::Committed(index) => self.committed = index,
            Change::Row { key, value } => put(&mut self.rows, key, value),
            Change::Remember { client, remembered } => {
                put(&mut self.remembered, client, remembered);
            }
            Change::Sessions(sessions) => self.sessions = sessions,
            Change::Undo { index, undo } => put(&mut self.undo, index, undo),
            Change::Compact(base) => {
                let compacted = (base.index.0 - self.base.index.0) as usize;
                self.entries.drain(..compacted);
                self.base = base;
                self.undo.retain(|index, _| *index > base.index);
            }
            Change::Install(Snapshot { position, rows, remembered, sessions }) => {
                let (ballot, has_lost_its_disk) = (self.ballot, self.has_lost_its_disk);
                *self = MemoryStore {
                    ballot,
                    has_lost_its_disk,
                    base: position,
                    committed: position.index,
                    rows,
                    remembered,
                    sessions,
                    ..MemoryStore::default()
                };
            }
        }
    }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => {
            map.insert(key, value);
        }
        None => {
            map.remove(&key);
        }
    }
}

impl Store for MemoryStore {
    type Error = Infallible;

    fn ballot(&self) -> Result<Ballot, Infallible> {
        Ok(self.ballot)
    }

    fn is_caught_up(&self) -> Result<bool, Infallible> {
        Ok(!self.has_lost_its_disk)
    }

    fn base(&self) -> Result<Position, Infallible> {
        Ok(self.base)
    }

    fn last(&self) -> Result<Position, Infallible> {
        Ok(self.last_position())
    }

    fn entry(&self, index: Index) -> Result<Option<Entry>, Infallible> {
        Ok(self.entry_at(index).cloned())
    }

    fn committed(&self) -> Result<Index, Infallible> {
        Ok(self.committed)
    }

    fn row(&self, key: &Key) -> Result<Option<Value>, Infallible> {
        Ok(self.rows.get(key).cloned())
    }

    fn rows(&self, after: Option<&Key>, at_most: usize) -> Result<Vec<(Key, Value)>, Infallible> {
        let later = self.rows.iter().filter(|(key, _)| after.is_none_or(|after| *key > after));
        Ok(later.take(at_most).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn remembered(&self, client: ClientId) -> Result<Option<Remembered>, Infallible> {
        Ok(self.remembered.get(&client).cloned())
    }

    fn all_remembered(&self) -> Result<Vec<(ClientId, Remembered)>, Infallible> {
        Ok(self.remembered.iter().map(|(client, what)| (*client, what.clone())).collect())
    }

    fn sessions(&self) -> Result<Sessions, Infallible> {
        Ok(self.sessions)
    }

    fn sessions_by_use(
        &self,
        after: Index,
        at_most: usize,
    ) -> Result<Vec<(Index, ClientId)>, Infallible> {
        let used = self.remembered.iter().map(|(client, last)| (last.position.index, *client));
        let mut used: Vec<_> = used.filter(|(index, _)| *index > after).collect();
        used.sort_unstable();
        used.truncate(at_most);
        Ok(used)
    }

    fn undo(&self, index: Index) -> Result<Option<Undo>, Infallible> {
        Ok(self.undo.get(&index).cloned())
    }
}
