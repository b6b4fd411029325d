//! A node on a thread of its own, for tests and embedding.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::{NodeError, NodeSettings, RunningNode, Signals};
use crate::runs::Runs;

/// A running node. Dropping the handle stops the node cleanly.
#[derive(Debug)]
pub struct NodeHandle {
    address: SocketAddr,
    signals: Arc<Signals>,
    thread: Option<JoinHandle<Result<(), NodeError>>>,
}

impl<P: Runs> RunningNode<P> {
    /// Opens a node and runs it on a thread of its own. It listens when this returns.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn spawn(settings: NodeSettings) -> Result<NodeHandle, NodeError> {
        let node = Self::open(settings)?;
        let signals = Arc::new(Signals::default());
        let (address, watched) = (node.address(), Arc::clone(&signals));
        let thread = thread::spawn(move || node.run(&watched));
        Ok(NodeHandle { address, signals, thread: Some(thread) })
    }
}

impl NodeHandle {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether its thread has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops it after the group it works on.
    ///
    /// # Errors
    /// What it ended with, if not because it was stopped.
    ///
    /// # Panics
    /// If the node's thread panicked.
    pub fn stop(mut self) -> Result<(), NodeError> {
        self.signals.stop();
        self.join()
    }

    /// Ends it as a crash would as far as one can within a process: no effect happens any more,
    /// and a group that is not being committed already is lost.
    ///
    /// # Errors
    /// What it ended with before, if it had.
    ///
    /// # Panics
    /// If the node's thread panicked.
    pub fn kill(mut self) -> Result<(), NodeError> {
        self.signals.kill();
        self.join()
    }

    fn join(&mut self) -> Result<(), NodeError> {
        match self.thread.take() {
            Some(thread) => thread.join().expect("the node's thread panicked"),
            None => Ok(()),
        }
    }
}

impl Drop for NodeHandle {
    fn drop(&mut self) {
        self.signals.stop();
        if let Some(thread) = self.thread.take() {
            // Whoever drops a handle does not want to know how it ended.
            let _ = thread.join();
        }
    }
}
