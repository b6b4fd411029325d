//! Reductions of the state space, each with the reason why it changes no verdict.
//!
//! Every rule is switched by [`crate::scenario::Reductions`], and a test runs every small scenario
//! with and without each of them and compares the verdicts.
//!
//! **Client hops** ([`Reductions::client_hops`](crate::scenario::Reductions::client_hops), carried out in [`super::model`]). A node-driven
//! request and its answer take no time between client and coordinator. Take any run of the full
//! model and move every request's start to the moment its coordinator takes it in, and every
//! answer's arrival to the moment it is sent. Nodes see the same messages in the same order. A
//! read now starts later and a write is acknowledged earlier, so each read is obliged to at least
//! as much as before, and returns the same: what was violated is violated still. The other way
//! round, a run of the reduced model *is* a run of the full one, in which these messages happen to
//! be fast. What the reduction removes is the loss and duplication of such messages and the
//! client's own timeout: a scenario about retries switches it off.
//!
//! **Dead messages** ([`Reductions::dead_messages`](crate::scenario::Reductions::dead_messages)). A message whose delivery, now or at any later
//! time, changes no actor and causes no message that is not itself dead, can be taken out: the
//! state with it and the state without it simulate each other (a bisimulation that relates the two
//! and matches its delivery, loss and duplication with doing nothing). Each case below gives the
//! reason why it stays without effect *forever*, which needs three facts: a request that is over
//! stays over (`is_over`); what a request has counted is never uncounted, unless a crash forgets it
//! while it is not over; and records only grow: where disks can be lost or replaced, or tombstones
//! go, they do not, and the cases that rest on it do not apply.
//! Fault budgets could tell the two states apart, as losing a dead message spends one; but a run
//! that spends more of its budget reaches nothing that a run that spends less does not.
//!
//! **Finished requests** ([`Reductions::finished_requests`](crate::scenario::Reductions::finished_requests)). A node remembers a finished put only
//! to answer a copy of it or a retry. If the client no longer waits for it and no copy is under
//! way, neither can come. A read that was answered but listens for late replies is forgotten when
//! no message of it is under way: its timer would do no more than forget it.
//!
//! **Convergence** looks at records, and at where runs end. No rule above changes what records can
//! become: a step that is left out changes none, and is one that every fair run gets behind itself.
//! So the records that a fair run comes to keep are the same, reduced or not.

use alloc::vec::Vec;

use super::action::Envelope;
use super::actor::{ActorState, ScriptedClient};
use super::local;
use super::memo::{self, Fingerprint, Memo};
use super::shared::Shared;
use super::state::{ClusterState, Seat};
use crate::ids::{Key, NodeId, Peer, RequestId};
use crate::protocol::{Message, Replica, Timer};
use crate::scenario::Scenario;
use crate::versions::Record;

/// Brings a state into its normal form.
pub(crate) fn normalise(scenario: &Scenario, memo: &ForgetMemo, state: &mut ClusterState) {
    if scenario.reductions.dead_messages {
        let alive: Vec<bool> =
            state.network.iter().map(|envelope| !is_dead(scenario, state, envelope)).collect();
        let mut alive = alive.into_iter();
        state.network.retain(|_| alive.next().unwrap_or(true));
    }
    if scenario.reductions.finished_requests {
        forget_finished(memo, state);
    }
}

fn client(state: &ClusterState, request: RequestId) -> Option<&ScriptedClient> {
    state.clients().nth(request.client.0 as usize)
}

fn replica(state: &ClusterState, node: NodeId) -> &Replica {
    match &state.seats[node.index()].state {
        ActorState::Node(node) => &node.replica,
        ActorState::Client(_) => panic!("nodes come before clients"),
    }
}

/// Whether the request can never be made again: its client does not wait for it, so will not
/// retry, and no copy of it is under way or waits at a node that forwarded it.
fn is_over(state: &ClusterState, request: RequestId) -> bool {
    client(state, request).is_none_or(|client| client.client.pending() != Some(request))
        && !state.network.iter().any(|envelope| match &envelope.message {
            Message::Put(put) => put.request == request,
            Message::Get(get) => get.request == request,
            _ => false,
        })
        && !state.nodes().any(|node| node.replica.probes(request))
}

/// Whether the peer that made a request can still be affected by this node's acknowledgement or
/// reply to it, now or later.
fn awaits(state: &ClusterState, peer: Peer, request: RequestId, from: NodeId, ack: bool) -> bool {
    match peer {
        Peer::Node(coordinator) => {
            let replica = replica(state, coordinator);
            let counted = if ack {
                replica.awaits_ack(request, from)
            } else {
                replica.awaits_reply(request, from)
            };
            // A retry would resume the request and count again.
            counted || !is_over(state, request)
        }
        // A client that fans out itself: once it has counted a node, or has gone on to another
        // request, it ignores the node's answers to this one. While it still waits for the state
        // to be minted, no such answer is under way.
        Peer::Client(_) => {
            client(state, request).is_some_and(|client| client.client.awaits(request, from))
        }
    }
}

/// Whether no delivery of this message can ever have an effect.
fn is_dead(scenario: &Scenario, state: &ClusterState, envelope: &Envelope) -> bool {
    let holds = |to: NodeId, key: &Key, record: &Record| {
        scenario.records_only_grow() && local::holds(&state.seats[to.index()], key, record)
    };
    match (&envelope.message, envelope.from, envelope.to) {
        // The asker has counted this node already, or has finished for good.
        (Message::StoreAck { request, .. }, Peer::Node(from), to) => {
            !awaits(state, to, *request, from, true)
        }
        (Message::FetchReply { request, .. }, Peer::Node(from), to) => {
            !awaits(state, to, *request, from, false)
        }
        // The reply would be dead.
        (Message::Fetch { request, .. }, from, Peer::Node(to)) => {
            !awaits(state, from, *request, to, false)
        }
        // The receiver holds all of it already, and its acknowledgement would be dead.
        (Message::Store { request, key, state: record }, from, Peer::Node(to)) => {
            holds(to, key, record) && !awaits(state, from, *request, to, true)
        }
        // The receiver holds all of it already, and acknowledges nothing.
        (Message::Repair { key, state: record }, _, Peer::Node(to)) => holds(to, key, record),
        // The same, of several keys; and it asks for nothing.
        (Message::SyncStates { states, wanted }, _, Peer::Node(to)) => {
            wanted.is_empty() && states.iter().all(|(key, record)| holds(to, key, record))
        }
        // The node that asked has its answer, or has given up asking.
        (Message::Probe { request }, Peer::Node(asker), _)
        | (Message::ProbeReply { request }, _, Peer::Node(asker)) => {
            !replica(state, asker).probes(*request) && is_over(state, *request)
        }
        // The client has gone on; it never asks under an old request id again.
        (
            Message::PutReply { request, .. } | Message::GetReply { request, .. },
            Peer::Node(from),
            Peer::Client(_),
        ) => !client(state, *request).is_some_and(|client| client.client.awaits(*request, from)),
        // The node that forwarded it has answered, and no retry will make it forward again.
        (Message::PutReply { request, .. }, _, Peer::Node(to)) => {
            !replica(state, to).awaits_forwarded(*request) && is_over(state, *request)
        }
        _ => false,
    }
}

/// What a node forgets in one go.
#[derive(Clone, PartialEq, Hash, Debug)]
pub(crate) struct Forget {
    finished: Vec<RequestId>,
    trailing: Vec<RequestId>,
}

impl Fingerprint for Forget {
    fn fingerprint(&self) -> u64 {
        memo::of(self)
    }
}

/// Nodes after they forgot.
pub(crate) type ForgetMemo = Memo<Shared<Seat>, Forget, Shared<Seat>>;

fn forget_finished(memo: &ForgetMemo, state: &mut ClusterState) {
    for index in 0..state.seats.len() {
        let ActorState::Node(node) = &state.seats[index].state else { continue };
        let is_silent = |request: &RequestId| {
            is_over(state, *request)
                && !state
                    .network
                    .iter()
                    .any(|envelope| envelope.message.request() == Some(*request))
        };
        let forget = Forget {
            finished: node.replica.finished().filter(|request| is_over(state, *request)).collect(),
            trailing: node.replica.trailing().filter(is_silent).collect(),
        };
        if forget.finished.is_empty() && forget.trailing.is_empty() {
            continue;
        }
        let seat = state.seats[index].clone();
        let without = || {
            let mut seat: Seat = (*seat).clone();
            if let ActorState::Node(node) = &mut seat.state {
                for request in &forget.finished {
                    node.replica.forget_finished(*request);
                }
                for request in &forget.trailing {
                    node.replica.forget_trailing(*request);
                    seat.timers.remove(&Timer::Request(*request));
                }
            }
            Shared::new(seat)
        };
        memo.with(&seat, &forget, without, |without| state.seats[index] = without.clone());
    }
}
