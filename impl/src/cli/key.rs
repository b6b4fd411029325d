//! `quorate key`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::request::CONFIG_DEFAULT;
use super::{Failure, output};
use crate::config::{ClusterFile, KEY_FILE_DEFAULT};
use crate::keys::{Access, Grant, KeyError, KeyFile, Keyring, NAME_RULE, Rights, now_seconds};

/// Make the key of a cluster, keys for clients, and new keys in the place of old ones.
///
/// `quorate cluster` makes the key of its cluster by itself, and clients that can read it use it.
#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(NewArgs),
    Client(ClientArgs),
    Rotate(RotateArgs),
    Revoke(RevokeArgs),
}

/// Make a key for a new cluster.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when it was made, 2 when there is one already.")]
struct NewArgs {
    /// Where it is written [default: where the configuration looks for it]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
}

/// Make a key for a client, with the rights it needs.
///
/// The key follows from that of the cluster: nodes need not be told. A client uses it through a
/// cluster.toml of its own, whose key_file names it, or with --key-file.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when it was made, 2 when it was not.")]
struct ClientArgs {
    /// The name of the client, by which `quorate key revoke` takes its rights away
    name: String,
    /// What it may do: read, write and admin, separated by commas
    #[arg(long)]
    rights: Rights,
    /// For how long, such as 30d; for ever without this
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
    /// Where it is written; printed without this
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
}

/// Make a new key for a cluster that goes on running.
///
/// All processes read the file again by themselves. They believe the new key at once and use it once
/// the time has passed, so that it can be copied to other machines meanwhile. The old one is believed until
/// --drop-old takes it away, and with it every key of a client that was made from it.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when the file was changed, 2 when it was not.")]
struct RotateArgs {
    /// How long until the new key is used
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    after: Duration,
    /// Make none, and believe no key any more that is older than the one in use
    #[arg(long, conflicts_with = "after")]
    drop_old: bool,
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
}

/// Believe the keys of these clients no more, whatever rights they were made with.
///
/// A name is revoked for good: make another key under another name.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when the file was changed, 2 when it was not.")]
struct RevokeArgs {
    /// Their names
    #[arg(required = true)]
    names: Vec<String>,
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When a key cannot be read or written.
pub fn run(args: &KeyArgs) -> Result<(), Failure> {
    match &args.command {
        Command::New(args) => new(args),
        Command::Client(args) => client(args),
        Command::Rotate(args) => rotate(args),
        Command::Revoke(args) => revoke(args),
    }
}

fn new(args: &NewArgs) -> Result<(), Failure> {
    let path = match &args.out {
        Some(path) => path.clone(),
        // The configuration may be written later.
        None if !args.config.exists() => {
            args.config.parent().unwrap_or(Path::new("")).join(KEY_FILE_DEFAULT)
        }
        None => key_file(&args.config)?,
    };
    if path.exists() {
        return Err(Failure::Usage(format!(
            "{} is there already; `quorate key rotate` makes a new key for a cluster that runs",
            path.display()
        )));
    }
    KeyFile::Cluster(Keyring::fresh()).create(&path)?;
    output::print(format!("wrote {}: keep it as private as the data\n", path.display()))
}

fn client(args: &ClientArgs) -> Result<(), Failure> {
    if !Grant::is_name(&args.name) {
        return Err(Failure::Usage(format!("NAME: {NAME_RULE}")));
    }
    let (path, ring) = ring(&args.config)?;
    if ring.revoked().contains(&args.name) {
        return Err(Failure::Usage(format!(
            "NAME: {} is revoked in {}; take another name",
            args.name,
            path.display()
        )));
    }
    let now = now_seconds();
    let expires = args.expires.map(|time| now.saturating_add(time.as_secs()));
    let grant = Grant { name: args.name.as_str().into(), rights: args.rights, expires };
    let file = KeyFile::Client(ring.in_use(now).client_key(grant));
    match &args.out {
        None => output::print(file.render()),
        Some(path) => {
            file.create(path)?;
            output::print(format!("wrote {}\n", path.display()))
        }
    }
}

fn rotate(args: &RotateArgs) -> Result<(), Failure> {
    let (path, ring) = ring(&args.config)?;
    let now = now_seconds();
    if args.drop_old {
        let kept = ring.without_older(now);
        let dropped = ring.keys().len() - kept.keys().len();
        KeyFile::Cluster(kept).replace(&path)?;
        return output::print(format!("{}: dropped {dropped} old\n", path.display()));
    }
    let rotated = ring.rotated(now.saturating_add(args.after.as_secs()));
    let id = rotated.keys()[0].id();
    KeyFile::Cluster(rotated).replace(&path)?;
    output::print(format!(
        "{}: key {id} is used in {}; until then, copy the file to where it is needed. Then drop the old \
         key: quorate key rotate --drop-old\n",
        path.display(),
        humantime::format_duration(Duration::from_secs(args.after.as_secs()))
    ))
}

fn revoke(args: &RevokeArgs) -> Result<(), Failure> {
    if let Some(wrong) = args.names.iter().find(|name| !Grant::is_name(name)) {
        return Err(Failure::Usage(format!("{wrong:?}: {NAME_RULE}")));
    }
    let (path, ring) = ring(&args.config)?;
    KeyFile::Cluster(ring.revoking(args.names.iter().cloned())).replace(&path)?;
    output::print(format!("{}: revoked {}\n", path.display(), args.names.join(", ")))
}

/// Where the key of a cluster is.
fn key_file(config: &Path) -> Result<PathBuf, Failure> {
    let cluster = ClusterFile::read(config)?;
    match cluster.access {
        Access::KeyFile(path) => Ok(path),
        Access::Unauthenticated => Err(Failure::Usage(format!(
            "{} says unauthenticated = true: its nodes would not look at a key; remove that line first",
            config.display()
        ))),
    }
}

fn ring(config: &Path) -> Result<(PathBuf, Keyring), Failure> {
    let path = key_file(config)?;
    match KeyFile::read(&path)? {
        KeyFile::Cluster(ring) => Ok((path, ring)),
        KeyFile::Client(key) => {
            Err(KeyError::OfAClient { path, name: key.grant.name.to_string() }.into())
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Failure::Usage(error.to_string())
    }
}

/// Which key a client uses.
#[derive(Clone, Debug, Default, Args)]
pub struct WithKey {
    /// The key of this client, instead of what the configuration names
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl WithKey {
    /// The same cluster, asked with this key.
    #[must_use]
    pub fn of(&self, cluster: ClusterFile) -> ClusterFile {
        match &self.key_file {
            Some(path) => ClusterFile { access: Access::KeyFile(path.clone()), ..cluster },
            None => cluster,
        }
    }
}
