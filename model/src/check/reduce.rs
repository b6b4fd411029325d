//! Reductions of the state space by canonical forms: what nothing can read again is left out.
//!
//! Reductions by dead variables (Bozga, Fernandez and Ghirvu, *State space reduction based on live variables
//! analysis*, SAS 1999): states are visited up to a bisimulation that forgets what is dead.
//!
//! Every rule is switched by [`crate::scenario::Reductions`], and tests compare scenarios with and
//! without each of them.
//!
//! **Dead messages** ([`Reductions::dead_messages`](crate::scenario::Reductions::dead_messages)). A
//! message whose delivery, now or at any later time, changes no actor and no history, and causes no
//! message that is not itself dead, can be taken out: the state with it and the state without it
//! simulate each other (a bisimulation that relates the two and matches its delivery, loss and
//! duplication with doing nothing). Each case below gives the reason why it stays without effect
//! *forever*, which needs three facts: a request that is over stays over (`is_over`); what a request
//! has counted is never uncounted, unless a crash forgets it while it is not over; and records only
//! grow, which needs dotted versions whose dots name one write each: where disks can be lost or
//! replaced, tombstones go, identities are shared or versions are of another kind, they do not, and
//! the cases that rest on it do not apply. Fault budgets could tell the two states apart, as losing a
//! dead message spends one; but a run that spends more of its budget reaches nothing that a run that
//! spends less does not. A message to a node that is down and never starts again is dead as well.
//!
//! **Finished requests**
//! ([`Reductions::finished_requests`](crate::scenario::Reductions::finished_requests)). A node
//! remembers a finished put only to answer a copy of it or a retry, and for nothing else does it keep,
//! on its disk, for which requests it minted versions. If the client no longer waits for it and no
//! copy is under way, neither can come. But a disk remembers so many requests of a key and no more, so where puts
//! may come again and there may be more of them, none is forgotten there: it would leave room for others. A read that was answered but listens for late
//! replies is forgotten when no message of it is under way: its timer, which may expire at any time,
//! would do no more than forget it. So is, where reads repair nothing, a read whose client has gone on: it
//! changes nothing that is stored, and nobody hears of it. Where tombstones are reaped, a node that still listens does not
//! agree, so there both are left to their timers.
//!
//! **Convergence** looks at records, and at where runs end. No rule above changes what records can
//! become: a step that is left out changes none, and is one that every fair run gets behind itself.
//! So the records that a fair run comes to keep are the same, reduced or not.

use alloc::vec::Vec;
use core::iter;

use quorate_checker::Shared;
use quorate_checker::memo::{self, Fingerprint, Memo};
use quorate_checker::world::Counters;
use quorate_ids::KindOf;

use super::action::Envelope;
use super::client::ScriptedClient;
use super::instant;
use super::leaderless::Leaderless;
use super::state::{ActorState, ClusterState, NodeState, Seat};
use crate::ids::{Key, NodeId, Peer, RequestId};
use crate::protocol::{MemoryStore, Message, MessageKind, ReadRepair, Timer};
use crate::scenario::{Rule, Scenario};
use crate::versions::Record;

/// Brings a state into its normal form.
pub(crate) fn normalise(
    scenario: &Scenario,
    memo: &ForgetMemo,
    counters: &Counters<Leaderless>,
    state: &mut ClusterState,
) {
    // What it would still send is dead.
    if scenario.reductions.finished_requests && scenario.reductions.dead_messages {
        forget_abandoned(scenario, memo, counters, state);
    }
    if scenario.reductions.dead_messages {
        let alive: Vec<bool> =
            state.network.iter().map(|envelope| !is_dead(scenario, state, envelope)).collect();
        let dead = alive.iter().filter(|alive| !**alive).count();
        counters.left_out(Rule::DeadMessages, dead);
        let mut alive = alive.into_iter();
        state.network.retain(|_| alive.next().unwrap_or(true));
    }
    if scenario.reductions.finished_requests {
        forget_finished(scenario, memo, counters, state);
    }
}

/// Whether the request can never be made again: its client does not wait for it or never tries
/// again, and no copy of it is under way or waits at a node that forwarded it.
fn is_over(scenario: &Scenario, state: &ClusterState, request: RequestId) -> bool {
    let may_try_again = |client: &ScriptedClient| {
        client.client.pending() == Some(request)
            && scenario.clients[request.client.0 as usize].attempts > 1
    };
    !state.client(request.client).is_some_and(may_try_again)
        && !state.network.iter().any(|envelope| asks_for(&envelope.message, request))
        && !state
            .nodes()
            .any(|node| node.replica.probes(request) || node.replica.waits_to_mint(request))
}

/// Whether a message asks a node to serve this request, and does not only tell of it.
fn asks_for(message: &Message, request: RequestId) -> bool {
    let asks = matches!(MessageKind::of(message), MessageKind::Put | MessageKind::Get);
    asks && message.request() == Some(request)
}

/// Whether the peer that made a request can still be affected by this node's acknowledgement or
/// reply to it, now or later.
fn awaits(
    scenario: &Scenario,
    state: &ClusterState,
    peer: Peer,
    request: RequestId,
    from: NodeId,
    ack: bool,
) -> bool {
    match peer {
        Peer::Node(coordinator) => {
            let replica = &state.node(coordinator).replica;
            let counted = if ack {
                replica.awaits_ack(request, from)
            } else {
                replica.awaits_reply(request, from)
            };
            // A retry would resume the request and count again.
            counted || !is_over(scenario, state, request)
        }
        // A client that fans out itself: once it has counted a node, or has gone on to another
        // request, it ignores the node's answers to this one. While it still waits for the state
        // to be minted, no such answer is under way.
        Peer::Client(_) => {
            state.client(request.client).is_some_and(|client| client.client.awaits(request, from))
        }
    }
}

/// Whether a node is down and stays so: nothing is ever delivered there, and what arrives is lost.
fn never_returns(scenario: &Scenario, state: &ClusterState, node: NodeId) -> bool {
    state.down.contains(node) && scenario.down.contains(node) && !scenario.down_returns
}

/// Whether no delivery of this message can ever have an effect.
pub(crate) fn is_dead(scenario: &Scenario, state: &ClusterState, envelope: &Envelope) -> bool {
    let holds = |to: NodeId, key: &Key, record: &Record| {
        (scenario.records_only_grow()
            || forgets!(scenario, DeadThoughShrinking) && scenario.names_writes_once()
            || forgets!(scenario, DeadThoughNamesShared) && scenario.keeps_records())
            && state.node(to).store.held(key).is_some_and(|held| held.dominates(record))
    };
    if let Peer::Node(to) = envelope.to
        && (never_returns(scenario, state, to)
            || forgets!(scenario, DeadWhileDown) && state.down.contains(to))
    {
        return true;
    }
    match (&envelope.message, envelope.from, envelope.to) {
        // The asker has counted this node already, or has finished for good.
        (Message::StoreAck { request, .. }, Peer::Node(from), to) => {
            !awaits(scenario, state, to, *request, from, true)
        }
        (Message::FetchReply { request, .. }, Peer::Node(from), to) => {
            !awaits(scenario, state, to, *request, from, false)
        }
        // The reply would be dead.
        (Message::Fetch { request, .. }, from, Peer::Node(to)) => {
            !awaits(scenario, state, from, *request, to, false)
        }
        // The receiver holds all of it already, and its acknowledgement would be dead.
        (Message::Store { request, key, state: record }, from, Peer::Node(to)) => {
            holds(to, key, record) && !awaits(scenario, state, from, *request, to, true)
        }
        // The receiver holds all of it already, and acknowledges nothing.
        (Message::Repair { key, state: record }, _, Peer::Node(to)) => holds(to, key, record),
        // The same, of several keys; and it asks for nothing.
        (Message::SyncStates { states, wanted }, _, Peer::Node(to)) => {
            wanted.is_empty() && states.iter().all(|(key, record)| holds(to, key, record))
        }
        // Its client has gone on, and a node that takes it in forgets it at once.
        (Message::Get(get), Peer::Client(client), _) => {
            scenario.reductions.finished_requests
                && (scenario.cluster.read_repair() == ReadRepair::Off
                    || forgets!(scenario, DeadThoughRepairing))
                && instant::keeps_tombstones(scenario)
                && state
                    .client(client)
                    .is_some_and(|client| client.client.pending() != Some(get.request))
        }
        // The node that asked has its answer, or has given up asking.
        (Message::Probe { request }, Peer::Node(asker), _)
        | (Message::ProbeReply { request }, _, Peer::Node(asker)) => {
            !state.node(asker).replica.probes(*request) && is_over(scenario, state, *request)
        }
        // The client has gone on; it never asks under an old request id again.
        (
            Message::PutReply { request, .. } | Message::GetReply { request, .. },
            Peer::Node(from),
            Peer::Client(_),
        ) => {
            !state.client(request.client).is_some_and(|client| client.client.awaits(*request, from))
        }
        // The node that forwarded it has answered, and no retry will make it forward again.
        (Message::PutReply { request, .. }, _, Peer::Node(to)) => {
            !state.node(to).replica.awaits_forwarded(*request)
                && (is_over(scenario, state, *request) || forgets!(scenario, DeadDespiteRetries))
        }
        // These are never dead: what they do depends on what their receivers are by then.
        (
            Message::Put(_)
            | Message::StoreHint { .. }
            | Message::Handoff { .. }
            | Message::HandoffAck { .. }
            | Message::CatchUp { .. }
            | Message::CatchUpPage { .. }
            | Message::Register { .. }
            | Message::Registered { .. }
            | Message::ReapAsk { .. }
            | Message::ReapAgree { .. }
            | Message::Reap { .. }
            | Message::SyncHashes { .. }
            | Message::SyncKeys { .. },
            _,
            _,
        ) => false,
        // No peers send each other these: nodes reply to nodes and clients, and ask nodes alone.
        (
            Message::Get(_)
            | Message::GetReply { .. }
            | Message::PutReply { .. }
            | Message::Store { .. }
            | Message::StoreAck { .. }
            | Message::Fetch { .. }
            | Message::FetchReply { .. }
            | Message::Repair { .. }
            | Message::Probe { .. }
            | Message::ProbeReply { .. }
            | Message::SyncStates { .. },
            _,
            _,
        ) => false,
    }
}

/// What a node forgets in one go.
#[derive(Clone, Default, PartialEq, Hash, Debug)]
pub(crate) struct Forget {
    finished: Vec<RequestId>,
    minted: Vec<RequestId>,
    gets: Vec<RequestId>,
}

impl Fingerprint for Forget {
    fn fingerprint(&self) -> u64 {
        memo::fingerprint_of(self)
    }
}

/// A node's disk, and every copy of it.
fn disks(node: &NodeState) -> impl Iterator<Item = &MemoryStore> {
    iter::once(&node.store).chain(&node.copies).chain(node.synced.as_deref())
}

/// Whether no request that is over makes a disk forget one that may still come again. A disk remembers so many
/// of a key and no more, the latest ones.
fn pushes_out_no_request(scenario: &Scenario) -> bool {
    scenario.writes.len() <= scenario.cluster.limits().requests_max
        || scenario.faults.duplicates == 0 && instant::tries_once(scenario)
}

/// Forgets, on a node's disk and on every copy of it, that a version was minted for this request.
fn forget_minted_request(node: &mut NodeState, request: RequestId) {
    let copies = node.copies.iter_mut().chain(node.synced.as_deref_mut());
    iter::once(&mut node.store).chain(copies).for_each(|disk| disk.forget_request(request));
}

/// Nodes after they forgot.
pub(crate) type ForgetMemo = Memo<Shared<Seat>, Forget, Shared<Seat>>;

fn forget_finished(
    scenario: &Scenario,
    memo: &ForgetMemo,
    counters: &Counters<Leaderless>,
    state: &mut ClusterState,
) {
    for index in 0..state.seats.len() {
        let ActorState::Node(node) = &state.seats[index].state else { continue };
        let is_silent = |request: &RequestId| {
            is_over(scenario, state, *request)
                && !state
                    .network
                    .iter()
                    .any(|envelope| envelope.message.request() == Some(*request))
        };
        let forget = Forget {
            finished: node
                .replica
                .finished()
                .filter(|request| {
                    is_over(scenario, state, *request) || forgets!(scenario, FinishedDespiteRetries)
                })
                .collect(),
            minted: if pushes_out_no_request(scenario) {
                disks(node)
                    .flat_map(MemoryStore::minted_requests)
                    .filter(|request| is_over(scenario, state, *request))
                    .collect()
            } else {
                Vec::new()
            },
            gets: if instant::keeps_tombstones(scenario)
                || forgets!(scenario, FinishedDespiteReaping)
            {
                node.replica.trailing().filter(is_silent).collect()
            } else {
                Vec::new()
            },
        };
        if forget == Forget::default() {
            continue;
        }
        make_forget(memo, counters, state, index, &forget);
    }
}

/// Makes nodes forget reads that no client waits for, and that leave no trace.
fn forget_abandoned(
    scenario: &Scenario,
    memo: &ForgetMemo,
    counters: &Counters<Leaderless>,
    state: &mut ClusterState,
) {
    if scenario.cluster.read_repair() != ReadRepair::Off || !instant::keeps_tombstones(scenario) {
        return;
    }
    for index in 0..state.seats.len() {
        let ActorState::Node(node) = &state.seats[index].state else { continue };
        let is_abandoned = |request: &RequestId| {
            let client = state.client(request.client);
            client.is_some_and(|client| client.client.pending() != Some(*request))
                && is_over(scenario, state, *request)
        };
        let gets: Vec<RequestId> = node.replica.gets().filter(is_abandoned).collect();
        if !gets.is_empty() {
            make_forget(memo, counters, state, index, &Forget { gets, ..Forget::default() });
        }
    }
}

fn make_forget(
    memo: &ForgetMemo,
    counters: &Counters<Leaderless>,
    state: &mut ClusterState,
    index: usize,
    forget: &Forget,
) {
    let Forget { finished, minted, gets } = forget;
    counters.left_out(Rule::FinishedRequests, finished.len() + minted.len() + gets.len());
    let seat = state.seats[index].clone();
    let without = || {
        let mut seat: Seat = (*seat).clone();
        if let ActorState::Node(node) = &mut seat.state {
            for request in &forget.finished {
                node.replica.forget_finished(*request);
            }
            for request in &forget.minted {
                forget_minted_request(node, *request);
            }
            for request in &forget.gets {
                node.replica.forget_get(*request);
                seat.timers.remove(&Timer::Request(*request));
                seat.timers.remove(&Timer::Speculate(*request));
            }
        }
        Shared::new(seat)
    };
    memo.with(&seat, forget, without, |without| state.seats[index] = without.clone());
}
