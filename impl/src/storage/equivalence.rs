//! The durable store, with what is staged over it, reads like the small one of the checker.

use std::sync::Arc;

use proptest::prelude::*;

use quorate_model::ids::{ClientId, Key, NodeId, RequestId, Timestamp, Value};
use quorate_model::protocol::{
    Change, Entry, Identity, KeptHint, MemoryStore, MintedRequests, Registration, Run, Store,
};
use quorate_model::refine::digest::StoreDigest;
use quorate_model::versions::{
    ActorId, Dot, Epoch, Incarnation, Life, Record, VersionVector, Versioning, Write,
};

use super::*;

const KEYS: [&str; 6] = ["", "a", "a\u{0}", "aa", "b", "\u{ff}"];
const HOMES: [NodeId; 4] = [NodeId(0), NodeId(1), NodeId(127), NodeId(256)];

fn keys() -> impl Strategy<Value = Key> {
    prop::sample::select(&KEYS[..]).prop_map(Key::from)
}

fn homes() -> impl Strategy<Value = NodeId> {
    prop::sample::select(&HOMES[..])
}

/// One or two versions, each of them a value or a tombstone.
fn states() -> impl Strategy<Value = Arc<Record>> {
    prop::collection::vec(prop::option::of(0..3_u8), 1..3).prop_map(|values| {
        let mut state = Record::empty(Versioning::Dotted);
        for (counter, value) in (1..).zip(values) {
            let (node, incarnation) = (NodeId(3), Incarnation(2));
            let actor = ActorId::Node { node, incarnation, epoch: Epoch(1) };
            state.put(&Write {
                dot: Dot { actor, counter },
                client: ClientId(0),
                context: VersionVector::new(),
                timestamp: Timestamp(0),
                value: value.map(|value| Value(vec![value].into())),
            });
        }
        Arc::new(state)
    })
}

fn minted() -> impl Strategy<Value = MintedRequests> {
    let request = (0..3_u64).prop_map(|sequence| RequestId { client: ClientId(4), sequence });
    prop::collection::vec(request, 0..3).prop_map(MintedRequests::from_iter)
}

fn changes() -> impl Strategy<Value = Change> {
    let identity = (0..3_u64, any::<bool>()).prop_map(|(incarnation, is_caught_up)| {
        Change::Identity(Identity::fresh(Incarnation(incarnation), is_caught_up))
    });
    let registration = (0..3_u16, 1..3_u32).prop_map(|(node, life)| {
        let registration = Registration::next(None, Life(life), Incarnation(5), 1);
        Change::Registration { node: NodeId(node), incarnation: Incarnation(2), registration }
    });
    let run = prop::option::of(1..4_u64).prop_map(|counter| {
        counter.map(|counter| Run { incarnation: Incarnation(1), epoch: Epoch(2), counter })
    });
    prop_oneof![
        1 => identity,
        1 => registration,
        4 => (keys(), states(), run, minted()).prop_map(|(key, state, run, requests)| {
            Change::Entry { key, entry: Entry { state, run, requests } }
        }),
        2 => keys().prop_map(|key| Change::RemoveEntry { key }),
        4 => (homes(), keys(), states(), minted()).prop_map(|(home, key, state, requests)| {
            Change::Hint { home, key, kept: KeptHint { state, requests } }
        }),
        2 => (homes(), keys()).prop_map(|(home, key)| Change::RemoveHint { home, key }),
    ]
}

/// Compares everything that can be read of two stores.
fn assert_alike<S: Store<Error = StorageError>>(store: &S, memory: &MemoryStore) {
    let Ok(identity) = memory.identity();
    assert_eq!(store.identity().unwrap(), identity);
    let incarnation = Incarnation(2);
    for node in (0..4).map(NodeId) {
        let Ok(registration) = memory.registration(node, incarnation);
        assert_eq!(store.registration(node, incarnation).unwrap(), registration);
        for counter in 0..6 {
            let Ok(has_seen) = memory.has_seen_beyond(node, incarnation, counter);
            assert_eq!(store.has_seen_beyond(node, incarnation, counter).unwrap(), has_seen);
            let actor = ActorId::Node { node, incarnation, epoch: Epoch(1) };
            let dot = Dot { actor, counter };
            let Ok(is_void) = memory.is_void(dot);
            assert_eq!(store.is_void(dot).unwrap(), is_void);
        }
    }
    let Ok(hint_count) = memory.hint_count();
    assert_eq!(store.hint_count().unwrap(), hint_count);
    let Ok(hint_bytes) = memory.hint_bytes();
    assert_eq!(store.hint_bytes().unwrap(), hint_bytes);
    let keys: Vec<Key> = KEYS.map(Key::from).into();
    for key in &keys {
        let Ok(entry) = memory.entry(key);
        assert_eq!(store.entry(key).unwrap(), entry);
        for home in HOMES {
            let Ok(hint) = memory.hint(home, key);
            assert_eq!(store.hint(home, key).unwrap(), hint);
        }
    }
    for max in 0..8 {
        for after in std::iter::once(None).chain(keys.iter().map(Some)) {
            for positions in [0..=u64::MAX, 0..=u64::MAX / 2, u64::MAX / 2..=u64::MAX] {
                let Ok(entries) = memory.entries_in(positions.clone(), after, max);
                assert_eq!(store.entries_in(positions, after, max).unwrap(), entries);
            }
            let Ok(tombstones) = memory.tombstones_after(after, max);
            assert_eq!(store.tombstones_after(after, max).unwrap(), tombstones);
            for home in HOMES {
                let after = after.map(|key| (home, key));
                let Ok(hints) = memory.hints_after(after, max);
                assert_eq!(store.hints_after(after, max).unwrap(), hints);
            }
        }
    }
}

fn assert_counted(storage: &Storage, memory: &MemoryStore) {
    let counts = storage.counts();
    let entries: Vec<_> = memory.entries().map(|(_, entry)| &*entry.state).collect();
    let versions: Vec<_> = entries.iter().map(|state| state.versions().count() as u64).collect();
    let tombstones = entries.iter().filter(|state| state.is_deleted()).count() as u64;
    assert_eq!(counts.keys, entries.len() as u64);
    assert_eq!(counts.versions, versions.iter().sum::<u64>());
    assert_eq!(counts.versions_max(), versions.iter().copied().max().unwrap_or_default());
    assert_eq!(counts.tombstones, tombstones);
    for home in HOMES {
        let hints = memory.hints().filter(|(of, _, _)| *of == home).count() as u64;
        assert_eq!(counts.hints.get(&home).copied().unwrap_or_default(), hints);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn staged_changes_over_the_durable_store_read_like_the_store_of_the_checker(
        groups in prop::collection::vec(
            (prop::collection::vec(prop::collection::vec(changes(), 0..4), 0..5), 0..4_u8),
            1..5,
        ),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let owner = Owner { node: "n1".to_string(), versioning: Versioning::Dotted };
        let open = || Storage::open(directory.path(), &owner, 1 << 20).unwrap();
        let mut storage = open();
        let mut memory = MemoryStore::default();
        let mut step = 0;
        for (group, after) in groups {
            let mut staged = StagedChanges::default();
            for changes in group {
                staged.stage(&storage, changes.clone()).unwrap();
                memory.apply(changes);
                step += 1;
                assert_alike(&Staged::new(&storage, &staged), &memory);
            }
            step += 1;
            storage.commit(&staged, step).unwrap();
            match after {
                0 => storage.checkpoint().unwrap(),
                // Between a checkpoint that is begun and its end.
                1 => storage.freeze_for_test(),
                2 => {
                    drop(storage);
                    storage = open();
                }
                _ => {}
            }
            assert_alike(&storage, &memory);
            assert_counted(&storage, &memory);
        }
        drop(storage);
        let storage = open();
        assert_alike(&storage, &memory);
        assert_counted(&storage, &memory);
        let mut digest = StoreDigest::default();
        let Ok(identity) = memory.identity();
        identity.iter().for_each(|identity| digest.toggle_identity(identity));
        for node in (0..3).map(NodeId) {
            let Ok(registration) = memory.registration(node, Incarnation(2));
            registration.iter().for_each(|registration| {
                digest.toggle_registration(node, Incarnation(2), registration);
            });
        }
        memory.entries().for_each(|(key, entry)| digest.toggle_entry(key, entry));
        for (home, key, _) in memory.hints() {
            let Ok(kept) = memory.hint(home, key);
            digest.toggle_hint(home, key, &kept.expect("it is among the hints"));
        }
        assert_eq!(storage.digest().unwrap(), digest);
    }
}
