//! The leaderless protocol, as it is compared.

use quorate_checker::world::{Action, NodeState, State, Words};
use quorate_ids::{NodeId, NodeSet, Peer};
use quorate_model::check::facts::Fact;
use quorate_model::check::leaderless::Leaderless;
use quorate_model::check::words::Names;
use quorate_model::ids::RequestId;
use quorate_model::protocol::{Outcome, Timer};
use quorate_model::versions::Record;

use crate::calls::{ClientEvent, Told};
use crate::comparable::{Comparable, OnValue};

impl Comparable for Leaderless {
    fn client_event(&self, fact: &Fact) -> Option<ClientEvent> {
        match fact {
            Fact::Invoked { client, operation } => {
                Some(ClientEvent::Began { client: *client, operation: *operation })
            }
            Fact::Outcome { client, operation, outcome } => {
                let answer = match outcome {
                    Outcome::PutOk { .. } => Some(Told::Written),
                    Outcome::GetOk { state, .. } => {
                        let mut values = Vec::new();
                        if let Some(state) = state {
                            each_value(state, |value| values.push(value.to_owned()));
                        }
                        Some(Told::Found(values))
                    }
                    Outcome::PutUnavailable { .. }
                    | Outcome::GetUnavailable { .. }
                    | Outcome::Refused(_)
                    | Outcome::NoAnswer => None,
                };
                Some(ClientEvent::Ended { client: *client, operation: *operation, answer })
            }
            _ => None,
        }
    }

    fn replicas(&self) -> NodeSet {
        (0..self.scenario().spec.n as u16).map(NodeId).collect()
    }

    fn readable(&self, node: &NodeState<Self>, on_value: OnValue<'_>) {
        for (key, entry) in node.store.entries() {
            let key = key.to_string();
            each_value(&entry.state, |value| on_value(&key, value));
        }
    }

    fn held(&self, node: &NodeState<Self>, on_value: OnValue<'_>) {
        self.readable(node, on_value);
        for (_, key, state) in node.store.hints() {
            let key = key.to_string();
            each_value(state, |value| on_value(&key, value));
        }
    }

    /// A client's is right if the node that it asked has stopped, a coordinator's once nothing of its request is under
    /// way that can arrive: then only the timer leads on.
    fn is_right(&self, state: &State<Self>, action: &Action<Self>) -> bool {
        let Action::Expire { peer, timer: Timer::Request(request) } = action else { return false };
        match peer {
            Peer::Node(_) => !is_under_way(state, *request),
            Peer::Client(client) => {
                let asked = state.client(*client).and_then(|state| state.client.asks());
                asked.is_some_and(|node| state.down.contains(node))
                    && !is_under_way(state, *request)
            }
        }
    }

    fn counts_wrong_ones_alone(&self) -> bool {
        false
    }

    fn is_wait(&self, action: &Action<Self>) -> bool {
        match action {
            Action::Expire { timer, .. } => matches!(timer, Timer::Request(_)),
            Action::InvokeLate { .. } => true,
            _ => false,
        }
    }

    fn words(&self) -> impl Words<Self> {
        Names::of(self.scenario())
    }
}

/// Whether a message of a request can still arrive.
fn is_under_way(state: &State<Leaderless>, request: RequestId) -> bool {
    let mut network = state.network.iter();
    network.any(|sent| sent.message.request() == Some(request) && !state.is_down(sent.to))
}

fn each_value(record: &Record, mut on_value: impl FnMut(&str)) {
    for (_, value) in record.live() {
        on_value(&value.to_string());
    }
}
