//! The leader-based protocol, as it is compared.

use quorate_checker::world::{Action, NodeState, Protocol, State, Words};
use quorate_ids::NodeSet;
use quorate_leader::client::Task;
use quorate_leader::effect::Timer;
use quorate_leader::log::{Content, RowEffect};
use quorate_leader::message::Outcome;
use quorate_leader::statement::Statement;
use quorate_leader_model::kinds::Alarm;
use quorate_leader_model::{Fact, LeaderBased};

use crate::calls::{ClientEvent, Told};
use crate::comparable::{Comparable, OnValue};

impl Comparable for LeaderBased {
    fn client_event(&self, fact: &Fact) -> Option<ClientEvent> {
        match fact {
            Fact::Started { request, .. } => Some(ClientEvent::Began {
                client: request.client.0 as usize,
                operation: request.number as usize - 1,
            }),
            Fact::Ended(ended) => {
                let answer = match (&ended.task, &ended.outcome) {
                    (Task::Write { .. }, Some(Outcome::Written { .. })) => Some(Told::Written),
                    (Task::Read { .. }, Some(Outcome::Found { value, .. })) => {
                        Some(Told::Found(value.iter().map(ToString::to_string).collect()))
                    }
                    _ => None,
                };
                let (client, operation) =
                    (ended.request.client.0 as usize, ended.request.number as usize - 1);
                Some(ClientEvent::Ended { client, operation, answer })
            }
            _ => None,
        }
    }

    fn replicas(&self) -> NodeSet {
        self.environment().node_ids().collect()
    }

    fn readable(&self, node: &NodeState<Self>, on_value: OnValue<'_>) {
        for (key, value) in node.store.iter().flat_map(|store| store.all_rows()) {
            on_value(&key.0, &value.to_string());
        }
    }

    fn held(&self, node: &NodeState<Self>, on_value: OnValue<'_>) {
        self.readable(node, on_value);
        for entry in node.store.iter().flat_map(|store| store.entries()) {
            if let Content::Write { key, effect, .. } = &entry.content {
                match effect {
                    RowEffect::Row(value) => on_value(&key.0, &value.to_string()),
                    RowEffect::Execute(Statement::Set(text)) => on_value(&key.0, text),
                    // Programs set values and do nothing else.
                    RowEffect::Execute(_) => {}
                }
            }
        }
    }

    /// The protocol's world tells timers that are right from those that are wrong, and counts the latter alone.
    fn is_right(&self, _: &State<Self>, _: &Action<Self>) -> bool {
        false
    }

    fn counts_wrong_ones_alone(&self) -> bool {
        true
    }

    fn is_wait(&self, action: &Action<Self>) -> bool {
        match action {
            Action::Expire { timer: Alarm::Node { timer, .. }, .. } => {
                !matches!(timer, Timer::Heartbeat(_))
            }
            Action::Expire { .. } | Action::InvokeLate { .. } => true,
            _ => false,
        }
    }

    fn words(&self) -> impl Words<Self> {
        self.clone()
    }
}
