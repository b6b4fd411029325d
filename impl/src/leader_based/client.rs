//! A client of the leader-based protocol at work.

use std::time::{Duration, Instant};

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

/// How long a client asks for nothing until it takes itself for forgotten. It need not be: it is told anew how far the log
/// is then, before its next write.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);

/// How a client asks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct AskOptions {
    /// Where it reads; as the configuration says if absent.
    pub reads: Option<Reads>,
    /// Whom to ask first; whom the client believes to lead, or whoever answers where any will do, if absent.
    pub node: Option<NodeId>,
    /// How long one operation may take in all; as the configuration says if absent.
    pub timeout: Option<Duration>,
    /// For how long after its last write a client reads from the leader what it wrote, with reads of its own writes; for
    /// ever if absent. If followers lag by more than this, it may not see what it wrote.
    pub own_writes_window: Option<Duration>,
}

/// The protocol's own client, with what it is told.
#[derive(Debug)]
pub struct LeaderClient {
    id: ClientId,
    client: AskingClient,
    cluster: Cluster,
    reads: Reads,
    options: AskOptions,
    wrote_at: Option<Instant>,
    asked_at: Option<Instant>,
}

impl LeaderClient {
    fn reads(&self) -> Reads {
        self.options.reads.unwrap_or(self.reads)
    }

    /// Whether its last write is so old that any replica will do.
    fn wrote_long_ago(&self) -> bool {
        let is_old = |window| self.wrote_at.is_some_and(|wrote_at| wrote_at.elapsed() >= window);
        self.reads() == Reads::OwnWrites && self.options.own_writes_window.is_some_and(is_old)
    }
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
        Ok(LeaderClient { id, client, cluster, reads, options, wrote_at: None, asked_at: None })
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
        match &self.client.may_ask(task, self.reads(), self.wrote_long_ago())[..] {
            [one] => Whom::Node(*one),
            any => Whom::FirstOf(vec![any.to_vec()]),
        }
    }

    fn invoke(&self, task: Task, node: NodeId, attempts: u32) -> ClientInput {
        let attempts = u8::try_from(attempts).unwrap_or(u8::MAX);
        let (reads, wrote_long_ago) = (self.reads(), self.wrote_long_ago());
        let asked_long_ago = self.asked_at.is_some_and(|at| at.elapsed() >= FORGOTTEN_AFTER);
        ClientInput::Invoke { task, node, reads, attempts, wrote_long_ago, asked_long_ago }
    }

    fn receive(from: NodeId, packet: Packet) -> ClientInput {
        ClientInput::Receive { from, packet }
    }

    fn expire(_: Alarm) -> ClientInput {
        ClientInput::Expire
    }

    fn step(&mut self, input: ClientInput) -> Asked<Self> {
        let (effects, outcome) = self.client.react(&input);
        if matches!(input, ClientInput::Invoke { .. }) || outcome.is_some() {
            self.asked_at = Some(Instant::now());
        }
        let begins_to_write = matches!(input, ClientInput::Invoke { task: Task::Write { .. }, .. });
        if begins_to_write || matches!(outcome, Some(Answer::Written { .. })) {
            self.wrote_at = Some(Instant::now());
        }
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
