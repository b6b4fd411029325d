//! A cluster of local processes, one per node.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use quorate_model::ids::NodeId;

use crate::client::{self, ClientError};
use crate::config::{ClusterFile, ConfigError, Template};
use crate::keys::{KeyError, make_key};
use crate::runs::Speaks;

/// How long nodes may take until they answer.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How long to look for nodes that should not be there, and for ones that end before they answer.
const LOOK: Duration = Duration::from_millis(150);

/// Why a local cluster cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LocalClusterError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The key cannot be written.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The flags describe no cluster.
    #[error("these flags make no cluster: {0}")]
    Impossible(String),
    /// A directory or file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody can be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A node of the cluster runs already.
    #[error(
        "{name} runs already at {address}: stop it first, or choose another --dir and \
             --base-port"
    )]
    RunsAlready {
        /// Which node.
        name: String,
        /// Where.
        address: std::net::SocketAddr,
    },
    /// A process cannot be started.
    #[error("cannot start {}: {source}", program.display())]
    CannotStart {
        /// Which program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A node ended before it answered.
    #[error("{name} did not start: {reason} (see {})", log.display())]
    DidNotStart {
        /// Which node.
        name: String,
        /// The last line of its log.
        reason: String,
        /// Its log.
        log: PathBuf,
    },
}

/// The configuration in this directory, written from `template` if there is none. Says whether it
/// was written.
///
/// # Errors
/// When it cannot be written, or it is there but cannot be used.
pub fn prepare(
    directory: &Path,
    template: &Template,
) -> Result<(ClusterFile, bool), LocalClusterError> {
    let path = directory.join("cluster.toml");
    if path.exists() {
        let cluster = ClusterFile::read(&path)?;
        // One that was written before there were keys has none. All its nodes are started here.
        make_key(&cluster.access)?;
        return Ok((cluster, false));
    }
    let text = template.render();
    let cluster = ClusterFile::parse(&path, &text).map_err(|error| match error {
        // The file is not there yet, so its lines would explain nothing.
        ConfigError::Invalid { detail, .. } => LocalClusterError::Impossible(detail),
        error => error.into(),
    })?;
    let unwritable = |source| LocalClusterError::Unwritable { path: path.clone(), source };
    fs::create_dir_all(directory).map_err(unwritable)?;
    // Before the configuration: a directory that has one but was never up is still being founded.
    let mark = founding_mark(&cluster);
    fs::write(&mark, FOUNDING_TEXT)
        .map_err(|source| LocalClusterError::Unwritable { path: mark.clone(), source })?;
    make_key(&cluster.access)?;
    fs::write(&path, text).map_err(unwritable)?;
    Ok((cluster, true))
}

/// Whether no node of this cluster can have acknowledged anything yet: it was written but has not
/// been up as a whole since.
#[must_use]
pub fn is_founding(cluster: &ClusterFile) -> bool {
    founding_mark(cluster).exists()
}

/// What the file says that marks a cluster as being founded.
const FOUNDING_TEXT: &str = "Written by `quorate cluster`, which removes it once all nodes are up: \
    until then an empty data directory has lost nothing.\n";

fn founding_mark(cluster: &ClusterFile) -> PathBuf {
    cluster.path.with_file_name("founding")
}

/// The processes of a cluster. Dropping it stops them.
#[derive(Debug)]
pub struct LocalCluster {
    nodes: Vec<(NodeId, String, Child)>,
}

impl LocalCluster {
    /// Starts every node of the cluster that has not left as a process of this program and waits
    /// until all answer, in the protocol that they speak. Each logs to `<name>.log` beside the configuration. A cluster that is being
    /// founded is so no more when this returns.
    ///
    /// # Errors
    /// When one of them runs already or does not start. The others are stopped again.
    pub fn start<S: Speaks>(
        program: &Path,
        cluster: &ClusterFile,
    ) -> Result<Self, LocalClusterError> {
        let ids = cluster.cluster.members();
        let is_founding = is_founding(cluster);
        let absent = client::wait_until_up_of::<S>(cluster, ids, LOOK)?;
        if let Some(node) = ids.iter().find(|node| !absent.contains(node)) {
            let entry = cluster.node(*node);
            let (name, address) = (entry.name.clone(), entry.address);
            return Err(LocalClusterError::RunsAlready { name, address });
        }
        let mut started = LocalCluster { nodes: Vec::new() };
        for node in ids {
            let entry = cluster.node(*node);
            let log = log_path(cluster, &entry.name);
            let child = spawn(program, cluster, &entry.name, &log, is_founding)?;
            started.nodes.push((*node, entry.name.clone(), child));
        }
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let absent = client::wait_until_up_of::<S>(cluster, ids, LOOK)?;
            if let Some((name, _)) = started.reap().into_iter().next() {
                let log = log_path(cluster, &name);
                let reason = last_line(&log);
                return Err(LocalClusterError::DidNotStart { name, reason, log });
            }
            let Some(node) = absent.first() else { break };
            if Instant::now() > deadline {
                let name = cluster.node(*node).name.clone();
                let reason = format!("no answer within {} s", START_TIMEOUT.as_secs());
                let log = log_path(cluster, &name);
                return Err(LocalClusterError::DidNotStart { name, reason, log });
            }
        }
        if is_founding {
            let path = founding_mark(cluster);
            fs::remove_file(&path)
                .map_err(|source| LocalClusterError::Unwritable { path, source })?;
        }
        Ok(started)
    }

    /// The nodes that run, by name, with their process ids.
    pub fn processes(&self) -> impl Iterator<Item = (NodeId, &str, u32)> {
        self.nodes.iter().map(|(node, name, child)| (*node, name.as_str(), child.id()))
    }

    /// Takes out the nodes whose processes have ended.
    pub fn reap(&mut self) -> Vec<(String, ExitStatus)> {
        let mut ended = Vec::new();
        self.nodes.retain_mut(|(_, name, child)| match child.try_wait() {
            Ok(Some(status)) => {
                ended.push((name.clone(), status));
                false
            }
            _ => true,
        });
        ended
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        for (_, _, child) in &mut self.nodes {
            // The end of its input tells a node to stop.
            drop(child.stdin.take());
        }
        for (_, _, child) in &mut self.nodes {
            // One that cannot be waited for is gone.
            let _ = child.wait();
        }
    }
}

fn spawn(
    program: &Path,
    cluster: &ClusterFile,
    name: &str,
    log: &Path,
    is_founding: bool,
) -> Result<Child, LocalClusterError> {
    let unwritable = |source| LocalClusterError::Unwritable { path: log.into(), source };
    let output = File::options().create(true).append(true).open(log).map_err(unwritable)?;
    let errors = output.try_clone().map_err(unwritable)?;
    Command::new(program)
        .args(["node", "--stop-at-end-of-input", "--name", name, "--config"])
        .arg(&cluster.path)
        .args(is_founding.then_some("--found"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(|source| LocalClusterError::CannotStart { program: program.into(), source })
}

fn log_path(cluster: &ClusterFile, name: &str) -> PathBuf {
    cluster.path.with_file_name(format!("{name}.log"))
}

fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("it said nothing").to_string()
}
