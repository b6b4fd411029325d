//! What a store held at one step, over redb.
//!
//! A checkpoint is replaced by a later one in one transaction. Reads go on meanwhile and see the earlier one until they
//! are told to look again.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{
    Database, ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, WriteTransaction,
};
use serde::{Deserialize, Serialize};

use quorate_model::hash_tree::{RowPlace, rows_within};
use quorate_model::ids::{Key, NodeId};
use quorate_model::protocol::{Entry, Hint, Identity, KeptHint, Registration};
use quorate_model::versions::Incarnation;

use super::database_file::{
    Bytes, DatabaseFile, META, corrupt, failed, other_owner, put_meta, put_summary, read_meta,
    read_summary,
};
use super::derived::{DERIVED, Derivation, Derived, DerivedRow, Deriving, ReadError};
use super::durable::Checkpoints;
use super::staged::Rows;
use super::{Counts, Owner, STORE_FORMAT, StagedChanges, StorageError, codec, row_key};

/// The database of the store.
pub(super) const FILE: DatabaseFile = DatabaseFile { name: "store.redb", format: STORE_FORMAT };

/// Every key the node holds something of, ordered by position: see [`row_key`].
const ENTRIES: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("entries");
/// Every key of which the node holds nothing but tombstones: an index, so that looking for them
/// costs what there is of them.
const TOMBSTONES: TableDefinition<'_, Bytes, ()> = TableDefinition::new("tombstones");
/// Every hint, under its home and key.
const HINTS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("hints");
/// What is remembered of the incarnations of other nodes, under node and incarnation.
const REGISTRATIONS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("registrations");

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
    /// How what is derived from its rows is derived, where that is kept.
    derivation: Option<Arc<Derivation>>,
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
    /// Makes an empty one.
    pub(super) fn create(directory: &Path, owner: &Owner) -> Result<(), StorageError> {
        FILE.create(directory, owner, &Summary::default(), |transaction| {
            transaction.open_table(ENTRIES)?;
            transaction.open_table(TOMBSTONES)?;
            transaction.open_table(HINTS)?;
            transaction.open_table(REGISTRATIONS)?;
            Ok(())
        })
    }

    /// Opens that of a directory, which must be this owner's, and what is kept beside its rows.
    pub(super) fn open(
        directory: &Path,
        owner: &Owner,
        cache_bytes: usize,
        derivation: Option<Arc<Derivation>>,
    ) -> Result<(Self, Summary), StorageError> {
        let (database, path) = FILE.open(directory, cache_bytes)?;
        let reads = Reads::open(&database).map_err(|error| failed(&path, error))?;
        if let Some(found) = other_owner(&reads.meta, &path, owner)? {
            let (directory, owner) = (directory.into(), owner.clone());
            return Err(StorageError::OtherOwner { directory, found, owner });
        }
        let summary: Summary = read_summary(&reads.meta, &path)?;
        let count =
            |rows: Result<u64, redb::StorageError>| rows.map_err(|error| failed(&path, error));
        if count(reads.tombstones.len())? != summary.counts.tombstones
            || count(reads.entries.len())? != summary.counts.keys
            || count(reads.hints.len())? != summary.counts.hint_count()
        {
            return Err(corrupt(&path, "there are more rows or fewer than it says"));
        }
        Ok((Checkpoint { database, path, reads, derivation }, summary))
    }

    /// How what is derived from its rows is derived, where that is kept.
    pub(super) fn derivation(&self) -> Option<&Arc<Derivation>> {
        self.derivation.as_ref()
    }

    /// What is derived from its rows; `None` if that is not kept, or for another derivation.
    pub(super) fn derived(&self) -> Result<Option<Derived>, StorageError> {
        let Some(derivation) = self.derivation.as_deref() else { return Ok(None) };
        if self.reads.entries.is_empty().map_err(|error| self.failed(error))? {
            return Ok(Some(Derived::of_nothing(derivation)));
        }
        let row: Option<DerivedRow> = read_meta(&self.reads.meta, &self.path, DERIVED)?;
        let Some(row) = row else { return Ok(None) };
        let transaction = self.database.begin_read().map_err(|error| self.failed(error))?;
        let read = Derived::read(derivation, &row, &transaction);
        read.map_err(|error| read_error(&self.path, error))
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

impl Checkpoints for Checkpoint {
    type Changes = StagedChanges;
    type Summary = Summary;
    type Writer = CheckpointWriter;

    fn writer(&self) -> CheckpointWriter {
        let (database, path) = (Arc::clone(&self.database), self.path.clone());
        CheckpointWriter { database, path, derivation: self.derivation.clone() }
    }

    fn write(
        writer: &CheckpointWriter,
        changes: &StagedChanges,
        summary: &Summary,
    ) -> Result<(), StorageError> {
        writer.write(changes, summary).map_err(|error| read_error(&writer.path, error))
    }

    fn refresh(&mut self) -> Result<(), StorageError> {
        self.reads = Reads::open(&self.database).map_err(|error| self.failed(error))?;
        Ok(())
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
    fn write(&self, changes: &StagedChanges, summary: &Summary) -> Result<(), ReadError> {
        let transaction = self.database.begin_write()?;
        let meta = transaction.open_table(META)?;
        let row = meta.get(DERIVED)?.map(|row| codec::decode(DERIVED.as_bytes(), row.value()));
        let row: Option<DerivedRow> = row.transpose().map_err(ReadError::Damaged)?;
        drop(meta);
        let derivation = self.derivation.as_deref();
        let mut deriving = match (derivation, row) {
            (Some(of), Some(row)) => Deriving::go_on(of, row),
            // There is nothing yet but what these changes bring.
            (Some(of), None) if transaction.open_table(ENTRIES)?.is_empty()? => {
                Some(Deriving::begin(of, &transaction)?)
            }
            _ => None,
        };
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
        put_summary(&transaction, summary)?;
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

fn read_error(path: &Path, error: ReadError) -> StorageError {
    match error {
        ReadError::Failed(error) => failed(path, error),
        ReadError::Damaged(detail) => corrupt(path, detail),
    }
}
