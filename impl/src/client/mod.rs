//! A client of a running cluster: a protocol's own client over sockets. It knows no protocol:
//! [what it needs of one](crate::runs::Asks).

mod probe;
mod session;
mod trace_file;

pub(crate) use probe::addressed;
pub use probe::{Probe, wait_until_up};
pub use session::RunningClient;
pub use trace_file::ClientTrace;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::leaderless::LeaderlessClient;
pub use crate::leaderless::{SessionOptions, accept_loss, collect_status, obstacles};
use crate::wire::WireError;

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

fn describe(asked: &[(String, SocketAddr)]) -> String {
    let asked: Vec<_> = asked.iter().map(|(name, address)| format!("{name} ({address})")).collect();
    asked.join(", ")
}
