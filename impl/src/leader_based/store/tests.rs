//! A store over a disk is what the store in memory is, whatever steps change, whenever it is opened anew.

use proptest::prelude::*;
use quorate_leader::log::{Content, Entry, RowEffect};
use quorate_leader::names::{Epoch, Position, RequestId};
use quorate_leader::sessions::Sessions;
use quorate_leader::store::{Ballot, Change, MemoryStore, Snapshot, Store};
use quorate_leader_model::refine::StoreDigest;
use quorate_model::ids::NodeId;

use super::*;

/// What a test does to a store. Which change that is depends on what it holds.
#[derive(Clone, Debug)]
enum Act {
    Append(u32),
    Apply(u8, u64),
    Undo,
    Discard(u32),
    Compact,
    Ballot(u32),
    CaughtUp(bool),
    Install(u32, Vec<u8>),
    Commit,
    Checkpoint,
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1..4_u32).prop_map(Act::Append),
        6 => (0..5_u8, 0..3_u64).prop_map(|(key, client)| Act::Apply(key, client)),
        1 => Just(Act::Undo),
        1 => (0..3_u32).prop_map(Act::Discard),
        1 => Just(Act::Compact),
        1 => (0..9_u32).prop_map(Act::Ballot),
        1 => any::<bool>().prop_map(Act::CaughtUp),
        1 => (0..9_u32, prop::collection::vec(0..5_u8, 0..4))
            .prop_map(|(index, rows)| Act::Install(index, rows)),
        4 => Just(Act::Commit),
        1 => Just(Act::Checkpoint),
        1 => Just(Act::Reopen),
    ]
}

fn key(number: u8) -> Key {
    Key::from(&*format!("k{number}"))
}

/// The changes that it comes to.
fn changes(act: &Act, store: &MemoryStore) -> Vec<Change> {
    let (last, committed) = (store.last_position().index, store.committed_index());
    let value = Value::Number(u64::from(last.0) * 100 + u64::from(committed.0));
    match act {
        Act::Append(epoch) => {
            let request = RequestId { client: ClientId(1), number: last.0 };
            let effect = RowEffect::Row(value);
            let content = Content::Write { key: key(1), effect, request };
            let entry = Entry { epoch: Epoch::of(*epoch), content };
            vec![Change::Append { index: last.next(), entry }]
        }
        Act::Apply(number, client) if committed < last => {
            let (index, client, key) = (committed.next(), ClientId(*client), key(*number));
            let Ok(old) = Store::row(store, &key);
            let Ok(before) = Store::remembered(store, client);
            let position = Position { epoch: Epoch::of(1), index };
            let remembered = Some(Remembered::of(index.0, position, &value));
            let sessions = store.known_of_sessions();
            // Every other one makes room.
            let Ok(oldest) = store.sessions_by_use(sessions.expired.index, 1);
            let oldest =
                oldest.first().filter(|(_, other)| index.0.is_multiple_of(2) && *other != client);
            let expired: Vec<_> = oldest
                .map(|(_, oldest)| (*oldest, store.clients()[oldest].clone()))
                .into_iter()
                .collect();
            let held = sessions.held + u32::from(before.is_none()) - expired.len() as u32;
            let after = expired.first().map_or(sessions.expired, |(_, last)| last.position);
            let gone = expired.first().map(|(client, _)| *client);
            let undo = Undo {
                key: key.clone(),
                value: old,
                client,
                remembered: before,
                sessions,
                expired,
            };
            let mut changes = vec![
                Change::Undo { index, undo: Some(undo) },
                Change::Row { key: key.clone(), value: Some(value) },
                Change::Remember { client, remembered },
                Change::Sessions(Sessions { held, expired: after }),
                Change::Committed(index),
            ];
            let forgotten = |client| Change::Remember { client, remembered: None };
            changes.extend(gone.map(forgotten));
            changes
        }
        Act::Undo if committed > store.base_position().index => {
            let Ok(undo) = Store::undo(store, committed);
            let Some(Undo { key, value, client, remembered, sessions, expired }) = undo else {
                return Vec::new();
            };
            let back = |(client, last)| Change::Remember { client, remembered: Some(last) };
            let mut changes: Vec<_> = expired.into_iter().map(back).collect();
            changes.extend([
                Change::Undo { index: committed, undo: None },
                Change::Row { key, value },
                Change::Remember { client, remembered },
                Change::Sessions(sessions),
                Change::Committed(committed.before()),
            ]);
            changes
        }
        Act::Discard(more) if committed.0 + more < last.0 => {
            vec![Change::Discard(Index(committed.0 + more + 1))]
        }
        Act::Compact => {
            let entry = store.entry_at(committed);
            let at = |entry: &Entry| Position { epoch: entry.epoch, index: committed };
            entry.map(at).into_iter().map(Change::Compact).collect()
        }
        Act::Ballot(epoch) => {
            vec![Change::Ballot(Ballot { epoch: Epoch::of(*epoch), vote: Some(NodeId(1)) })]
        }
        Act::CaughtUp(is_caught_up) => vec![Change::CaughtUp(*is_caught_up)],
        Act::Install(index, rows) => {
            let position = Position { epoch: Epoch::of(2), index: Index(*index) };
            let rows = rows.iter().map(|number| (key(*number), Value::Text("s".into()))).collect();
            let remembered = Remembered { number: 1, position, counted: Some(1) };
            let remembered = [(ClientId(2), remembered)].into();
            let sessions = Sessions { held: 1, expired: Position::default() };
            vec![Change::Install(Snapshot { position, rows, remembered, sessions })]
        }
        _ => Vec::new(),
    }
}

/// All that can be read of a store, as text.
fn content<S: Store>(store: &S) -> Result<String, S::Error> {
    let indices = (0..40).map(Index);
    let entries: Result<Vec<_>, _> = indices.clone().map(|index| store.entry(index)).collect();
    let undo: Result<Vec<_>, _> = indices.map(|index| store.undo(index)).collect();
    let rows: Result<Vec<_>, _> = (0..5).map(|number| store.row(&key(number))).collect();
    let head = (store.ballot()?, store.is_caught_up()?, store.base()?, store.last()?);
    let pages = (store.rows(None, 100)?, store.rows(Some(&key(1)), 2)?, store.all_remembered()?);
    let by_use = [0, 2, 5].map(|after| store.sessions_by_use(Index(after), 2));
    let by_use: Result<Vec<_>, _> = by_use.into_iter().collect();
    let sessions = (store.sessions()?, by_use?);
    let digest = StoreDigest::of(store)?;
    let all = (entries?, undo?, rows?, head, store.committed()?, pages, sessions, digest);
    Ok(format!("{all:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_store_on_disk_is_the_store_in_memory(acts in prop::collection::vec(act(), 1..60)) {
        let directory = tempfile::tempdir().unwrap();
        let open = || LogStore::open(directory.path(), "n1", 1 << 20).unwrap();
        let (mut disk, mut memory, mut step) = (Some(open()), MemoryStore::default(), 0);
        let (mut staged, Ok(mut digest)) = (StagedLog::default(), StoreDigest::of(&memory));
        for act in acts {
            for change in changes(&act, &memory) {
                let Ok(()) = digest.follow(&memory, &change);
                memory.apply([change.clone()]);
                staged.stage(disk.as_ref().unwrap(), change).unwrap();
            }
            let store = disk.as_mut().unwrap();
            if matches!(act, Act::Commit | Act::Checkpoint | Act::Reopen) {
                step += 1;
                store.begin(&std::mem::take(&mut staged), step).unwrap();
            }
            match act {
                Act::Checkpoint => store.checkpoint().unwrap(),
                Act::Reopen => {
                    store.settle().unwrap();
                    drop(disk.take());
                    disk = Some(open());
                    prop_assert_eq!(disk.as_ref().unwrap().durable_step(), step);
                }
                _ => {}
            }
            let store = disk.as_ref().unwrap();
            let Ok(expected) = content(&memory);
            prop_assert_eq!(content(&Reading(&store.with(&staged))).unwrap(), expected);
            let Ok(whole) = StoreDigest::of(&memory);
            prop_assert_eq!(digest, whole);
            if staged.is_empty() {
                prop_assert_eq!(store.row_count(), memory.all_rows().len() as u64);
            }
        }
    }
}

#[test]
fn the_directory_of_another_node_and_one_that_is_in_use_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = LogStore::open(directory.path(), "n1", 1 << 20).unwrap();
    let again = LogStore::open(directory.path(), "n1", 1 << 20);
    assert!(matches!(again, Err(StorageError::InUse { .. })), "{again:?}");
    drop(store);
    let other = LogStore::open(directory.path(), "n2", 1 << 20);
    assert!(matches!(other, Err(StorageError::OtherNode { .. })), "{other:?}");
}
