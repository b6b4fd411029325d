//! What a node keeps durably, and the trait through which the protocol reads it.

mod parts;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::ops::{Bound, RangeBounds, RangeInclusive};

use serde::{Deserialize, Serialize};

use crate::forest::Forest;
use crate::hash_tree::{RowPlace, row_place, rows_within};
use crate::ids::{Key, NodeId, RequestId};
use crate::versions::{ActorId, Dot, Epoch, Incarnation, Life, Record};

use super::minted::MintedRequests;
use super::replica::{NodeConfig, found_wide, grown_forest};
use super::weight::{REQUEST_BYTES, record_bytes};

/// Who a node is, durably.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// Under which it mints, once the other nodes have confirmed that this disk is the one it wrote
    /// last: a data directory may be older than its node remembers, restored from a copy, and
    /// nothing in it can tell.
    pub incarnation: Incarnation,
    /// How often it has started again under this incarnation, this start included.
    pub life: Life,
    /// The highest counter it has minted, of all keys; zero if none.
    pub minted: u64,
    /// The epoch that the next run takes that cannot continue an earlier one.
    pub next_epoch: Epoch,
    /// Whether it holds what a node of its name once acknowledged: not after it lost its disk,
    /// until it has caught up.
    pub is_caught_up: bool,
}

impl Identity {
    /// Of a node that mints under an incarnation that it never had.
    #[must_use]
    pub fn fresh(incarnation: Incarnation, is_caught_up: bool) -> Self {
        let (life, next_epoch) = (Life(0), Epoch(1));
        Identity { incarnation, life, minted: 0, next_epoch, is_caught_up }
    }

    /// The counter that it mints next.
    #[must_use]
    pub fn next_counter(&self) -> u64 {
        let number = match Life::of(self.minted) == self.life {
            true => self.minted - self.life.counter(0) + 1,
            false => 1,
        };
        self.life.counter(number)
    }
}

/// What a node remembers of the last life for which it let another node keep an incarnation.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// The life. No earlier one is registered any more, and this one for nobody else.
    pub life: Life,
    /// What tells this start of the node from every other.
    pub token: Incarnation,
    /// The counters that no write of the incarnation has, or ever will be known to have: each after
    /// the first of a pair, and before the life of the second. Ascending, the oldest forgotten first.
    pub void: Vec<(u64, Life)>,
}

/// The most intervals that a [`Registration`] keeps.
const VOID_MAX: usize = 64;

impl Registration {
    /// This life takes the place of the one registered before, having minted up to `minted` so far
    /// as its disk tells.
    #[must_use]
    pub fn next(before: Option<&Self>, life: Life, token: Incarnation, minted: u64) -> Self {
        let mut void = before.map_or_else(Vec::new, |before| before.void.clone());
        // What is void stays so, where the lives in between have minted nothing.
        void.retain(|(after, _)| *after != minted);
        void.push((minted, life));
        let first = void.len().saturating_sub(VOID_MAX);
        void.drain(..first);
        Registration { life, token, void }
    }

    /// Whether no write may have this counter: its node has lost it, and has gone on.
    #[must_use]
    pub fn is_void(&self, counter: u64) -> bool {
        self.void.iter().any(|(after, life)| *after < counter && Life::of(counter) < *life)
    }
}

/// An unbroken run of writes to one key by this node: the last dot it minted for the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The incarnation under which the run mints.
    pub incarnation: Incarnation,
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
    /// The requests for which this node minted versions of the key.
    pub requests: MintedRequests,
}

impl Entry {
    /// What a node holds of a key for which it has minted nothing.
    #[must_use]
    pub fn received(state: Arc<Record>) -> Self {
        Entry { state, run: None, requests: MintedRequests::default() }
    }

    /// The last dot that a node of this name minted for the key, in the run it may still continue.
    #[must_use]
    pub fn last_dot(&self, node: NodeId) -> Option<Dot> {
        let run = self.run?;
        let actor = ActorId::Node { node, incarnation: run.incarnation, epoch: run.epoch };
        Some(Dot { actor, counter: run.counter })
    }
}

/// One change to a store. A step's changes form one atomic batch.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Change {
    /// Replaces the identity.
    Identity(Identity),
    /// Replaces what is remembered of another node's incarnation.
    Registration {
        /// Whose.
        node: NodeId,
        /// Which incarnation.
        incarnation: Incarnation,
        /// What to remember.
        registration: Registration,
    },
    /// Replaces what is held of a key.
    Entry {
        /// Which key.
        key: Key,
        /// The new entry.
        entry: Entry,
    },
    /// Forgets a key.
    RemoveEntry {
        /// Which key.
        key: Key,
    },
    /// Replaces the hint for a home.
    Hint {
        /// For whom.
        home: NodeId,
        /// Which key.
        key: Key,
        /// What is kept for it.
        kept: KeptHint,
    },
    /// Forgets the hint for a home.
    RemoveHint {
        /// For whom.
        home: NodeId,
        /// Which key.
        key: Key,
    },
}

/// What a node keeps for a home that could not be reached.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct KeptHint {
    /// What the home is to take in.
    pub state: Arc<Record>,
    /// The requests for which this node minted versions of the key, as a fallback that coordinated
    /// them.
    pub requests: MintedRequests,
}

impl KeptHint {
    /// What a node keeps that has minted nothing of it.
    #[must_use]
    pub fn received(state: Arc<Record>) -> Self {
        KeptHint { state, requests: MintedRequests::default() }
    }

    /// About how many bytes it takes to keep it, for this key.
    #[must_use]
    pub fn bytes(&self, key: &Key) -> u64 {
        (record_bytes(key, &self.state) + self.requests.iter().count() * REQUEST_BYTES) as u64
    }
}

/// A hint: a version kept for a home that could not be reached.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Hint {
    /// For whom.
    pub home: NodeId,
    /// Which key.
    pub key: Key,
    /// What is kept for it.
    pub kept: KeptHint,
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

    /// What is remembered of another node's incarnation; `None` when it was never registered here.
    /// Lent, since every version that arrives is looked up: a store keeps its registrations in memory.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn registration(
        &self,
        node: NodeId,
        incarnation: Incarnation,
    ) -> Result<Option<&Registration>, Self::Error>;

    /// Whether a version of this dot is to be turned away: see [`Registration::is_void`].
    ///
    /// # Errors
    /// When the store cannot be read.
    fn is_void(&self, dot: Dot) -> Result<bool, Self::Error> {
        let ActorId::Node { node, incarnation, .. } = dot.actor else { return Ok(false) };
        let registration = self.registration(node, incarnation)?;
        Ok(registration.is_some_and(|registration| registration.is_void(dot.counter)))
    }

    /// Whether what is held of some key, or some hint, has seen a counter of this incarnation of
    /// this node, in any epoch, that is higher than `counter`.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn has_seen_beyond(
        &self,
        node: NodeId,
        incarnation: Incarnation,
        counter: u64,
    ) -> Result<bool, Self::Error> {
        any_has_seen_beyond(self, node, incarnation, counter)
    }

    /// What is held of a key; `None` when nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn entry(&self, key: &Key) -> Result<Option<Entry>, Self::Error>;

    /// At most `max` entries beyond `after` that hold nothing but tombstones, in one fixed order
    /// of keys.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn tombstones_after(
        &self,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, Self::Error>;

    /// The hint for a home about a key; `None` when there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn hint(&self, home: NodeId, key: &Key) -> Result<Option<KeptHint>, Self::Error>;

    /// At most `max` hints beyond the one for this home about this key, in the order of homes and
    /// keys.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn hints_after(
        &self,
        after: Option<(NodeId, &Key)>,
        max: usize,
    ) -> Result<Vec<Hint>, Self::Error>;

    /// How many hints there are.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn hint_count(&self) -> Result<usize, Self::Error>;

    /// The sum of their [bytes](KeptHint::bytes).
    ///
    /// # Errors
    /// When the store cannot be read.
    fn hint_bytes(&self) -> Result<u64, Self::Error>;

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

    /// The trees of all that it holds, as this node compares them. Asked for at a start. A store that keeps
    /// them need not read every key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn forest(&self, config: &NodeConfig) -> Result<Forest, Self::Error> {
        grown_forest(config, self)
    }

    /// The keys whose contexts are [wide](crate::cluster::ClusterConfig::is_wide). The same holds of them.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn wide_keys(&self, config: &NodeConfig) -> Result<BTreeSet<Key>, Self::Error> {
        found_wide(config, self)
    }
}

/// [`Store::has_seen_beyond`] by looking at everything, for stores that know no better way.
///
/// # Errors
/// When the store cannot be read.
pub fn any_has_seen_beyond<S: Store + ?Sized>(
    store: &S,
    node: NodeId,
    incarnation: Incarnation,
    counter: u64,
) -> Result<bool, S::Error> {
    const PAGE: usize = 64;
    let mut after = None;
    loop {
        let page = store.entries_in(0..=u64::MAX, after.as_ref(), PAGE)?;
        if page.iter().any(|(_, entry)| highest_seen(&entry.state, node, incarnation) > counter) {
            return Ok(true);
        }
        if page.len() < PAGE {
            break;
        }
        after = page.into_iter().last().map(|(key, _)| key);
    }
    let mut after: Option<(NodeId, Key)> = None;
    loop {
        let beyond = after.as_ref().map(|(home, key)| (*home, key));
        let page = store.hints_after(beyond, PAGE)?;
        if page.iter().any(|hint| highest_seen(&hint.kept.state, node, incarnation) > counter) {
            return Ok(true);
        }
        if page.len() < PAGE {
            return Ok(false);
        }
        after = page.into_iter().last().map(|hint| (hint.home, hint.key));
    }
}

/// The highest counter of this incarnation of this node, in any epoch, that a state has seen.
#[must_use]
pub fn highest_seen(state: &Record, node: NodeId, incarnation: Incarnation) -> u64 {
    let of = |dot: &Dot| match dot.actor {
        ActorId::Node { node: of, incarnation: under, .. } => of == node && under == incarnation,
        ActorId::Client(_) | ActorId::Record => false,
    };
    state.context().iter().filter(of).map(|dot| dot.counter).max().unwrap_or(0)
}

/// The small ordered store of the checker. A clone is cheap: states are shared.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct MemoryStore {
    pub(super) identity: Option<Identity>,
    pub(super) registrations: BTreeMap<(NodeId, Incarnation), Registration>,
    pub(super) entries: BTreeMap<Key, Entry>,
    pub(super) hints: BTreeMap<(NodeId, Key), KeptHint>,
}

impl MemoryStore {
    /// Applies a step's changes, in their order.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            match change {
                Change::Identity(identity) => self.identity = Some(identity),
                Change::Registration { node, incarnation, registration } => {
                    self.registrations.insert((node, incarnation), registration);
                }
                Change::Entry { key, entry } => {
                    self.entries.insert(key, entry);
                }
                Change::RemoveEntry { key } => {
                    self.entries.remove(&key);
                }
                Change::Hint { home, key, kept } => {
                    self.hints.insert((home, key), kept);
                }
                Change::RemoveHint { home, key } => {
                    self.hints.remove(&(home, key));
                }
            }
        }
    }

    /// What it keeps of these keys, under the same identity.
    #[must_use]
    pub fn of_keys(&self, keys: &BTreeSet<Key>) -> MemoryStore {
        let entries = keys.iter().filter_map(|key| Some((key.clone(), self.get(key)?.clone())));
        let mut hints = BTreeMap::new();
        let mut next = self.hints.keys().next().map(|(home, _)| *home);
        while let Some(home) = next {
            for at in keys.iter().map(|key| (home, key.clone())) {
                if let Some(kept) = self.hints.get(&at) {
                    hints.insert(at, kept.clone());
                }
            }
            let later = (Bound::Included((NodeId(home.0 + 1), Key::from(""))), Bound::Unbounded);
            next = self.hints.range(later).next().map(|((home, _), _)| *home);
        }
        MemoryStore {
            identity: self.identity,
            registrations: self.registrations.clone(),
            entries: entries.collect(),
            hints,
        }
    }

    fn beyond(&self, after: Option<&Key>) -> impl Iterator<Item = (&Key, &Entry)> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries.range::<Key, _>((after, Bound::Unbounded))
    }

    /// Every key held, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.entries.iter()
    }

    /// Every hint held, in order.
    pub fn hints(&self) -> impl Iterator<Item = (NodeId, &Key, &Arc<Record>)> {
        self.hints.iter().map(|((home, key), kept)| (*home, key, &kept.state))
    }

    /// The requests for which this store's node minted versions, as far as it remembers.
    pub fn minted_requests(&self) -> impl Iterator<Item = RequestId> + '_ {
        let of_entries = self.entries.values().flat_map(|entry| entry.requests.iter());
        of_entries.chain(self.hints.values().flat_map(|kept| kept.requests.iter()))
    }

    /// Forgets that a version was minted for this request. Only for the model, which knows when no
    /// retry can come.
    pub fn forget_request(&mut self, request: RequestId) {
        for entry in self.entries.values_mut() {
            entry.requests.forget(request);
        }
        for kept in self.hints.values_mut() {
            kept.requests.forget(request);
        }
    }

    /// The last dot that this store's node, minting under the name of `node`, minted for the key
    /// in the run it may still continue.
    #[must_use]
    pub fn last_dot(&self, node: NodeId, key: &Key) -> Option<Dot> {
        self.get(key)?.last_dot(node)
    }

    /// What is held of a key, without a copy.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// The record that is held of a key.
    #[must_use]
    pub fn held(&self, key: &Key) -> Option<&Arc<Record>> {
        self.get(key).map(|entry| &entry.state)
    }
}

impl Store for MemoryStore {
    type Error = Infallible;

    fn identity(&self) -> Result<Option<Identity>, Infallible> {
        Ok(self.identity)
    }

    fn registration(
        &self,
        node: NodeId,
        incarnation: Incarnation,
    ) -> Result<Option<&Registration>, Infallible> {
        Ok(self.registrations.get(&(node, incarnation)))
    }

    fn has_seen_beyond(
        &self,
        node: NodeId,
        incarnation: Incarnation,
        counter: u64,
    ) -> Result<bool, Infallible> {
        let held = self.entries.values().map(|entry| &entry.state);
        let mut states = held.chain(self.hints.values().map(|kept| &kept.state));
        Ok(states.any(|state| highest_seen(state, node, incarnation) > counter))
    }

    fn entry(&self, key: &Key) -> Result<Option<Entry>, Infallible> {
        Ok(self.entries.get(key).cloned())
    }

    fn tombstones_after(
        &self,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, Infallible> {
        let tombstones = self.beyond(after).filter(|(_, entry)| entry.state.is_deleted());
        Ok(tombstones.take(max).map(|(key, entry)| (key.clone(), entry.clone())).collect())
    }

    fn hint(&self, home: NodeId, key: &Key) -> Result<Option<KeptHint>, Infallible> {
        Ok(self.hints.get(&(home, key.clone())).cloned())
    }

    fn hints_after(
        &self,
        after: Option<(NodeId, &Key)>,
        max: usize,
    ) -> Result<Vec<Hint>, Infallible> {
        let after = after.map(|(home, key)| (home, key.clone()));
        let hints =
            self.hints.iter().filter(|(at, _)| after.as_ref().is_none_or(|after| *at > after));
        let hint = |((home, key), kept): (&(NodeId, Key), &KeptHint)| Hint {
            home: *home,
            key: key.clone(),
            kept: kept.clone(),
        };
        Ok(hints.take(max).map(hint).collect())
    }

    fn hint_count(&self) -> Result<usize, Infallible> {
        Ok(self.hints.len())
    }

    fn hint_bytes(&self) -> Result<u64, Infallible> {
        Ok(self.hints.iter().map(|((_, key), kept)| kept.bytes(key)).sum())
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
