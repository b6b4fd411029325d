//! The file of a store's database: made whole or not at all, of one format, of one owner.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{StorageError, codec};

/// Keys and rows as they are written.
pub(crate) type Bytes = &'static [u8];

/// Single rows: whose the database is, and how far it got.
pub(crate) const META: TableDefinition<'_, &str, Bytes> = TableDefinition::new("meta");

/// The rows of [`META`]. The format is the first thing read, so it is never encoded otherwise.
const FORMAT: &str = "format";
const OWNER: &str = "owner";
const SUMMARY: &str = "summary";

/// Which file of a directory, and the version of its layout.
pub(crate) struct DatabaseFile {
    /// Its name.
    pub(crate) name: &'static str,
    /// The only version that is opened.
    pub(crate) format: u64,
}

impl DatabaseFile {
    fn path(&self, directory: &Path) -> PathBuf {
        directory.join(self.name)
    }

    /// Whether the directory has one.
    pub(crate) fn is_in(&self, directory: &Path) -> Result<bool, StorageError> {
        let path = self.path(directory);
        path.try_exists().map_err(inaccessible(&path))
    }

    /// Makes one under a name of its own and moves it to its place when it is complete: a crash in between leaves none,
    /// never half of one. `tables` makes its tables.
    pub(crate) fn create(
        &self,
        directory: &Path,
        owner: &impl Serialize,
        summary: &impl Serialize,
        tables: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StorageError> {
        let path = self.path(directory);
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
            put_meta(&transaction, FORMAT, &self.format)?;
            put_meta(&transaction, OWNER, owner)?;
            put_summary(&transaction, summary)?;
            tables(&transaction)?;
            Ok(transaction.commit()?)
        };
        made().map_err(|error| failed(&path, error))?;
        drop(database);
        fs::rename(&unfinished, &path).map_err(inaccessible(&path))?;
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(inaccessible(&path))
    }

    /// Opens that of a directory, which must be of this format; says where it is.
    pub(crate) fn open(
        &self,
        directory: &Path,
        cache_bytes: usize,
    ) -> Result<(Arc<Database>, PathBuf), StorageError> {
        let path = self.path(directory);
        let mut builder = Database::builder();
        builder.set_cache_size(cache_bytes);
        // Reads the whole file: a page that was damaged while nobody looked must not hide the rows below it.
        builder.set_check_integrity_on_open(true);
        let database = builder.open(&path).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => {
                StorageError::InUse { directory: directory.into() }
            }
            error => failed(&path, error),
        })?;
        // The format first: another one may lack tables.
        let format = {
            let transaction = database.begin_read().map_err(|error| failed(&path, error))?;
            let meta = transaction.open_table(META).map_err(|error| failed(&path, error))?;
            read_meta(&meta, &path, FORMAT)?
        };
        let known = self.format;
        match format {
            Some(found) if found == known => Ok((Arc::new(database), path)),
            Some(found) if found > known => Err(StorageError::NewerFormat { path, found, known }),
            Some(found) => Err(StorageError::OlderFormat { path, found, known }),
            None => Err(corrupt(&path, "there is no format row")),
        }
    }
}

/// Whose the database is, if it is not this owner's.
pub(crate) fn other_owner<T: DeserializeOwned + PartialEq>(
    meta: &impl ReadableTable<&'static str, Bytes>,
    path: &Path,
    owner: &T,
) -> Result<Option<T>, StorageError> {
    let found = read_meta(meta, path, OWNER)?;
    let found: T = found.ok_or_else(|| corrupt(path, "there is no owner row"))?;
    Ok(Some(found).filter(|found| found != owner))
}

/// What is kept beside the rows.
pub(crate) fn read_summary<T: DeserializeOwned>(
    meta: &impl ReadableTable<&'static str, Bytes>,
    path: &Path,
) -> Result<T, StorageError> {
    read_meta(meta, path, SUMMARY)?.ok_or_else(|| corrupt(path, "there is no summary row"))
}

/// Replaces what is kept beside the rows.
pub(crate) fn put_summary(
    transaction: &WriteTransaction,
    summary: &impl Serialize,
) -> Result<(), redb::Error> {
    put_meta(transaction, SUMMARY, summary)
}

/// A single row; `None` if there is none.
pub(crate) fn read_meta<T: DeserializeOwned>(
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

/// Replaces a single row.
pub(crate) fn put_meta(
    transaction: &WriteTransaction,
    row: &str,
    value: &impl Serialize,
) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    meta.insert(row, codec::encode(row.as_bytes(), value).as_slice())?;
    Ok(())
}

pub(super) fn inaccessible(path: &Path) -> impl FnOnce(std::io::Error) -> StorageError + '_ {
    |source| StorageError::Inaccessible { path: path.into(), source }
}

pub(crate) fn corrupt(path: &Path, detail: &str) -> StorageError {
    StorageError::Corrupt { path: path.into(), detail: detail.to_string() }
}

pub(crate) fn failed(path: &Path, error: impl Into<redb::Error>) -> StorageError {
    StorageError::of_database(path, error)
}
