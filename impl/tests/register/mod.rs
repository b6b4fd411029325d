//! The traces of the example, as the checker validates them: what it takes for a protocol of one's own.

use std::sync::Arc;

use quorate_checker::refine::digest::Digest;
use quorate_checker::refine::plain::{self, Promise, StateJudge};
use quorate_checker::refine::{
    Asks, ClientTrace, Ended, Reaches, ReachesClient, ReplayedClient, Traced, Validated,
};
use quorate_checker::world::{Effect, ScenarioFile};
use quorate_model::ids::{ClientId, NodeId};
use serde::{Deserialize, Serialize};

use crate::example::{Message, PrimaryBackup, properties};

/// What headers say of the cluster.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<String>,
    pub(crate) acknowledges_at_once: bool,
    /// Whether its operator was told that a read returns what was acknowledged before it began.
    pub(crate) promises_freshness: bool,
}

impl Cluster {
    /// The protocol in this cluster, with clients that ask for these things.
    pub(crate) fn protocol(&self, clients: &[Vec<Message>]) -> PrimaryBackup {
        let Cluster { nodes, acknowledges_at_once, .. } = self;
        let name = |asked: &Message| if *asked == Message::Write { "write" } else { "read" };
        let clients: Vec<Vec<_>> =
            clients.iter().map(|program| program.iter().map(name).collect()).collect();
        let text = format!(
            "title = \"What was traced\"\nnodes = {nodes:?}\n[protocol]\nacknowledges-at-once = \
             {acknowledges_at_once}\nclients = {clients:?}\n[expect]\n"
        );
        PrimaryBackup(ScenarioFile::parse("traces", &text).unwrap())
    }
}

pub(crate) type Input = plain::Input<PrimaryBackup>;
pub(crate) type ClientInput = plain::ClientInput<PrimaryBackup, Message>;

impl Traced for PrimaryBackup {
    type Cluster = Cluster;
    type Input = Input;
    type Effect = Effect<Self>;
    type ClientInput = ClientInput;
    type Outcome = Message;
    type Digest = Digest;

    fn reaches_node(input: &Input) -> Reaches<'_, Self> {
        input.reaches()
    }

    fn asks(effect: &Effect<Self>) -> Asks<'_, Self> {
        plain::asks(effect)
    }

    fn reaches_client(input: &ClientInput) -> ReachesClient<'_, Self> {
        input.reaches(|asked| ((), *asked == Message::Write))
    }

    fn ended(outcome: &Message) -> Ended {
        match outcome {
            Message::Written(_) => Ended::Acknowledged,
            _ => Ended::Answered,
        }
    }
}

/// The register in the cluster of a trace.
pub(crate) struct RegisterTraces {
    cluster: Cluster,
    /// With no clients: nodes do not look at them.
    protocol: Arc<PrimaryBackup>,
}

impl Validated for RegisterTraces {
    type Protocol = PrimaryBackup;
    type Node = plain::Node<PrimaryBackup>;
    type Client = Asking;
    type Judge = StateJudge<PrimaryBackup>;
    type Words = PrimaryBackup;

    fn new(cluster: &Cluster) -> Result<Self, String> {
        if cluster.nodes.len() != 2 {
            return Err(format!("a primary and a backup are two nodes: {:?}", cluster.nodes));
        }
        let protocol = Arc::new(cluster.protocol(&[]));
        Ok(RegisterTraces { cluster: cluster.clone(), protocol })
    }

    fn nodes(&self) -> usize {
        2
    }

    fn words(&self) -> &PrimaryBackup {
        &self.protocol
    }

    fn node(&self, node: NodeId) -> plain::Node<PrimaryBackup> {
        plain::Node::new(Arc::clone(&self.protocol), node)
    }

    fn client(&self, _: ClientId) -> Asking {
        Asking::default()
    }

    fn judge(&self, clients: &[ClientTrace<PrimaryBackup>]) -> StateJudge<PrimaryBackup> {
        let asked = |trace: &ClientTrace<PrimaryBackup>| -> Vec<Message> {
            let invoked = trace.steps.iter().filter_map(|step| match &step.line.input {
                ClientInput::Invoke { operation, .. } => Some(operation.clone()),
                ClientInput::Receive { .. } | ClientInput::Expire(()) => None,
            });
            invoked.collect()
        };
        let programs: Vec<_> = clients.iter().map(asked).collect();
        let promises = properties().map(|property| Promise {
            property,
            statement: "a read returns what was acknowledged before it began",
            is_promised: self.cluster.promises_freshness,
        });
        let ids = clients.iter().map(|trace| trace.header.line.client);
        let changes = |message: &Message| *message == Message::Write;
        StateJudge::new(self.cluster.protocol(&programs), ids, promises, changes)
    }

    fn may_say(_: ClientId, message: &Message) -> bool {
        matches!(message, Message::Write | Message::Read)
    }
}

/// A client, which asks again until it hears. A write that is asked for twice may count twice.
#[derive(Default, Debug)]
pub(crate) struct Asking(Option<(NodeId, Message)>);

impl ReplayedClient<PrimaryBackup> for Asking {
    fn is_waiting(&self) -> bool {
        self.0.is_some()
    }

    fn step(&mut self, input: &ClientInput) -> (Vec<Effect<PrimaryBackup>>, Option<Message>) {
        let heard = match (input, &self.0) {
            (ClientInput::Invoke { operation, coordinator }, _) => {
                self.0 = Some((*coordinator, operation.clone()));
                None
            }
            (ClientInput::Receive { message, .. }, Some((_, asked))) => match (asked, message) {
                (Message::Write, Message::Written(_)) | (Message::Read, Message::Found(_)) => {
                    self.0 = None;
                    Some(message.clone())
                }
                _ => return (Vec::new(), None),
            },
            (ClientInput::Receive { .. }, None) => return (Vec::new(), None),
            (ClientInput::Expire(()), _) => None,
        };
        let effects = match &self.0 {
            Some((node, asked)) => {
                vec![Effect::Send((*node).into(), asked.clone()), Effect::SetTimer(())]
            }
            None => vec![Effect::CancelTimer(())],
        };
        (effects, heard)
    }
}
