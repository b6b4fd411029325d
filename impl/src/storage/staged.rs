//! What steps changed, over rows that do not have it yet.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeInclusive};

use quorate_model::forest::Forest;
use quorate_model::hash_tree::{RowPlace, row_place, rows_within};
use quorate_model::ids::{Key, NodeId};
use quorate_model::protocol::{
    Change, Entry, Hint, Identity, KeptHint, NodeConfig, Registration, Store, any_has_seen_beyond,
    found_wide, grown_forest, highest_seen,
};
use quorate_model::versions::Incarnation;
use serde::{Deserialize, Serialize};

/// The changes of some steps, the last one of each thing.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StagedChanges {
    /// The identity, if it changed.
    pub identity: Option<Identity>,
    /// What is remembered of the incarnations of other nodes, where that changed.
    pub registrations: BTreeMap<(NodeId, Incarnation), Registration>,
    /// What is held of the keys that changed; `None` where they are forgotten. In the order of rows.
    pub entries: BTreeMap<RowPlace, Option<Entry>>,
    /// Those of these keys of which there is nothing but tombstones.
    #[serde(skip)]
    tombstones: BTreeSet<Key>,
    /// The hints that changed; `None` where they are forgotten.
    pub hints: BTreeMap<(NodeId, Key), Option<KeptHint>>,
    /// How many more hints there are than in the store, kept because every new hint asks for it.
    #[serde(skip)]
    more_hints: isize,
    /// How many bytes more they take.
    #[serde(skip)]
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
                Change::Entry { key, entry } => self.set_entry(row_place(&key), Some(entry)),
                Change::RemoveEntry { key } => self.set_entry(row_place(&key), None),
                Change::Hint { home, key, kept } => {
                    self.stage_hint(durable, home, key, Some(kept))?;
                }
                Change::RemoveHint { home, key } => self.stage_hint(durable, home, key, None)?,
            }
        }
        Ok(())
    }

    /// Sets what is held of a key.
    pub(super) fn set_entry(&mut self, place: RowPlace, entry: Option<Entry>) {
        if entry.as_ref().is_some_and(|entry| entry.state.is_deleted()) {
            self.tombstones.insert(place.1.clone());
        } else {
            self.tombstones.remove(&place.1);
        }
        self.entries.insert(place, entry);
    }

    /// Adds what came later.
    pub(super) fn absorb(&mut self, later: &StagedChanges) {
        self.identity = later.identity.or(self.identity);
        self.registrations.extend(later.registrations.clone());
        for (place, entry) in &later.entries {
            self.set_entry(place.clone(), entry.clone());
        }
        self.hints.extend(later.hints.clone());
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

/// What can be read of rows, wherever they are.
pub(super) trait Rows {
    /// Why a read failed.
    type Error;

    fn entry(&self, key: &Key) -> Result<Option<Entry>, Self::Error>;

    fn entries_in(
        &self,
        positions: RangeInclusive<u64>,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, Self::Error>;

    fn tombstones_after(
        &self,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, Self::Error>;

    fn hint(&self, home: NodeId, key: &Key) -> Result<Option<KeptHint>, Self::Error>;

    fn hints_after(
        &self,
        after: Option<(NodeId, &Key)>,
        max: usize,
    ) -> Result<Vec<Hint>, Self::Error>;
}

impl<S: Store> Rows for S {
    type Error = S::Error;

    fn entry(&self, key: &Key) -> Result<Option<Entry>, S::Error> {
        Store::entry(self, key)
    }

    fn entries_in(
        &self,
        positions: RangeInclusive<u64>,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, S::Error> {
        Store::entries_in(self, positions, after, max)
    }

    fn tombstones_after(
        &self,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, S::Error> {
        Store::tombstones_after(self, after, max)
    }

    fn hint(&self, home: NodeId, key: &Key) -> Result<Option<KeptHint>, S::Error> {
        Store::hint(self, home, key)
    }

    fn hints_after(
        &self,
        after: Option<(NodeId, &Key)>,
        max: usize,
    ) -> Result<Vec<Hint>, S::Error> {
        Store::hints_after(self, after, max)
    }
}

/// Changes over the rows that they are made to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Over<'a, R> {
    rows: &'a R,
    changes: &'a StagedChanges,
}

impl<'a, R> Over<'a, R> {
    pub(super) fn new(rows: &'a R, changes: &'a StagedChanges) -> Self {
        Over { rows, changes }
    }
}

impl<R: Rows> Rows for Over<'_, R> {
    type Error = R::Error;

    fn entry(&self, key: &Key) -> Result<Option<Entry>, R::Error> {
        if self.changes.entries.is_empty() {
            return self.rows.entry(key);
        }
        match self.changes.entries.get(&row_place(key)) {
            Some(entry) => Ok(entry.clone()),
            None => self.rows.entry(key),
        }
    }

    fn entries_in(
        &self,
        positions: RangeInclusive<u64>,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, R::Error> {
        let Some((lower, upper)) = rows_within(positions.clone(), after) else {
            return Ok(Vec::new());
        };
        let changed = |after: Option<&RowPlace>, end: Option<&RowPlace>| {
            let after = after.filter(|(position, _)| positions.contains(position));
            let lower = after.map_or(lower.as_ref(), Bound::Excluded);
            let upper = end.map_or(upper.as_ref(), Bound::Included);
            kept(self.changes.entries.range((lower, upper)), max)
        };
        let below = |after: Option<&RowPlace>| {
            let after = after.map(|(_, key)| key);
            let entries = self.rows.entries_in(positions.clone(), after, max)?.into_iter();
            Ok(entries.map(|(key, entry)| (row_place(&key), entry)).collect())
        };
        let is_changed = |place: &RowPlace| self.changes.entries.contains_key(place);
        let entries = merged(changed, is_changed, after.map(row_place), max, below)?;
        Ok(entries.into_iter().map(|((_, key), entry)| (key, entry)).collect())
    }

    fn tombstones_after(
        &self,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, R::Error> {
        let changed = |after: Option<&Key>, end: Option<&Key>| {
            let keys = self.changes.tombstones.range(between(after, end));
            let entry = |key: &Key| self.changes.entries.get(&row_place(key))?.clone();
            keys.filter_map(|key| Some((key.clone(), entry(key)?))).take(max).collect()
        };
        let is_changed = |key: &Key| self.changes.entries.contains_key(&row_place(key));
        let below = |after: Option<&Key>| self.rows.tombstones_after(after, max);
        merged(changed, is_changed, after.cloned(), max, below)
    }

    fn hint(&self, home: NodeId, key: &Key) -> Result<Option<KeptHint>, R::Error> {
        if self.changes.hints.is_empty() {
            return self.rows.hint(home, key);
        }
        match self.changes.hints.get(&(home, key.clone())) {
            Some(kept) => Ok(kept.clone()),
            None => self.rows.hint(home, key),
        }
    }

    fn hints_after(
        &self,
        after: Option<(NodeId, &Key)>,
        max: usize,
    ) -> Result<Vec<Hint>, R::Error> {
        let changed = |after: Option<&(NodeId, Key)>, end: Option<&(NodeId, Key)>| {
            kept(self.changes.hints.range(between(after, end)), max)
        };
        let below = |after: Option<&(NodeId, Key)>| {
            let after = after.map(|(home, key)| (*home, key));
            let hints = self.rows.hints_after(after, max)?.into_iter();
            Ok(hints.map(|Hint { home, key, kept }| ((home, key), kept)).collect())
        };
        let is_changed = |place: &(NodeId, Key)| self.changes.hints.contains_key(place);
        let after = after.map(|(home, key)| (home, key.clone()));
        let hints = merged(changed, is_changed, after, max, below)?.into_iter();
        Ok(hints.map(|((home, key), kept)| Hint { home, key, kept }).collect())
    }
}

/// The first `max` of these changes that leave something.
fn kept<'a, K: Clone + 'a, V: Clone + 'a>(
    changes: impl Iterator<Item = (&'a K, &'a Option<V>)>,
    max: usize,
) -> Vec<(K, V)> {
    let kept = changes.filter_map(|(place, value)| Some((place.clone(), value.clone()?)));
    kept.take(max).collect()
}

fn between<'a, K>(after: Option<&'a K>, end: Option<&'a K>) -> (Bound<&'a K>, Bound<&'a K>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), end.map_or(Bound::Unbounded, Bound::Included))
}

/// A store as the next step of a group sees it: what the group changed so far, over the store.
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

    fn rows(&self) -> Over<'a, S> {
        Over::new(self.durable, self.changes)
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
        self.rows().entry(key)
    }

    fn entries_in(
        &self,
        positions: RangeInclusive<u64>,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, S::Error> {
        self.rows().entries_in(positions, after, max)
    }

    fn tombstones_after(
        &self,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, S::Error> {
        self.rows().tombstones_after(after, max)
    }

    fn hint(&self, home: NodeId, key: &Key) -> Result<Option<KeptHint>, S::Error> {
        self.rows().hint(home, key)
    }

    fn hints_after(
        &self,
        after: Option<(NodeId, &Key)>,
        max: usize,
    ) -> Result<Vec<Hint>, S::Error> {
        self.rows().hints_after(after, max)
    }

    fn hint_count(&self) -> Result<usize, S::Error> {
        Ok(self.durable.hint_count()?.saturating_add_signed(self.changes.more_hints))
    }

    fn hint_bytes(&self) -> Result<u64, S::Error> {
        Ok(self.durable.hint_bytes()?.saturating_add_signed(self.changes.more_hint_bytes))
    }

    fn forest(&self, config: &NodeConfig) -> Result<Forest, S::Error> {
        match self.changes.entries.is_empty() {
            true => self.durable.forest(config),
            false => grown_forest(config, self),
        }
    }

    fn wide_keys(&self, config: &NodeConfig) -> Result<BTreeSet<Key>, S::Error> {
        match self.changes.entries.is_empty() {
            true => self.durable.wide_keys(config),
            false => found_wide(config, self),
        }
    }
}

/// The first `max` things beyond `after`, of those that changed and those `below` that did not.
/// `changed` gives the first `max` of the former after one place and up to another, both of which may be
/// absent, and `below` gives `max` of all that there is below, beyond a place. Both give them in order.
fn merged<K: Ord + Clone, V, E>(
    changed: impl Fn(Option<&K>, Option<&K>) -> Vec<(K, V)>,
    is_changed: impl Fn(&K) -> bool,
    mut after: Option<K>,
    max: usize,
    below: impl Fn(Option<&K>) -> Result<Vec<(K, V)>, E>,
) -> Result<Vec<(K, V)>, E> {
    let mut found = Vec::new();
    while found.len() < max {
        let page = below(after.as_ref())?;
        // Beyond a page that is full there may be more.
        let end = if page.len() < max { None } else { page.last().map(|(place, _)| place.clone()) };
        let mut window = changed(after.as_ref(), end.as_ref());
        window.extend(page.into_iter().filter(|(place, _)| !is_changed(place)));
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
