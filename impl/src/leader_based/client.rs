//! A client of the leader-based protocol at work.

use std::time::Duration;

use quorate_checker::refine::trace::{ClientHeader, ClientStep, TRACE_FORMAT, TraceLine};
use quorate_leader::client::Task;
use quorate_leader::config::Reads;
use quorate_leader_model::LeaderBased;
use quorate_leader_model::kinds::{Alarm, Packet};
use quorate_leader_model::refine::{Answer, AskingClient, ClientInput, Cluster, NodeEffect};
use quorate_model::ids::{ClientId, NodeId};

use super::{LeaderNode, WithLeader};
use crate::client::ClientError;
use crate::config::ClusterFile;
use crate::runs::{Asked, Asks, EffectOf, Runs, StepAt, Whom};

/// How a client asks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct AskOptions {
    /// Where it reads; as the configuration says if absent.
    pub reads: Option<Reads>,
    /// Whom to ask first; whom the client believes to lead, or whoever answers where any will do, if absent.
    pub node: Option<NodeId>,
    /// How long one operation may take in all; as the configuration says if absent.
    pub timeout: Option<Duration>,
}

/// The protocol's own client, with what it is told.
#[derive(Debug)]
pub struct LeaderClient {
    id: ClientId,
    client: AskingClient,
    cluster: Cluster,
    reads: Reads,
    options: AskOptions,
}

impl Asks for LeaderClient {
    type Speaks = WithLeader;
    type Options = AskOptions;
    type Operation = Task;
    type Outcome = Answer;
    type Input = ClientInput;
    type Effect = NodeEffect;
    type Line = TraceLine<LeaderBased>;

    fn new(id: ClientId, file: &ClusterFile, options: AskOptions) -> Result<Self, ClientError> {
        let settings = file.leader.as_ref().ok_or(ClientError::NoLeader)?;
        let (cluster, reads) = (settings.cluster.clone(), settings.reads);
        let client = AskingClient::new(id, &cluster);
        Ok(LeaderClient { id, client, cluster, reads, options })
    }

    fn set_options(&mut self, _: &ClusterFile, options: AskOptions) -> Result<(), ClientError> {
        self.options = options;
        Ok(())
    }

    fn id(&self) -> ClientId {
        self.id
    }

    fn timeout(&self) -> Option<Duration> {
        self.options.timeout
    }

    /// Whom the protocol lets it ask: one node, whether or not that is there, or the first of all that answers.
    fn whom_to_ask(&self, task: &Task) -> Whom {
        if let Some(node) = self.options.node {
            return Whom::Node(node);
        }
        match &self.client.may_ask(task, self.options.reads.unwrap_or(self.reads))[..] {
            [one] => Whom::Node(*one),
            any => Whom::FirstOf(vec![any.to_vec()]),
        }
    }

    fn invoke(&self, task: Task, node: NodeId, attempts: u32) -> ClientInput {
        let attempts = u8::try_from(attempts).unwrap_or(u8::MAX);
        let reads = self.options.reads.unwrap_or(self.reads);
        ClientInput::Invoke { task, node, reads, attempts }
    }

    fn receive(from: NodeId, packet: Packet) -> ClientInput {
        ClientInput::Receive { from, packet }
    }

    fn expire(_: Alarm) -> ClientInput {
        ClientInput::Expire
    }

    fn step(&mut self, input: ClientInput) -> Asked<Self> {
        let (effects, outcome) = self.client.react(&input);
        Asked { effects, outcome }
    }

    fn effect(effect: NodeEffect) -> EffectOf<WithLeader> {
        LeaderNode::effect(effect)
    }

    fn header(&self, _: &ClusterFile) -> Self::Line {
        let (format, client, cluster) = (TRACE_FORMAT, self.id, self.cluster.clone());
        TraceLine::Client(ClientHeader { format, client, cluster })
    }

    fn line(&self, at: StepAt, input: ClientInput, step: &Asked<Self>) -> Self::Line {
        let (client, StepAt { number, at_us }) = (self.id, at);
        let (effects, outcome) = (step.effects.clone(), step.outcome.clone());
        TraceLine::ClientStep(ClientStep { client, number, at_us, input, effects, outcome })
    }
}
