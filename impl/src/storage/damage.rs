//! Directories as a process or a machine leaves them when it ends at a bad moment, and as a bad disk does: what was
//! acknowledged is there, or the store does not open. The same for the store of each protocol: [`Trial`].

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

use quorate_model::ids::{ClientId, Key, NodeId, Timestamp, Value};
use quorate_model::protocol::{Change, Entry, MemoryStore, Store};
use quorate_model::versions::{
    ActorId, Dot, Epoch, Incarnation, Record, VersionVector, Versioning, Write,
};

use super::derived::tests::{check, open};
use super::log::{Logged, with_unsynced};
use super::*;

const PAGE: usize = 4096;
const SECTOR: usize = 512;

/// The files of a directory, by name.
type Image = BTreeMap<PathBuf, Vec<u8>>;

/// A store of which these tests know that each step brings something of its own, of so many bytes.
pub(crate) trait Trial: Sized + std::fmt::Debug {
    /// The file of its checkpoint.
    const DATABASE: &'static str;

    /// Opens that of a directory, which is made if there is none.
    fn open(directory: &Path) -> Result<Self, StorageError>;

    /// What this step changes, as the log has it.
    fn group(&self, step: u64, bytes: usize) -> Vec<u8>;

    /// Takes this step, and waits until it is durable.
    fn commit(&mut self, step: u64, bytes: usize) -> Result<(), StorageError>;

    /// Makes a checkpoint, and waits for it.
    fn checkpoint(&mut self) -> Result<(), StorageError>;

    /// The last step that is durable.
    fn durable_step(&self) -> u64;

    /// Whether what this step brought is there; panics if it is there with another content.
    fn holds(&self, step: u64, bytes: usize) -> Result<bool, StorageError>;

    /// Looks at what follows from what is there.
    fn check(&self) -> Result<(), StorageError>;
}

/// Bytes that are this step's.
pub(crate) fn random_bytes(step: u64, bytes: usize) -> Vec<u8> {
    let mut random = vec![0; bytes];
    SmallRng::seed_from_u64(step).fill_bytes(&mut random);
    random
}

impl Trial for Storage {
    const DATABASE: &'static str = "store.redb";

    fn open(directory: &Path) -> Result<Self, StorageError> {
        open(directory)
    }

    fn group(&self, step: u64, bytes: usize) -> Vec<u8> {
        postcard::to_allocvec(&group(step, bytes)).unwrap()
    }

    fn commit(&mut self, step: u64, bytes: usize) -> Result<(), StorageError> {
        Storage::commit(self, &group(step, bytes), step)
    }

    fn checkpoint(&mut self) -> Result<(), StorageError> {
        Storage::checkpoint(self)
    }

    fn durable_step(&self) -> u64 {
        Storage::durable_step(self)
    }

    fn holds(&self, step: u64, bytes: usize) -> Result<bool, StorageError> {
        let found = self.entry(&key(step))?;
        assert!(found.as_ref().is_none_or(|found| *found == entry(step, bytes)), "step {step}");
        Ok(found.is_some())
    }

    fn check(&self) -> Result<(), StorageError> {
        check(self)
    }
}

fn key(step: u64) -> Key {
    Key::from(&*format!("key {step}"))
}

fn entry(step: u64, bytes: usize) -> Entry {
    let actor = ActorId::Node { node: NodeId(0), incarnation: Incarnation(1), epoch: Epoch(0) };
    let mut state = Record::empty(Versioning::Dotted);
    state.put(&Write {
        dot: Dot { actor, counter: step },
        client: ClientId(0),
        context: VersionVector::new(),
        timestamp: Timestamp(0),
        value: Some(Value(random_bytes(step, bytes).into())),
    });
    Entry::received(Arc::new(state))
}

/// A group of this step, with a key of its own.
fn group(step: u64, bytes: usize) -> StagedChanges {
    let mut staged = StagedChanges::default();
    let change = Change::Entry { key: key(step), entry: entry(step, bytes) };
    // Without hints nothing is looked up.
    let Ok(()) = staged.stage(&MemoryStore::default(), [change]);
    staged
}

/// Takes each of these steps.
fn commit(store: &mut impl Trial, steps: RangeInclusive<u64>, bytes: usize) {
    for step in steps {
        store.commit(step, bytes).unwrap();
    }
}

/// What is in the directory now: after a kill, everything that was written is there.
fn image(directory: &Path) -> Image {
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    files.map(|path| (path.file_name().unwrap().into(), fs::read(&path).unwrap())).collect()
}

fn lay(image: &Image) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in image {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    directory
}

/// Which of the steps up to this one are there.
fn held(store: &impl Trial, last: u64, bytes: usize) -> Result<Vec<u64>, StorageError> {
    let mut held = Vec::new();
    for step in 1..=last {
        if store.holds(step, bytes)? {
            held.push(step);
        }
    }
    Ok(held)
}

fn is_log(name: &Path) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("log-0"))
}

/// After random damage all that was acknowledged is there, or the store does not open.
pub(crate) fn survives_random_damage<S: Trial>() {
    const BYTES: usize = 300;
    let directory = tempfile::tempdir().unwrap();
    let mut storage = S::open(directory.path()).unwrap();
    // In the database of an earlier checkpoint, in that of the last, and in the log alone.
    commit(&mut storage, 1..=20, BYTES);
    storage.checkpoint().unwrap();
    let earlier = image(directory.path());
    commit(&mut storage, 21..=40, BYTES);
    storage.checkpoint().unwrap();
    commit(&mut storage, 41..=60, BYTES);
    let whole = image(directory.path());
    let mut random = SmallRng::seed_from_u64(7);
    let (mut refused, mut harmless) = (0, 0);
    let names: Vec<_> = whole.keys().filter(|name| *name != Path::new("lock")).cloned().collect();
    for round in 0..400 {
        let mut damaged = whole.clone();
        let name = &names[round % names.len()];
        let file = damaged.get_mut(name).unwrap();
        // Where there is something, and every third time where headers are.
        let used = file.iter().rposition(|byte| *byte != 0).unwrap_or_default() + 1;
        let within = if round % 3 == 0 { used.min(SECTOR) } else { used };
        let at = random.random_range(0..within);
        match random.random_range(0..5) {
            0 => file[at] ^= 1 << random.random_range(0..8),
            1 => {
                let page = at - at % PAGE;
                let end = file.len().min(page + PAGE);
                file[page..end].fill(0);
            }
            2 => file.truncate(at),
            // What the file was a while ago.
            3 if earlier.contains_key(name) => file.clone_from(&earlier[name]),
            _ => {
                let end = file.len().min(at + 64);
                random.fill_bytes(&mut file[at..end]);
            }
        }
        let laid = lay(&damaged);
        let found = S::open(laid.path()).and_then(|storage| {
            assert_eq!(storage.durable_step(), 60, "round {round}, {}", name.display());
            storage.check()?;
            held(&storage, 60, BYTES)
        });
        match found {
            Ok(found) => {
                assert_eq!(found.len(), 60, "round {round}, {} at {at}", name.display());
                harmless += 1;
            }
            Err(StorageError::Corrupt { .. } | StorageError::Failed { .. }) => refused += 1,
            Err(error) => panic!("round {round}, {} at {at}: {error}", name.display()),
        }
    }
    // Most of it is seen, and some of it does no harm.
    assert!(refused > 100 && harmless > 20, "{refused} refused, {harmless} harmless");
}

/// A file that is gone is noticed.
pub(crate) fn notices_what_is_gone<S: Trial>() {
    let directory = tempfile::tempdir().unwrap();
    let mut storage = S::open(directory.path()).unwrap();
    commit(&mut storage, 1..=3, 10);
    storage.checkpoint().unwrap();
    commit(&mut storage, 4..=5, 10);
    let whole = image(directory.path());
    for name in whole.keys().filter(|name| *name != Path::new("lock")) {
        let mut less = whole.clone();
        less.remove(name);
        let opened = S::open(lay(&less).path());
        assert!(
            matches!(opened, Err(StorageError::Corrupt { .. })),
            "{}: {opened:?}",
            name.display()
        );
    }
}

/// A database that went back to its last checkpoint but one is brought up from the log.
pub(crate) fn makes_good_what_went_back<S: Trial>() {
    let directory = tempfile::tempdir().unwrap();
    let mut storage = S::open(directory.path()).unwrap();
    let mut databases = Vec::new();
    for round in 0..4 {
        // More than a segment, so that earlier ones are removed.
        commit(&mut storage, 5 * round + 1..=5 * round + 5, 900_000);
        storage.checkpoint().unwrap();
        databases.push(image(directory.path())[Path::new(S::DATABASE)].clone());
    }
    commit(&mut storage, 21..=22, 10);
    drop(storage);
    let mut back = image(directory.path());
    assert!(!back.contains_key(Path::new("log-0000000000000000")), "it is not needed any more");
    back.insert(S::DATABASE.into(), databases[2].clone());
    let laid = lay(&back);
    let storage = S::open(laid.path()).unwrap();
    assert_eq!(storage.durable_step(), 22);
    storage.check().unwrap();
    for step in 1..=22 {
        assert!(storage.holds(step, if step > 20 { 10 } else { 900_000 }).unwrap(), "{step}");
    }
    drop(storage);
    // Further back than the log goes is not less than what was acknowledged, but an error.
    back.insert(S::DATABASE.into(), databases[0].clone());
    let opened = S::open(lay(&back).path());
    assert!(matches!(opened, Err(StorageError::Corrupt { .. })), "{opened:?}");
}

/// A log that lost power gives at least what was acknowledged, and nothing out of order.
pub(crate) fn survives_power_loss<S: Trial>() {
    const BYTES: usize = 700;
    let directory = tempfile::tempdir().unwrap();
    let mut storage = S::open(directory.path()).unwrap();
    commit(&mut storage, 1..=10, BYTES);
    let before = image(directory.path());
    let log = before.keys().find(|name| is_log(name)).unwrap();
    let groups = (11..=20).map(|step| Logged { step, group: storage.group(step, BYTES) }).collect();
    let after = with_unsynced(&before[log], 0, groups);
    let mut random = SmallRng::seed_from_u64(3);
    let mut torn = 0;
    for _ in 0..100 {
        // Of what came after the tenth step, some sectors have reached the disk, and nothing was acknowledged.
        let mut image = before.clone();
        let file = image.get_mut(log).unwrap();
        for (sector, written) in file.chunks_mut(SECTOR).zip(after.chunks(SECTOR)) {
            if random.random() {
                sector.copy_from_slice(written);
            }
        }
        let laid = lay(&image);
        let mut storage = S::open(laid.path()).unwrap();
        let last = storage.durable_step();
        assert!((10..=20).contains(&last));
        assert_eq!(held(&storage, 20, BYTES).unwrap(), Vec::from_iter(1..=last));
        torn += u32::from(last < 20);
        // What goes on from there does not find the torn rest again.
        commit(&mut storage, last + 1..=last + 2, BYTES);
        drop(storage);
        let storage = S::open(laid.path()).unwrap();
        assert_eq!(storage.durable_step(), last + 2);
    }
    assert!(torn > 50);
}

#[test]
fn after_random_damage_all_that_was_acknowledged_is_there_or_the_store_does_not_open() {
    survives_random_damage::<Storage>();
}

#[test]
fn a_file_that_is_gone_is_noticed() {
    notices_what_is_gone::<Storage>();
}

#[test]
fn a_database_that_went_back_to_its_last_checkpoint_but_one_is_brought_up_from_the_log() {
    makes_good_what_went_back::<Storage>();
}

#[test]
fn a_log_that_lost_power_gives_at_least_what_was_acknowledged_and_nothing_out_of_order() {
    survives_power_loss::<Storage>();
}

#[test]
fn groups_that_do_not_fit_one_segment_go_on_in_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let mut storage = open(directory.path()).unwrap();
    for (step, bytes) in (1..).zip([10, 300_000, 10, 9_000_000, 10, 4_000_000, 10]) {
        Trial::commit(&mut storage, step, bytes).unwrap();
    }
    drop(storage);
    let logs = image(directory.path()).into_keys().filter(|name| is_log(name)).count();
    assert!(logs >= 4, "{logs}");
    let storage = open(directory.path()).unwrap();
    assert_eq!((storage.durable_step(), storage.counts().keys), (7, 7));
    assert_eq!(storage.entry(&key(4)).unwrap(), Some(entry(4, 9_000_000)));
}
