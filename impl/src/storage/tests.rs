use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use quorate_model::hash_tree::key_position;
use quorate_model::ids::{ClientId, Key, NodeId, RequestId, Timestamp, Value};
use quorate_model::protocol::{Change, Entry, Identity, MemoryStore, Registration, Run, Store};
use quorate_model::versions::{
    ActorId, Dot, Epoch, Incarnation, Life, Record, VersionVector, Versioning, Write,
};

use super::*;

const CACHE_BYTES: usize = 1024 * 1024;

fn owner(node: &str, versioning: Versioning) -> Owner {
    Owner { node: node.to_string(), versioning }
}

fn open(directory: &Path) -> Result<Storage, StorageError> {
    Storage::open(directory, &owner("n1", Versioning::Dotted), CACHE_BYTES)
}

fn entry(counter: u64, value: &str) -> Entry {
    let actor = ActorId::Node { node: NodeId(0), incarnation: Incarnation(1), epoch: Epoch(0) };
    let mut state = Record::empty(Versioning::Dotted);
    state.put(&Write {
        dot: Dot { actor, counter },
        client: ClientId(0),
        context: VersionVector::new(),
        timestamp: Timestamp(0),
        value: Some(Value::from(value)),
    });
    Entry {
        state: Arc::new(state),
        run: Some(Run { incarnation: Incarnation(1), epoch: Epoch(0), counter }),
        requests: [RequestId { client: ClientId(4), sequence: counter }].into_iter().collect(),
    }
}

fn staged(changes: impl IntoIterator<Item = Change>) -> StagedChanges {
    let mut staged = StagedChanges::default();
    // Without hints nothing is looked up.
    let Ok(()) = staged.stage(&MemoryStore::default(), changes);
    staged
}

fn put(key: &str, entry: Entry) -> Change {
    Change::Entry { key: Key::from(key), entry }
}

#[test]
fn what_a_store_has_seen_is_known_after_it_was_opened_again_and_forgotten_with_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let (node, incarnation) = (NodeId(0), Incarnation(1));
    let has_seen_beyond =
        |storage: &Storage, counter| storage.has_seen_beyond(node, incarnation, counter).unwrap();
    let mut storage = open(directory.path()).unwrap();
    storage.commit(&staged([put("a", entry(7, "x")), put("b", entry(3, "x"))]), 1).unwrap();
    drop(storage);
    let mut storage = open(directory.path()).unwrap();
    assert!(has_seen_beyond(&storage, 6) && !has_seen_beyond(&storage, 7));
    assert!(!storage.has_seen_beyond(NodeId(1), incarnation, 0).unwrap());
    let removed = staged([Change::RemoveEntry { key: Key::from("a") }]);
    assert!(!Staged::new(&storage, &removed).has_seen_beyond(node, incarnation, 6).unwrap());
    storage.commit(&removed, 2).unwrap();
    assert!(has_seen_beyond(&storage, 2) && !has_seen_beyond(&storage, 3));
}

#[test]
fn what_was_committed_is_there_after_the_store_was_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let identity = Identity { minted: 5, ..Identity::fresh(Incarnation(7), true) };
    let (node, incarnation) = (NodeId(2), Incarnation(9));
    let registration = Registration::next(None, Life(1), Incarnation(4), 3);
    let registered = Change::Registration { node, incarnation, registration: registration.clone() };
    let mut storage = open(directory.path()).unwrap();
    assert_eq!((storage.identity().unwrap(), storage.durable_step()), (None, 0));
    let changes = [Change::Identity(identity), registered, put("a", entry(1, "x"))];
    storage.commit(&staged(changes), 5).unwrap();
    storage.commit(&staged([put("a", entry(2, "y")), put("b", entry(1, "z"))]), 9).unwrap();
    let digest = storage.digest().unwrap();
    drop(storage);

    let storage = open(directory.path()).unwrap();
    assert_eq!(storage.identity().unwrap(), Some(identity));
    assert_eq!(storage.registration(node, incarnation).unwrap(), Some(&registration));
    assert_eq!(storage.registration(node, Incarnation(4)).unwrap(), None);
    assert_eq!(storage.durable_step(), 9);
    assert_eq!(storage.entry(&Key::from("a")).unwrap(), Some(entry(2, "y")));
    assert_eq!(storage.entry(&Key::from("c")).unwrap(), None);
    assert_eq!((storage.counts().keys, storage.counts().versions), (2, 2));
    assert_eq!(storage.digest().unwrap(), digest);
}

#[test]
fn the_next_step_of_a_group_sees_what_the_group_has_not_committed() {
    let directory = tempfile::tempdir().unwrap();
    let mut storage = open(directory.path()).unwrap();
    storage.commit(&staged([put("a", entry(1, "x"))]), 1).unwrap();
    let changes = staged([put("b", entry(1, "y")), put("b", entry(2, "z"))]);
    let next = Staged::new(&storage, &changes);
    assert_eq!(next.entry(&Key::from("a")).unwrap(), Some(entry(1, "x")));
    assert_eq!(next.entry(&Key::from("b")).unwrap(), Some(entry(2, "z")));
    assert_eq!(storage.entry(&Key::from("b")).unwrap(), None);
}

#[test]
fn a_directory_in_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _open = open(directory.path()).unwrap();
    let second = open(directory.path());
    assert!(matches!(second, Err(StorageError::InUse { .. })));
}

#[test]
fn a_damaged_database_is_an_error_and_never_taken_for_empty() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.redb");
    for content in [Vec::new(), b"not a database".to_vec(), vec![0; 1 << 20]] {
        std::fs::write(&file, &content).unwrap();
        let opened = open(directory.path());
        assert!(
            matches!(opened, Err(StorageError::Corrupt { .. })),
            "{} bytes: {opened:?}",
            content.len()
        );
        assert_eq!(std::fs::read(&file).unwrap(), content, "it was written to");
    }
}

#[test]
fn a_flipped_bit_in_a_row_is_an_error_when_the_row_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let mut storage = open(directory.path()).unwrap();
    storage.commit(&staged([put("key", entry(1, "a value to find again"))]), 1).unwrap();
    storage.checkpoint().unwrap();
    drop(storage);
    let file = directory.path().join("store.redb");
    let mut bytes = std::fs::read(&file).unwrap();
    let needle = b"a value to find again";
    let found: Vec<_> =
        bytes.windows(needle.len()).enumerate().filter(|(_, part)| part == needle).collect();
    let positions: Vec<_> = found.into_iter().map(|(at, _)| at).collect();
    assert!(!positions.is_empty());
    for at in positions {
        bytes[at] ^= 1;
    }
    std::fs::write(&file, &bytes).unwrap();
    let read = open(directory.path()).and_then(|storage| storage.entry(&Key::from("key")));
    assert!(matches!(read, Err(StorageError::Corrupt { .. })), "{read:?}");
}

#[test]
fn the_directory_of_another_node_or_versioning_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    for other in [owner("n2", Versioning::Dotted), owner("n1", Versioning::Scalar)] {
        let opened = Storage::open(directory.path(), &other, CACHE_BYTES);
        assert!(matches!(opened, Err(StorageError::OtherOwner { .. })), "{opened:?}");
    }
    open(directory.path()).unwrap();
}

#[test]
fn another_format_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let file = directory.path().join("store.redb");
    let opened_with = |format: u64| {
        let table = redb::TableDefinition::<&str, &[u8]>::new("meta");
        let database = redb::Database::open(&file).unwrap();
        let transaction = database.begin_write().unwrap();
        let row = codec::encode(b"format", &format);
        transaction.open_table(table).unwrap().insert("format", row.as_slice()).unwrap();
        transaction.commit().unwrap();
        drop(database);
        open(directory.path())
    };
    let newer = opened_with(STORE_FORMAT + 1);
    assert!(matches!(newer, Err(StorageError::NewerFormat { .. })), "{newer:?}");
    assert_eq!(
        newer.unwrap_err().to_string(),
        format!(
            "{} has store format {}, but this program knows up to {STORE_FORMAT}: use the newer \
             program",
            file.display(),
            STORE_FORMAT + 1
        )
    );
    let older = opened_with(STORE_FORMAT - 1);
    assert!(matches!(older, Err(StorageError::OlderFormat { .. })), "{older:?}");
    assert_eq!(
        older.unwrap_err().to_string(),
        format!(
            "{} has store format {}, but this program needs {STORE_FORMAT}: use the older program, or \
             move the data directory away and start the node with an empty one; it will take what \
             it held from the others",
            file.display(),
            STORE_FORMAT - 1
        )
    );
    opened_with(STORE_FORMAT).unwrap();
}

/// All entries at these positions, as a store gives them `max` at a time.
fn paged<S: Store<Error: std::fmt::Debug>>(
    store: &S,
    positions: &RangeInclusive<u64>,
    max: usize,
) -> Vec<(Key, Entry)> {
    let mut all = Vec::<(Key, Entry)>::new();
    loop {
        let after = all.last().map(|(key, _)| key);
        let page = store.entries_in(positions.clone(), after, max).unwrap();
        assert!(page.len() <= max);
        let end = page.len() < max;
        all.extend(page);
        if end {
            return all;
        }
    }
}

#[test]
fn ranges_of_rows_are_those_of_an_ordered_map_whether_committed_or_staged() {
    const KEYS: u64 = 12;
    let key = |number: u64| Key(number.to_string().into_bytes().into());
    // Bounds are of the keys themselves or their neighbours, or anywhere.
    let bound = || {
        prop_oneof![
            (0..KEYS, -1..=1_i64)
                .prop_map(move |(number, off)| key_position(&key(number)).wrapping_add_signed(off)),
            any::<u64>(),
            Just(0),
            Just(u64::MAX),
        ]
    };
    let changes = || prop::collection::vec((0..KEYS, 1..100_u64), 0..KEYS as usize);
    let cases = (changes(), changes(), bound(), bound(), prop::option::of(0..KEYS), 0..6_usize);
    let config = ProptestConfig::with_cases(128);
    let ran = TestRunner::new(config).run(&cases, |(durable, later, start, end, after, max)| {
        let directory = tempfile::tempdir().unwrap();
        let mut storage = open(directory.path()).unwrap();
        let mut memory = MemoryStore::default();
        let mut reference = BTreeMap::new();
        let mut staged = |changes: Vec<(u64, u64)>| {
            let mut staged = StagedChanges::default();
            for (number, counter) in changes {
                let (key, entry) = (key(number), entry(counter, "value"));
                reference.insert((key_position(&key), key.clone()), entry.clone());
                let change = Change::Entry { key, entry };
                memory.apply([change.clone()]);
                // Without hints nothing is looked up.
                let Ok(()) = staged.stage(&MemoryStore::default(), [change]);
            }
            staged
        };
        storage.commit(&staged(durable), 1).unwrap();
        let later = staged(later);
        let positions = start..=end;
        let after = after.map(key);
        let come_after = |(key, _): &(Key, Entry)| {
            after
                .as_ref()
                .is_none_or(|after| (key_position(key), key) > (key_position(after), after))
        };
        let all: Vec<(Key, Entry)> = reference
            .into_iter()
            .filter(|((position, _), _)| positions.contains(position))
            .map(|((_, key), entry)| (key, entry))
            .collect();
        let first: Vec<(Key, Entry)> =
            all.iter().filter(|row| come_after(row)).take(max).cloned().collect();
        let (after, page) = (after.as_ref(), max.max(1));
        let next = Staged::new(&storage, &later);
        prop_assert_eq!(&next.entries_in(positions.clone(), after, max).unwrap(), &first);
        prop_assert_eq!(&paged(&next, &positions, page), &all);
        storage.commit(&later, 2).unwrap();
        prop_assert_eq!(&storage.entries_in(positions.clone(), after, max).unwrap(), &first);
        prop_assert_eq!(&paged(&storage, &positions, page), &all);
        prop_assert_eq!(&memory.entries_in(positions.clone(), after, max).unwrap(), &first);
        Ok(())
    });
    ran.unwrap();
}
