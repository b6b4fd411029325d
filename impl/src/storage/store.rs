//! The store: the last checkpoint, what came after it in memory, and the log that has that durably.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use lru::LruCache;
use serde::{Deserialize, Serialize};

use quorate_model::forest::Forest;
use quorate_model::ids::{Key, NodeId};
use quorate_model::protocol::{
    Entry, Hint, Identity, KeptHint, NodeConfig, Registration, Store, any_has_seen_beyond,
    found_wide, grown_forest,
};
use quorate_model::refine::digest::StoreDigest;
use quorate_model::versions::{ActorId, Incarnation, Record, Versioning};

use super::Waker;
use super::checkpoint::{self, Checkpoint, HighestSeen, Summary};
use super::derived::{Derivation, Derived};
use super::durable::{Durable, prepare};
use super::log::Synced;
use super::staged::{Over, Rows};
use super::{Counts, StagedChanges, StorageError, message_bytes};

/// How many keys are kept as they were last read or written, and how large they may be.
const RECENT_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("it is not zero");
const RECENT_BYTES_MAX: usize = 4 << 10;

/// How many rows are read at a time when all are.
const PAGE: usize = 1_000;

/// Whose store it is, and what it can hold. Both are decided when the store is created.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Owner {
    /// The name of the node.
    pub node: String,
    /// The versioning of all its records: records of two versionings cannot be merged.
    pub versioning: Versioning,
}

/// A node's durable store. Its memory is bounded by the database's cache and by what came since the
/// last checkpoint, not by the data.
///
/// Reads see every group that was given to it, durable or not: nobody outside may learn of a group before
/// [`Storage::progress`] says that it is durable.
#[derive(Debug)]
pub struct Storage {
    durable: Durable<Checkpoint>,
    identity: Option<Identity>,
    counts: Counts,
    registrations: BTreeMap<(NodeId, Incarnation), Registration>,
    /// No less than the highest counter of each incarnation that anything here has seen; more only
    /// where what had seen it was removed since.
    seen: HighestSeen,
    /// What is held of some keys, `None` being nothing.
    read: RefCell<LruCache<Key, Option<Entry>>>,
    /// What is derived from everything here, until something changes.
    derived: Option<Derived>,
}

impl Storage {
    /// Opens the store of this directory, which is created if there is none.
    ///
    /// # Errors
    /// When another process has it open, it cannot be read, it is damaged, it was written by a
    /// newer program, or it is another owner's. It is never taken for empty then.
    pub fn open(directory: &Path, owner: &Owner, cache_bytes: usize) -> Result<Self, StorageError> {
        Self::open_deriving(directory, owner, cache_bytes, None)
    }

    /// The same, and keeps what is derived from its rows, so that a node need not read them all at its next start.
    ///
    /// # Errors
    /// Those of [`Storage::open`].
    pub fn open_deriving(
        directory: &Path,
        owner: &Owner,
        cache_bytes: usize,
        derivation: Option<Derivation>,
    ) -> Result<Self, StorageError> {
        let create = || Checkpoint::create(directory, owner);
        let lock = prepare(directory, &checkpoint::FILE, create)?;
        let derivation = derivation.map(Arc::new);
        let (checkpoint, summary) =
            Checkpoint::open(directory, owner, cache_bytes, derivation.clone())?;
        let Summary { step, segment, identity, counts, seen } = summary;
        let registrations = checkpoint.registrations()?;
        let mut derived = checkpoint.derived()?;
        let (durable, logged) = Durable::open(lock, directory, checkpoint, step, segment)?;
        let mut storage = Storage {
            durable,
            identity,
            counts,
            registrations,
            seen,
            read: RefCell::new(LruCache::new(RECENT_MAX)),
            derived: None,
        };
        for group in logged {
            let changes = storage.durable.decoded(&group)?;
            storage.apply(&changes, |key, old, new| {
                if let Some((derived, derivation)) = derived.as_mut().zip(derivation.as_deref()) {
                    derived.replace(derivation, key, old, new);
                }
            })?;
            storage.durable.recovered(&group);
        }
        if derivation.is_some() && derived.is_none() {
            // This start reads every row; the next one will not, once there is a checkpoint.
            storage.freeze();
        }
        storage.derived = derived;
        Ok(storage)
    }

    /// The number of the last step that is durable here, as far as was looked; zero on a fresh store.
    #[must_use]
    pub fn durable_step(&self) -> u64 {
        self.durable.durable_step()
    }

    /// The number of the last step that it was given.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.durable.step()
    }

    /// How much it holds.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Makes a group's changes and the number of its last step durable, together or not at all.
    ///
    /// # Errors
    /// When the disk fails. Whether the group became durable is then known only after the
    /// store was opened again, so the node must stop without performing any of its effects.
    pub fn commit(&mut self, changes: &StagedChanges, step: u64) -> Result<(), StorageError> {
        self.begin(changes, step, |_, _, _| {})?;
        self.settle().map(|_| ())
    }

    /// Begins to make a group durable, and shows `observe` what each key that changed had before and has now.
    /// Whoever reads sees the group from now on.
    ///
    /// # Errors
    /// When the store cannot be read; what was shown may then not be so.
    pub fn begin(
        &mut self,
        changes: &StagedChanges,
        step: u64,
        observe: impl FnMut(&Key, Option<&Entry>, Option<&Entry>),
    ) -> Result<(), StorageError> {
        self.apply(changes, observe)?;
        if !changes.entries.is_empty() {
            self.derived = None;
        }
        if self.durable.append(changes, step)? {
            self.freeze();
        }
        Ok(())
    }

    /// Makes a checkpoint of everything that was given, and waits for it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn checkpoint(&mut self) -> Result<(), StorageError> {
        self.durable.settle()?;
        self.durable.finish()?;
        self.freeze();
        self.durable.progress()?;
        self.durable.finish()
    }

    /// Begins a checkpoint that is not made as long as nobody asks for progress.
    #[cfg(test)]
    pub(super) fn freeze_for_test(&mut self) {
        self.durable.progress().unwrap();
        self.durable.finish().unwrap();
        self.freeze();
    }

    /// Sets aside what came since the last checkpoint, to be added to it.
    fn freeze(&mut self) {
        let (identity, counts, seen) = (self.identity, self.counts.clone(), self.seen.clone());
        self.durable.freeze(|step, segment| Summary { step, segment, identity, counts, seen });
    }

    /// The last step that is durable. Looks after the checkpoints too.
    ///
    /// # Errors
    /// When the disk has failed: nothing that is not durable yet ever will be.
    pub fn progress(&mut self) -> Result<u64, StorageError> {
        self.durable.progress()
    }

    /// Waits until everything that was given is durable.
    ///
    /// # Errors
    /// When the disk has failed.
    pub fn settle(&mut self) -> Result<u64, StorageError> {
        self.durable.settle()
    }

    /// Whom to wake when more is durable, or the disk has failed.
    pub fn wake(&self, waker: Waker) {
        self.durable.wake(waker);
    }

    /// What the disk was asked to make durable since this was asked last, in order; of very many the earlier ones are
    /// left out.
    #[must_use]
    pub fn take_syncs(&self) -> Vec<Synced> {
        self.durable.take_syncs()
    }

    /// Lets everything in memory follow a group.
    fn apply(
        &mut self,
        changes: &StagedChanges,
        mut observe: impl FnMut(&Key, Option<&Entry>, Option<&Entry>),
    ) -> Result<(), StorageError> {
        for ((_, key), entry) in &changes.entries {
            let (old, new) = (Store::entry(self, key)?, entry.as_ref());
            self.counts.replace_entry(key, old.as_ref(), new);
            observe(key, old.as_ref(), new);
            remember(&self.read, key, new);
        }
        for ((home, key), kept) in &changes.hints {
            let old = Store::hint(self, *home, key)?;
            self.counts.replace_hint(*home, key, old.as_ref(), kept.as_ref());
        }
        self.identity = changes.identity.or(self.identity);
        self.registrations.extend(changes.registrations.clone());
        let held = changes.entries.values().flatten().map(|entry| &entry.state);
        for state in held.chain(changes.hints.values().flatten().map(|kept| &kept.state)) {
            note_seen(&mut self.seen, state);
        }
        self.durable.recent_mut().absorb(changes);
        Ok(())
    }

    /// What is derived for this node from everything here, if that is at hand.
    pub(super) fn derived(&self, config: &NodeConfig) -> Option<&Derived> {
        let derivation = self.durable.checkpoint().derivation();
        let is_for = derivation.is_some_and(|derivation| derivation.is_for(config));
        self.derived.as_ref().filter(|_| is_for)
    }

    fn below(&self) -> Over<'_, Checkpoint> {
        Over::new(self.durable.checkpoint(), self.durable.frozen())
    }

    /// The digest of everything it holds, by reading all of it: for the start of a trace.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn digest(&self) -> Result<StoreDigest, StorageError> {
        let mut digest = StoreDigest::default();
        if let Some(identity) = &self.identity {
            digest.toggle_identity(identity);
        }
        for ((node, incarnation), registration) in &self.registrations {
            digest.toggle_registration(*node, *incarnation, registration);
        }
        self.visit_entries(|key, entry| digest.toggle_entry(key, entry))?;
        let mut after: Option<(NodeId, Key)> = None;
        loop {
            let from = after.as_ref().map(|(home, key)| (*home, key));
            let page = Store::hints_after(self, from, PAGE)?;
            for Hint { home, key, kept } in &page {
                digest.toggle_hint(*home, key, kept);
            }
            if page.len() < PAGE {
                return Ok(digest);
            }
            after = page.into_iter().next_back().map(|hint| (hint.home, hint.key));
        }
    }

    /// Shows every key and what is held of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn visit_entries(&self, mut visit: impl FnMut(&Key, &Entry)) -> Result<(), StorageError> {
        let mut after = None;
        loop {
            let page = Store::entries_in(self, 0..=u64::MAX, after.as_ref(), PAGE)?;
            for (key, entry) in &page {
                visit(key, entry);
            }
            if page.len() < PAGE {
                return Ok(());
            }
            after = page.into_iter().next_back().map(|(key, _)| key);
        }
    }
}

impl Store for Storage {
    type Error = StorageError;

    fn identity(&self) -> Result<Option<Identity>, StorageError> {
        Ok(self.identity)
    }

    fn registration(
        &self,
        node: NodeId,
        incarnation: Incarnation,
    ) -> Result<Option<&Registration>, StorageError> {
        Ok(self.registrations.get(&(node, incarnation)))
    }

    /// Looks at every row only where the node that asks has forgotten something, or where what had
    /// seen more is gone.
    fn has_seen_beyond(
        &self,
        node: NodeId,
        incarnation: Incarnation,
        counter: u64,
    ) -> Result<bool, StorageError> {
        let bound = self.seen.get(&(node, incarnation)).copied().unwrap_or(0);
        Ok(bound > counter && any_has_seen_beyond(self, node, incarnation, counter)?)
    }

    fn entry(&self, key: &Key) -> Result<Option<Entry>, StorageError> {
        if let Some(entry) = self.read.borrow_mut().get(key) {
            return Ok(entry.clone());
        }
        let entry = Over::new(&self.below(), self.durable.recent()).entry(key)?;
        remember(&self.read, key, entry.as_ref());
        Ok(entry)
    }

    fn entries_in(
        &self,
        positions: RangeInclusive<u64>,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, StorageError> {
        Over::new(&self.below(), self.durable.recent()).entries_in(positions, after, max)
    }

    fn tombstones_after(
        &self,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, StorageError> {
        Over::new(&self.below(), self.durable.recent()).tombstones_after(after, max)
    }

    fn hint(&self, home: NodeId, key: &Key) -> Result<Option<KeptHint>, StorageError> {
        Over::new(&self.below(), self.durable.recent()).hint(home, key)
    }

    fn hints_after(
        &self,
        after: Option<(NodeId, &Key)>,
        max: usize,
    ) -> Result<Vec<Hint>, StorageError> {
        Over::new(&self.below(), self.durable.recent()).hints_after(after, max)
    }

    fn hint_count(&self) -> Result<usize, StorageError> {
        Ok(usize::try_from(self.counts.hint_count()).unwrap_or(usize::MAX))
    }

    fn hint_bytes(&self) -> Result<u64, StorageError> {
        Ok(self.counts.hint_bytes)
    }

    fn forest(&self, config: &NodeConfig) -> Result<Forest, StorageError> {
        match self.derived(config) {
            Some(derived) => Ok(derived.forest.clone()),
            None => grown_forest(config, self),
        }
    }

    fn wide_keys(&self, config: &NodeConfig) -> Result<BTreeSet<Key>, StorageError> {
        match self.derived(config) {
            Some(derived) => Ok(derived.wide.clone()),
            None => found_wide(config, self),
        }
    }
}

/// Keeps what is held of a key at hand, unless it is large.
fn remember(read: &RefCell<LruCache<Key, Option<Entry>>>, key: &Key, entry: Option<&Entry>) {
    let mut read = read.borrow_mut();
    if entry.is_some_and(|entry| message_bytes(key, entry) > RECENT_BYTES_MAX) {
        read.pop(key);
    } else {
        read.put(key.clone(), entry.cloned());
    }
}

/// Takes note of the counters that a state has seen.
fn note_seen(seen: &mut BTreeMap<(NodeId, Incarnation), u64>, state: &Record) {
    for dot in state.context().iter() {
        if let ActorId::Node { node, incarnation, .. } = dot.actor {
            let highest = seen.entry((node, incarnation)).or_default();
            *highest = dot.counter.max(*highest);
        }
    }
}
