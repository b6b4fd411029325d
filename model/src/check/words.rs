//! Actions and states in the words of the protocol, with the scenario's names.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;

use itertools::Itertools;

use super::action::{Action, Envelope};
use super::actor::{ActorState, NodeState, ScriptedClient};
use super::state::{ClusterState, Seat};
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
        match peer {
            Peer::Node(node) => self.node(node),
            Peer::Client(client) => self.client(client),
        }
    }

    /// `{A, B}`
    #[must_use]
    pub fn node_set(&self, nodes: NodeSet) -> String {
        format!("{{{}}}", nodes.iter().map(|node| self.node(node)).join(", "))
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

    /// `Store k: "a"@A:1 …`: the message without its ends.
    #[must_use]
    pub fn message(&self, message: &Message) -> String {
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
            Message::CatchUp { after: None } => "CatchUp".to_string(),
            Message::CatchUp { after: Some(after) } => format!("CatchUp after {after}"),
            Message::CatchUpPage { entries, next, .. } => {
                let more = if next.is_some() { ", more to come" } else { "" };
                format!("CatchUpPage {}{more}", self.states(entries))
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

    /// `A -> B  Store k: … (x#1)`
    #[must_use]
    pub fn envelope(&self, envelope: &Envelope) -> String {
        let request = envelope.message.request();
        let request =
            request.map_or_else(String::new, |request| format!(" ({})", self.request(request)));
        format!(
            "{} -> {}  {}{request}",
            self.peer(envelope.from),
            self.peer(envelope.to),
            self.message(&envelope.message)
        )
    }

    /// One action as one line. A client's start is told with the operation it starts, where the
    /// state before is known.
    #[must_use]
    pub fn action(&self, action: &Action, starts: Option<&str>) -> String {
        match action {
            Action::Invoke { client, coordinator } => format!(
                "{} starts {} via {}",
                self.client(*client),
                starts.unwrap_or("its next operation"),
                self.node(*coordinator)
            ),
            Action::InvokeLate { client, coordinator } => format!(
                "{} starts {} via {}, and gives up before the request arrives",
                self.client(*client),
                starts.unwrap_or("its next operation"),
                self.node(*coordinator)
            ),
            Action::Deliver(envelope) => self.envelope(envelope),
            Action::Drop(envelope) => format!("lost: {}", self.envelope(envelope)),
            Action::Duplicate(envelope) => format!("duplicated: {}", self.envelope(envelope)),
            Action::Expire { peer, timer: timer @ Timer::Request(_) } => {
                format!("{} times out: {}", self.peer(*peer), self.timer(*timer))
            }
            Action::Expire { peer, timer } => {
                format!("{}: {}", self.peer(*peer), self.timer(*timer))
            }
            Action::Crash { node } => format!("{} crashes", self.node(*node)),
            Action::Recover { node } => format!("{} starts again", self.node(*node)),
            Action::Wipe { node } => format!("{} loses its disk", self.node(*node)),
            Action::Snapshot { node } => {
                format!("somebody copies the disk of {}", self.node(*node))
            }
            Action::Restore { node, copy: 0 } => {
                format!("{} gets a copy of its disk back", self.node(*node))
            }
            Action::Restore { node, copy } => {
                format!("{} gets copy {} of its disk back", self.node(*node), copy + 1)
            }
            Action::Partition { groups } => {
                let groups = groups.iter().map(|group| self.node_set(*group)).join(" | ");
                format!("the network splits: {groups}")
            }
            Action::AcceptLoss { node, lost } => format!(
                "an operator accepts at {} that what {} held is lost",
                self.node(*node),
                self.node_set(*lost)
            ),
            Action::Heal => "the network is whole again".to_string(),
            Action::SetClock { node, to } => {
                format!("somebody sets the clock of {} to {}", self.node(*node), to.0)
            }
        }
    }

    /// What a timer is for.
    #[must_use]
    pub fn timer(&self, timer: Timer) -> String {
        match timer {
            Timer::Request(request) => format!("request {}", self.request(request)),
            Timer::Handoff => "offers its hints".to_string(),
            Timer::Sync(other) => format!("compares with {}", self.node(other)),
            Timer::CatchUp => "asks again for what it lost".to_string(),
            Timer::Register => "waits no longer to keep its incarnation".to_string(),
            Timer::Waiting => "takes the next put that waited".to_string(),
            Timer::Reap => "looks for tombstones that may go".to_string(),
            Timer::Settled => "has waited until nothing older is under way".to_string(),
        }
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

    /// What one actor holds and waits for.
    #[must_use]
    pub fn seat(&self, seat: &Seat) -> String {
        match &seat.state {
            ActorState::Node(node) => {
                let waits = self.node_waits(node);
                core::iter::once(self.node_state(node)).chain(waits).join("; ")
            }
            ActorState::Client(client) => self.client_state(client),
        }
    }

    /// The name of the actor in this seat.
    #[must_use]
    pub fn seat_name(&self, index: usize) -> String {
        match index.checked_sub(self.nodes.len()) {
            None => self.nodes[index].clone(),
            Some(client) => self.clients[client].clone(),
        }
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

/// What one step changed, one line per actor that changed, and the messages that left or came.
#[must_use]
pub fn changes(names: &Names, before: &ClusterState, after: &ClusterState) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, (old, new)) in before.seats.iter().zip(&after.seats).enumerate() {
        let (old, new) = (names.seat(old), names.seat(new));
        if old != new {
            lines.push(format!("{} now {new}", names.seat_name(index)));
        }
    }
    let mut rest = before.network.to_vec();
    let mut sent = Vec::new();
    for envelope in &after.network {
        match rest.iter().position(|known| known == envelope) {
            Some(at) => {
                rest.swap_remove(at);
            }
            None => sent.push(envelope),
        }
    }
    sent.sort_by_key(|envelope| envelope.reading_order());
    if !sent.is_empty() {
        lines.push(format!(
            "sent: {}",
            sent.iter().map(|envelope| names.envelope(envelope)).join("; ")
        ));
    }
    lines
}
