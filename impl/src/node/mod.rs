//! A running node: one thread, one socket, one store, and the protocol between them.
//!
//! The loop collects a group of inputs, takes a step for each, makes all that the steps changed
//! durable in one transaction, and only then lets their effects happen. It decides nothing: what
//! to store and what to say is the protocol's. It knows none: [what it needs of one](crate::runs::Runs).

mod addresses;
mod event_loop;
mod handle;
mod outgoing;
mod timers;
mod trace_file;

pub use addresses::{CLIENTS_MAX, ClientAddresses};
pub use event_loop::{GROUP_MAX, RunningNode, Signals};
pub use handle::NodeHandle;
pub use timers::Timers;
pub use trace_file::TraceFile;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quorate_model::ids::NodeId;

use crate::config::{ClusterFile, ConfigError, NodeEntry};
use crate::keys::KeyError;
use crate::leaderless::LeaderlessNode;
use crate::metrics::NodeMetrics;
use crate::storage::StorageError;

/// A node of the leaderless protocol.
pub type Node = RunningNode<LeaderlessNode>;

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// The cluster.
    pub cluster: ClusterFile,
    /// Which of its nodes.
    pub node: NodeId,
    /// Its data directory.
    pub data: PathBuf,
    /// The file it traces to, if it does.
    pub trace: Option<PathBuf>,
    /// Whether the cluster is being founded: an empty data directory has then lost nothing.
    pub is_founding: bool,
    /// Where it is noted what the node does.
    pub metrics: Arc<NodeMetrics>,
}

impl NodeSettings {
    /// The settings that a configuration has for the node of this name.
    ///
    /// # Errors
    /// When it has no such node.
    pub fn new(cluster: ClusterFile, name: &str) -> Result<Self, ConfigError> {
        let node = cluster.node_named(name)?;
        let NodeEntry { data, trace, .. } = cluster.node(node).clone();
        Ok(NodeSettings { cluster, node, data, trace, is_founding: false, metrics: Arc::default() })
    }

    /// Whether a node that comes up on a disk with so many durable steps has lost one: there is nothing on it, and the cluster
    /// is not being founded.
    #[must_use]
    pub fn has_lost_disk(&self, durable_step: u64) -> bool {
        durable_step == 0 && !self.is_founding
    }

    /// The name of the node.
    #[must_use]
    pub fn name(&self) -> &str {
        self.cluster.cluster.name(self.node)
    }
}

/// Why a node cannot start or go on. What it had acknowledged is durable.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The address cannot be bound.
    #[error("cannot listen on {address} (addr of node {name}): {source}{}", bind_hint(source))]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// Whose.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The key of the cluster cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The socket failed.
    #[error("the socket failed: {0}")]
    Socket(io::Error),
    /// The store cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The trace cannot be written. A node that was asked to trace does not go on without.
    #[error("cannot write the trace {}: {source}", path.display())]
    Trace {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file to trace to holds something else, and was left as it is.
    #[error(
        "{} is not the trace of this node: name another file with --trace, or move it away",
        path.display()
    )]
    NotItsTrace {
        /// Which file.
        path: PathBuf,
    },
}

impl NodeError {
    fn trace(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| NodeError::Trace { path: path.into(), source }
    }
}

fn bind_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; stop the process that uses it or change addr",
        io::ErrorKind::AddrNotAvailable => "; it is not an address of this machine",
        _ => "",
    }
}
