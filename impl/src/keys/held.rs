//! The keys that a process holds, read again when their file changes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::{ClientKey, Grant, KeyError, KeyFile, KeyId, Keyring, Secret, now_seconds};

/// How often a process looks whether its key file has changed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How the processes of a cluster know each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Access {
    /// By keys in this file.
    KeyFile(PathBuf),
    /// Not at all. Whoever can send to a node is believed.
    Unauthenticated,
}

/// The keys of one process.
#[derive(Debug)]
pub struct HeldKeys {
    keys: KeyFile,
    file: Option<Watched>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    stamp: Option<Stamp>,
    looked: Instant,
}

/// What changes of a file when it is written or replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp {
    inode: u64,
    modified: (i64, i64),
    bytes: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let of = |metadata: fs::Metadata| Stamp {
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            bytes: metadata.len(),
        };
        fs::metadata(path).ok().map(of)
    }
}

impl HeldKeys {
    /// Reads the keys.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn open(access: &Access) -> Result<Self, KeyError> {
        let Access::KeyFile(path) = access else {
            return Ok(HeldKeys { keys: KeyFile::Cluster(Keyring::public()), file: None });
        };
        // Looked at before it is read: a change in between is one more reason to read it again.
        let (stamp, path) = (Stamp::of(path), path.clone());
        let keys = KeyFile::read(&path)?;
        Ok(HeldKeys { keys, file: Some(Watched { path, stamp, looked: Instant::now() }) })
    }

    /// The same for a node, which needs the keys of the cluster.
    ///
    /// # Errors
    /// When they cannot be read or are those of a client.
    pub fn open_cluster(access: &Access) -> Result<Self, KeyError> {
        let held = Self::open(access)?;
        match (&held.keys, &held.file) {
            (KeyFile::Client(key), Some(file)) => Err(KeyError::OfAClient {
                path: file.path.clone(),
                name: key.grant.name.to_string(),
            }),
            _ => Ok(held),
        }
    }

    /// Reads the file again if it has changed, now and then. What cannot be used is told and left aside.
    pub fn refresh(&mut self, now: Instant) {
        let is_of_cluster = self.is_of_cluster();
        let Some(file) = &mut self.file else { return };
        if now.saturating_duration_since(file.looked) < LOOK_AGAIN {
            return;
        }
        file.looked = now;
        let stamp = Stamp::of(&file.path);
        if stamp == file.stamp {
            return;
        }
        file.stamp = stamp;
        match KeyFile::read(&file.path) {
            Ok(keys) if matches!(keys, KeyFile::Cluster(_)) == is_of_cluster => {
                info!(path = %file.path.display(), "read the keys again");
                self.keys = keys;
            }
            Ok(_) => warn!(path = %file.path.display(), "ignored a key file of another kind"),
            Err(error) => warn!(%error, "kept the keys as they were"),
        }
    }

    /// Whether these are the keys of the cluster.
    #[must_use]
    pub fn is_of_cluster(&self) -> bool {
        matches!(self.keys, KeyFile::Cluster(_))
    }

    /// The keys of the cluster, if they are known here.
    #[must_use]
    pub fn ring(&self) -> Option<&Keyring> {
        match &self.keys {
            KeyFile::Cluster(ring) => Some(ring),
            KeyFile::Client(_) => None,
        }
    }

    /// What this process may do as a client.
    #[must_use]
    pub fn grant(&self) -> Grant {
        match &self.keys {
            KeyFile::Cluster(_) => Grant::local(),
            KeyFile::Client(key) => key.grant.clone(),
        }
    }

    /// What this process sends under as a client.
    #[must_use]
    pub fn client_key(&self) -> ClientKey {
        match &self.keys {
            KeyFile::Cluster(ring) => ring.in_use(now_seconds()).client_key(Grant::local()),
            KeyFile::Client(key) => key.clone(),
        }
    }

    /// What a node answers this process under as a client, where it names this key.
    #[must_use]
    pub fn client_secret(&self, id: KeyId) -> Option<Secret> {
        match &self.keys {
            KeyFile::Cluster(ring) => {
                ring.key(id).map(|key| key.client_secret(Grant::local().as_ref()))
            }
            KeyFile::Client(key) => (key.key_id == id).then_some(key.secret),
        }
    }

    /// Where they are read from.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.path.as_path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_again_when_their_file_changes_and_kept_when_it_is_broken() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cluster.key");
        let ring = Keyring::fresh();
        KeyFile::Cluster(ring.clone()).create(&path).unwrap();
        let mut held = HeldKeys::open_cluster(&Access::KeyFile(path.clone())).unwrap();
        let later = |times: u32| Instant::now() + times * LOOK_AGAIN;
        let keys = |held: &HeldKeys| held.ring().unwrap().keys().len();
        KeyFile::Cluster(ring.rotated(0)).replace(&path).unwrap();
        held.refresh(Instant::now());
        assert_eq!(keys(&held), 1, "not looked at so soon");
        held.refresh(later(1));
        assert_eq!(keys(&held), 2);
        fs::write(&path, "nonsense").unwrap();
        held.refresh(later(2));
        assert_eq!(keys(&held), 2);
        let client = KeyFile::Client(ring.keys()[0].client_key(Grant::local()));
        client.replace(&path).unwrap();
        held.refresh(later(3));
        assert_eq!(keys(&held), 2);
        let opened = HeldKeys::open_cluster(&Access::KeyFile(path));
        assert!(matches!(opened, Err(KeyError::OfAClient { .. })));
    }
}
