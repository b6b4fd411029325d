//! What the steps of a group changed, over a store that does not have it yet.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds, RangeInclusive};

use quorate_model::hash_tree::{RowPlace, row_place, rows_within};
use quorate_model::ids::{Key, NodeId};
use quorate_model::protocol::{
    Change, Entry, Hint, Identity, KeptHint, Registration, Store, any_has_seen_beyond, highest_seen,
};
use quorate_model::versions::Incarnation;

/// The changes of a group, the last one of each thing.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct StagedChanges {
    /// The identity, if it changed.
    pub identity: Option<Identity>,
    /// What is remembered of the incarnations of other nodes, where that changed.
    pub registrations: BTreeMap<(NodeId, Incarnation), Registration>,
    /// What is held of the keys that changed; `None` where they are forgotten.
    pub entries: BTreeMap<Key, Option<Entry>>,
    /// The hints that changed; `None` where they are forgotten.
    pub hints: BTreeMap<(NodeId, Key), Option<KeptHint>>,
    /// How many more hints there are than in the store, kept because every new hint asks for it.
    more_hints: isize,
    /// How many bytes more they take.
    more_hint_bytes: i64,
}

impl StagedChanges {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.identity.is_none()
            && self.registrations.is_empty()
            && self.entries.is_empty()
            && self.hints.is_empty()
    }

    /// Adds a step's changes; `durable` is the store that they will be committed to, the same one
    /// every time.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stage<S: Store>(
        &mut self,
        durable: &S,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<(), S::Error> {
        for change in changes {
            match change {
                Change::Identity(identity) => self.identity = Some(identity),
                Change::Registration { node, incarnation, registration } => {
                    self.registrations.insert((node, incarnation), registration);
                }
                Change::Entry { key, entry } => {
                    self.entries.insert(key, Some(entry));
                }
                Change::RemoveEntry { key } => {
                    self.entries.insert(key, None);
                }
                Change::Hint { home, key, kept } => {
                    self.stage_hint(durable, home, key, Some(kept))?;
                }
                Change::RemoveHint { home, key } => self.stage_hint(durable, home, key, None)?,
            }
        }
        Ok(())
    }

    fn stage_hint<S: Store>(
        &mut self,
        durable: &S,
        home: NodeId,
        key: Key,
        kept: Option<KeptHint>,
    ) -> Result<(), S::Error> {
        let bytes = |kept: &KeptHint| kept.bytes(&key).cast_signed();
        let old = match self.hints.get(&(home, key.clone())) {
            Some(staged) => staged.as_ref().map(bytes),
            None => durable.hint(home, &key)?.as_ref().map(bytes),
        };
        let new = kept.as_ref().map(bytes);
        self.more_hints += isize::from(new.is_some()) - isize::from(old.is_some());
        self.more_hint_bytes += new.unwrap_or(0) - old.unwrap_or(0);
        self.hints.insert((home, key), kept);
        Ok(())
    }
}

/// A store as the next step of a group sees it: what the group changed so far, over what is
/// durable.
#[derive(Clone, Copy, Debug)]
pub struct Staged<'a, S> {
    durable: &'a S,
    changes: &'a StagedChanges,
}

impl<'a, S> Staged<'a, S> {
    /// These changes over this store.
    #[must_use]
    pub fn new(durable: &'a S, changes: &'a StagedChanges) -> Self {
        Staged { durable, changes }
    }
}

impl<S: Store> Store for Staged<'_, S> {
    type Error = S::Error;

    fn identity(&self) -> Result<Option<Identity>, S::Error> {
        match self.changes.identity {
            Some(identity) => Ok(Some(identity)),
            None => self.durable.identity(),
        }
    }

    fn registration(
        &self,
        node: NodeId,
        incarnation: Incarnation,
    ) -> Result<Option<&Registration>, S::Error> {
        match self.changes.registrations.get(&(node, incarnation)) {
            Some(registration) => Ok(Some(registration)),
            None => self.durable.registration(node, incarnation),
        }
    }

    fn has_seen_beyond(
        &self,
        node: NodeId,
        incarnation: Incarnation,
        counter: u64,
    ) -> Result<bool, S::Error> {
        let staged = self.changes.entries.values().flatten().map(|entry| &entry.state);
        let mut staged =
            staged.chain(self.changes.hints.values().flatten().map(|kept| &kept.state));
        if staged.any(|state| highest_seen(state, node, incarnation) > counter) {
            return Ok(true);
        }
        // What has seen more may be what the group removes.
        Ok(self.durable.has_seen_beyond(node, incarnation, counter)?
            && any_has_seen_beyond(self, node, incarnation, counter)?)
    }

    fn entry(&self, key: &Key) -> Result<Option<Entry>, S::Error> {
        match self.changes.entries.get(key) {
            Some(entry) => Ok(entry.clone()),
            None => self.durable.entry(key),
        }
    }

    fn entries_in(
        &self,
        positions: RangeInclusive<u64>,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, S::Error> {
        let Some(bounds) = rows_within(positions.clone(), after) else { return Ok(Vec::new()) };
        // A group is small, and most of these questions come when there is none.
        let staged: BTreeMap<RowPlace, Option<Entry>> = (self.changes.entries.iter())
            .map(|(key, entry)| (row_place(key), entry.clone()))
            .filter(|(place, _)| bounds.contains(place))
            .collect();
        let durable = |after: Option<&RowPlace>| {
            let after = after.map(|(_, key)| key);
            let entries = self.durable.entries_in(positions.clone(), after, max)?.into_iter();
            Ok(entries.map(|(key, entry)| (row_place(&key), entry)).collect())
        };
        let after = after.map(row_place);
        let entries = merged(&staged, |_| true, after, max, durable)?.into_iter();
        Ok(entries.map(|((_, key), entry)| (key, entry)).collect())
    }

    fn tombstones_after(
        &self,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, S::Error> {
        let durable = |after: Option<&Key>| self.durable.tombstones_after(after, max);
        let is_tombstone = |entry: &Entry| entry.state.is_deleted();
        merged(&self.changes.entries, is_tombstone, after.cloned(), max, durable)
    }

    fn hint(&self, home: NodeId, key: &Key) -> Result<Option<KeptHint>, S::Error> {
        match self.changes.hints.get(&(home, key.clone())) {
            Some(kept) => Ok(kept.clone()),
            None => self.durable.hint(home, key),
        }
    }

    fn hints_after(
        &self,
        after: Option<(NodeId, &Key)>,
        max: usize,
    ) -> Result<Vec<Hint>, S::Error> {
        let durable = |after: Option<&(NodeId, Key)>| {
            let after = after.map(|(home, key)| (*home, key));
            let hints = self.durable.hints_after(after, max)?.into_iter();
            Ok(hints.map(|Hint { home, key, kept }| ((home, key), kept)).collect())
        };
        let after = after.map(|(home, key)| (home, key.clone()));
        let hints = merged(&self.changes.hints, |_| true, after, max, durable)?.into_iter();
        Ok(hints.map(|((home, key), kept)| Hint { home, key, kept }).collect())
    }

    fn hint_count(&self) -> Result<usize, S::Error> {
        Ok(self.durable.hint_count()?.saturating_add_signed(self.changes.more_hints))
    }

    fn hint_bytes(&self) -> Result<u64, S::Error> {
        Ok(self.durable.hint_bytes()?.saturating_add_signed(self.changes.more_hint_bytes))
    }
}

/// The first `max` things beyond `after`, of those that are staged, as far as they are `wanted`,
/// and those that are durable and not staged. `durable` gives `max` of the latter beyond a place.
fn merged<K: Ord + Clone, V: Clone, E>(
    staged: &BTreeMap<K, Option<V>>,
    wanted: impl Fn(&V) -> bool,
    mut after: Option<K>,
    max: usize,
    durable: impl Fn(Option<&K>) -> Result<Vec<(K, V)>, E>,
) -> Result<Vec<(K, V)>, E> {
    let mut found = Vec::new();
    while found.len() < max {
        let page = durable(after.as_ref())?;
        // Beyond a page that is full there may be more that is durable.
        let end = if page.len() < max { None } else { page.last().map(|(place, _)| place.clone()) };
        let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let to = end.as_ref().map_or(Bound::Unbounded, Bound::Included);
        let mut window: Vec<(K, V)> = (staged.range((from, to)))
            .filter_map(|(place, value)| Some((place.clone(), value.clone()?)))
            .filter(|(_, value)| wanted(value))
            .collect();
        window.extend(page.into_iter().filter(|(place, _)| !staged.contains_key(place)));
        window.sort_by(|(one, _), (other, _)| one.cmp(other));
        found.append(&mut window);
        match end {
            Some(end) => after = Some(end),
            None => break,
        }
    }
    found.truncate(max);
    Ok(found)
}
