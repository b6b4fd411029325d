//! What a store held at one step, over redb.

use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{
    Database, ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, WriteTransaction,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use quorate_leader::log::Entry;
use quorate_leader::names::{Index, Key, Value};
use quorate_leader::store::{Remembered, Undo};
use quorate_model::ids::ClientId;

use super::layers::{Head, Layer, StagedLog};
use crate::storage::database_file::{
    Bytes, DatabaseFile, META, corrupt, failed, other_owner, put_summary, read_summary,
};
use crate::storage::durable::Checkpoints;
use crate::storage::{StorageError, codec};

/// The database of the store. Any other version of its layout is refused.
pub(super) const FILE: DatabaseFile = DatabaseFile { name: "leader.redb", format: 4 };

/// The entries of the replicated log, by index.
const ENTRIES: TableDefinition<'_, u32, Bytes> = TableDefinition::new("entries");
/// What applying each of them replaced.
const UNDO: TableDefinition<'_, u32, Bytes> = TableDefinition::new("undo");
/// What applying them came to.
const ROWS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("rows");
/// What is remembered of clients.
const REMEMBERED: TableDefinition<'_, u64, Bytes> = TableDefinition::new("remembered");

/// What is kept of a checkpoint beside its rows.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Summary {
    /// The number of the last step.
    pub(super) step: u64,
    /// The segment of the write-ahead log that has what comes after it, or from which on it does.
    pub(super) segment: u64,
    /// How many rows there are.
    pub(super) rows: u64,
    /// What there is one of.
    pub(super) head: Head,
}

/// What a node held at one step.
pub(super) struct Checkpoint {
    database: Arc<Database>,
    path: PathBuf,
    head: Head,
    reads: Reads,
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The tables as they were at one step.
struct Reads {
    entries: ReadOnlyTable<u32, Bytes>,
    undo: ReadOnlyTable<u32, Bytes>,
    rows: ReadOnlyTable<Bytes, Bytes>,
    remembered: ReadOnlyTable<u64, Bytes>,
    meta: ReadOnlyTable<&'static str, Bytes>,
}

impl Reads {
    fn open(database: &Database) -> Result<Self, redb::Error> {
        let transaction = database.begin_read()?;
        Ok(Reads {
            entries: transaction.open_table(ENTRIES)?,
            undo: transaction.open_table(UNDO)?,
            rows: transaction.open_table(ROWS)?,
            remembered: transaction.open_table(REMEMBERED)?,
            meta: transaction.open_table(META)?,
        })
    }

    fn summary(&self, path: &Path) -> Result<Summary, StorageError> {
        read_summary(&self.meta, path)
    }
}

impl Checkpoint {
    /// Makes an empty one.
    pub(super) fn create(directory: &Path, owner: &str) -> Result<(), StorageError> {
        FILE.create(directory, &owner, &Summary::default(), open_all)
    }

    /// Opens that of a directory, which must be of the node of this name, and what is kept beside its rows.
    pub(super) fn open(
        directory: &Path,
        owner: &str,
        cache_bytes: usize,
    ) -> Result<(Self, Summary), StorageError> {
        let (database, path) = FILE.open(directory, cache_bytes)?;
        let reads = Reads::open(&database).map_err(|error| failed(&path, error))?;
        let owner = owner.to_string();
        if let Some(found) = other_owner(&reads.meta, &path, &owner)? {
            return Err(StorageError::OtherNode { directory: directory.into(), found, owner });
        }
        let summary = reads.summary(&path)?;
        let rows = reads.rows.len().map_err(|error| failed(&path, error))?;
        let entries = reads.entries.len().map_err(|error| failed(&path, error))?;
        let Head { base, last, .. } = summary.head;
        if rows != summary.rows || entries != u64::from(last.index.0 - base.index.0) {
            return Err(corrupt(&path, "there are more rows or fewer than it says"));
        }
        Ok((Checkpoint { database, path, head: summary.head, reads }, summary))
    }

    fn decoded<T: DeserializeOwned>(&self, place: &[u8], row: &[u8]) -> Result<T, StorageError> {
        codec::decode(place, row).map_err(|detail| corrupt(&self.path, detail))
    }

    fn key(&self, key: &[u8]) -> Result<Key, StorageError> {
        let text = std::str::from_utf8(key);
        text.map(Key::from).map_err(|_| corrupt(&self.path, "a row is about no key"))
    }

    fn failed(&self, error: impl Into<redb::Error>) -> StorageError {
        failed(&self.path, error)
    }
}

impl Checkpoints for Checkpoint {
    type Changes = StagedLog;
    type Summary = Summary;
    type Writer = CheckpointWriter;

    fn writer(&self) -> CheckpointWriter {
        CheckpointWriter { database: Arc::clone(&self.database), path: self.path.clone() }
    }

    fn write(
        writer: &CheckpointWriter,
        changes: &StagedLog,
        summary: &Summary,
    ) -> Result<(), StorageError> {
        writer.write(changes, summary).map_err(|error| failed(&writer.path, error))
    }

    fn refresh(&mut self) -> Result<(), StorageError> {
        self.reads = Reads::open(&self.database).map_err(|error| self.failed(error))?;
        self.head = self.reads.summary(&self.path)?.head;
        Ok(())
    }
}

impl Layer for Checkpoint {
    fn head(&self) -> Head {
        self.head
    }

    fn entry(&self, index: Index) -> Result<Option<Entry>, StorageError> {
        let row = self.reads.entries.get(index.0).map_err(|error| self.failed(error))?;
        row.map(|row| self.decoded(&place_of_entry(index), row.value())).transpose()
    }

    fn row(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        let place = key.0.as_bytes();
        let row = self.reads.rows.get(place).map_err(|error| self.failed(error))?;
        row.map(|row| self.decoded(place, row.value())).transpose()
    }

    fn rows(&self, after: Option<&Key>, at_most: usize) -> Result<Vec<(Key, Value)>, StorageError> {
        let after = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.0.as_bytes()));
        let rows = self.reads.rows.range::<&[u8]>((after, Bound::Unbounded));
        let rows = rows.map_err(|error| self.failed(error))?.take(at_most);
        rows.map(|row| {
            let (key, row) = row.map_err(|error| self.failed(error))?;
            Ok((self.key(key.value())?, self.decoded(key.value(), row.value())?))
        })
        .collect()
    }

    fn remembered(&self, client: ClientId) -> Result<Option<Remembered>, StorageError> {
        let row = self.reads.remembered.get(client.0).map_err(|error| self.failed(error))?;
        row.map(|row| self.decoded(&place_of_client(client), row.value())).transpose()
    }

    fn all_remembered(&self) -> Result<Vec<(ClientId, Remembered)>, StorageError> {
        let rows = self.reads.remembered.iter().map_err(|error| self.failed(error))?;
        rows.map(|row| {
            let (client, row) = row.map_err(|error| self.failed(error))?;
            let client = ClientId(client.value());
            Ok((client, self.decoded(&place_of_client(client), row.value())?))
        })
        .collect()
    }

    fn undo(&self, index: Index) -> Result<Option<Undo>, StorageError> {
        let row = self.reads.undo.get(index.0).map_err(|error| self.failed(error))?;
        row.map(|row| self.decoded(&place_of_undo(index), row.value())).transpose()
    }
}

fn place_of_entry(index: Index) -> [u8; 5] {
    let [a, b, c, d] = index.0.to_be_bytes();
    [b'e', a, b, c, d]
}

fn place_of_undo(index: Index) -> [u8; 5] {
    let [a, b, c, d] = index.0.to_be_bytes();
    [b'u', a, b, c, d]
}

fn place_of_client(client: ClientId) -> [u8; 8] {
    client.0.to_be_bytes()
}

/// Replaces a checkpoint by a later one.
pub(super) struct CheckpointWriter {
    database: Arc<Database>,
    path: PathBuf,
}

impl CheckpointWriter {
    fn write(&self, changes: &StagedLog, summary: &Summary) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        if changes.replaces_all() {
            transaction.delete_table(ENTRIES)?;
            transaction.delete_table(UNDO)?;
            transaction.delete_table(ROWS)?;
            transaction.delete_table(REMEMBERED)?;
            open_all(&transaction)?;
        }
        write_log(&transaction, changes, &summary.head)?;
        write_rows(&transaction, changes)?;
        put_summary(&transaction, summary)?;
        Ok(transaction.commit()?)
    }
}

/// Writes what changed of the replicated log, and removes what the head leaves out.
fn write_log(
    transaction: &WriteTransaction,
    changes: &StagedLog,
    head: &Head,
) -> Result<(), redb::Error> {
    let (first, last) = (head.base.index.next().0, head.last.index.0);
    let mut entries = transaction.open_table(ENTRIES)?;
    entries.retain_in(..first, |_, _| false)?;
    entries.retain_in(last.saturating_add(1).., |_, _| false)?;
    for (index, entry) in changes.entries() {
        entries.insert(index.0, codec::encode(&place_of_entry(*index), entry).as_slice())?;
    }
    let mut undos = transaction.open_table(UNDO)?;
    undos.retain_in(..first, |_, _| false)?;
    for (index, undo) in changes.undo() {
        match undo {
            Some(undo) => {
                undos.insert(index.0, codec::encode(&place_of_undo(*index), undo).as_slice())?;
            }
            None => {
                undos.remove(index.0)?;
            }
        }
    }
    Ok(())
}

fn write_rows(transaction: &WriteTransaction, changes: &StagedLog) -> Result<(), redb::Error> {
    let mut rows = transaction.open_table(ROWS)?;
    for (key, value) in changes.rows_changed() {
        let place = key.0.as_bytes();
        match value {
            Some(value) => {
                rows.insert(place, codec::encode(place, value).as_slice())?;
            }
            None => {
                rows.remove(place)?;
            }
        }
    }
    let mut clients = transaction.open_table(REMEMBERED)?;
    for (client, remembered) in changes.remembered() {
        match remembered {
            Some(remembered) => {
                let row = codec::encode(&place_of_client(*client), remembered);
                clients.insert(client.0, row.as_slice())?;
            }
            None => {
                clients.remove(client.0)?;
            }
        }
    }
    Ok(())
}

fn open_all(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(ENTRIES)?;
    transaction.open_table(UNDO)?;
    transaction.open_table(ROWS)?;
    transaction.open_table(REMEMBERED)?;
    Ok(())
}
