//! Asking nodes whether they are there and how they are.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use quorate_model::ids::{NodeId, Peer};

use super::ClientError;
use crate::config::ClusterFile;
use crate::guard::{GuardedTransport, Party};
use crate::leaderless::Leaderless;
use crate::runs::Speaks;
use crate::transport::{SocketTransport, Transport};
use crate::wire::{Datagram, Wire};

/// How long until a question that was not answered is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Asks the same question of several nodes, again and again until it has what it needs.
#[derive(Debug)]
pub struct Probe<S: Speaks> {
    cluster: ClusterFile,
    wire: Wire<S>,
    transport: GuardedTransport<SocketTransport>,
    buffer: Vec<u8>,
}

impl<S: Speaks> Probe<S> {
    /// A probe with a socket of its own.
    ///
    /// # Errors
    /// When there is no socket to be had.
    pub fn new(cluster: &ClusterFile) -> Result<Self, ClientError> {
        let transport = super::transport::<S>(cluster)?;
        Ok(Probe { cluster: cluster.clone(), wire: cluster.wire(), transport, buffer: Vec::new() })
    }

    /// Asks these nodes until `enough` of them have answered or the time is up. Gives the answers
    /// in the order in which they came.
    fn ask<T>(
        &mut self,
        nodes: &[(NodeId, SocketAddr)],
        question: &Datagram<S>,
        enough: usize,
        timeout: Duration,
        answer: impl Fn(Datagram<S>) -> Option<T>,
    ) -> Result<Vec<(NodeId, T)>, ClientError> {
        let about = question.about();
        let question = self.wire.encode(question).map_err(ClientError::TooLarge)?;
        let mut answers: Vec<(NodeId, T)> = Vec::new();
        let mut otherwise = None;
        let deadline = Instant::now() + timeout;
        while answers.len() < enough && Instant::now() < deadline {
            for (node, address) in nodes {
                if answers.iter().all(|(answered, _)| answered != node) {
                    // One that cannot be reached is one that does not answer.
                    let _ = self.transport.send(Party::node(*node, *address), &question);
                }
            }
            let again = deadline.min(Instant::now() + ASK_AGAIN);
            while answers.len() < enough {
                let wait = again.saturating_duration_since(Instant::now());
                if wait.is_zero() {
                    break;
                }
                let received =
                    self.transport.receive(&mut self.buffer, wait).map_err(ClientError::Socket)?;
                let Some(Party { peer: Peer::Node(node), .. }) = received else { continue };
                let Ok(datagram) = self.wire.decode(&self.buffer) else { continue };
                if let Datagram::Denied { about: denied, lacks } = datagram
                    && denied == about
                {
                    return Err(ClientError::denied(self.transport.guarded_by(), lacks));
                }
                if let Datagram::ConfiguredOtherwise { spec } = &datagram {
                    // Others may understand.
                    let error = ClientError::configured_otherwise(&self.cluster, node, spec);
                    otherwise = Some(error);
                }
                if let Some(reply) = answer(datagram)
                    && nodes.iter().any(|(asked, _)| *asked == node)
                    && answers.iter().all(|(answered, _)| *answered != node)
                {
                    answers.push((node, reply));
                }
            }
        }
        match otherwise {
            Some(error) if answers.is_empty() => Err(error),
            _ => Ok(answers),
        }
    }

    /// The first `enough` of these nodes to answer a ping, in the order of their answers; fewer
    /// if the time is up.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn ping(
        &mut self,
        nodes: &[(NodeId, SocketAddr)],
        enough: usize,
        timeout: Duration,
    ) -> Result<Vec<NodeId>, ClientError> {
        let token = rand::random();
        let question = Datagram::Ping { token };
        let answers = self.ask(nodes, &question, enough, timeout, |datagram| match datagram {
            Datagram::Pong { token: theirs } if theirs == token => Some(()),
            _ => None,
        })?;
        Ok(answers.into_iter().map(|(node, ())| node).collect())
    }

    /// The status of every one of these nodes that answers in time.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn status(
        &mut self,
        nodes: &[(NodeId, SocketAddr)],
        timeout: Duration,
    ) -> Result<BTreeMap<NodeId, S::Status>, ClientError> {
        let token = rand::random();
        let question = Datagram::StatusRequest { token };
        let answers =
            self.ask(nodes, &question, nodes.len(), timeout, |datagram| match datagram {
                Datagram::StatusReply { token: theirs, status } if theirs == token => Some(status),
                _ => None,
            })?;
        Ok(answers.into_iter().collect())
    }

    /// What every one of these nodes that answers in time says to this question.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn question(
        &mut self,
        nodes: &[(NodeId, SocketAddr)],
        question: &S::Question,
        timeout: Duration,
    ) -> Result<BTreeMap<NodeId, S::Told>, ClientError> {
        let token = rand::random();
        let question = Datagram::Question { token, question: question.clone() };
        let answers =
            self.ask(nodes, &question, nodes.len(), timeout, |datagram| match datagram {
                Datagram::Told { token: theirs, told } if theirs == token => Some(told),
                _ => None,
            })?;
        Ok(answers.into_iter().collect())
    }

    /// Tells a node something; `None` if it does not answer in time.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn command(
        &mut self,
        node: (NodeId, SocketAddr),
        command: S::Command,
        timeout: Duration,
    ) -> Result<Option<S::Answer>, ClientError> {
        let token = rand::random();
        let question = Datagram::Command { token, command };
        let answers = self.ask(&[node], &question, 1, timeout, |datagram| match datagram {
            Datagram::CommandDone { token: theirs, answer } if theirs == token => Some(answer),
            _ => None,
        })?;
        Ok(answers.into_iter().next().map(|(_, answer)| answer))
    }
}

/// Waits until all of these nodes of the leaderless protocol answer; gives those that do not in time.
///
/// # Errors
/// When the socket fails.
pub fn wait_until_up(
    cluster: &ClusterFile,
    nodes: &[NodeId],
    timeout: Duration,
) -> Result<Vec<NodeId>, ClientError> {
    wait_until_up_of::<Leaderless>(cluster, nodes, timeout)
}

/// The same for nodes of any protocol.
///
/// # Errors
/// When the socket fails.
pub fn wait_until_up_of<S: Speaks>(
    cluster: &ClusterFile,
    nodes: &[NodeId],
    timeout: Duration,
) -> Result<Vec<NodeId>, ClientError> {
    let asked = addressed(cluster, nodes.iter().copied());
    let up = Probe::<S>::new(cluster)?.ping(&asked, asked.len(), timeout)?;
    Ok(nodes.iter().copied().filter(|node| !up.contains(node)).collect())
}

/// These nodes with their addresses.
pub(crate) fn addressed(
    cluster: &ClusterFile,
    nodes: impl IntoIterator<Item = NodeId>,
) -> Vec<(NodeId, SocketAddr)> {
    nodes.into_iter().map(|node| (node, cluster.node(node).address)).collect()
}
