//! A client of the leaderless protocol at work.

use std::sync::Arc;
use std::time::Duration;

use quorate_model::cluster::{ClusterConfig, Reaping};
use quorate_model::ids::{ClientId, NodeId};
use quorate_model::protocol::{Client, Effect, FanOut, Message, Operation, Outcome, Timer};
use quorate_model::refine::trace::{
    ClientHeader, ClientInput, ClientStep, TRACE_FORMAT, TraceLine,
};

use super::Leaderless;
use crate::client::ClientError;
use crate::config::ClusterFile;
use crate::runs::{Asked, Asks, EffectOf, StepAt, Whom};

/// How a session asks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct SessionOptions {
    /// Who fans requests out.
    pub fan_out: FanOut,
    /// Whom to ask; the first home of the key that answers a ping if absent, and for a sloppy put
    /// the first other node if no home does.
    pub coordinator: Option<NodeId>,
    /// How long one operation may take in all; as the configuration says if absent.
    pub timeout: Option<Duration>,
}

/// The protocol's own client, with what it is told.
#[derive(Debug)]
pub struct LeaderlessClient {
    client: Client,
    cluster: Arc<ClusterConfig>,
    options: SessionOptions,
}

impl LeaderlessClient {
    fn is_sloppy(&self, operation: &Operation) -> bool {
        let Operation::Put { sloppy, .. } = operation else { return false };
        self.options.fan_out == FanOut::NodeDriven && sloppy.unwrap_or(self.cluster.sloppy())
    }
}

impl Asks for LeaderlessClient {
    type Speaks = Leaderless;
    type Options = SessionOptions;
    type Operation = Operation;
    type Outcome = Outcome;
    type Input = ClientInput;
    type Effect = Effect;
    type Line = TraceLine;

    fn new(
        id: ClientId,
        cluster: &ClusterFile,
        options: SessionOptions,
    ) -> Result<Self, ClientError> {
        let shared = Arc::clone(&cluster.cluster);
        let mut client = LeaderlessClient { client: Client::new(id), cluster: shared, options };
        client.set_options(cluster, options)?;
        Ok(client)
    }

    fn set_options(
        &mut self,
        cluster: &ClusterFile,
        options: SessionOptions,
    ) -> Result<(), ClientError> {
        let lifetime = cluster.timeouts.request_lifetime();
        if let Some(timeout) = options.timeout.filter(|timeout| *timeout > lifetime)
            && cluster.cluster.background().reaping == Reaping::Agreed
        {
            return Err(ClientError::BeyondLifetime { timeout, lifetime });
        }
        self.options = options;
        Ok(())
    }

    fn id(&self) -> ClientId {
        self.client.id()
    }

    fn timeout(&self) -> Option<Duration> {
        self.options.timeout
    }

    /// The protocol lets any node coordinate; asking a home that is there saves a detour and a
    /// timeout. A sloppy put can do without homes.
    fn whom_to_ask(&self, operation: &Operation) -> Whom {
        if let Some(coordinator) = self.options.coordinator {
            return Whom::Node(coordinator);
        }
        let preference = self.cluster.preference_list(operation.key());
        let (homes, fallbacks) = preference.split_at(self.cluster.quorum().n());
        let mut groups = vec![homes.to_vec()];
        if self.is_sloppy(operation) {
            groups.push(fallbacks.to_vec());
        }
        Whom::FirstOf(groups)
    }

    fn invoke(&self, operation: Operation, coordinator: NodeId, attempts: u32) -> ClientInput {
        let fan_out = self.options.fan_out;
        ClientInput::Invoke { operation, coordinator, fan_out, attempts }
    }

    fn receive(from: NodeId, message: Message) -> ClientInput {
        ClientInput::Receive { from, message }
    }

    fn expire(timer: Timer) -> ClientInput {
        ClientInput::Expire(timer)
    }

    fn step(&mut self, input: ClientInput) -> Asked<Self> {
        let (client, config) = (&mut self.client, &self.cluster);
        let step = match input {
            ClientInput::Invoke { operation, coordinator, fan_out, attempts } => {
                client.invoke(config, operation, coordinator, fan_out, attempts)
            }
            ClientInput::Receive { from, message } => client.receive(config, from, message),
            ClientInput::Expire(timer) => client.expire(config, timer),
        };
        Asked { effects: step.effects, outcome: step.outcome }
    }

    fn effect(effect: Effect) -> EffectOf<Leaderless> {
        super::effect(effect)
    }

    fn header(&self, cluster: &ClusterFile) -> TraceLine {
        let (format, client, cluster) = (TRACE_FORMAT, self.id(), cluster.spec.clone());
        TraceLine::Client(ClientHeader { format, client, cluster })
    }

    fn line(&self, at: StepAt, input: ClientInput, step: &Asked<Self>) -> TraceLine {
        let (client, StepAt { number, at_us }) = (self.id(), at);
        let (effects, outcome) = (step.effects.clone(), step.outcome.clone());
        TraceLine::ClientStep(ClientStep { client, number, at_us, input, effects, outcome })
    }
}
