//! A client of a running cluster: its step, and the same replayed.

use quorate_checker::refine::ReplayedClient;
use quorate_ids::{ClientId, NodeId};
use quorate_leader::client::{Client, ClientConfig, ClientStep, Task};
use quorate_leader::config::Reads;
use quorate_leader::limits::Refusal;
use quorate_leader::message::Outcome;
use quorate_leader::names::{Position, Value};
use serde::{Deserialize, Serialize};

use super::cluster::Cluster;
use super::node::NodeEffect;
use crate::kinds::{Alarm, Packet};
use crate::leader_based::LeaderBased;

/// What can reach a client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ClientInput {
    /// It starts an operation.
    Invoke {
        /// What it wants.
        task: Task,
        /// Whom it asks first.
        node: NodeId,
        /// Where it reads.
        reads: Reads,
        /// How often it asks at most.
        attempts: u8,
        /// Whether its own writes are so old that any replica will do, with reads of its own writes.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        wrote_long_ago: bool,
        /// Whether it asked last so long ago that nodes may have forgotten it.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        asked_long_ago: bool,
    },
    /// A message arrives.
    Receive {
        /// From which node.
        from: NodeId,
        /// What.
        packet: Packet,
    },
    /// It has waited long enough.
    Expire,
}

/// How an operation ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// The write is acknowledged.
    Written {
        /// Where it is in the log.
        position: Position,
        /// What the row held then.
        value: Value,
    },
    /// What the row holds.
    Found {
        /// How far the log was applied where it was read.
        position: Position,
        /// What; nothing if there is no such row.
        value: Option<Value>,
    },
    /// A node will not do it.
    Refused(Refusal),
    /// Nobody knows what becomes of it.
    Unknown,
}

/// A client, with how it asks at present.
#[derive(Clone, Debug)]
pub struct AskingClient {
    client: Client,
    cluster: Cluster,
    config: ClientConfig,
}

impl AskingClient {
    /// A client that has done nothing yet.
    #[must_use]
    pub fn new(client: ClientId, cluster: &Cluster) -> Self {
        let config = cluster.client(Reads::Leader, 1);
        AskingClient {
            client: Client::new(client, &config, None),
            cluster: cluster.clone(),
            config,
        }
    }

    /// The nodes that it may ask for this next, reading like that.
    #[must_use]
    pub fn may_ask(&self, task: &Task, reads: Reads, wrote_long_ago: bool) -> Vec<NodeId> {
        let mut client = self.client.clone();
        if wrote_long_ago {
            client.forget_own_writes();
        }
        client.may_ask(&self.cluster.client(reads, 1), task)
    }

    /// Something reaches it: what it asks for then, in order, and how its operation ended, if it did.
    pub fn react(&mut self, input: &ClientInput) -> (Vec<NodeEffect>, Option<Answer>) {
        let ClientStep { send, ended } = match input {
            ClientInput::Invoke { task, node, reads, attempts, wrote_long_ago, asked_long_ago } => {
                if *wrote_long_ago {
                    self.client.forget_own_writes();
                }
                if *asked_long_ago {
                    self.client.forget_sessions();
                }
                self.config = self.cluster.client(*reads, *attempts);
                self.client.start(&self.config, task.clone(), *node)
            }
            ClientInput::Receive { from, packet } => {
                self.client.receive(&self.config, *from, &packet.message)
            }
            ClientInput::Expire => self.client.expire(&self.config),
        };
        let mut effects = Vec::new();
        if let Some((node, shard, message)) = send {
            effects.push(NodeEffect::Send { to: node.into(), packet: Packet { shard, message } });
            effects.push(NodeEffect::SetTimer(Alarm::Request));
        }
        let answer = ended.map(|ended| match ended.outcome {
            Some(Outcome::Written { position, value }) => Answer::Written { position, value },
            Some(Outcome::Found { position, value }) => Answer::Found { position, value },
            Some(Outcome::Refused(refusal)) => Answer::Refused(refusal),
            Some(Outcome::Redirect { .. } | Outcome::Behind { .. } | Outcome::NoSession { .. })
            | None => Answer::Unknown,
        });
        if answer.is_some() {
            effects.push(NodeEffect::CancelTimer(Alarm::Request));
        }
        (effects, answer)
    }
}

impl ReplayedClient<LeaderBased> for AskingClient {
    fn is_waiting(&self) -> bool {
        self.client.asks().is_some()
    }

    fn step(&mut self, input: &ClientInput) -> (Vec<NodeEffect>, Option<Answer>) {
        self.react(input)
    }
}
