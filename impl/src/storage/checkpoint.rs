//! What a store held at one step, over redb. Nothing outside this module knows which database it is.
//!
//! A checkpoint is replaced by a later one in one transaction. Reads go on meanwhile and see the earlier one until they
//! are told to look again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::{Bound, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{
    Database, ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, WriteTransaction,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use quorate_model::hash_tree::{RowPlace, rows_within};
use quorate_model::ids::{Key, NodeId};
use quorate_model::protocol::{Entry, Hint, Identity, KeptHint, Registration};
use quorate_model::versions::Incarnation;

use super::derived::{DERIVED, Derivation, Derived, DerivedRow, Deriving, ReadError};
use super::staged::Rows;
use super::{Counts, Owner, STORE_FORMAT, StagedChanges, StorageError, codec, row_key};

const DATABASE_FILE: &str = "store.redb";

type Bytes = &'static [u8];

/// Single rows: who the node is and how far it got.
const META: TableDefinition<'_, &str, Bytes> = TableDefinition::new("meta");
/// Every key the node holds something of, ordered by position: see [`row_key`].
const ENTRIES: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("entries");
/// Every key of which the node holds nothing but tombstones: an index, so that looking for them
/// costs what there is of them.
const TOMBSTONES: TableDefinition<'_, Bytes, ()> = TableDefinition::new("tombstones");
/// Every hint, under its home and key.
const HINTS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("hints");
/// What is remembered of the incarnations of other nodes, under node and incarnation.
const REGISTRATIONS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("registrations");

/// The rows of [`META`]. The format is the first thing read, so it is never encoded otherwise.
const FORMAT: &str = "format";
const OWNER: &str = "owner";
const SUMMARY: &str = "summary";

/// The highest counter that anything has seen, per incarnation of a node.
pub(super) type HighestSeen = BTreeMap<(NodeId, Incarnation), u64>;

/// What is kept of a checkpoint beside its rows, so that nobody has to read them all to know it.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Summary {
    /// The number of the last step.
    pub(super) step: u64,
    /// The segment of the log that has what comes after it, or from which on it does.
    pub(super) segment: u64,
    /// The identity.
    pub(super) identity: Option<Identity>,
    /// How much there is.
    pub(super) counts: Counts,
    /// No less than the highest counter of each incarnation that anything has seen.
    pub(super) seen: HighestSeen,
}

/// What a node held at one step.
pub(super) struct Checkpoint {
    database: Arc<Database>,
    path: PathBuf,
    reads: Reads,
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The tables as they were at one step.
struct Reads {
    entries: ReadOnlyTable<Bytes, Bytes>,
    tombstones: ReadOnlyTable<Bytes, ()>,
    hints: ReadOnlyTable<Bytes, Bytes>,
    registrations: ReadOnlyTable<Bytes, Bytes>,
    meta: ReadOnlyTable<&'static str, Bytes>,
}

impl Reads {
    fn open(database: &Database) -> Result<Self, redb::Error> {
        let transaction = database.begin_read()?;
        Ok(Reads {
            entries: transaction.open_table(ENTRIES)?,
            tombstones: transaction.open_table(TOMBSTONES)?,
            hints: transaction.open_table(HINTS)?,
            registrations: transaction.open_table(REGISTRATIONS)?,
            meta: transaction.open_table(META)?,
        })
    }
}

impl Checkpoint {
    /// Whether the directory has one.
    pub(super) fn is_in(directory: &Path) -> Result<bool, StorageError> {
        let path = directory.join(DATABASE_FILE);
        path.try_exists().map_err(inaccessible(&path))
    }

    /// Makes an empty one under a name of its own and moves it to its place when it is complete:
    /// a crash in between leaves none, never half of one.
    pub(super) fn create(directory: &Path, owner: &Owner) -> Result<(), StorageError> {
        let path = directory.join(DATABASE_FILE);
        let unfinished = path.with_extension("unfinished");
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(inaccessible(&unfinished)(error));
            }
            _ => {}
        }
        let database = Database::create(&unfinished).map_err(|error| failed(&path, error))?;
        let made = || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            put_meta(&transaction, FORMAT, &STORE_FORMAT)?;
            put_meta(&transaction, OWNER, owner)?;
            put_meta(&transaction, SUMMARY, &Summary::default())?;
            transaction.open_table(ENTRIES)?;
            transaction.open_table(TOMBSTONES)?;
            transaction.open_table(HINTS)?;
            transaction.open_table(REGISTRATIONS)?;
            Ok(transaction.commit()?)
        };
        made().map_err(|error| failed(&path, error))?;
        drop(database);
        fs::rename(&unfinished, &path).map_err(inaccessible(&path))?;
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(inaccessible(&path))
    }

    /// Opens that of a directory, which must be this owner's, and what is kept beside its rows.
    pub(super) fn open(
        directory: &Path,
        owner: &Owner,
        cache_bytes: usize,
    ) -> Result<(Self, Summary), StorageError> {
        let path = directory.join(DATABASE_FILE);
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
        let database = Arc::new(database);
        // The format first: an older one may lack tables.
        let format = {
            let transaction = database.begin_read().map_err(|error| failed(&path, error))?;
            let meta = transaction.open_table(META).map_err(|error| failed(&path, error))?;
            read_meta(&meta, &path, FORMAT)?
        };
        match format {
            Some(STORE_FORMAT) => {}
            Some(found) if found > STORE_FORMAT => {
                return Err(StorageError::NewerFormat { path, found, known: STORE_FORMAT });
            }
            Some(found) => {
                return Err(StorageError::OlderFormat { path, found, known: STORE_FORMAT });
            }
            None => return Err(corrupt(&path, "there is no format row")),
        }
        let reads = Reads::open(&database).map_err(|error| failed(&path, error))?;
        match read_meta::<Owner>(&reads.meta, &path, OWNER)? {
            Some(found) if found == *owner => {}
            Some(found) => {
                let (directory, owner) = (directory.into(), owner.clone());
                return Err(StorageError::OtherOwner { directory, found, owner });
            }
            None => return Err(corrupt(&path, "there is no owner row")),
        }
        let summary: Summary = read_meta(&reads.meta, &path, SUMMARY)?
            .ok_or_else(|| corrupt(&path, "there is no summary row"))?;
        let count =
            |rows: Result<u64, redb::StorageError>| rows.map_err(|error| failed(&path, error));
        if count(reads.tombstones.len())? != summary.counts.tombstones
            || count(reads.entries.len())? != summary.counts.keys
            || count(reads.hints.len())? != summary.counts.hint_count()
        {
            return Err(corrupt(&path, "there are more rows or fewer than it says"));
        }
        Ok((Checkpoint { database, path, reads }, summary))
    }

    /// What is needed to replace it, on another thread.
    pub(super) fn writer(&self, derivation: Option<Arc<Derivation>>) -> CheckpointWriter {
        let (database, path) = (Arc::clone(&self.database), self.path.clone());
        CheckpointWriter { database, path, derivation }
    }

    /// What is derived from its rows; `None` if that is not kept, or for another derivation.
    pub(super) fn derived(&self, derivation: &Derivation) -> Result<Option<Derived>, StorageError> {
        if self.reads.entries.is_empty().map_err(|error| self.failed(error))? {
            return Ok(Some(Derived::of_nothing(derivation)));
        }
        let row: Option<DerivedRow> = read_meta(&self.reads.meta, &self.path, DERIVED)?;
        let Some(row) = row else { return Ok(None) };
        let transaction = self.database.begin_read().map_err(|error| self.failed(error))?;
        let read = Derived::read(derivation, &row, &transaction);
        read.map_err(|error| read_error(&self.path, error))
    }

    /// Looks at the latest one from now on.
    pub(super) fn refresh(&mut self) -> Result<(), StorageError> {
        self.reads = Reads::open(&self.database).map_err(|error| self.failed(error))?;
        Ok(())
    }

    /// All that is remembered of the incarnations of other nodes.
    pub(super) fn registrations(
        &self,
    ) -> Result<BTreeMap<(NodeId, Incarnation), Registration>, StorageError> {
        let rows = self.reads.registrations.iter().map_err(|error| self.failed(error))?;
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

    fn decode_row(&self, row_key: &[u8], row: &[u8]) -> Result<(Key, Entry), StorageError> {
        let entry = codec::decode(row_key, row).map_err(|detail| self.corrupt(detail))?;
        let key = row_key::decode(row_key).ok_or_else(|| self.corrupt("a row is about no key"))?;
        Ok((key, entry))
    }

    fn hint_of(&self, place: &[u8], row: &[u8]) -> Result<Hint, StorageError> {
        let kept = codec::decode(place, row).map_err(|detail| self.corrupt(detail))?;
        let (home, key) =
            place.split_first_chunk().ok_or_else(|| self.corrupt("a hint is for nobody"))?;
        Ok(Hint { home: NodeId(u16::from_be_bytes(*home)), key: Key(key.into()), kept })
    }

    fn failed(&self, error: impl Into<redb::Error>) -> StorageError {
        failed(&self.path, error)
    }

    fn corrupt(&self, detail: &str) -> StorageError {
        corrupt(&self.path, detail)
    }
}

impl Rows for Checkpoint {
    type Error = StorageError;

    fn entry(&self, key: &Key) -> Result<Option<Entry>, StorageError> {
        let row_key = row_key::encode(key);
        let row = self.reads.entries.get(row_key.as_slice()).map_err(|error| self.failed(error))?;
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
        let rows = self.reads.entries.range::<&[u8]>(bounds).map_err(|error| self.failed(error))?;
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
        let after = after.map_or(Bound::Unbounded, |after| Bound::Excluded(&*after.0));
        let rows = self.reads.tombstones.range::<&[u8]>((after, Bound::Unbounded));
        let rows = rows.map_err(|error| self.failed(error))?.take(max);
        rows.map(|row| {
            let (key, _) = row.map_err(|error| self.failed(error))?;
            let row_key = row_key::encode(&Key(key.value().into()));
            let row = self.reads.entries.get(row_key.as_slice());
            let row = row.map_err(|error| self.failed(error))?;
            let row = row.ok_or_else(|| self.corrupt("a tombstone is of no key"))?;
            self.decode_row(&row_key, row.value())
        })
        .collect()
    }

    fn hint(&self, home: NodeId, key: &Key) -> Result<Option<KeptHint>, StorageError> {
        let place = hint_place(home, key);
        let row = self.reads.hints.get(place.as_slice()).map_err(|error| self.failed(error))?;
        row.map(|row| codec::decode(&place, row.value()))
            .transpose()
            .map_err(|detail| self.corrupt(&format!("{detail}: hint of key {key}")))
    }

    fn hints_after(
        &self,
        after: Option<(NodeId, &Key)>,
        max: usize,
    ) -> Result<Vec<Hint>, StorageError> {
        let after = after.map(|(home, key)| hint_place(home, key));
        let after = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.reads.hints.range::<&[u8]>((after, Bound::Unbounded));
        let rows = rows.map_err(|error| self.failed(error))?.take(max);
        rows.map(|row| {
            let (place, row) = row.map_err(|error| self.failed(error))?;
            self.hint_of(place.value(), row.value())
        })
        .collect()
    }
}

/// Replaces a checkpoint by a later one.
pub(super) struct CheckpointWriter {
    database: Arc<Database>,
    path: PathBuf,
    derivation: Option<Arc<Derivation>>,
}

impl CheckpointWriter {
    /// Makes these changes, after which there is what the summary says, all or none of them.
    pub(super) fn write(
        &self,
        changes: &StagedChanges,
        summary: &Summary,
    ) -> Result<(), StorageError> {
        self.try_write(changes, summary).map_err(|error| read_error(&self.path, error))
    }

    fn try_write(&self, changes: &StagedChanges, summary: &Summary) -> Result<(), ReadError> {
        let transaction = self.database.begin_write()?;
        let meta = transaction.open_table(META)?;
        let row = meta.get(DERIVED)?.map(|row| codec::decode(DERIVED.as_bytes(), row.value()));
        let row: Option<DerivedRow> = row.transpose().map_err(ReadError::Damaged)?;
        drop(meta);
        let derivation = self.derivation.as_deref();
        let mut deriving = derivation.zip(row).and_then(|(of, row)| Deriving::go_on(of, row));
        write_entries(&transaction, &changes.entries, deriving.as_mut())?;
        match (deriving, derivation) {
            (Some(deriving), _) => {
                let row = deriving.write(&transaction)?;
                put_meta(&transaction, DERIVED, &row)?;
            }
            (None, Some(derivation)) => {
                let row = derive_anew(&transaction, derivation)?;
                put_meta(&transaction, DERIVED, &row)?;
            }
            // It would not be that of the rows any more.
            (None, None) => {
                transaction.open_table(META)?.remove(DERIVED)?;
            }
        }
        write_hints(&transaction, &changes.hints)?;
        write_registrations(&transaction, &changes.registrations)?;
        put_meta(&transaction, SUMMARY, summary)?;
        Ok(transaction.commit()?)
    }
}

/// Derives from every row what is derived.
fn derive_anew(
    transaction: &WriteTransaction,
    derivation: &Derivation,
) -> Result<DerivedRow, ReadError> {
    let mut deriving = Deriving::begin(derivation, transaction)?;
    for row in transaction.open_table(ENTRIES)?.iter()? {
        let (place, row) = row?;
        let key =
            row_key::decode(place.value()).ok_or(ReadError::Damaged("a row is about no key"))?;
        let entry = codec::decode(place.value(), row.value()).map_err(ReadError::Damaged)?;
        deriving.replace(&key, None, Some(&entry));
    }
    deriving.write(transaction)
}

fn write_entries(
    transaction: &WriteTransaction,
    changes: &BTreeMap<RowPlace, Option<Entry>>,
    mut deriving: Option<&mut Deriving<'_>>,
) -> Result<(), ReadError> {
    let mut entries = transaction.open_table(ENTRIES)?;
    let mut tombstones = transaction.open_table(TOMBSTONES)?;
    for (place, entry) in changes {
        let row_key = row_key::at(place);
        let old = match entry {
            Some(entry) => {
                let row = codec::encode(&row_key, entry);
                entries.insert(row_key.as_slice(), row.as_slice())?
            }
            None => entries.remove(row_key.as_slice())?,
        };
        if let Some(deriving) = &mut deriving {
            let old = old.as_ref().map(|old| old.value());
            deriving.replace_row(&place.1, old, entry.as_ref()).map_err(ReadError::Damaged)?;
        }
        drop(old);
        let key = &*place.1.0;
        if entry.as_ref().is_some_and(|entry| entry.state.is_deleted()) {
            tombstones.insert(key, ())?;
        } else {
            tombstones.remove(key)?;
        }
    }
    Ok(())
}

fn write_hints(
    transaction: &WriteTransaction,
    changes: &BTreeMap<(NodeId, Key), Option<KeptHint>>,
) -> Result<(), redb::Error> {
    let mut hints = transaction.open_table(HINTS)?;
    for ((home, key), kept) in changes {
        let place = hint_place(*home, key);
        match kept {
            Some(kept) => {
                let row = codec::encode(&place, kept);
                hints.insert(place.as_slice(), row.as_slice())?;
            }
            None => {
                hints.remove(place.as_slice())?;
            }
        }
    }
    Ok(())
}

fn write_registrations(
    transaction: &WriteTransaction,
    changes: &BTreeMap<(NodeId, Incarnation), Registration>,
) -> Result<(), redb::Error> {
    let mut rows = transaction.open_table(REGISTRATIONS)?;
    for ((node, incarnation), registration) in changes {
        let place = registration_place(*node, *incarnation);
        let row = codec::encode(&place, registration);
        rows.insert(place.as_slice(), row.as_slice())?;
    }
    Ok(())
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

fn read_meta<T: DeserializeOwned>(
    meta: &impl ReadableTable<&'static str, Bytes>,
    path: &Path,
    row: &str,
) -> Result<Option<T>, StorageError> {
    let value = meta.get(row).map_err(|error| failed(path, error))?;
    value
        .map(|value| codec::decode(row.as_bytes(), value.value()))
        .transpose()
        .map_err(|detail| corrupt(path, &format!("{detail}: {row}")))
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

fn inaccessible(path: &Path) -> impl FnOnce(std::io::Error) -> StorageError + '_ {
    |source| StorageError::Inaccessible { path: path.into(), source }
}

fn corrupt(path: &Path, detail: &str) -> StorageError {
    StorageError::Corrupt { path: path.into(), detail: detail.to_string() }
}

fn read_error(path: &Path, error: ReadError) -> StorageError {
    match error {
        ReadError::Failed(error) => failed(path, error),
        ReadError::Damaged(detail) => corrupt(path, detail),
    }
}

fn failed(path: &Path, error: impl Into<redb::Error>) -> StorageError {
    StorageError::of_database(path, error)
}
