//! A client: what all sessions of a process share.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use quorate::client::{ClientError, ClientTrace, transport_of};
use quorate::config::ClusterFile;
use quorate::keys::{Access, now_seconds};
use quorate::leaderless::{Leaderless, names};
use quorate::transport::{Transport, Waker};
use quorate_protocol::cluster::Reaping;
use quorate_protocol::ids::NodeSet;
use quorate_protocol::protocol::{Operation, Outcome};
use tokio::sync::oneshot;

use crate::engine::{Ended, Engine, Failure, Request};
use crate::{OpenError, RequestError, Session};

/// How a client asks. `Settings::default()` does as `cluster.toml` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The key of this client, in the place of the one that `cluster.toml` names.
    pub key_file: Option<PathBuf>,
    /// How long one request may take in all; `client_attempts` times `client_attempt_ms` of `cluster.toml` if absent.
    pub timeout: Option<Duration>,
    /// How many requests may be under way at a time; further ones wait.
    pub requests_max: u32,
    /// The file that every step is appended to, for `quorate validate`.
    pub trace: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { key_file: None, timeout: None, requests_max: 64, trace: None }
    }
}

/// A client of a cluster, with a socket and a thread of its own. Clones share both: one is enough for a process.
///
/// The thread ends when the last clone and the last session are dropped.
#[derive(Clone, Debug)]
pub struct Client(Arc<Shared>);

struct Shared {
    cluster: ClusterFile,
    timeout: Duration,
    /// When the client's key ends, in seconds since the Unix epoch.
    expires: Option<u64>,
    inbox: Option<mpsc::Sender<Request>>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Client {
    /// A client of the cluster that this `cluster.toml` describes. Nothing is sent before the first request.
    ///
    /// # Errors
    /// When the file or the key cannot be used, or there is no socket or thread to be had.
    pub fn open(cluster_toml: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::with_settings(cluster_toml, Settings::default())
    }

    /// The same, which asks as told.
    ///
    /// # Errors
    /// As [`Client::open`]; and when the timeout is longer than a client of this cluster may try, which is bounded
    /// where tombstones are reaped.
    pub fn with_settings(
        cluster_toml: impl AsRef<Path>,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let mut cluster = ClusterFile::read(cluster_toml.as_ref())?;
        if let (Some(path), Access::KeyFile(named)) = (settings.key_file, &mut cluster.access) {
            *named = path;
        }
        let lifetime = cluster.timeouts.request_lifetime();
        let timeout = settings.timeout.unwrap_or(lifetime);
        if timeout > lifetime && cluster.cluster.background().reaping == Reaping::Agreed {
            return Err(ClientError::BeyondLifetime { timeout, lifetime }.into());
        }
        let transport = transport_of::<Leaderless>(&cluster, settings.requests_max.max(1))?;
        let waker = transport.waker().map_err(ClientError::Socket)?;
        let expires = transport.guarded_by().keys().grant().expires;
        let (inbox, requests) = mpsc::channel();
        let mut engine = Engine::new(cluster.clone(), transport, requests)?;
        if let Some(path) = &settings.trace {
            engine.trace(|| ClientTrace::open(path))?;
        }
        let thread = thread::Builder::new().name("quorate-client".into());
        let thread = thread.spawn(move || engine.run()).map_err(OpenError::Thread)?;
        let (inbox, thread) = (Some(inbox), Some(thread));
        Ok(Client(Arc::new(Shared { cluster, timeout, expires, inbox, waker, thread })))
    }

    /// A session that has seen nothing yet. It costs no message.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }

    /// What `cluster.toml` says.
    #[must_use]
    pub fn cluster(&self) -> &ClusterFile {
        &self.0.cluster
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.0.timeout
    }

    pub(crate) fn names(&self, nodes: NodeSet) -> Vec<String> {
        names(&self.0.cluster, nodes)
    }

    /// Asks for something and waits for its end.
    pub(crate) async fn ask(
        &self,
        operation: Operation,
        deadline: Instant,
    ) -> Result<Outcome, RequestError> {
        if self.0.expires.is_some_and(|expires| expires <= now_seconds()) {
            return Err(RequestError::KeyExpired);
        }
        let is_write = matches!(operation, Operation::Put { .. });
        let (done, end) = oneshot::channel();
        let request = Request { operation, deadline, done };
        let stopped = |why: &str, indeterminate| {
            Err(RequestError::Stopped { why: why.to_string(), indeterminate })
        };
        let inbox = self.0.inbox.as_ref().expect("it is there until it is dropped");
        if inbox.send(request).is_err() {
            return stopped("its thread has ended", false);
        }
        (self.0.waker)();
        match end.await {
            Err(_) => stopped("its thread has ended", is_write),
            Ok(Ok(ended)) => self.outcome(ended, is_write),
            Ok(Err(failure)) => Err(self.failed(failure, is_write)),
        }
    }

    fn outcome(&self, ended: Ended, is_write: bool) -> Result<Outcome, RequestError> {
        let node = || self.0.cluster.node(ended.asked).name.clone();
        match ended.outcome {
            Outcome::PutOk { .. } | Outcome::GetOk { .. } => Ok(ended.outcome),
            Outcome::PutUnavailable { acked: answered }
            | Outcome::GetUnavailable { replied: answered } => {
                let answered = self.names(answered);
                Err(RequestError::Unavailable { answered, indeterminate: is_write })
            }
            Outcome::Refused(refusal) => {
                let indeterminate = is_write && refusal.leaves_open(ended.was_asked_again);
                Err(RequestError::Refused { node: node(), refusal, indeterminate })
            }
            Outcome::NoAnswer => {
                Err(RequestError::NoAnswer { node: node(), indeterminate: is_write })
            }
        }
    }

    fn failed(&self, failure: Failure, is_write: bool) -> RequestError {
        match failure {
            Failure::NobodyAnswers(asked) => {
                RequestError::NobodyAnswers { asked: self.names(asked) }
            }
            Failure::ConfiguredOtherwise(error) => RequestError::ConfiguredOtherwise(error),
            Failure::NotBegun => RequestError::NotBegun,
            Failure::Denied(lacks) => RequestError::Denied { lacks },
            Failure::TooLarge(error) => RequestError::TooLarge(error),
            Failure::Stopped(why) => RequestError::Stopped { why, indeterminate: is_write },
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // What ends its thread.
        drop(self.inbox.take());
        (self.waker)();
        if let Some(thread) = self.thread.take() {
            // One that panicked has told so.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("cluster", &self.cluster.path).finish_non_exhaustive()
    }
}
