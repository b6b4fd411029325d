//! Traces of running nodes and clients, replayed through the same steps and judged.
//!
//! What every protocol's traces have in common, `quorate_checker::refine` does. Here is what is this protocol's own:
//! what lines say ([`Cluster`], [`NodeInput`], [`ClientInput`]), how nodes and clients take a step, for those that run
//! and for the replay alike, and a judge of what must hold ([`judge`](mod@judge)).
//!
//! A running cluster has one log. Scenarios may have several.

mod client;
mod cluster;
mod digest;
pub mod judge;
mod node;
mod words;

pub use client::{Answer, AskingClient, ClientInput};
pub use cluster::Cluster;
pub use digest::{StateDigest, StoreDigest};
pub use node::{LOG, NodeEffect, NodeInput, Reaching, ReplayedLog, Seen, alarm, take, timer_of};

use quorate_checker::refine::{
    Asks, ClientTrace, Ended, Reaches, ReachesClient, Traced, Validated,
};
use quorate_ids::{ClientId, NodeId, Peer};
use quorate_leader::effect::Effect;
use quorate_leader::message::Message;

use crate::kinds::{Alarm, OperationKind, Packet};
use crate::leader_based::LeaderBased;
use judge::LogJudge;
use words::TraceWords;

impl Traced for LeaderBased {
    type Cluster = Cluster;
    type Input = NodeInput;
    type Effect = NodeEffect;
    type ClientInput = ClientInput;
    type Outcome = Answer;
    type Digest = StateDigest;

    fn reaches_node(input: &NodeInput) -> Reaches<'_, Self> {
        match &input.reaching {
            Reaching::Start { life, founding } => {
                Reaches::Start { is_founding: *founding, name: *life }
            }
            Reaching::Receive { from, packet } => Reaches::Receive { from: *from, message: packet },
            Reaching::Expire(timer) => Reaches::Expire(alarm(*timer)),
            Reaching::Promote => Reaches::Command(()),
        }
    }

    fn asks(effect: &NodeEffect) -> Asks<'_, Self> {
        match effect {
            NodeEffect::Send { to, packet } => Asks::Send { to: *to, message: packet },
            NodeEffect::SetTimer(alarm) => Asks::SetTimer(*alarm),
            NodeEffect::CancelTimer(alarm) => Asks::CancelTimer(*alarm),
        }
    }

    fn reaches_client(input: &ClientInput) -> ReachesClient<'_, Self> {
        match input {
            ClientInput::Invoke { task, node, .. } => {
                let is_write = matches!(task, quorate_leader::client::Task::Write { .. });
                let kind = if is_write { OperationKind::Write } else { OperationKind::Read };
                ReachesClient::Invoke { coordinator: *node, kind, is_write }
            }
            ClientInput::Receive { from, packet } => {
                ReachesClient::Receive { from: *from, message: packet }
            }
            ClientInput::Expire => ReachesClient::Expire(Alarm::Request),
        }
    }

    fn ended(outcome: &Answer) -> Ended {
        match outcome {
            Answer::Written { .. } => Ended::Acknowledged,
            Answer::Found { .. } => Ended::Answered,
            Answer::Refused(_) => Ended::Refused,
            Answer::Unknown => Ended::Unavailable,
        }
    }
}

impl From<Effect> for NodeEffect {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Send { to, message } => {
                NodeEffect::Send { to, packet: Packet { shard: LOG, message } }
            }
            Effect::SetTimer(timer) => NodeEffect::SetTimer(alarm(timer)),
            Effect::CancelTimer(timer) => NodeEffect::CancelTimer(alarm(timer)),
        }
    }
}

/// The protocol in the cluster of a trace.
#[derive(Debug)]
pub struct LeaderTraces {
    cluster: Cluster,
    words: TraceWords,
}

impl Validated for LeaderTraces {
    type Protocol = LeaderBased;
    type Node = ReplayedLog;
    type Client = AskingClient;
    type Judge = LogJudge;
    type Words = TraceWords;

    fn new(cluster: &Cluster) -> Result<Self, String> {
        cluster.check()?;
        Ok(LeaderTraces { cluster: cluster.clone(), words: TraceWords::new(cluster)? })
    }

    fn nodes(&self) -> usize {
        self.cluster.nodes.len()
    }

    fn words(&self) -> &TraceWords {
        &self.words
    }

    fn node(&self, node: NodeId) -> ReplayedLog {
        ReplayedLog::new(self.cluster.node(node))
    }

    fn client(&self, client: ClientId) -> AskingClient {
        AskingClient::new(client, &self.cluster)
    }

    fn judge(&self, _: &[ClientTrace<LeaderBased>]) -> LogJudge {
        LogJudge::new(&self.cluster)
    }

    fn may_say(client: ClientId, packet: &Packet) -> bool {
        matches!(&packet.message, Message::Request { request, .. } if request.client == client)
    }
}

/// The client at the other end, if there is one.
pub(crate) fn is_client(peer: Peer) -> bool {
    matches!(peer, Peer::Client(_))
}
