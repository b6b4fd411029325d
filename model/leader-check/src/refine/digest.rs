//! A short name of everything a node holds, cheap to keep up to date.

use std::fmt;

use quorate_checker::refine::digest::{Digest, short};
use quorate_leader::names::{Index, Position};
use quorate_leader::replica::Replica;
use quorate_leader::sessions::Sessions;
use quorate_leader::store::{Ballot, Change, Snapshot, Store};
use serde::{Deserialize, Serialize};

/// How many rows are read at a time when all are.
const PAGE: usize = 1_000;

/// A digest of a store's whole content: what there is one of, and the exclusive or of a digest of each other thing,
/// so that a change costs what it changes.
///
/// It guards against accidents, not against someone who crafts things that cancel each other.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct StoreDigest {
    ballot: Ballot,
    is_caught_up: bool,
    base: Position,
    last: Position,
    committed: Index,
    sessions: Sessions,
    things: u128,
}

impl StoreDigest {
    /// The digest of a whole store.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of<S: Store>(store: &S) -> Result<Self, S::Error> {
        let mut digest = StoreDigest {
            ballot: store.ballot()?,
            is_caught_up: store.is_caught_up()?,
            base: store.base()?,
            last: store.last()?,
            committed: store.committed()?,
            sessions: store.sessions()?,
            things: 0,
        };
        for index in (digest.base.index.0 + 1..=digest.last.index.0).map(Index) {
            digest.toggle_entry(store, index)?;
            digest.toggle_undo(store, index)?;
        }
        let mut after = None;
        loop {
            let rows = store.rows(after.as_ref(), PAGE)?;
            for (key, value) in &rows {
                digest.toggle(&("row", key, value));
            }
            match rows.into_iter().next_back() {
                Some((key, _)) => after = Some(key),
                None => break,
            }
        }
        for (client, remembered) in store.all_remembered()? {
            digest.toggle(&("remembered", client, remembered));
        }
        Ok(digest)
    }

    /// Adds a thing that was not there, or removes one that was: each undoes the other.
    fn toggle<T: Serialize>(&mut self, thing: &T) {
        self.things ^= short(thing);
    }

    fn toggle_entry<S: Store>(&mut self, store: &S, index: Index) -> Result<(), S::Error> {
        if let Some(entry) = store.entry(index)? {
            self.toggle(&("entry", index, entry));
        }
        Ok(())
    }

    fn toggle_undo<S: Store>(&mut self, store: &S, index: Index) -> Result<(), S::Error> {
        if let Some(undo) = store.undo(index)? {
            self.toggle(&("undo", index, undo));
        }
        Ok(())
    }

    /// Follows one change; `before` is the store as it was before it.
    ///
    /// # Errors
    /// When the store cannot be read; the digest is then useless.
    pub fn follow<S: Store>(&mut self, before: &S, change: &Change) -> Result<(), S::Error> {
        match change {
            Change::Ballot(ballot) => self.ballot = *ballot,
            Change::CaughtUp(is_caught_up) => self.is_caught_up = *is_caught_up,
            Change::Append { index, entry } => {
                self.toggle(&("entry", index, entry));
                self.last = Position { epoch: entry.epoch, index: *index };
            }
            Change::Discard(from) => {
                for index in (from.0..=self.last.index.0).map(Index) {
                    self.toggle_entry(before, index)?;
                }
                let last = from.before();
                self.last = match before.entry(last)? {
                    Some(entry) => Position { epoch: entry.epoch, index: last },
                    None => self.base,
                };
            }
            Change::Committed(index) => self.committed = *index,
            Change::Row { key, value } => {
                if let Some(old) = before.row(key)? {
                    self.toggle(&("row", key, &old));
                }
                if let Some(new) = value {
                    self.toggle(&("row", key, new));
                }
            }
            Change::Remember { client, remembered } => {
                if let Some(old) = before.remembered(*client)? {
                    self.toggle(&("remembered", client, &old));
                }
                if let Some(new) = remembered {
                    self.toggle(&("remembered", client, new));
                }
            }
            Change::Sessions(sessions) => self.sessions = *sessions,
            Change::Undo { index, undo } => {
                self.toggle_undo(before, *index)?;
                if let Some(new) = undo {
                    self.toggle(&("undo", index, new));
                }
            }
            Change::Compact(base) => {
                for index in (self.base.index.0 + 1..=base.index.0).map(Index) {
                    self.toggle_entry(before, index)?;
                    self.toggle_undo(before, index)?;
                }
                self.base = *base;
            }
            Change::Install(Snapshot { position, rows, remembered, sessions }) => {
                self.things = 0;
                for (key, value) in rows {
                    self.toggle(&("row", key, value));
                }
                for (client, remembered) in remembered {
                    self.toggle(&("remembered", client, remembered));
                }
                self.sessions = *sessions;
                (self.base, self.last, self.committed) = (*position, *position, position.index);
            }
        }
        Ok(())
    }
}

/// A digest of a node's whole state, volatile and durable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateDigest(Digest);

impl StateDigest {
    /// The digest of a node in this volatile state over a store of this digest.
    #[must_use]
    pub fn new(replica: &[Replica], store: &StoreDigest) -> Self {
        StateDigest(Digest::of(&(replica, store)))
    }
}

impl fmt::Display for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
