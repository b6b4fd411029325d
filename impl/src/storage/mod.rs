//! The durable store of a node.
//!
//! One directory holds a lock file, a write-ahead log and a database. A group of steps is one record of the
//! log: what the steps changed, and the number of the last of them, become durable together or not at
//! all. Now and then what the log brought is moved into the database, which is then a checkpoint. Reads see
//! every group that was given to the store; what a group has not given yet is in [`Staged`].
//!
//! `docs/durability.md` says why a node may take further steps while a group is on its way to the disk.

mod checkpoint;
pub(crate) mod codec;
mod counts;
pub(crate) mod database_file;
mod derived;
mod directory_lock;
pub(crate) mod durable;
pub(crate) mod log;
mod row_key;
mod staged;
mod store;

pub use crate::config::CACHE_BYTES_DEFAULT;
pub use crate::transport::Waker;
pub use counts::{Counts, message_bytes};
pub use derived::Derivation;
pub(crate) use directory_lock::DirectoryLock;
pub use log::Synced;
pub use staged::{Staged, StagedChanges};
pub use store::{Owner, Storage};

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The version of the layout of the database. Any other is refused.
pub const STORE_FORMAT: u64 = 4;

/// Why the store cannot be used. The node must stop; what was committed before stays.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Another process has the directory open.
    #[error(
        "{} is in use by another process: stop that node first, or give this one another \
         directory", directory.display()
    )]
    InUse {
        /// The data directory.
        directory: PathBuf,
    },
    /// The directory or a file in it cannot be created, opened or locked.
    #[error("cannot use {}: {source}", path.display())]
    Inaccessible {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database was written by a newer program.
    #[error(
        "{} has store format {found}, but this program knows up to {known}: use the newer \
         program", path.display()
    )]
    NewerFormat {
        /// The database file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The format of this program.
        known: u64,
    },
    /// The database was written by an older program.
    #[error(
        "{} has store format {found}, but this program needs {known}: use the older \
         program, or move the data directory away and start the node with an empty one; it will \
         take what it held from the others", path.display()
    )]
    OlderFormat {
        /// The database file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The format of this program.
        known: u64,
    },
    /// The directory holds something else than the configuration says.
    #[error(
        "{} holds the data of node {} with {} versions, not of node {} with {} versions: two nodes \
         must never share or copy a directory, and versions of one kind cannot become another",
        directory.display(), found.node, found.versioning, owner.node, owner.versioning
    )]
    OtherOwner {
        /// The data directory.
        directory: PathBuf,
        /// Whose it is.
        found: Owner,
        /// Who wanted it.
        owner: Owner,
    },
    /// The directory is another node's.
    #[error(
        "{} holds the data of node {found}, not of node {owner}: two nodes must never share or copy a \
         directory", directory.display()
    )]
    OtherNode {
        /// The data directory.
        directory: PathBuf,
        /// Whose it is.
        found: String,
        /// Who wanted it.
        owner: String,
    },
    /// What was read is not what was written.
    #[error(
        "{} is damaged ({detail}): move the data directory away and start the node with an empty \
         one; it will be a fresh incarnation and take what it lost from the others", path.display()
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The log cannot be read or written: the disk failed, or is full.
    #[error(
        "cannot write {}: {source}; nothing that was acknowledged is lost{}", path.display(), advice(source)
    )]
    LogFailed {
        /// The file of the log.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database failed: most likely the disk did.
    #[error(
        "cannot read or write {}: {source}; nothing that was acknowledged is lost: make room on the disk, or \
         look after it, and start the node again", path.display()
    )]
    Failed {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
}

impl StorageError {
    /// What went wrong with a database. A file that is no database, or one that is damaged, is told apart from a disk
    /// that failed.
    fn of_database(path: &Path, error: impl Into<redb::Error>) -> Self {
        let path = path.to_path_buf();
        match error.into() {
            redb::Error::Corrupted(detail) => StorageError::Corrupt { path, detail },
            redb::Error::RepairAborted => {
                StorageError::Corrupt { path, detail: "the repair was aborted".to_string() }
            }
            redb::Error::Io(source) if source.kind() == ErrorKind::InvalidData => {
                StorageError::Corrupt { path, detail: source.to_string() }
            }
            redb::Error::Io(source) if source.kind() == ErrorKind::UnexpectedEof => {
                StorageError::Corrupt { path, detail: "it ends too early".to_string() }
            }
            error @ (redb::Error::TableDoesNotExist(_) | redb::Error::TableTypeMismatch { .. }) => {
                StorageError::Corrupt { path, detail: error.to_string() }
            }
            error => StorageError::Failed { path, source: Box::new(error) },
        }
    }
}

fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            ": make room on the disk and start the node again"
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            ": make the directory writable and start the node again"
        }
        _ => ": look after the disk before you start the node again",
    }
}

#[cfg(test)]
pub(crate) mod damage;
#[cfg(test)]
mod equivalence;
#[cfg(test)]
mod tests;
