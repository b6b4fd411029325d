//! Anti-entropy: two homes find what they hold differently, and exchange it both ways.
//!
//! Dynamo (SOSP 2007), section 4.7. A round is a walk down the hash trees of a range that both are
//! homes of: one sends the hashes below the root, the other those below the nodes on which it
//! differs, and so on in turns; then the keys under the leaves that differ; then the states of keys
//! that differ. No message refers to one before: any may be lost, or come late, or twice, and what
//! is taken in is merged, so the worst that a stale one does is work.

use alloc::sync::Arc;
use alloc::vec::Vec;

use itertools::{EitherOrBoth, Itertools};

use crate::deviation::Deviation;
use crate::forest::Forest;
use crate::hash_tree::{EntryHash, LeafId, SetHash, differing_children, row_place};
use crate::ids::{Key, NodeId, NodeSet};
use crate::protocol::effect::{Effect, Step, Timer};
use crate::protocol::message::Message;
use crate::protocol::store::{Change, Entry, Store};
use crate::versions::{Record, RecordDigest};

use super::{NodeConfig, Replica, take_in};

/// About how many bytes of states one message carries at most, beyond its first state.
const STATES_BYTES: usize = 16 * 1024;

/// About how many bytes of keys one message lists at most, beyond its first key.
const KEYS_BYTES: usize = 16 * 1024;

/// How many nodes of a tree one message asks about: with 16 children of 12 bytes each, well below
/// what a datagram carries. A round that finds more leaves the rest to the next.
const NODES_MAX: usize = 128;

/// Entries that are read from the store at a time.
const READ_AHEAD: usize = 256;

/// What a node says of its tree: [`Message::SyncHashes`].
pub(super) struct Hashes {
    pub(super) range: NodeSet,
    pub(super) level: u8,
    pub(super) nodes: Vec<(u32, Vec<(u32, SetHash)>)>,
}

/// What a node lists of a leaf: [`Message::SyncKeys`].
pub(super) struct LeafPage {
    pub(super) range: NodeSet,
    pub(super) leaf: u32,
    pub(super) after: Option<Key>,
    pub(super) keys: Vec<(Key, RecordDigest)>,
    pub(super) more: bool,
}

impl Replica {
    /// Makes the trees of what the store holds, and starts a timer for every other home.
    pub(super) fn plant_forest<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let forest = store.forest(config)?;
        let peers: NodeSet = forest.ranges().flat_map(NodeSet::iter).collect();
        for peer in peers.without(config.node).iter() {
            step.effects.push(Effect::SetTimer(Timer::Sync(peer)));
        }
        self.forest = Some(forest);
        Ok(())
    }

    /// Lets the trees follow what a step changes.
    pub(super) fn follow_changes<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        step: &Step,
    ) -> Result<(), S::Error> {
        let Some(forest) = &mut self.forest else { return Ok(()) };
        for change in &step.changes {
            let (key, new) = match change {
                Change::Entry { key, entry } => (key, Some(config.sync_digest(&entry.state))),
                Change::RemoveEntry { key } => (key, None),
                Change::Identity(_)
                | Change::Registration { .. }
                | Change::Hint { .. }
                | Change::RemoveHint { .. } => continue,
            };
            let old = store.entry(key)?.map(|entry| config.sync_digest(&entry.state));
            forest.follow(&config.cluster, key, old, new);
        }
        Ok(())
    }

    /// Begins a round with another home, for every range that both are homes of.
    pub(super) fn expire_sync(&mut self, peer: NodeId, step: &mut Step) {
        if let Some(forest) = &self.forest {
            for range in forest.ranges_shared_with(peer) {
                if let Some(tree) = forest.tree(range) {
                    let nodes = Vec::from([(0, tree.children(0, 0).collect())]);
                    step.send(peer, Message::SyncHashes { range, level: 0, nodes });
                }
            }
        }
        step.effects.push(Effect::SetTimer(Timer::Sync(peer)));
    }

    /// Answers hashes with those below the nodes that differ, or with the keys of the leaves.
    pub(super) fn receive_hashes<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: NodeId,
        hashes: &Hashes,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let Hashes { range, level, nodes } = hashes;
        let (range, level) = (*range, *level);
        let Some(forest) = self.forest.as_ref().filter(|_| range.contains(from)) else {
            return Ok(());
        };
        let Some(tree) = forest.tree(range) else { return Ok(()) };
        let shape = tree.shape();
        if level >= shape.levels() {
            return Ok(());
        }
        let below = level + 1;
        let is_known = |node: u32| node < shape.nodes_at(level);
        let differing: Vec<u32> = nodes
            .iter()
            .filter(|(node, _)| is_known(*node))
            .flat_map(|(node, theirs)| {
                differing_children(tree.children(level, *node), theirs.iter().copied())
            })
            .filter(|child| *child < shape.nodes_at(below))
            .take(NODES_MAX)
            .collect();
        if below < shape.levels() {
            if !differing.is_empty() {
                let children = |node: u32| (node, tree.children(below, node).collect());
                let nodes = differing.into_iter().map(children).collect();
                step.send(from, Message::SyncHashes { range, level: below, nodes });
            }
            return Ok(());
        }
        for leaf in differing {
            list_leaf(config, store, from, range, leaf, step)?;
        }
        Ok(())
    }

    /// Answers a list of keys with the states that differ, and asks for those it wants.
    pub(super) fn receive_keys<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: NodeId,
        page: &LeafPage,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let shape = config.cluster.limits().tree_shape;
        let is_shared = page.range.contains(config.node) && page.range.contains(from);
        if self.forest.is_none() || !is_shared || page.leaf >= shape.leaves() {
            return Ok(());
        }
        let mut mine = leaf_entries(config, store, page.range, page.leaf, page.after.as_ref())?;
        if let Some((last, _)) = page.keys.last().filter(|_| page.more) {
            let last = row_place(last);
            mine.retain(|(key, _)| row_place(key) <= last);
        }
        let theirs = page.keys.iter();
        let (mut states, mut wanted) = (Vec::new(), Vec::new());
        let by_place = |(mine, _): &(Key, Entry), (theirs, _): &&(Key, RecordDigest)| {
            row_place(mine).cmp(&row_place(theirs))
        };
        for key in mine.into_iter().merge_join_by(theirs, by_place) {
            match key {
                EitherOrBoth::Both((key, entry), (_, digest)) => {
                    if config.sync_digest(&entry.state) != *digest {
                        states.push((key.clone(), entry.state));
                        wanted.push(key);
                    }
                }
                EitherOrBoth::Left((key, entry)) => states.push((key, entry.state)),
                EitherOrBoth::Right((key, _)) => wanted.push(key.clone()),
            }
        }
        send_states(from, states, wanted, step);
        Ok(())
    }

    /// Takes in what another home holds differently, and sends what it asks for.
    pub(super) fn receive_states<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: NodeId,
        states: &[(Key, Arc<Record>)],
        wanted: &[Key],
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let mut answer = Vec::new();
        for key in wanted {
            // As it was before this message: the other holds what it sent already.
            if config.cluster.homes(key).contains(from)
                && let Some(entry) = store.entry(key)?
            {
                answer.push((key.clone(), entry.state));
            }
        }
        for (position, (key, state)) in states.iter().enumerate() {
            // A step changes each key at most once.
            let is_first = states[..position].iter().all(|(before, _)| before != key);
            if is_first && config.stores(key, state) {
                take_in(config, store, key, state, step)?;
            }
        }
        send_states(from, answer, Vec::new(), step);
        Ok(())
    }
}

/// The trees of what a store holds, by reading all of it.
///
/// # Errors
/// When the store cannot be read.
pub fn grown_forest<S: Store + ?Sized>(config: &NodeConfig, store: &S) -> Result<Forest, S::Error> {
    let mut forest = config.empty_forest();
    let mut after = None;
    loop {
        let page = store.entries_in(0..=u64::MAX, after.as_ref(), READ_AHEAD)?;
        for (key, entry) in &page {
            config.follow_entry(&mut forest, key, None, Some(entry));
        }
        if page.len() < READ_AHEAD {
            return Ok(forest);
        }
        after = page.into_iter().next_back().map(|(key, _)| key);
    }
}

impl NodeConfig {
    /// The trees of this node while it holds nothing.
    #[must_use]
    pub fn empty_forest(&self) -> Forest {
        let cluster = &self.cluster;
        let (shape, ranges) = (cluster.limits().tree_shape, cluster.ranges().iter().copied());
        Forest::new(self.node, shape, ranges)
    }

    /// Lets the trees of this node follow the replacement of what it holds of a key.
    pub fn follow_entry(
        &self,
        forest: &mut Forest,
        key: &Key,
        old: Option<&Entry>,
        new: Option<&Entry>,
    ) {
        let digest = |entry: &Entry| self.sync_digest(&entry.state);
        forest.follow(&self.cluster, key, old.map(digest), new.map(digest));
    }

    /// By how much the hash of a leaf changes when what is held of its key does, and which leaf of which range that
    /// is; `None` if the node is no home of the key.
    #[must_use]
    pub fn leaf_change(
        &self,
        key: &Key,
        old: Option<&Entry>,
        new: Option<&Entry>,
    ) -> Option<(NodeSet, LeafId, SetHash)> {
        let range = self.cluster.homes(key);
        let leaf = self.cluster.limits().tree_shape.leaf_of(key);
        let hash = |entry: &Entry| EntryHash::new(key, self.sync_digest(&entry.state));
        let change = SetHash::change(old.map(hash), new.map(hash));
        range.contains(self.node).then_some((range, leaf, change))
    }

    /// What two homes compare of a key's state: its digest.
    pub(super) fn sync_digest(&self, state: &Record) -> RecordDigest {
        if self.cluster.deviates(Deviation::ValuesOnlyTree) {
            let mut values: Vec<_> = state.versions().map(|(_, value)| value.cloned()).collect();
            values.sort();
            let bytes = postcard::to_allocvec(&values).expect("values can always be encoded");
            let hash = blake3::hash(&bytes);
            let start = hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes");
            return RecordDigest(u64::from_le_bytes(*start));
        }
        state.digest()
    }
}

/// The entries under a leaf whose keys are of this range, beyond `after`.
fn leaf_entries<S: Store>(
    config: &NodeConfig,
    store: &S,
    range: NodeSet,
    leaf: u32,
    after: Option<&Key>,
) -> Result<Vec<(Key, Entry)>, S::Error> {
    let positions = config.cluster.limits().tree_shape.leaf_range(LeafId(leaf));
    let mut entries = Vec::new();
    let mut after = after.cloned();
    loop {
        let page = store.entries_in(positions.clone(), after.as_ref(), READ_AHEAD)?;
        let is_last = page.len() < READ_AHEAD;
        after = page.last().map(|(key, _)| key.clone());
        entries.extend(page.into_iter().filter(|(key, _)| config.cluster.homes(key) == range));
        if is_last {
            return Ok(entries);
        }
    }
}

/// Sends all keys under a leaf with their digests, in as many messages as it takes.
fn list_leaf<S: Store>(
    config: &NodeConfig,
    store: &S,
    to: NodeId,
    range: NodeSet,
    leaf: u32,
    step: &mut Step,
) -> Result<(), S::Error> {
    let entries = leaf_entries(config, store, range, leaf, None)?;
    let (mut after, mut keys, mut bytes) = (None, Vec::new(), 0);
    for (key, entry) in entries {
        bytes += key.0.len() + 16;
        if !keys.is_empty() && bytes > KEYS_BYTES {
            let last = keys.last().map(|(key, _): &(Key, RecordDigest)| key.clone());
            let full = core::mem::take(&mut keys);
            let page = Message::SyncKeys { range, leaf, after, keys: full, more: true };
            step.send(to, page);
            (after, bytes) = (last, key.0.len() + 16);
        }
        keys.push((key, config.sync_digest(&entry.state)));
    }
    step.send(to, Message::SyncKeys { range, leaf, after, keys, more: false });
    Ok(())
}

/// Sends states, in as many messages as it takes, and with the first of them what is wanted.
fn send_states(to: NodeId, states: Vec<(Key, Arc<Record>)>, mut wanted: Vec<Key>, step: &mut Step) {
    let mut batch: Vec<(Key, Arc<Record>)> = Vec::new();
    let mut bytes: usize = wanted.iter().map(|key| key.0.len() + 4).sum();
    for (key, state) in states {
        let size = key.0.len() + state.size_estimate();
        if !batch.is_empty() && bytes + size > STATES_BYTES {
            let states = core::mem::take(&mut batch);
            let wanted = core::mem::take(&mut wanted);
            step.send(to, Message::SyncStates { states, wanted });
            bytes = 0;
        }
        bytes += size;
        batch.push((key, state));
    }
    if !batch.is_empty() || !wanted.is_empty() {
        step.send(to, Message::SyncStates { states: batch, wanted });
    }
}
