//! One process alone uses a data directory.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::Path;

use super::StorageError;

const LOCK_FILE: &str = "lock";

/// Holds a directory for this process, until it is dropped.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    file: File,
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // To close the file is not enough: a process that another thread is about to start has every open file of this
        // one until it executes its own program, and keeps them locked until then.
        let _ = self.file.unlock();
    }
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
                Ok(DirectoryLock { file })
            }
            Err(TryLockError::WouldBlock) => {
                Err(StorageError::InUse { directory: directory.into() })
            }
            Err(TryLockError::Error(source)) => Err(inaccessible(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_free_at_once_even_while_another_process_still_has_the_file_open() {
        let directory = tempfile::tempdir().unwrap();
        let lock = DirectoryLock::take(directory.path()).unwrap();
        let inherited = lock.file.try_clone().unwrap();
        let second = DirectoryLock::take(directory.path());
        assert!(matches!(second, Err(StorageError::InUse { .. })), "{second:?}");
        drop(lock);
        let again = DirectoryLock::take(directory.path());
        assert!(again.is_ok(), "{again:?}");
        drop(inherited);
    }
}
