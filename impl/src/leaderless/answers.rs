//! How a node answers questions about what it holds.

use quorate_model::cluster::ClusterConfig;
use quorate_model::ids::Key;
use quorate_model::protocol::{Entry, Store};

use super::{Held, Question, Told};
use crate::storage::{StorageError, message_bytes};

/// How many rows are read at a time.
const ROWS: usize = 64;

/// How many rows one page looks at, at most. Nothing else is done meanwhile.
const ROWS_MAX: usize = 1_024;

/// After how many bytes of rows a page ends.
const BYTES_MAX: usize = 4 << 20;

impl Question {
    /// The answer, by what is durable.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn answer<S: Store<Error = StorageError>>(
        self,
        serves: bool,
        cluster: &ClusterConfig,
        store: &S,
    ) -> Result<Told, StorageError> {
        match self {
            Question::Keys { after, prefix, max } => {
                let (keys, next) = page(store, after, &prefix, max as usize)?;
                Ok(Told::Keys { serves, keys, next })
            }
            Question::Key { key } => {
                let held = store.entry(&key)?.map(|entry| Held::of(&entry.state));
                let mut hints = Vec::new();
                for home in cluster.nodes() {
                    if let Some(kept) = store.hint(*home, &key)? {
                        hints.push((*home, Held::of(&kept.state)));
                    }
                }
                Ok(Told::Key { serves, held, hints })
            }
        }
    }
}

/// The keys of a page, and the last key that was looked at if there is more.
fn page<S: Store>(
    store: &S,
    mut after: Option<Key>,
    prefix: &Key,
    max: usize,
) -> Result<(Vec<Key>, Option<Key>), S::Error> {
    let mut keys = Vec::new();
    let (mut rows, mut bytes) = (0, 0);
    let is_listed = |key: &Key, entry: &Entry| {
        key.0.starts_with(&prefix.0) && entry.state.live().next().is_some()
    };
    while keys.len() < max && rows < ROWS_MAX && bytes < BYTES_MAX {
        let read = store.entries_in(0..=u64::MAX, after.as_ref(), ROWS)?;
        let is_end = read.len() < ROWS;
        for (key, entry) in read {
            if keys.len() == max {
                return Ok((keys, after));
            }
            rows += 1;
            bytes += message_bytes(&key, &entry);
            if is_listed(&key, &entry) {
                keys.push(key.clone());
            }
            after = Some(key);
        }
        if is_end {
            return Ok((keys, None));
        }
    }
    Ok((keys, after))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use proptest::prelude::*;
    use quorate_model::ids::{ClientId, Timestamp, Value};
    use quorate_model::protocol::{Change, MemoryStore};
    use quorate_model::versions::{ActorId, Dot, Record, VersionVector, Versioning, Write};

    use super::*;

    fn store(keys: &BTreeSet<(u8, u16)>) -> MemoryStore {
        let mut store = MemoryStore::default();
        store.apply(keys.iter().map(|(first, rest)| {
            let mut state = Record::empty(Versioning::Dotted);
            state.put(&Write {
                dot: Dot { actor: ActorId::Client(ClientId(1)), counter: 1 },
                client: ClientId(1),
                context: VersionVector::new(),
                timestamp: Timestamp(0),
                // Every seventh is deleted.
                value: (rest % 7 != 0).then(|| Value::from("v")),
            });
            Change::Entry { key: key(*first, *rest), entry: Entry::received(Arc::new(state)) }
        }));
        store
    }

    fn key(first: u8, rest: u16) -> Key {
        Key::from(&*format!("{}{rest}", char::from(b'a' + first)))
    }

    proptest! {
        #[test]
        fn the_pages_of_a_listing_hold_every_key_that_has_a_value_and_the_prefix_once(
            keys in prop::collection::btree_set((0..3_u8, 0..200_u16), 0..200),
            max in 1..50_usize,
        ) {
            let (store, prefix) = (store(&keys), Key::from("b"));
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let (page, next) = page(&store, after, &prefix, max).unwrap();
                prop_assert!(page.len() <= max);
                listed.extend(page);
                after = next;
                if after.is_none() {
                    break;
                }
            }
            let is_listed = |(first, rest): &&(u8, u16)| *first == 1 && rest % 7 != 0;
            let expected: BTreeSet<_> =
                keys.iter().filter(is_listed).map(|(first, rest)| key(*first, *rest)).collect();
            prop_assert_eq!(listed.len(), expected.len());
            prop_assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }
}
