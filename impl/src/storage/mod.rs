//! The durable store of a node.
//!
//! One directory holds a lock file and one database file. A group of steps is one transaction:
//! what the steps changed, and the number of the last of them, become durable together or not at
//! all. Reads see the last committed group; what a group has not committed yet is in [`Staged`].

mod codec;
mod counts;
mod database;
mod row_key;
mod staged;

pub use counts::{Counts, message_bytes};
pub use database::{CACHE_BYTES_DEFAULT, Owner, Storage};
pub use staged::{Staged, StagedChanges};

use std::path::PathBuf;

/// The version of the layout of the database. Any other is refused.
pub const STORE_FORMAT: u64 = 3;

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
        "{} has store format {found}, but this program knows up to {STORE_FORMAT}: use the newer \
         program", path.display()
    )]
    NewerFormat {
        /// The database file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
    /// The database was written by an older program.
    #[error(
        "{} has store format {found}, but this program needs {STORE_FORMAT}: use the older \
         program, or move the data directory away and start the node with an empty one; it will \
         take what it held from the others", path.display()
    )]
    OlderFormat {
        /// The database file.
        path: PathBuf,
        /// Its format.
        found: u64,
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
    /// The database failed: most likely the disk did.
    #[error("cannot read or write {}: {source}", path.display())]
    Failed {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
}

#[cfg(test)]
mod equivalence;
#[cfg(test)]
mod tests;
