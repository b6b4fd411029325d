//! Actions and states in the words of the protocol, with the scenario's names.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;

use itertools::Itertools;
use quorate_checker::world::Words;

use super::action::{Envelope, is_client_hop};
use super::client::ScriptedClient;
use super::explain;
use super::facts::Fact;
use super::history::History;
use super::label::label;
use super::layout::{client_line, node_lines};
use super::leaderless::{Command, Leaderless};
use super::state::NodeState;
use crate::ids::{ClientId, Key, NodeId, NodeSet, Peer, RequestId, Value};
use crate::protocol::{Entry, GetOutcome, Message, PutOutcome, Timer, Waits};
use crate::scenario::{PlannedAction, Scenario};
use crate::versions::{ActorId, Dot, ReadableCounter, Record, VersionVector};

/// The names of nodes and clients.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names {
    nodes: Vec<String>,
    clients: Vec<String>,
    /// Per client: its operations in words.
    operations: Vec<Vec<String>>,
    /// Per write: whose it is, and which of its operations.
    writes: Vec<(ClientId, usize)>,
}

impl Names {
    /// The names that a scenario gives.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Names {
        Names {
            nodes: scenario.spec.nodes.clone(),
            clients: scenario.clients.iter().map(|client| client.name.clone()).collect(),
            operations: (0..scenario.clients.len())
                .map(|client| {
                    let operations = 0..scenario.clients[client].operations.len();
                    operations.map(|operation| planned(scenario, client, operation)).collect()
                })
                .collect(),
            writes: scenario.writes.iter().map(|write| (write.client, write.operation)).collect(),
        }
    }

    /// The names of a running cluster's nodes. Its clients have none.
    #[must_use]
    pub fn of_nodes(nodes: Vec<String>) -> Names {
        Names { nodes, clients: Vec::new(), operations: Vec::new(), writes: Vec::new() }
    }

    /// The name of a node.
    #[must_use]
    pub fn node(&self, node: NodeId) -> String {
        self.nodes.get(node.index()).cloned().unwrap_or_else(|| node.to_string())
    }

    /// The name of a client.
    #[must_use]
    pub fn client(&self, client: ClientId) -> String {
        let name = usize::try_from(client.0).ok().and_then(|index| self.clients.get(index));
        name.cloned().unwrap_or_else(|| client.to_string())
    }

    /// What a client's operation at this position of its program asks for, if there is one:
    /// `put k = "a"`.
    #[must_use]
    pub fn operation(&self, client: ClientId, operation: usize) -> Option<&str> {
        let program = self.operations.get(usize::try_from(client.0).ok()?)?;
        program.get(operation).map(String::as_str)
    }

    /// A planned write with the request that makes it: `x#1 put k = "a"`.
    #[must_use]
    pub fn write(&self, write: usize) -> String {
        let (client, operation) = self.writes[write];
        let request = RequestId { client, sequence: operation as u64 };
        let words = self.operation(client, operation).unwrap_or_default();
        format!("{} {words}", self.request(request))
    }

    /// The name of either.
    #[must_use]
    pub fn peer(&self, peer: Peer) -> String {
        Words::peer(self, peer)
    }

    /// `{A, B}`
    #[must_use]
    pub fn node_set(&self, nodes: NodeSet) -> String {
        Words::node_set(self, nodes)
    }

    /// `x#1`: a client's first, second, … operation.
    #[must_use]
    pub fn request(&self, request: RequestId) -> String {
        format!("{}#{}", self.client(request.client), request.sequence + 1)
    }

    /// `A:2`, with incarnation, epoch and life where they are not the first: `A'1/2:3.4`.
    #[must_use]
    pub fn dot(&self, dot: Dot) -> String {
        let actor = match dot.actor {
            ActorId::Node { node, incarnation, epoch } => {
                let mut name = self.node(node);
                if incarnation.0 != 0 {
                    let _ = write!(name, "'{}", incarnation.0);
                }
                if epoch.0 != 0 {
                    let _ = write!(name, "/{}", epoch.0);
                }
                name
            }
            ActorId::Client(client) => return format!("{}:{}", self.client(client), dot.counter),
            ActorId::Record => return format!("#:{}", dot.counter),
        };
        format!("{actor}:{}", ReadableCounter(dot.counter))
    }

    /// `{A:2, B:1}`
    #[must_use]
    pub fn context(&self, context: &VersionVector) -> String {
        format!("{{{}}}", context.iter().map(|dot| self.dot(dot)).join(", "))
    }

    /// `"a"@A:1`, or `deleted@B:2`
    #[must_use]
    pub fn version(&self, dot: Dot, value: Option<&Value>) -> String {
        match value {
            Some(value) => format!("\"{value}\"@{}", self.dot(dot)),
            None => format!("deleted@{}", self.dot(dot)),
        }
    }

    /// `"a"@A:1 | deleted@B:2, seen {A:1, B:2}`
    #[must_use]
    pub fn record(&self, record: &Record) -> String {
        let versions = record.versions().map(|(dot, value)| self.version(dot, value));
        let versions = versions.collect::<Vec<_>>().join(" | ");
        let context = record.context();
        if context.is_empty() {
            versions
        } else {
            format!("{versions}, seen {}", self.context(&context))
        }
    }

    fn states(&self, states: &[(Key, Arc<Record>)]) -> String {
        if states.is_empty() {
            return "nothing".to_string();
        }
        let state = |(key, state): &(Key, Arc<Record>)| format!("{key}: {}", self.record(state));
        states.iter().map(state).join("; ")
    }

    fn found(&self, record: Option<&Record>) -> String {
        record.map_or_else(|| "nothing".to_string(), |record| self.record(record))
    }

    fn node_state(&self, node: &NodeState) -> String {
        let record = |(key, entry): (&Key, &Entry)| format!("{key}: {}", self.record(&entry.state));
        let keys = node.store.entries().map(record).join("; ");
        let keys = if keys.is_empty() { "nothing" } else { &keys };
        core::iter::once(format!("holds {keys}")).chain(self.hints(node)).join("; ")
    }

    /// A line for each hint a node holds.
    pub(crate) fn hints(&self, node: &NodeState) -> Vec<String> {
        let hint = |(home, key, state): (NodeId, &Key, &Arc<Record>)| {
            format!("hint for {}, {key}: {}", self.node(home), self.record(state))
        };
        node.store.hints().map(hint).collect()
    }

    fn client_state(&self, client: &ScriptedClient) -> String {
        match self.client_waits(client) {
            Some(waits) => waits,
            None if client.next == 0 => "has not started".to_string(),
            None if client.next == 1 => "has finished 1 operation".to_string(),
            None => format!("has finished {} operations", client.next),
        }
    }

    /// What a request waits for: `x#1 is held by 1 of 2 nodes: {A}`.
    #[must_use]
    pub fn waits(&self, request: RequestId, waits: Waits) -> String {
        let request = self.request(request);
        let those = |nodes: NodeSet| {
            if nodes.is_empty() { String::new() } else { format!(": {}", self.node_set(nodes)) }
        };
        match waits {
            Waits::Holders { held_by, needed } => {
                format!(
                    "{request} is held by {} of {needed} nodes{}",
                    held_by.len(),
                    those(held_by)
                )
            }
            Waits::Replies { replied, needed } => {
                format!("{request} has {} of {needed} replies{}", replied.len(), those(replied))
            }
            Waits::LateReplies { replied } => {
                let from = self.node_set(replied);
                format!("{request} is answered from {from}, repairs late replies")
            }
            Waits::Answer(node) => format!("{request} waits for {}", self.node(node)),
        }
    }

    /// What a node's requests wait for, and whether it serves.
    pub(crate) fn node_waits(&self, node: &NodeState) -> Vec<String> {
        let waits = node.replica.waits();
        let mut lines: Vec<String> =
            waits.map(|(request, waits)| self.waits(request, waits)).collect();
        if !node.replica.serves() {
            lines.push("lost its disk and is catching up".to_string());
        }
        lines
    }

    /// What a client waits for, if it waits.
    pub(crate) fn client_waits(&self, client: &ScriptedClient) -> Option<String> {
        client.client.waits().map(|(request, waits)| self.waits(request, waits))
    }
}

impl Words<Leaderless> for Names {
    fn node(&self, node: NodeId) -> String {
        Names::node(self, node)
    }

    fn client(&self, client: ClientId) -> String {
        Names::client(self, client)
    }

    fn message(&self, message: &Message) -> String {
        match message {
            Message::Put(put) => {
                let what = match &put.value {
                    Some(value) => format!("Put {} = \"{value}\"", put.key),
                    None => format!("Put {} = deleted", put.key),
                };
                let context = if put.context.is_empty() {
                    ", blind".to_string()
                } else {
                    format!(", having seen {}", self.context(&put.context))
                };
                let w = put.w.map_or_else(String::new, |w| format!(", W={w}"));
                format!("{what}{context}{w}")
            }
            Message::PutReply { outcome, .. } => match outcome {
                PutOutcome::Ok { acked } => format!("Ok, held by {}", self.node_set(*acked)),
                PutOutcome::Unavailable { acked } => {
                    format!("Unavailable, held by {}", self.node_set(*acked))
                }
                PutOutcome::Minted { state } => format!("Minted: {}", self.record(state)),
                PutOutcome::Refused(refusal) => format!("Refused: {refusal}"),
            },
            Message::Get(get) => {
                let r = get.r.map_or_else(String::new, |r| format!(", R={r}"));
                format!("Get {}{r}", get.key)
            }
            Message::GetReply { outcome, .. } => match outcome {
                GetOutcome::Ok { state, replied } => {
                    format!("Ok from {}: {}", self.node_set(*replied), self.found(state.as_deref()))
                }
                GetOutcome::Unavailable { replied } => {
                    format!("Unavailable, replies of {}", self.node_set(*replied))
                }
                GetOutcome::Refused(refusal) => format!("Refused: {refusal}"),
            },
            Message::Store { key, state, .. } => format!("Store {key}: {}", self.record(state)),
            Message::StoreAck { .. } => "StoreAck".to_string(),
            Message::Fetch { key, .. } => format!("Fetch {key}"),
            Message::FetchReply { state, .. } => {
                format!("FetchReply: {}", self.found(state.as_deref()))
            }
            Message::Repair { key, state } => format!("Repair {key}: {}", self.record(state)),
            Message::Probe { .. } => "Probe".to_string(),
            Message::ProbeReply { .. } => "ProbeReply".to_string(),
            Message::StoreHint { home, key, state, .. } => {
                format!("StoreHint for {}, {key}: {}", self.node(*home), self.record(state))
            }
            Message::Handoff { key, state } => format!("Handoff {key}: {}", self.record(state)),
            Message::HandoffAck { key, .. } => format!("HandoffAck {key}"),
            Message::CatchUp { token, after } => {
                let after = after.iter().map(|after| format!(" after {after}")).collect::<String>();
                format!("CatchUp of start {}{after}", token.0)
            }
            Message::CatchUpPage { token, is_caught_up: false, .. } => {
                format!("CatchUpPage for start {}: catches up itself", token.0)
            }
            Message::CatchUpPage { token, entries, next, .. } => {
                let more = if next.is_some() { ", more to come" } else { "" };
                format!("CatchUpPage for start {}: {}{more}", token.0, self.states(entries))
            }
            Message::Register { incarnation, life, minted, .. } => format!(
                "Register {}, life {}, after {}",
                incarnation.0,
                life.0,
                ReadableCounter(*minted)
            ),
            Message::Registered { agrees: true, .. } => "Registered".to_string(),
            Message::Registered { agrees: false, .. } => "Registered: no".to_string(),
            Message::ReapAsk { round, key, state } => {
                format!("ReapAsk {key}, {round}: {}", self.record(state))
            }
            Message::ReapAgree { round, key, .. } => format!("ReapAgree {key}, {round}"),
            Message::Reap { key, .. } => format!("Reap {key}"),
            Message::SyncHashes { level, nodes, .. } => {
                let children: usize = nodes.iter().map(|(_, children)| children.len()).sum();
                format!("SyncHashes of {children} nodes at level {}", level + 1)
            }
            Message::SyncKeys { leaf, keys, .. } => {
                format!("SyncKeys of leaf {leaf}: {}", keys.iter().map(|(key, _)| key).join(", "))
            }
            Message::SyncStates { states, wanted } => {
                let wanted = if wanted.is_empty() {
                    String::new()
                } else {
                    format!(", wants {}", wanted.iter().join(", "))
                };
                format!("SyncStates {}{wanted}", self.states(states))
            }
        }
    }

    fn label(&self, message: &Message) -> String {
        label(message)
    }

    fn serves(&self, message: &Message) -> Option<String> {
        message.request().map(|request| self.request(request))
    }

    /// By request: the messages of one are read together.
    fn place(&self, message: &Message) -> String {
        let request = message.request();
        request.map_or_else(String::new, |request| {
            format!("{:020} {:020}", request.client.0, request.sequence)
        })
    }

    fn is_answer(&self, sent: &Envelope) -> bool {
        matches!(sent.to, Peer::Client(_)) && is_client_hop(sent)
    }

    fn timer(&self, timer: Timer) -> String {
        match timer {
            Timer::Request(request) => format!("request {}", self.request(request)),
            Timer::Speculate(request) => {
                format!("asks the other homes for {}", self.request(request))
            }
            Timer::Handoff => "offers its hints".to_string(),
            Timer::Sync(other) => format!("compares with {}", self.node(other)),
            Timer::CatchUp => "asks again for what it lost".to_string(),
            Timer::Register => "waits no longer to keep its incarnation".to_string(),
            Timer::Waiting => "takes the next put that waited".to_string(),
            Timer::Reap => "looks for tombstones that may go".to_string(),
            Timer::Settled => "has waited until nothing older is under way".to_string(),
        }
    }

    fn expiry(&self, peer: Peer, timer: Timer) -> String {
        let peer = self.peer(peer);
        match timer {
            Timer::Request(_) => format!("{peer} times out: {}", self.timer(timer)),
            _ => format!("{peer}: {}", self.timer(timer)),
        }
    }

    fn timeout_label(&self, timer: Timer) -> String {
        match timer {
            Timer::Request(request) => format!("timeout {}", self.request(request)),
            background => self.timer(background),
        }
    }

    fn command(&self, node: NodeId, Command::AcceptLoss { lost }: &Command) -> String {
        let lost = self.node_set(*lost);
        format!("an operator accepts at {} that what {lost} held is lost", self.node(node))
    }

    fn command_label(&self, Command::AcceptLoss { .. }: &Command) -> String {
        "loss accepted".to_string()
    }

    fn starts(&self, client: ClientId, state: &ScriptedClient) -> Option<String> {
        self.operation(client, state.next).map(str::to_string)
    }

    fn node_lines(&self, node: &NodeState) -> Vec<String> {
        node_lines(self, node)
    }

    fn node_line(&self, node: &NodeState) -> String {
        core::iter::once(self.node_state(node)).chain(self.node_waits(node)).join("; ")
    }

    fn client_line(&self, _: ClientId, client: &ScriptedClient) -> String {
        client_line(self, client)
    }

    fn client_progress(&self, _: ClientId, client: &ScriptedClient) -> String {
        self.client_state(client)
    }

    /// Failed writes are not listed: history remembers them only where a property asks.
    fn history(&self, history: &History) -> Vec<(String, Vec<String>)> {
        let acknowledged =
            history.ledger().acknowledged().iter().map(|write| self.write(write)).collect();
        Vec::from([("acknowledged".to_string(), acknowledged)])
    }

    fn fact(&self, fact: &Fact) -> Option<String> {
        let Fact::Outcome { client, operation, outcome } = fact else { return None };
        Some(explain::outcome(self, ClientId(*client as u64), *operation, outcome))
    }
}

/// What an operation of a client's program asks for: `put k = "a", W=1, sloppy`, `get k`. What it
/// leaves to the cluster is not said.
#[must_use]
pub fn planned(scenario: &Scenario, client: usize, operation: usize) -> String {
    let operation = &scenario.clients[client].operations[operation];
    let key = &operation.key;
    let quorum = |letter: char| match operation.quorum {
        Some(quorum) => format!(", {letter}={quorum}"),
        None => String::new(),
    };
    match operation.action {
        PlannedAction::Get => format!("get {key}{}", quorum('R')),
        PlannedAction::Put { write, with_context } => {
            let blind = if with_context { "" } else { ", blind" };
            let sloppy = match operation.sloppy {
                Some(true) => ", sloppy",
                Some(false) => ", strict",
                None => "",
            };
            let asked = format!("{blind}{}{sloppy}", quorum('W'));
            match &scenario.writes[write].value {
                Some(value) => format!("put {key} = \"{value}\"{asked}"),
                None => format!("delete {key}{asked}"),
            }
        }
    }
}
