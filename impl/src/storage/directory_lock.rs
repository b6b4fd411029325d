//! One process alone uses a data directory.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::Path;

use super::StorageError;

const LOCK_FILE: &str = "lock";

/// Holds a directory for this process, until it is dropped.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Holds the directory. The database has a lock of its own; this one also covers the time before the database
    /// exists. The file names the process, for those who want to stop it; what it says counts only while it is locked.
    ///
    /// # Errors
    /// When another process holds it, or the file cannot be used.
    pub(super) fn take(directory: &Path) -> Result<Self, StorageError> {
        let path = directory.join(LOCK_FILE);
        let inaccessible = |source| StorageError::Inaccessible { path: path.clone(), source };
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(inaccessible)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).map_err(inaccessible)?;
                writeln!(file, "{}", std::process::id()).map_err(inaccessible)?;
                Ok(DirectoryLock { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                Err(StorageError::InUse { directory: directory.into() })
            }
            Err(TryLockError::Error(source)) => Err(inaccessible(source)),
        }
    }
}
