//! A register with a primary and a backup (Alsberg and Day 1976), checked for what its clients see, as
//! `docs/your-own-protocol.md` explains: `cargo run -p quorate-model --example primary_backup [FILE.toml]`.

use std::error::Error;

use quorate_checker::Shared;
use quorate_checker::ids::{ClientId, NodeId, Peer};
use quorate_checker::world::{
    ClientInput, Counters, Environment, Event, NodeInput, NodeState, Outbox, Property, Protocol,
    ScenarioFile, State, Taken, Words, command_line,
};
use serde::{Deserialize, Serialize};

const PRIMARY: NodeId = NodeId(0);
const BACKUP: NodeId = NodeId(1);

/// The table `[protocol]` of a scenario file.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Setting {
    /// Whether the primary answers a write before its backup has it.
    acknowledges_at_once: bool,
    /// What each client writes and reads, in order.
    clients: Vec<Vec<Message>>,
}

/// The register holds how often it was written.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Message {
    Write,
    Written(u32),
    Read,
    Found(u32),
    BackUp { value: u32, writer: Peer },
    BackedUp { value: u32, writer: Peer },
}

pub(crate) struct PrimaryBackup(pub(crate) ScenarioFile<Setting>);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Client {
    next: usize,
    waits: bool,
}

/// What an observer remembers: what the register held for certain, what each read owes, and how reads ended.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct History {
    acknowledged: u32,
    owed: Vec<u32>,
    stale: bool,
    fresh: bool,
}

impl Protocol for PrimaryBackup {
    type Message = Message;
    type Timer = ();
    type Replica = ();
    type Store = u32;
    type Client = Client;
    type Command = ();
    type History = History;
    type Fact = (Peer, Message);
    type MessageKind = ();
    type TimerKind = ();
    type OperationKind = ();
    type Rule = ();

    fn environment(&self) -> Environment {
        self.0.environment(self.0.protocol.clients.len())
    }

    fn node_step(
        &self,
        _: NodeId,
        node: &mut NodeState<Self>,
        input: NodeInput<'_, Self>,
        out: &mut Outbox<Self>,
    ) {
        let NodeInput::Receive { from, message } = input else { return };
        match *message {
            Message::Write => {
                node.store += 1;
                out.send(BACKUP, Message::BackUp { value: node.store, writer: from });
                if self.0.protocol.acknowledges_at_once {
                    out.send(from, Message::Written(node.store));
                }
            }
            Message::BackUp { value, writer } => {
                node.store = node.store.max(value);
                out.send(PRIMARY, Message::BackedUp { value, writer });
            }
            Message::BackedUp { value, writer } => {
                if !self.0.protocol.acknowledges_at_once {
                    out.send(writer, Message::Written(value));
                }
            }
            Message::Read => out.send(from, Message::Found(node.store)),
            Message::Written(_) | Message::Found(_) => {}
        }
    }

    fn client(&self, _: ClientId) -> Client {
        Client { next: 0, waits: false }
    }

    /// Writes go to the primary, reads to either.
    fn coordinators(&self, of: ClientId, state: &Client) -> impl Iterator<Item = NodeId> {
        let via: &[NodeId] = match self.0.protocol.clients[of.0 as usize].get(state.next) {
            Some(Message::Write) if !state.waits => &[PRIMARY],
            Some(Message::Read) if !state.waits => &[PRIMARY, BACKUP],
            _ => &[],
        };
        via.iter().copied()
    }

    fn client_step(
        &self,
        client: ClientId,
        state: &mut Client,
        input: ClientInput<'_, Self>,
        out: &mut Outbox<Self>,
    ) {
        if let ClientInput::Invoke { coordinator } = input {
            let asks = &self.0.protocol.clients[client.0 as usize][state.next];
            out.send(coordinator, asks.clone());
            *state = Client { next: state.next + 1, waits: true };
        } else {
            state.waits = false;
        }
    }

    fn history(&self) -> History {
        let owed = vec![0; self.0.protocol.clients.len()];
        History { acknowledged: 0, owed, stale: false, fresh: false }
    }

    fn on_invoke(&self, state: &mut State<Self>, client: ClientId) {
        let mut history = (*state.history).clone();
        history.owed[client.0 as usize] = history.acknowledged;
        state.history = Shared::new(history);
    }

    /// An observer sees what arrives.
    fn facts(&self, taken: &mut Taken<'_, Self>) -> Vec<(Peer, Message)> {
        let Event::Receive(sent) = taken.event else { return Vec::new() };
        vec![(sent.to, sent.message.clone())]
    }

    fn note(
        &self,
        state: &mut State<Self>,
        facts: &Shared<Vec<(Peer, Message)>>,
        _: &Counters<Self>,
    ) {
        let mut history = (*state.history).clone();
        for fact in &**facts {
            match *fact {
                (_, Message::Written(value)) => {
                    history.acknowledged = history.acknowledged.max(value);
                }
                (Peer::Client(client), Message::Found(value)) => {
                    let owed = history.owed[client.0 as usize];
                    history.stale |= value < owed;
                    history.fresh |= owed > 0 && value >= owed;
                }
                _ => {}
            }
        }
        state.history = Shared::new(history);
    }
}

/// What the nodes and the operations are called.
impl Words<PrimaryBackup> for PrimaryBackup {
    fn node(&self, node: NodeId) -> String {
        self.0.nodes[node.index()].clone()
    }

    fn starts(&self, client: ClientId, state: &Client) -> Option<String> {
        let next = self.0.protocol.clients[client.0 as usize].get(state.next)?;
        Some(format!("{next:?}"))
    }
}

pub(crate) fn properties() -> [Property<PrimaryBackup>; 2] {
    type S = State<PrimaryBackup>;
    let agree = |_: &_, s: &S| s.node(PRIMARY).store == s.node(BACKUP).store;
    [
        // A read returns every write that was acknowledged before it began. The witness: one that had to.
        Property::always("read-freshness", |_, s: &S| !s.history.stale, |_, s| s.history.fresh),
        // Once all is quiet, both nodes hold the same.
        Property::eventually_always("agreement", agree),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/primary_backup/at_once.toml");
    command_line(default, PrimaryBackup, properties())
}
