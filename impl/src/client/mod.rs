//! A client of a running cluster: a protocol's own client over sockets. It knows no protocol:
//! [what it needs of one](crate::runs::Asks).

mod probe;
mod session;
mod trace_file;

pub(crate) use probe::addressed;
pub use probe::{Probe, wait_until_up, wait_until_up_of};
pub use session::RunningClient;
pub use trace_file::ClientTrace;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use quorate_model::cluster::ClusterSpec;
use quorate_model::ids::NodeId;

use crate::config::{ClusterFile, NodeEntry};
use crate::guard::{Guard, GuardedTransport};
use crate::keys::{Access, KeyError, Right};
use crate::leaderless::LeaderlessClient;
pub use crate::leaderless::{SessionOptions, accept_loss, collect_status, obstacles};
use crate::runs::Speaks;
use crate::transport::SocketTransport;
use crate::wire::{Difference, WireError, differences};

/// A client of the leaderless protocol.
pub type Session = RunningClient<LeaderlessClient>;

/// Why a client cannot ask. Nothing was asked then, unless the error says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no socket to ask from, or it failed in between.
    #[error("cannot use a socket: {0}")]
    Socket(#[source] std::io::Error),
    /// The request is larger than a message may be.
    #[error("the request cannot be sent: {0}; use a smaller key or value")]
    TooLarge(#[source] WireError),
    /// There is no key, or it cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The client's key does not allow this.
    #[error(
        "denied: this takes the right to {lacks}, but {key}; whoever has the key of the cluster makes \
         another with `quorate key client --rights`"
    )]
    Denied {
        /// What it lacks.
        lacks: Right,
        /// What its key allows.
        key: String,
    },
    /// The cluster has no leader, or is one of another protocol.
    #[error("this cluster has no leader: its cluster.toml has no table [protocol]")]
    NoLeader,
    /// The node that was asked is of a cluster that is configured otherwise, though it has the same key.
    #[error(
        "{} is not the configuration of {node} ({address}), so they do not understand each other: {}; use the \
         cluster.toml that the nodes read",
        path.display(), listed(differences)
    )]
    ConfiguredOtherwise {
        /// Ours.
        path: PathBuf,
        /// Whom it took that for.
        node: String,
        /// Where that should be.
        address: SocketAddr,
        /// What is different. Nothing if that is the protocol itself, or its own settings.
        differences: Vec<Difference>,
    },
    /// None of the nodes that were asked is there.
    #[error(
        "no answer from {}; are they running? `quorate cluster` starts a cluster, \
         `quorate status` shows one, --coordinator asks another node",
        describe(asked)
    )]
    NobodyAnswers {
        /// Who was asked, by name and address.
        asked: Vec<(String, SocketAddr)>,
    },
    /// It would try again for longer than the nodes wait before they forget what they minted.
    #[error(
        "a timeout of {} ms, but where tombstones are reaped no client may try for longer than \
         client_attempts times client_attempt_ms, here {} ms: nodes forget a request then",
        timeout.as_millis(), lifetime.as_millis()
    )]
    BeyondLifetime {
        /// How long it was to try.
        timeout: Duration,
        /// How long it may.
        lifetime: Duration,
    },
    /// The trace cannot be written.
    #[error("cannot write the trace {}: {source}", path.display())]
    Trace {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl ClientError {
    /// A node said how its cluster is configured.
    #[must_use]
    pub fn configured_otherwise(cluster: &ClusterFile, node: NodeId, theirs: &ClusterSpec) -> Self {
        let NodeEntry { name, address, .. } = cluster.node(node).clone();
        let (path, differences) = (cluster.path.clone(), differences(&cluster.spec, theirs));
        ClientError::ConfiguredOtherwise { path, node: name, address, differences }
    }

    fn denied(guard: &Guard, lacks: Right) -> Self {
        let (keys, grant) = (guard.keys(), guard.keys().grant());
        let path = keys.path().map_or_else(String::new, |path| format!(" ({})", path.display()));
        let key = format!("the key of {}{path} allows {}", grant.name, grant.rights);
        ClientError::Denied { lacks, key }
    }
}

/// Sockets of a client, which are guarded by its key.
fn transport<S: Speaks>(
    cluster: &ClusterFile,
) -> Result<GuardedTransport<SocketTransport>, ClientError> {
    transport_of::<S>(cluster, 1)
}

/// Sockets of so many clients, which are guarded by the key that they share.
///
/// # Errors
/// When there is no key or no socket to be had.
pub fn transport_of<S: Speaks>(
    cluster: &ClusterFile,
    clients: u32,
) -> Result<GuardedTransport<SocketTransport>, ClientError> {
    let guard = Guard::of_clients(&cluster.guard::<S>(), clients)?;
    let any = match cluster.access {
        Access::KeyFile(_) => Ipv4Addr::UNSPECIFIED,
        Access::Unauthenticated => Ipv4Addr::LOCALHOST,
    };
    let sockets = SocketTransport::bind((any, 0).into(), cluster.stream_limits());
    Ok(GuardedTransport::new(sockets.map_err(ClientError::Socket)?, guard))
}

fn listed(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "they run another protocol, or set it otherwise ([protocol])".to_string();
    }
    let differences: Vec<_> = differences.iter().map(Difference::to_string).collect();
    differences.join(", ")
}

fn describe(asked: &[(String, SocketAddr)]) -> String {
    let asked: Vec<_> = asked.iter().map(|(name, address)| format!("{name} ({address})")).collect();
    asked.join(", ")
}
