//! The client that HTTP requests are asked by.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quorate_model::ids::{NodeId, NodeSet};
use quorate_model::protocol::{FanOut, Operation, Outcome};
use quorate_model::versions::Record;

use super::problem::Problem;
use super::{Access, REQUESTS_MAX};
use crate::client::{Session, SessionOptions};
use crate::config::ClusterFile;
use crate::leaderless::{Ended, Leaderless};
use crate::metrics::NodeMetrics;
use crate::wire::Fingerprint;

/// What all requests share.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) cluster: ClusterFile,
    pub(super) node: NodeId,
    pub(super) access: Access,
    pub(super) metrics: Arc<NodeMetrics>,
    /// What context tokens are sealed with.
    pub(super) fingerprint: Fingerprint,
    /// Clients that nobody uses now. Each has a socket and an identity of its own, which a node
    /// remembers a while: so they are used again.
    idle: Mutex<Vec<Session>>,
}

/// Does something with what a request needs, on a thread that may wait.
pub(crate) async fn waiting<F: Send + Sync + 'static, T: Send + 'static>(
    front: &Arc<F>,
    work: impl FnOnce(&F) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let front = Arc::clone(front);
    let done = tokio::task::spawn_blocking(move || work(&front)).await;
    done.unwrap_or_else(|_| Err(Problem::internal("the request was given up")))
}

impl Front {
    pub(super) fn new(
        cluster: ClusterFile,
        node: NodeId,
        access: Access,
        metrics: Arc<NodeMetrics>,
    ) -> Self {
        let fingerprint = Fingerprint::of::<Leaderless>(&cluster.spec);
        Front { cluster, node, access, metrics, fingerprint, idle: Mutex::default() }
    }

    /// Reads a key.
    pub(super) fn read(
        &self,
        operation: Operation,
        timeout: Option<Duration>,
    ) -> Result<(Option<Arc<Record>>, NodeSet), Problem> {
        match self.perform(operation, timeout, false)? {
            Outcome::GetOk { state, replied } => Ok((state, replied)),
            _ => Err(Problem::internal("the answer of a write to a read")),
        }
    }

    /// Writes or deletes a key. Gives who acknowledged.
    pub(super) fn write(
        &self,
        operation: Operation,
        timeout: Option<Duration>,
    ) -> Result<NodeSet, Problem> {
        match self.perform(operation, timeout, true)? {
            Outcome::PutOk { acked } => Ok(acked),
            _ => Err(Problem::internal("the answer of a read to a write")),
        }
    }

    fn perform(
        &self,
        operation: Operation,
        timeout: Option<Duration>,
        is_write: bool,
    ) -> Result<Outcome, Problem> {
        let options =
            SessionOptions { fan_out: FanOut::NodeDriven, coordinator: Some(self.node), timeout };
        let idle = self.idle().pop();
        let mut session = match idle {
            Some(mut session) => {
                if let Err(error) = session.set_options(options) {
                    self.put_back(session);
                    return Err(error.into());
                }
                session
            }
            None => Session::new(self.cluster.clone(), options)?,
        };
        // One that failed half-way may still wait for something: it is not used again.
        let outcome = session.perform(operation)?;
        let ended = Ended::of(&self.cluster, &outcome, is_write, &session);
        self.put_back(session);
        match ended {
            Some(ended) => Err(Problem::ended(&outcome, ended, is_write)),
            None => Ok(outcome),
        }
    }

    fn put_back(&self, session: Session) {
        let mut idle = self.idle();
        if idle.len() < REQUESTS_MAX {
            idle.push(session);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        // It is a list of clients whatever became of who held the lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
