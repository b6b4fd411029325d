//! Clients in a scenario: each carries out its program.

use quorate_checker::world::{ClientInput, Outbox};
use quorate_ids::{ClientId, NodeId};
use quorate_leader::client::{Client, ClientStep, Task};
use quorate_leader::config::Reads;

use crate::kinds::{Alarm, Packet};
use crate::leader_based::LeaderBased;

/// A client, with how far it is in its program.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ScriptedClient {
    /// What it knows.
    pub client: Client,
    /// Which operation of its program comes next.
    pub next: usize,
}

impl ScriptedClient {
    /// The operation that it may start now.
    #[must_use]
    pub fn ready<'a>(&self, protocol: &'a LeaderBased, client: ClientId) -> Option<&'a Task> {
        let program = &protocol.setting().clients[client.0 as usize].operations;
        let is_free = self.client.asks().is_none();
        program.get(self.next).filter(|_| is_free).map(|written| &written.0)
    }

    /// Whether its program is over.
    #[must_use]
    pub fn is_over(&self, protocol: &LeaderBased, client: ClientId) -> bool {
        self.next >= protocol.setting().clients[client.0 as usize].operations.len()
            && self.client.asks().is_none()
    }

    /// The nodes through which it may start its next operation.
    #[must_use]
    pub fn coordinators(&self, protocol: &LeaderBased, client: ClientId) -> Vec<NodeId> {
        let next = self.ready(protocol, client);
        next.map_or_else(Vec::new, |task| self.client.may_ask(protocol.client_config(), task))
    }

    /// Something reaches it. What the client did is a function of what it was and of this.
    pub(crate) fn react(
        &mut self,
        protocol: &LeaderBased,
        client: ClientId,
        input: &ClientInput<'_, LeaderBased>,
    ) -> ClientStep {
        let config = protocol.client_config();
        match input {
            ClientInput::Invoke { coordinator } => {
                let Some(task) = self.ready(protocol, client).cloned() else {
                    return ClientStep::default();
                };
                self.next += 1;
                self.client.start(config, task, *coordinator)
            }
            ClientInput::Receive { from, message } => {
                self.client.receive(config, *from, &message.message)
            }
            ClientInput::Expire(Alarm::Request) => self.client.expire(config),
            ClientInput::Expire(_) => {
                self.client.forget_own_writes();
                ClientStep::default()
            }
        }
    }

    /// The same, with what it sends.
    pub(crate) fn step(
        &mut self,
        protocol: &LeaderBased,
        client: ClientId,
        input: &ClientInput<'_, LeaderBased>,
        out: &mut Outbox<LeaderBased>,
    ) {
        let step = self.react(protocol, client, input);
        if let Some((node, shard, message)) = step.send {
            out.send(node, Packet { shard, message });
            out.set_timer(Alarm::Request);
        }
        if step.ended.is_some() {
            out.cancel_timer(Alarm::Request);
        }
        if protocol.setting().reads == Reads::OwnWrites && protocol.setting().window_passes {
            if self.client.remembers_own_writes() {
                out.set_timer(Alarm::Window);
            } else {
                out.cancel_timer(Alarm::Window);
            }
        }
    }
}
