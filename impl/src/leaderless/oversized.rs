//! Keys whose states are too large for any message.

use std::collections::BTreeSet;

use quorate_model::ids::Key;
use quorate_model::protocol::Entry;

use crate::storage::{Storage, StorageError, message_bytes};

/// The keys of which no other node can learn what this one holds: their states are larger than a
/// message may be. Follows what is durable.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Oversized {
    message_bytes_max: usize,
    keys: BTreeSet<Key>,
}

impl Oversized {
    /// Those of a store as it is now. It is read only if there can be any.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(message_bytes_max: usize, storage: &Storage) -> Result<Self, StorageError> {
        let mut oversized = Oversized { message_bytes_max, keys: BTreeSet::new() };
        if storage.counts().largest_seen() > message_bytes_max {
            storage.visit_entries(|key, entry| oversized.replace(key, Some(entry)))?;
        }
        Ok(oversized)
    }

    /// Follows the replacement of what is durably held of a key, `None` being nothing.
    pub fn replace(&mut self, key: &Key, new: Option<&Entry>) {
        if new.is_some_and(|entry| message_bytes(key, entry) > self.message_bytes_max) {
            self.keys.insert(key.clone());
        } else {
            self.keys.remove(key);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.keys.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quorate_model::ids::{ClientId, NodeId, Timestamp, Value};
    use quorate_model::protocol::Change;
    use quorate_model::versions::{
        ActorId, Dot, Epoch, Incarnation, Record, VersionVector, Versioning, Write,
    };

    use super::*;
    use crate::storage::{Owner, StagedChanges};

    fn change(key: &str, bytes: usize) -> Change {
        let actor = ActorId::Node { node: NodeId(0), incarnation: Incarnation(1), epoch: Epoch(0) };
        let mut state = Record::empty(Versioning::Dotted);
        state.put(&Write {
            dot: Dot { actor, counter: 1 },
            client: ClientId(0),
            context: VersionVector::new(),
            timestamp: Timestamp(0),
            value: Some(Value(vec![0; bytes].into())),
        });
        Change::Entry { key: Key::from(key), entry: Entry::received(Arc::new(state)) }
    }

    #[test]
    fn keys_are_counted_while_their_states_are_too_large_also_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let owner = Owner { node: "n1".to_string(), versioning: Versioning::Dotted };
        let open = || Storage::open(directory.path(), &owner, 1 << 20).unwrap();
        let mut storage = open();
        let mut oversized = Oversized::open(10_000, &storage).unwrap();
        for (step, change, count) in [
            (1, change("a", 9_000), 0),
            (2, change("a", 20_000), 1),
            (3, change("b", 10_000), 2),
            (4, change("a", 10), 1),
            (5, Change::RemoveEntry { key: Key::from("b") }, 0),
            (6, change("c", 30_000), 1),
        ] {
            let mut group = StagedChanges::default();
            group.stage(&storage, [change]).unwrap();
            storage.begin(&group, step, |key, _, new| oversized.replace(key, new)).unwrap();
            assert_eq!(oversized.count(), count, "step {step}");
        }
        drop(storage);
        assert_eq!(Oversized::open(10_000, &open()).unwrap(), oversized);
        assert_eq!(Oversized::open(40_000, &open()).unwrap().count(), 0);
    }
}
