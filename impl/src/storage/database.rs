//! The store over redb. Nothing outside this module knows which database it is.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::ops::{Bound, RangeInclusive};
use std::path::{Path, PathBuf};

use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, WriteTransaction,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use quorate_model::hash_tree::rows_within;
use quorate_model::ids::{Key, NodeId};
use quorate_model::protocol::{
    Entry, Hint, Identity, KeptHint, Registration, Store, any_has_seen_beyond,
};
use quorate_model::refine::digest::StoreDigest;
use quorate_model::versions::{ActorId, Incarnation, Record, Versioning};

use super::{Counts, STORE_FORMAT, StagedChanges, StorageError, codec, row_key};

/// The memory that the database's cache may take unless told otherwise.
pub const CACHE_BYTES_DEFAULT: usize = 64 * 1024 * 1024;

const DATABASE_FILE: &str = "store.redb";
const LOCK_FILE: &str = "lock";

/// Single rows: who the node is and how far it got.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Every key the node holds something of, ordered by position: see [`row_key`].
const ENTRIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");
/// Every key of which the node holds nothing but tombstones: an index, so that looking for them
/// costs what there is of them.
const TOMBSTONES: TableDefinition<'_, &[u8], ()> = TableDefinition::new("tombstones");
/// Every hint, under its home and key.
const HINTS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("hints");
/// What is remembered of the incarnations of other nodes, under node and incarnation.
const REGISTRATIONS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("registrations");

/// The rows of [`META`]. The format is the first thing read, so it is never encoded otherwise.
const FORMAT: &str = "format";
const OWNER: &str = "owner";
const IDENTITY: &str = "identity";
const STEP: &str = "step";

/// Whose store it is, and what it can hold. Both are decided when the store is created.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Owner {
    /// The name of the node.
    pub node: String,
    /// The versioning of all its records: records of two versionings cannot be merged.
    pub versioning: Versioning,
}

/// A node's durable store. Its memory is bounded by the database's cache, not by the data.
#[derive(Debug)]
pub struct Storage {
    database: Database,
    path: PathBuf,
    identity: Option<Identity>,
    durable_step: u64,
    counts: Counts,
    registrations: BTreeMap<(NodeId, Incarnation), Registration>,
    /// No less than the highest counter of each incarnation that anything here has seen; more only
    /// where what had seen it was removed since the store was opened.
    seen: BTreeMap<(NodeId, Incarnation), u64>,
    /// Locked for as long as the store is open.
    _lock: File,
}

/// The highest counter that any row has seen, per incarnation of a node.
type HighestSeen = BTreeMap<(NodeId, Incarnation), u64>;

impl Storage {
    /// Opens the store of this directory, which is created if there is none.
    ///
    /// # Errors
    /// When another process has it open, it cannot be read, it is damaged, it was written by a
    /// newer program, or it is another owner's. It is never taken for empty then.
    pub fn open(directory: &Path, owner: &Owner, cache_bytes: usize) -> Result<Self, StorageError> {
        fs::create_dir_all(directory).map_err(inaccessible(directory))?;
        let lock = lock(directory)?;
        let path = directory.join(DATABASE_FILE);
        if !path.try_exists().map_err(inaccessible(&path))? {
            create(directory, &path, owner)?;
        }
        let mut builder = Database::builder();
        builder.set_cache_size(cache_bytes);
        // Reads the whole file, as the repair after a crash does anyway: a page that was damaged
        // while nobody looked must not hide the keys below it.
        builder.set_check_integrity_on_open(true);
        let database = builder.open(&path).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => {
                StorageError::InUse { directory: directory.into() }
            }
            error => failed(&path, error),
        })?;
        let mut storage = Storage {
            database,
            path,
            identity: None,
            durable_step: 0,
            counts: Counts::default(),
            registrations: BTreeMap::new(),
            seen: BTreeMap::new(),
            _lock: lock,
        };
        match storage.meta(FORMAT)? {
            Some(STORE_FORMAT) => {}
            Some(found) if found > STORE_FORMAT => {
                return Err(StorageError::NewerFormat { path: storage.path, found });
            }
            Some(found) => {
                return Err(StorageError::OlderFormat { path: storage.path, found });
            }
            None => return Err(storage.corrupt("there is no format row")),
        }
        match storage.meta::<Owner>(OWNER)? {
            Some(found) if found == *owner => {}
            Some(found) => {
                let (directory, owner) = (directory.into(), owner.clone());
                return Err(StorageError::OtherOwner { directory, found, owner });
            }
            None => return Err(storage.corrupt("there is no owner row")),
        }
        storage.identity = storage.meta(IDENTITY)?;
        storage.durable_step = storage.meta(STEP)?.unwrap_or_default();
        (storage.counts, storage.seen) = storage.counted()?;
        storage.registrations = storage.read_registrations()?;
        Ok(storage)
    }

    /// Counts everything, looking at every row: what the index of tombstones says must be true.
    fn counted(&self) -> Result<(Counts, HighestSeen), StorageError> {
        let (mut counts, mut seen) = (Counts::default(), BTreeMap::new());
        self.visit_entries(|key, entry| {
            counts.replace_entry(key, None, Some(entry));
            note_seen(&mut seen, &entry.state);
        })?;
        self.visit_hints(|home, key, kept| {
            counts.replace_hint(home, key, None, Some(kept));
            note_seen(&mut seen, &kept.state);
        })?;
        let transaction = self.read()?;
        let tombstones = transaction.open_table(TOMBSTONES).map_err(|error| self.failed(error))?;
        if tombstones.len().map_err(|error| self.failed(error))? != counts.tombstones {
            return Err(self.corrupt("the index of tombstones is wrong"));
        }
        Ok((counts, seen))
    }

    fn read_registrations(
        &self,
    ) -> Result<BTreeMap<(NodeId, Incarnation), Registration>, StorageError> {
        let transaction = self.read()?;
        let rows = transaction.open_table(REGISTRATIONS).map_err(|error| self.failed(error))?;
        let rows = rows.iter().map_err(|error| self.failed(error))?;
        rows.map(|row| {
            let (place, row) = row.map_err(|error| self.failed(error))?;
            let at = decode_registration_place(place.value())
                .ok_or_else(|| self.corrupt("a registration is of nobody"))?;
            let registration = codec::decode(place.value(), row.value())
                .map_err(|detail| self.corrupt(&format!("{detail}: registration")))?;
            Ok((at, registration))
        })
        .collect()
    }

    fn write_registrations(
        &self,
        transaction: &WriteTransaction,
        changes: &StagedChanges,
    ) -> Result<(), StorageError> {
        if changes.registrations.is_empty() {
            return Ok(());
        }
        let mut rows = transaction.open_table(REGISTRATIONS).map_err(|error| self.failed(error))?;
        for ((node, incarnation), registration) in &changes.registrations {
            let place = registration_place(*node, *incarnation);
            let row = codec::encode(&place, registration);
            rows.insert(place.as_slice(), row.as_slice()).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// The number of the last step that is durable here; zero on a fresh store.
    #[must_use]
    pub fn durable_step(&self) -> u64 {
        self.durable_step
    }

    /// How much it holds.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Makes a group's changes and the number of its last step durable, together or not at all.
    ///
    /// # Errors
    /// When the database fails. Whether the group became durable is then known only after the
    /// store was opened again, so the node must stop without performing any of its effects.
    pub fn commit(&mut self, changes: &StagedChanges, step: u64) -> Result<(), StorageError> {
        self.commit_observed(changes, step, |_, _, _| {})
    }

    /// The same, showing `observe` what each key that changed had before and has now.
    ///
    /// # Errors
    /// As [`Storage::commit`]; what was shown may then not be so.
    pub fn commit_observed(
        &mut self,
        changes: &StagedChanges,
        step: u64,
        observe: impl FnMut(&Key, Option<&Entry>, Option<&Entry>),
    ) -> Result<(), StorageError> {
        let mut counts = self.counts.clone();
        let transaction = self.database.begin_write().map_err(|error| self.failed(error))?;
        self.write_entries(&transaction, changes, &mut counts, observe)?;
        self.write_hints(&transaction, changes, &mut counts)?;
        self.write_registrations(&transaction, changes)?;
        if let Some(identity) = changes.identity {
            put_meta(&transaction, IDENTITY, &identity).map_err(|error| self.failed(error))?;
        }
        put_meta(&transaction, STEP, &step).map_err(|error| self.failed(error))?;
        transaction.commit().map_err(|error| self.failed(error))?;
        self.identity = changes.identity.or(self.identity);
        let held = changes.entries.values().flatten().map(|entry| &entry.state);
        for state in held.chain(changes.hints.values().flatten().map(|kept| &kept.state)) {
            note_seen(&mut self.seen, state);
        }
        self.registrations.extend(changes.registrations.clone());
        self.durable_step = step;
        self.counts = counts;
        Ok(())
    }

    fn write_entries(
        &self,
        transaction: &WriteTransaction,
        changes: &StagedChanges,
        counts: &mut Counts,
        mut observe: impl FnMut(&Key, Option<&Entry>, Option<&Entry>),
    ) -> Result<(), StorageError> {
        if changes.entries.is_empty() {
            return Ok(());
        }
        let mut entries = transaction.open_table(ENTRIES).map_err(|error| self.failed(error))?;
        let mut tombstones =
            transaction.open_table(TOMBSTONES).map_err(|error| self.failed(error))?;
        for (key, entry) in &changes.entries {
            let row_key = row_key::encode(key);
            let old = match entry {
                Some(entry) => {
                    let row = codec::encode(&row_key, entry);
                    entries.insert(row_key.as_slice(), row.as_slice())
                }
                None => entries.remove(row_key.as_slice()),
            };
            let old: Option<Entry> = old
                .map_err(|error| self.failed(error))?
                .map(|old| codec::decode(&row_key, old.value()))
                .transpose()
                .map_err(|detail| self.corrupt(detail))?;
            let is_tombstone =
                |entry: Option<&Entry>| entry.is_some_and(|entry| entry.state.is_deleted());
            let (was, is) = (is_tombstone(old.as_ref()), is_tombstone(entry.as_ref()));
            if is && !was {
                tombstones.insert(&*key.0, ()).map_err(|error| self.failed(error))?;
            }
            if was && !is {
                tombstones.remove(&*key.0).map_err(|error| self.failed(error))?;
            }
            counts.replace_entry(key, old.as_ref(), entry.as_ref());
            observe(key, old.as_ref(), entry.as_ref());
        }
        Ok(())
    }

    fn write_hints(
        &self,
        transaction: &WriteTransaction,
        changes: &StagedChanges,
        counts: &mut Counts,
    ) -> Result<(), StorageError> {
        if changes.hints.is_empty() {
            return Ok(());
        }
        let mut hints = transaction.open_table(HINTS).map_err(|error| self.failed(error))?;
        for ((home, key), kept) in &changes.hints {
            let place = hint_place(*home, key);
            let old = match kept {
                Some(kept) => {
                    let row = codec::encode(&place, kept);
                    hints.insert(place.as_slice(), row.as_slice())
                }
                None => hints.remove(place.as_slice()),
            };
            let old: Option<KeptHint> = old
                .map_err(|error| self.failed(error))?
                .map(|old| codec::decode(&place, old.value()))
                .transpose()
                .map_err(|detail| self.corrupt(detail))?;
            counts.replace_hint(*home, key, old.as_ref(), kept.as_ref());
        }
        Ok(())
    }

    /// The digest of everything it holds, by reading all of it: for the start of a trace.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn digest(&self) -> Result<StoreDigest, StorageError> {
        let mut digest = StoreDigest::default();
        if let Some(identity) = &self.identity {
            digest.toggle_identity(identity);
        }
        for ((node, incarnation), registration) in &self.registrations {
            digest.toggle_registration(*node, *incarnation, registration);
        }
        self.visit_entries(|key, entry| digest.toggle_entry(key, entry))?;
        self.visit_hints(|home, key, kept| digest.toggle_hint(home, key, kept))?;
        Ok(digest)
    }

    /// Shows every key and what is held of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn visit_entries(&self, mut visit: impl FnMut(&Key, &Entry)) -> Result<(), StorageError> {
        let transaction = self.read()?;
        let entries = transaction.open_table(ENTRIES).map_err(|error| self.failed(error))?;
        for row in entries.iter().map_err(|error| self.failed(error))? {
            let (key, row) = row.map_err(|error| self.failed(error))?;
            let (key, entry) = self.decode_row(key.value(), row.value())?;
            visit(&key, &entry);
        }
        Ok(())
    }

    fn decode_row(&self, row_key: &[u8], row: &[u8]) -> Result<(Key, Entry), StorageError> {
        let entry = codec::decode(row_key, row).map_err(|detail| self.corrupt(detail))?;
        let key = row_key::decode(row_key).ok_or_else(|| self.corrupt("a row is about no key"))?;
        Ok((key, entry))
    }

    fn visit_hints(
        &self,
        mut visit: impl FnMut(NodeId, &Key, &KeptHint),
    ) -> Result<(), StorageError> {
        let transaction = self.read()?;
        let hints = transaction.open_table(HINTS).map_err(|error| self.failed(error))?;
        for row in hints.iter().map_err(|error| self.failed(error))? {
            let (place, row) = row.map_err(|error| self.failed(error))?;
            let Hint { home, key, kept } = self.hint_of(place.value(), row.value())?;
            visit(home, &key, &kept);
        }
        Ok(())
    }

    fn hint_of(&self, place: &[u8], row: &[u8]) -> Result<Hint, StorageError> {
        let kept = codec::decode(place, row).map_err(|detail| self.corrupt(detail))?;
        let (home, key) =
            place.split_first_chunk().ok_or_else(|| self.corrupt("a hint is for nobody"))?;
        Ok(Hint { home: NodeId(u16::from_be_bytes(*home)), key: Key(key.into()), kept })
    }

    fn read(&self) -> Result<ReadTransaction, StorageError> {
        self.database.begin_read().map_err(|error| self.failed(error))
    }

    fn meta<T: DeserializeOwned>(&self, row: &str) -> Result<Option<T>, StorageError> {
        let transaction = self.database.begin_read().map_err(|error| self.failed(error))?;
        let meta = transaction.open_table(META).map_err(|error| self.failed(error))?;
        let value = meta.get(row).map_err(|error| self.failed(error))?;
        value
            .map(|value| codec::decode(row.as_bytes(), value.value()))
            .transpose()
            .map_err(|detail| self.corrupt(&format!("{detail}: {row}")))
    }

    fn failed(&self, error: impl Into<redb::Error>) -> StorageError {
        failed(&self.path, error)
    }

    fn corrupt(&self, detail: &str) -> StorageError {
        StorageError::Corrupt { path: self.path.clone(), detail: detail.to_string() }
    }
}

impl Store for Storage {
    type Error = StorageError;

    fn identity(&self) -> Result<Option<Identity>, StorageError> {
        Ok(self.identity)
    }

    fn registration(
        &self,
        node: NodeId,
        incarnation: Incarnation,
    ) -> Result<Option<&Registration>, StorageError> {
        Ok(self.registrations.get(&(node, incarnation)))
    }

    /// Looks at every row only where the node that asks has forgotten something, or where what had
    /// seen more is gone.
    fn has_seen_beyond(
        &self,
        node: NodeId,
        incarnation: Incarnation,
        counter: u64,
    ) -> Result<bool, StorageError> {
        let bound = self.seen.get(&(node, incarnation)).copied().unwrap_or(0);
        Ok(bound > counter && any_has_seen_beyond(self, node, incarnation, counter)?)
    }

    fn entry(&self, key: &Key) -> Result<Option<Entry>, StorageError> {
        let transaction = self.read()?;
        let entries = transaction.open_table(ENTRIES).map_err(|error| self.failed(error))?;
        let row_key = row_key::encode(key);
        let row = entries.get(row_key.as_slice()).map_err(|error| self.failed(error))?;
        row.map(|row| codec::decode(&row_key, row.value()))
            .transpose()
            .map_err(|detail| self.corrupt(&format!("{detail}: key {key}")))
    }

    fn entries_in(
        &self,
        positions: RangeInclusive<u64>,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, StorageError> {
        let Some((lower, upper)) = rows_within(positions, after) else { return Ok(Vec::new()) };
        let (lower, upper) = (row_key::bound(&lower), row_key::bound(&upper));
        let bounds = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        let transaction = self.read()?;
        let entries = transaction.open_table(ENTRIES).map_err(|error| self.failed(error))?;
        let rows = entries.range::<&[u8]>(bounds).map_err(|error| self.failed(error))?;
        rows.take(max)
            .map(|row| {
                let (key, row) = row.map_err(|error| self.failed(error))?;
                self.decode_row(key.value(), row.value())
            })
            .collect()
    }

    fn tombstones_after(
        &self,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Entry)>, StorageError> {
        let transaction = self.read()?;
        let tombstones = transaction.open_table(TOMBSTONES).map_err(|error| self.failed(error))?;
        let entries = transaction.open_table(ENTRIES).map_err(|error| self.failed(error))?;
        let after = after.map_or(Bound::Unbounded, |after| Bound::Excluded(&*after.0));
        let rows = tombstones.range::<&[u8]>((after, Bound::Unbounded));
        let rows = rows.map_err(|error| self.failed(error))?.take(max);
        rows.map(|row| {
            let (key, _) = row.map_err(|error| self.failed(error))?;
            let row_key = row_key::encode(&Key(key.value().into()));
            let row = entries.get(row_key.as_slice()).map_err(|error| self.failed(error))?;
            let row = row.ok_or_else(|| self.corrupt("a tombstone is of no key"))?;
            self.decode_row(&row_key, row.value())
        })
        .collect()
    }

    fn hint(&self, home: NodeId, key: &Key) -> Result<Option<KeptHint>, StorageError> {
        let place = hint_place(home, key);
        let transaction = self.read()?;
        let hints = transaction.open_table(HINTS).map_err(|error| self.failed(error))?;
        let row = hints.get(place.as_slice()).map_err(|error| self.failed(error))?;
        row.map(|row| codec::decode(&place, row.value()))
            .transpose()
            .map_err(|detail| self.corrupt(&format!("{detail}: hint of key {key}")))
    }

    fn hints_after(
        &self,
        after: Option<(NodeId, &Key)>,
        max: usize,
    ) -> Result<Vec<Hint>, StorageError> {
        let transaction = self.read()?;
        let hints = transaction.open_table(HINTS).map_err(|error| self.failed(error))?;
        let after = after.map(|(home, key)| hint_place(home, key));
        let after = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let rows = hints.range::<&[u8]>((after, Bound::Unbounded));
        let rows = rows.map_err(|error| self.failed(error))?.take(max);
        rows.map(|row| {
            let (place, row) = row.map_err(|error| self.failed(error))?;
            self.hint_of(place.value(), row.value())
        })
        .collect()
    }

    fn hint_count(&self) -> Result<usize, StorageError> {
        Ok(usize::try_from(self.counts.hint_count()).unwrap_or(usize::MAX))
    }

    fn hint_bytes(&self) -> Result<u64, StorageError> {
        Ok(self.counts.hint_bytes)
    }
}

/// Where a hint is: its home as two bytes, so that the order is by home and then by key.
fn hint_place(home: NodeId, key: &Key) -> Vec<u8> {
    let mut place = Vec::from(home.0.to_be_bytes());
    place.extend(&*key.0);
    place
}

/// Where a registration is: its node as two bytes, then its incarnation as eight.
fn registration_place(node: NodeId, incarnation: Incarnation) -> Vec<u8> {
    let mut place = Vec::from(node.0.to_be_bytes());
    place.extend(incarnation.0.to_be_bytes());
    place
}

fn decode_registration_place(place: &[u8]) -> Option<(NodeId, Incarnation)> {
    let (node, incarnation) = place.split_first_chunk()?;
    let incarnation = u64::from_be_bytes(incarnation.try_into().ok()?);
    Some((NodeId(u16::from_be_bytes(*node)), Incarnation(incarnation)))
}

/// Takes note of the counters that a state has seen.
fn note_seen(seen: &mut BTreeMap<(NodeId, Incarnation), u64>, state: &Record) {
    for dot in state.context().iter() {
        if let ActorId::Node { node, incarnation, .. } = dot.actor {
            let highest = seen.entry((node, incarnation)).or_default();
            *highest = dot.counter.max(*highest);
        }
    }
}

fn inaccessible(path: &Path) -> impl FnOnce(std::io::Error) -> StorageError + '_ {
    |source| StorageError::Inaccessible { path: path.into(), source }
}

/// Holds the directory for this process. The database has a lock of its own; this one also covers
/// the time before the database exists. The file names the process, for those who want to stop it;
/// what it says counts only while it is locked.
fn lock(directory: &Path) -> Result<File, StorageError> {
    let path = directory.join(LOCK_FILE);
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(inaccessible(&path))?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).map_err(inaccessible(&path))?;
            writeln!(file, "{}", std::process::id()).map_err(inaccessible(&path))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse { directory: directory.into() }),
        Err(TryLockError::Error(source)) => Err(inaccessible(&path)(source)),
    }
}

/// Makes an empty database under a name of its own and moves it to `path` when it is complete:
/// a crash in between leaves no database, never half of one.
fn create(directory: &Path, path: &Path, owner: &Owner) -> Result<(), StorageError> {
    let unfinished = path.with_extension("unfinished");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(inaccessible(&unfinished)(error));
        }
        _ => {}
    }
    let database = Database::create(&unfinished).map_err(|error| failed(path, error))?;
    let transaction = database.begin_write().map_err(|error| failed(path, error))?;
    put_meta(&transaction, FORMAT, &STORE_FORMAT).map_err(|error| failed(path, error))?;
    put_meta(&transaction, OWNER, owner).map_err(|error| failed(path, error))?;
    transaction.open_table(ENTRIES).map_err(|error| failed(path, error))?;
    transaction.open_table(TOMBSTONES).map_err(|error| failed(path, error))?;
    transaction.open_table(HINTS).map_err(|error| failed(path, error))?;
    transaction.open_table(REGISTRATIONS).map_err(|error| failed(path, error))?;
    transaction.commit().map_err(|error| failed(path, error))?;
    drop(database);
    fs::rename(&unfinished, path).map_err(inaccessible(path))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(inaccessible(path))
}

fn put_meta<T: Serialize>(
    transaction: &WriteTransaction,
    row: &str,
    value: &T,
) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    meta.insert(row, codec::encode(row.as_bytes(), value).as_slice())?;
    Ok(())
}

/// A file that is no database, or one that is damaged, is told apart from a disk that failed.
fn failed(path: &Path, error: impl Into<redb::Error>) -> StorageError {
    let path = path.to_path_buf();
    match error.into() {
        redb::Error::Corrupted(detail) => StorageError::Corrupt { path, detail },
        redb::Error::RepairAborted => {
            StorageError::Corrupt { path, detail: "the repair was aborted".to_string() }
        }
        redb::Error::Io(source) if source.kind() == std::io::ErrorKind::InvalidData => {
            StorageError::Corrupt { path, detail: source.to_string() }
        }
        redb::Error::Io(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
            StorageError::Corrupt { path, detail: "it ends too early".to_string() }
        }
        error @ (redb::Error::TableDoesNotExist(_) | redb::Error::TableTypeMismatch { .. }) => {
            StorageError::Corrupt { path, detail: error.to_string() }
        }
        error => StorageError::Failed { path, source: Box::new(error) },
    }
}
