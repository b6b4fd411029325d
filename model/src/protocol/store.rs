//! What a node keeps durably, and the trait through which the protocol reads it.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::ops::{RangeBounds, RangeInclusive};

use serde::{Deserialize, Serialize};

use crate::hash_tree::{RowPlace, row_place, rows_within};
use crate::ids::{Key, NodeId};
use crate::versions::{ActorId, Dot, Epoch, Incarnation, Record};

/// Who a node is, durably.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// The life of this data directory.
    pub incarnation: Incarnation,
    /// The epoch that the next run of writes takes.
    pub next_epoch: Epoch,
}

/// An unbroken run of writes to one key by this node: the last dot it minted for the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The epoch under which the run mints.
    pub epoch: Epoch,
    /// The last counter minted.
    pub counter: u64,
}

/// What a node holds of one key.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The key's state: shared with messages, never changed in place.
    pub state: Arc<Record>,
    /// The run this node may continue for the key; `None` when it must take a fresh epoch.
    pub run: Option<Run>,
}

impl Entry {
    /// The last dot that a node of this name and identity minted for the key, in the run it may
    /// still continue.
    #[must_use]
    pub fn last_dot(&self, node: NodeId, identity: Identity) -> Option<Dot> {
        let run = self.run?;
        let actor = ActorId::Node { node, incarnation: identity.incarnation, epoch: run.epoch };
        Some(Dot { actor, counter: run.counter })
    }
}

/// One change to a store. A step's changes form one atomic batch.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Change {
    /// Replaces the identity.
    Identity(Identity),
    /// Replaces what is held of a key.
    Entry {
        /// Which key.
        key: Key,
        /// The new entry.
        entry: Entry,
    },
}

/// The durable state of a node as the protocol reads it. It never writes: a step gives its
/// changes out, and the environment applies them before the next step.
pub trait Store {
    /// Why a read failed. After an error the node must stop: its volatile state may be half a
    /// step ahead.
    type Error;

    /// The node's identity; `None` on a fresh store.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn identity(&self) -> Result<Option<Identity>, Self::Error>;

    /// What is held of a key; `None` when nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn entry(&self, key: &Key) -> Result<Option<Entry>, Self::Error>;

    /// What is held of the keys at these [positions](crate::hash_tree::key_position): the first
    /// `max` of them, in ascending order of position and, where positions are equal, of key, that
    /// come after the key `after` in that order. So the last key of one answer asks for the next,
    /// and an answer of fewer than `max` is the end.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn entries_in(
        &self,
        positions: RangeInclusive<u64>,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, Self::Error>;
}

/// The small ordered store of the checker. A clone is cheap: states are shared.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct MemoryStore {
    identity: Option<Identity>,
    entries: BTreeMap<Key, Entry>,
}

impl MemoryStore {
    /// Applies a step's changes, in their order.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            match change {
                Change::Identity(identity) => self.identity = Some(identity),
                Change::Entry { key, entry } => {
                    self.entries.insert(key, entry);
                }
            }
        }
    }

    /// Every key held, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.entries.iter()
    }

    /// The last dot that this store's node, minting under the name of `node`, minted for the key
    /// in the run it may still continue.
    #[must_use]
    pub fn last_dot(&self, node: NodeId, key: &Key) -> Option<Dot> {
        self.get(key)?.last_dot(node, self.identity?)
    }

    /// What is held of a key, without a copy.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key)
    }
}

impl Store for MemoryStore {
    type Error = Infallible;

    fn identity(&self) -> Result<Option<Identity>, Infallible> {
        Ok(self.identity)
    }

    fn entry(&self, key: &Key) -> Result<Option<Entry>, Infallible> {
        Ok(self.entries.get(key).cloned())
    }
    /// Looks at every key, being for stores that are small.
    fn entries_in(
        &self,
        positions: RangeInclusive<u64>,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, Infallible> {
        let Some(bounds) = rows_within(positions, after) else { return Ok(Vec::new()) };
        let rows: BTreeMap<RowPlace, &Entry> = self
            .entries
            .iter()
            .map(|(key, entry)| (row_place(key), entry))
            .filter(|(place, _)| bounds.contains(place))
            .collect();
        Ok(rows.into_iter().take(max).map(|((_, key), entry)| (key, entry.clone())).collect())
    }
}
