//! The store over redb. Nothing outside this module knows which database it is.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use quorate_model::hash_tree::rows_within;
use quorate_model::ids::Key;
use quorate_model::protocol::{Entry, Identity, Store};
use quorate_model::refine::digest::StoreDigest;
use quorate_model::versions::Versioning;

use super::{Counts, STORE_FORMAT, StagedChanges, StorageError, codec, row_key};

/// The memory that the database's cache may take unless told otherwise.
pub const CACHE_BYTES_DEFAULT: usize = 64 * 1024 * 1024;

const DATABASE_FILE: &str = "store.redb";
const LOCK_FILE: &str = "lock";

/// Single rows: who the node is and how far it got.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Every key the node holds something of, ordered by position: see [`row_key`].
const ENTRIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");

/// The rows of [`META`]. The format is the first thing read, so it is never encoded otherwise.
const FORMAT: &str = "format";
const OWNER: &str = "owner";
const IDENTITY: &str = "identity";
const STEP: &str = "step";
const COUNTS: &str = "counts";

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
    /// Locked for as long as the store is open.
    _lock: File,
}

impl Storage {
    /// Opens the store of this directory, which is created if there is none.
    ///
    /// # Errors
    /// When another process has it open, it cannot be read, it is damaged, it was written by a
    /// newer or an older program, or it is another owner's. It is never taken for empty then.
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
        storage.counts = storage.meta(COUNTS)?.unwrap_or_default();
        Ok(storage)
    }

    /// The number of the last step that is durable here; zero on a fresh store.
    #[must_use]
    pub fn durable_step(&self) -> u64 {
        self.durable_step
    }

    /// How much it holds.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Makes a group's changes and the number of its last step durable, together or not at all.
    ///
    /// # Errors
    /// When the database fails. Whether the group became durable is then known only after the
    /// store was opened again, so the node must stop without performing any of its effects.
    pub fn commit(&mut self, changes: &StagedChanges, step: u64) -> Result<(), StorageError> {
        let mut counts = self.counts;
        let transaction = self.database.begin_write().map_err(|error| self.failed(error))?;
        {
            let mut entries =
                transaction.open_table(ENTRIES).map_err(|error| self.failed(error))?;
            for (key, entry) in changes.entries() {
                let key = row_key::encode(key);
                let row = codec::encode(&key, entry);
                let old = entries
                    .insert(key.as_slice(), row.as_slice())
                    .map_err(|error| self.failed(error))?;
                let old = old
                    .map(|old| codec::decode::<Entry>(&key, old.value()))
                    .transpose()
                    .map_err(|detail| self.corrupt(detail))?;
                counts.replace(old.as_ref(), entry);
            }
        }
        if let Some(identity) = changes.identity {
            put_meta(&transaction, IDENTITY, &identity).map_err(|error| self.failed(error))?;
        }
        put_meta(&transaction, STEP, &step).map_err(|error| self.failed(error))?;
        put_meta(&transaction, COUNTS, &counts).map_err(|error| self.failed(error))?;
        transaction.commit().map_err(|error| self.failed(error))?;
        self.identity = changes.identity.or(self.identity);
        self.durable_step = step;
        self.counts = counts;
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
        let transaction = self.database.begin_read().map_err(|error| self.failed(error))?;
        let entries = transaction.open_table(ENTRIES).map_err(|error| self.failed(error))?;
        for row in entries.iter().map_err(|error| self.failed(error))? {
            let (key, row) = row.map_err(|error| self.failed(error))?;
            let (key, entry) = self.decode_row(key.value(), row.value())?;
            digest.toggle_entry(&key, &entry);
        }
        Ok(digest)
    }

    fn decode_row(&self, row_key: &[u8], row: &[u8]) -> Result<(Key, Entry), StorageError> {
        let entry = codec::decode(row_key, row).map_err(|detail| self.corrupt(detail))?;
        let key = row_key::decode(row_key).ok_or_else(|| self.corrupt("a row is about no key"))?;
        Ok((key, entry))
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

    fn entry(&self, key: &Key) -> Result<Option<Entry>, StorageError> {
        let transaction = self.database.begin_read().map_err(|error| self.failed(error))?;
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
        let transaction = self.database.begin_read().map_err(|error| self.failed(error))?;
        let entries = transaction.open_table(ENTRIES).map_err(|error| self.failed(error))?;
        let rows = entries.range::<&[u8]>(bounds).map_err(|error| self.failed(error))?;
        rows.take(max)
            .map(|row| {
                let (key, row) = row.map_err(|error| self.failed(error))?;
                self.decode_row(key.value(), row.value())
            })
            .collect()
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
