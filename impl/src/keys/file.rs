//! Files that hold keys.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::{Access, ClientKey, ClusterKey, Grant, Keyring, Right, Secret};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no file.
    #[error(
        "there is no key at {}: `quorate key new --out {}` makes one for a new cluster; a cluster that \
         runs already has one, and `quorate key client` there makes one for a client",
        path.display(), path.display()
    )]
    Missing {
        /// Where one was looked for.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("cannot use the key file {}: {source}", path.display())]
    Inaccessible {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read it.
    #[error(
        "the key file {} can be used by others (mode {mode:03o}): chmod 600 {}",
        path.display(), path.display()
    )]
    NotPrivate {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds something else.
    #[error("{}: {detail}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong with which field.
        detail: String,
    },
    /// It is a client's, where the cluster's is needed.
    #[error(
        "{} is the key of client {name}, but this needs the key of the cluster: key_file in \
         cluster.toml names it",
        path.display()
    )]
    OfAClient {
        /// Which file.
        path: PathBuf,
        /// Whose it is.
        name: String,
    },
}

/// What a key file holds.
#[derive(Clone, Debug)]
pub enum KeyFile {
    /// The keys of a cluster: whoever has them may do everything.
    Cluster(Keyring),
    /// That of one client.
    Client(ClientKey),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    revoked: BTreeSet<String>,
    #[serde(default)]
    key: Vec<RawKey>,
    client: Option<RawClient>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    secret: String,
    use_from: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClient {
    name: String,
    rights: Vec<Right>,
    expires: Option<String>,
    key_id: String,
    secret: String,
}

impl KeyFile {
    /// Reads a key file.
    ///
    /// # Errors
    /// When there is none, it can be used by others, or holds something else.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let inaccessible = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => KeyError::Missing { path: path.into() },
            _ => KeyError::Inaccessible { path: path.into(), source },
        };
        let mode = fs::metadata(path).map_err(inaccessible)?.permissions().mode() & 0o777;
        // A group may read it, as services are given secrets; nobody else may.
        if mode & 0o027 != 0 {
            return Err(KeyError::NotPrivate { path: path.into(), mode });
        }
        let text = fs::read_to_string(path).map_err(inaccessible)?;
        Self::parse(&text).map_err(|detail| KeyError::Invalid { path: path.into(), detail })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let raw: Raw = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        match (raw.client, raw.key.is_empty()) {
            (Some(client), true) => client.checked().map(KeyFile::Client),
            (None, false) => {
                let keys = raw.key.into_iter().map(RawKey::checked).collect::<Result<_, _>>()?;
                Ok(KeyFile::Cluster(Keyring::new(keys, raw.revoked)))
            }
            _ => Err("a key file holds either [[key]], those of a cluster, or [client]".to_owned()),
        }
    }

    /// The text of the file.
    ///
    /// # Panics
    /// Never: writing to a string does not fail.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        match self {
            KeyFile::Cluster(ring) => {
                text += "# The keys of a quorate cluster, newest first. Whoever can read this file can read \
                         and\n# change everything: keep it as private as the data.\n";
                let revoked: Vec<_> =
                    ring.revoked().iter().map(|name| format!("\"{name}\"")).collect();
                writeln!(text, "revoked = [{}]  # names of clients", revoked.join(", "))
                    .expect("writing to a string does not fail");
                for key in ring.keys() {
                    writeln!(text, "\n[[key]]  # {}", key.id())
                        .expect("writing to a string does not fail");
                    if key.use_from() > 0 {
                        writeln!(text, "use_from = \"{}\"", time(key.use_from()))
                            .expect("writing to a string does not fail");
                    }
                    writeln!(text, "secret = \"{}\"", key.secret().reveal())
                        .expect("writing to a string does not fail");
                }
            }
            KeyFile::Client(ClientKey { key_id, grant, secret }) => {
                let rights: Vec<_> =
                    grant.rights.iter().map(|right| format!("\"{right}\"")).collect();
                let (name, rights) = (&grant.name, rights.join(", "));
                write!(
                    text,
                    "# The key of a client of a quorate cluster.\n[client]\nname = \"{name}\"\nrights = [{rights}]\n"
                )
                .expect("writing to a string does not fail");
                if let Some(expires) = grant.expires {
                    writeln!(text, "expires = \"{}\"", time(expires))
                        .expect("writing to a string does not fail");
                }
                let secret = secret.reveal();
                write!(text, "key_id = \"{key_id}\"\nsecret = \"{secret}\"\n")
                    .expect("writing to a string does not fail");
            }
        }
        text
    }

    /// Writes it where there is no file yet, for its owner alone.
    ///
    /// # Errors
    /// When there is one, or it cannot be written.
    pub fn create(&self, path: &Path) -> Result<(), KeyError> {
        let inaccessible = |source| KeyError::Inaccessible { path: path.into(), source };
        let mut file = private().create_new(true).open(path).map_err(inaccessible)?;
        file.write_all(self.render().as_bytes()).map_err(inaccessible)?;
        file.sync_all().map_err(inaccessible)
    }

    /// Puts it in the place of the file that is there, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn replace(&self, path: &Path) -> Result<(), KeyError> {
        let inaccessible = |source| KeyError::Inaccessible { path: path.into(), source };
        let unfinished = path.with_extension(format!("unfinished-{}", std::process::id()));
        let write = || {
            let mut file = private().create(true).truncate(true).open(&unfinished)?;
            file.write_all(self.render().as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, path)
        };
        write().map_err(inaccessible)
    }
}

/// Makes a key for a new cluster, unless there is one or it does without. Says whether it did.
///
/// # Errors
/// When it cannot be written.
pub fn make_key(access: &Access) -> Result<bool, KeyError> {
    match access {
        Access::KeyFile(path) if !path.exists() => {
            KeyFile::Cluster(Keyring::fresh()).create(path)?;
            Ok(true)
        }
        Access::KeyFile(_) | Access::Unauthenticated => Ok(false),
    }
}

fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true).mode(0o600);
    options
}

impl RawKey {
    fn checked(self) -> Result<ClusterKey, String> {
        let secret: Secret =
            self.secret.parse().map_err(|_| "secret: 64 hexadecimal digits are wanted")?;
        let use_from =
            self.use_from.map_or(Ok(0), |text| seconds(&text).map_err(named("use_from")))?;
        Ok(ClusterKey::new(secret, use_from))
    }
}

impl RawClient {
    fn checked(self) -> Result<ClientKey, String> {
        if !Grant::is_name(&self.name) {
            return Err(format!("client.name: {}", NAME_RULE));
        }
        let secret =
            self.secret.parse().map_err(|_| "client.secret: 64 hexadecimal digits are wanted")?;
        let expires = self.expires.map(|text| seconds(&text).map_err(named("client.expires")));
        let key_id = self.key_id.parse().map_err(|error| format!("client.key_id: {error}"))?;
        let rights = self.rights.into_iter().collect();
        let grant = Grant { name: self.name.into(), rights, expires: expires.transpose()? };
        Ok(ClientKey { key_id, grant, secret })
    }
}

/// What names may be, in words.
pub(super) const NAME_RULE: &str =
    "a name has 1 to 64 letters, digits, dots, dashes, underscores and at signs";

fn named(field: &'static str) -> impl Fn(String) -> String {
    move |detail| format!("{field}: {detail}")
}

fn seconds(text: &str) -> Result<u64, String> {
    let time = humantime::parse_rfc3339(text)
        .map_err(|_| "a time such as \"2026-01-31T12:00:00Z\" is wanted".to_owned())?;
    Ok(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

fn time(seconds: u64) -> humantime::Rfc3339Timestamp {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    humantime::format_rfc3339_seconds(time.unwrap_or(UNIX_EPOCH))
}

/// Seconds since the Unix epoch.
#[must_use]
pub fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Rights;

    #[test]
    fn a_key_file_is_read_as_it_was_written_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cluster.key");
        let ring = Keyring::fresh().rotated(1_700_000_000).revoking(["eve".to_owned()]);
        let file = KeyFile::Cluster(ring.clone());
        file.create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let KeyFile::Cluster(read) = KeyFile::read(&path).unwrap() else { panic!() };
        let names = |ring: &Keyring| -> Vec<_> {
            ring.keys().iter().map(|key| (key.id(), key.use_from())).collect()
        };
        assert_eq!(names(&read), names(&ring));
        assert_eq!(read.revoked(), ring.revoked());
        assert!(matches!(file.create(&path), Err(KeyError::Inaccessible { .. })));
        KeyFile::Cluster(ring.without_older(u64::MAX)).replace(&path).unwrap();
        let KeyFile::Cluster(read) = KeyFile::read(&path).unwrap() else { panic!() };
        assert_eq!(read.keys().len(), 1);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_clients_key_is_read_as_it_was_written() {
        let grant = Grant { name: "a@b".into(), rights: Rights::ALL, expires: Some(1_800_000_000) };
        let key = Keyring::fresh().keys()[0].client_key(grant.clone());
        let (key_id, tag) = (key.key_id, key.secret.tag(b""));
        let text = KeyFile::Client(key).render();
        let KeyFile::Client(read) = KeyFile::parse(&text).unwrap() else { panic!() };
        assert_eq!((read.grant, read.key_id, read.secret.tag(b"")), (grant, key_id, tag));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cluster.key");
        let problem = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            KeyFile::read(&path).unwrap_err().to_string()
        };
        assert!(problem("", 0o644).contains("chmod 600"));
        assert!(problem("", 0o600).contains("[[key]]"));
        assert!(problem("[[key]]\nsecret = \"12\"", 0o600).contains("secret: 64"));
        let missing = KeyFile::read(&directory.path().join("no.key")).unwrap_err().to_string();
        assert!(missing.contains("quorate key new"), "{missing}");
    }
}
