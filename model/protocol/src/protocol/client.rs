//! The client library, sans-IO: one request at a time, with retries, and with client-driven
//! fan-out where asked for. Scripted clients of the checker and the command line both use it.

mod footprint;

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::cluster::ClusterConfig;
use crate::ids::{ClientId, Key, NodeId, NodeSet, Peer, RequestId, Value};
use crate::versions::{Record, VersionVector};

use super::effect::{Effect, Timer};
use super::message::{
    ContextOrigin, FanOut, GetOutcome, GetRequest, Message, PutOutcome, PutRequest, Refusal,
};
use super::read_round::{ReadRound, ReadStep};
use super::waits::Waits;
use super::write_round::WriteRound;

/// What a client can ask for.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Operation {
    /// Write a value, or delete with `None`.
    Put {
        /// Which key.
        key: Key,
        /// The value, or `None` for a delete.
        value: Option<Value>,
        /// What was seen: empty for a blind write.
        context: VersionVector,
        /// Acknowledgements to gather; the cluster's W if absent.
        w: Option<usize>,
        /// Whether fallbacks may stand in for homes; as the cluster has it if absent.
        sloppy: Option<bool>,
    },
    /// Read.
    Get {
        /// Which key.
        key: Key,
        /// Replies to gather; the cluster's R if absent.
        r: Option<usize>,
    },
}

impl Operation {
    /// The key it is about.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Operation::Put { key, .. } | Operation::Get { key, .. } => key,
        }
    }
}

/// How an operation ended for the client.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// The write is acknowledged.
    PutOk {
        /// By these.
        acked: NodeSet,
    },
    /// The write is indeterminate: too few acknowledged in time.
    PutUnavailable {
        /// Who did.
        acked: NodeSet,
    },
    /// The read's answer.
    GetOk {
        /// All live versions and the context, `None` when nobody has the key.
        state: Option<Arc<Record>>,
        /// Whose replies were merged.
        replied: NodeSet,
    },
    /// Too few replied in time.
    GetUnavailable {
        /// Who did.
        replied: NodeSet,
    },
    /// The coordinator would not.
    Refused(Refusal),
    /// The coordinator did not answer in time, after all attempts. A write is indeterminate.
    NoAnswer,
}

/// What comes out of a client's step.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ClientStep {
    /// Messages to send and timers to start or stop, in this order.
    pub effects: Vec<Effect>,
    /// How the operation ended, if it did in this step.
    pub outcome: Option<Outcome>,
}

impl ClientStep {
    fn send(&mut self, to: NodeId, message: Message) {
        self.effects.push(Effect::Send { to: to.into(), message });
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Phase {
    /// Waiting for one node's answer: the coordinator's, or the minting home's.
    Asking { node: NodeId, message: Message },
    /// Client-driven put: the state was minted and is being fanned out.
    Writing { key: Key, state: Arc<Record>, round: WriteRound },
    /// Client-driven get.
    Reading { key: Key, round: ReadRound },
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Pending {
    pub(super) request: RequestId,
    pub(super) attempts_left: u32,
    pub(super) w: Option<usize>,
    pub(super) phase: Phase,
}

/// One client: at most one operation at a time.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Client {
    pub(super) id: ClientId,
    pub(super) next_sequence: u64,
    pub(super) pending: Option<Pending>,
    /// A client-driven read that is answered but still repairs late replies. Given up when its
    /// timer expires or the next operation starts.
    pub(super) trailing: Option<Pending>,
}

impl Client {
    /// A client that has asked for nothing yet.
    #[must_use]
    pub fn new(id: ClientId) -> Self {
        Client { id, next_sequence: 0, pending: None, trailing: None }
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// The identity that its next operation will have.
    #[must_use]
    pub fn next_request(&self) -> RequestId {
        RequestId { client: self.id, sequence: self.next_sequence }
    }

    /// The request it waits for, if any.
    #[must_use]
    pub fn pending(&self) -> Option<RequestId> {
        self.pending.as_ref().map(|pending| pending.request)
    }

    /// Whether it asks again if the answer to the pending request does not come in time.
    #[must_use]
    pub fn has_tries_left(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.attempts_left > 0)
    }

    /// Which node it asked, while it waits for that node's answer.
    #[must_use]
    pub fn asks(&self) -> Option<NodeId> {
        match self.pending.as_ref()?.phase {
            Phase::Asking { node, .. } => Some(node),
            Phase::Writing { .. } | Phase::Reading { .. } => None,
        }
    }

    /// What the pending request waits for, if there is one.
    #[must_use]
    pub fn waits(&self) -> Option<(RequestId, Waits)> {
        let pending = self.pending.as_ref()?;
        let waits = match &pending.phase {
            Phase::Asking { node, .. } => Waits::Answer(*node),
            Phase::Writing { round, .. } => round.waits(),
            Phase::Reading { round, .. } => round.waits(),
        };
        Some((pending.request, waits))
    }

    /// Whether an answer of this node to this request can still matter.
    #[must_use]
    pub fn awaits(&self, request: RequestId, from: NodeId) -> bool {
        [&self.pending, &self.trailing].into_iter().flatten().any(|pending| {
            pending.request == request
                && match &pending.phase {
                    Phase::Asking { node, .. } => *node == from,
                    Phase::Writing { round, .. } => !round.acked().contains(from),
                    Phase::Reading { round, .. } => {
                        round.awaits_reply(from) || round.awaits_holder(from)
                    }
                }
        })
    }

    /// Starts an operation: through `coordinator` where nodes fan out, or where a client-driven
    /// put is to be minted. On expiry of its timer it is tried `attempts` times in all, always
    /// under the same request id and at the same coordinator.
    ///
    /// # Panics
    /// If an operation is pending.
    pub fn invoke(
        &mut self,
        config: &ClusterConfig,
        operation: Operation,
        coordinator: NodeId,
        fan_out: FanOut,
        attempts: u32,
    ) -> ClientStep {
        assert!(self.pending.is_none(), "{} already waits for an answer", self.id);
        let mut step = ClientStep::default();
        if let Some(trailing) = self.trailing.take() {
            step.effects.push(Effect::CancelTimer(Timer::Request(trailing.request)));
        }
        let request = self.next_request();
        self.next_sequence += 1;
        let asked = match &operation {
            Operation::Put { w, .. } => *w,
            Operation::Get { r, .. } => *r,
        };
        let n = config.quorum().n();
        if let Some(asked) = asked.filter(|asked| !(1..=n).contains(asked)) {
            step.outcome = Some(Outcome::Refused(Refusal::QuorumOutOfRange { asked, n }));
            return step;
        }
        if fan_out == FanOut::ClientDriven && !config.takes_client_driven() {
            step.outcome = Some(Outcome::Refused(Refusal::ClientFanOutOff));
            return step;
        }
        let phase = match operation {
            Operation::Put { key, value, context, w, sloppy } => {
                let origin = ContextOrigin::Given;
                let put = PutRequest { request, key, value, context, origin, w, sloppy, fan_out };
                Phase::Asking { node: coordinator, message: Message::Put(put) }
            }
            Operation::Get { key, r } if fan_out == FanOut::NodeDriven => {
                let get = Message::Get(GetRequest { request, key, r });
                Phase::Asking { node: coordinator, message: get }
            }
            Operation::Get { key, r } => {
                let quorum = config.quorum();
                let r = r.unwrap_or(quorum.r());
                let round = ReadRound::new(config.read_repair(), config.homes(&key), r, quorum.r());
                Phase::Reading { key, round }
            }
        };
        let pending = Pending { request, attempts_left: attempts.max(1) - 1, w: asked, phase };
        pending.send(config, &mut step);
        step.effects.push(Effect::SetTimer(Timer::Request(request)));
        self.pending = Some(pending);
        step
    }

    /// Takes a message from a node. One that answers nothing this client waits for gives an
    /// empty step.
    pub fn receive(
        &mut self,
        config: &ClusterConfig,
        from: NodeId,
        message: Message,
    ) -> ClientStep {
        let mut step = ClientStep::default();
        let Some(request) = message.request().filter(|request| self.awaits(*request, from)) else {
            return step;
        };
        let is_trailing = self.pending.as_ref().is_none_or(|pending| pending.request != request);
        let slot = if is_trailing { &mut self.trailing } else { &mut self.pending };
        let Some(pending) = slot else { return step };
        match (&mut pending.phase, message) {
            (
                Phase::Asking { message: Message::Put(put), .. },
                Message::PutReply { outcome: PutOutcome::Minted { state }, .. },
            ) => {
                let mut round = WriteRound::new(pending.w.unwrap_or(config.quorum().w()));
                round.acknowledge(from);
                pending.phase = Phase::Writing { key: put.key.clone(), state, round };
                pending.send(config, &mut step);
            }
            (Phase::Asking { message: Message::Put(_), .. }, Message::PutReply { outcome, .. }) => {
                step.outcome = Some(match outcome {
                    PutOutcome::Ok { acked } => Outcome::PutOk { acked },
                    PutOutcome::Unavailable { acked } => Outcome::PutUnavailable { acked },
                    PutOutcome::Refused(refusal) => Outcome::Refused(refusal),
                    PutOutcome::Minted { .. } => return step,
                });
            }
            (Phase::Asking { message: Message::Get(_), .. }, Message::GetReply { outcome, .. }) => {
                step.outcome = Some(match outcome {
                    GetOutcome::Ok { state, replied } => Outcome::GetOk { state, replied },
                    GetOutcome::Unavailable { replied } => Outcome::GetUnavailable { replied },
                    GetOutcome::Refused(refusal) => Outcome::Refused(refusal),
                });
            }
            (Phase::Writing { key, round, .. }, Message::StoreAck { .. }) => {
                if config.homes(key).contains(from) {
                    round.acknowledge(from);
                }
            }
            (Phase::Reading { key, round }, Message::FetchReply { state, .. }) => {
                if !config.homes(key).contains(from) {
                    return step;
                }
                let steps = round.on_reply(from, state);
                step.outcome = run_read_steps(request, key, round, steps, &mut step.effects);
            }
            (Phase::Reading { key, round }, Message::StoreAck { held, .. }) => {
                if !config.homes(key).contains(from) {
                    return step;
                }
                let steps = round.on_holder(from, held);
                step.outcome = run_read_steps(request, key, round, steps, &mut step.effects);
            }
            // What it does not wait for now, or never.
            (
                _,
                Message::Put(_)
                | Message::PutReply { .. }
                | Message::Get(_)
                | Message::GetReply { .. }
                | Message::Store { .. }
                | Message::StoreAck { .. }
                | Message::Fetch { .. }
                | Message::FetchReply { .. }
                | Message::Repair { .. }
                | Message::Probe { .. }
                | Message::ProbeReply { .. }
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
                | Message::SyncKeys { .. }
                | Message::SyncStates { .. },
            ) => return step,
        }
        if let Phase::Writing { round, .. } = &pending.phase
            && round.is_complete()
        {
            step.outcome = Some(Outcome::PutOk { acked: round.acked() });
        }
        let finished = match &pending.phase {
            Phase::Reading { round, .. } => round.is_finished(),
            _ => step.outcome.is_some(),
        };
        if finished {
            *slot = None;
            step.effects.push(Effect::CancelTimer(Timer::Request(request)));
        } else if step.outcome.is_some() {
            self.trailing = self.pending.take();
        }
        step
    }

    /// Takes the expiry of its timer: tries again, or gives up with what it has.
    pub fn expire(&mut self, config: &ClusterConfig, timer: Timer) -> ClientStep {
        let Timer::Request(request) = timer else { return ClientStep::default() };
        let mut step = ClientStep::default();
        if self.trailing.as_ref().is_some_and(|trailing| trailing.request == request) {
            self.trailing = None;
        }
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.request == request)
        else {
            return step;
        };
        if pending.attempts_left > 0 {
            pending.attempts_left -= 1;
            pending.send(config, &mut step);
            step.effects.push(Effect::SetTimer(timer));
            return step;
        }
        step.outcome = Some(match &pending.phase {
            Phase::Asking { .. } => Outcome::NoAnswer,
            Phase::Writing { round, .. } => Outcome::PutUnavailable { acked: round.acked() },
            Phase::Reading { round, .. } => Outcome::GetUnavailable { replied: round.replied() },
        });
        self.pending = None;
        step
    }
}

impl Pending {
    /// Sends what this phase asks, to whoever has not answered yet.
    fn send(&self, config: &ClusterConfig, step: &mut ClientStep) {
        let request = self.request;
        match &self.phase {
            Phase::Asking { node, message } => step.send(*node, message.clone()),
            Phase::Writing { key, state, round } => {
                for home in config.homes(key).iter().filter(|home| !round.acked().contains(*home)) {
                    let (key, state) = (key.clone(), Arc::clone(state));
                    step.send(home, Message::Store { request, key, state });
                }
            }
            Phase::Reading { key, round } => {
                for home in config.homes(key).iter().filter(|home| round.awaits_reply(*home)) {
                    step.send(home, Message::Fetch { request, key: key.clone() });
                }
                let repairs = round.awaited_repairs();
                let outcome = run_read_steps(request, key, round, repairs, &mut step.effects);
                debug_assert_eq!(outcome, None, "repairs are no answer");
            }
        }
    }
}

fn run_read_steps(
    request: RequestId,
    key: &Key,
    round: &ReadRound,
    steps: Vec<ReadStep>,
    effects: &mut Vec<Effect>,
) -> Option<Outcome> {
    let mut outcome = None;
    for step in steps {
        match step {
            ReadStep::Answer(state) => {
                outcome = Some(Outcome::GetOk { state, replied: round.replied() });
            }
            ReadStep::Repair { to, state, awaited } => {
                let key = key.clone();
                let message = if awaited {
                    Message::Store { request, key, state }
                } else {
                    Message::Repair { key, state }
                };
                effects.push(Effect::Send { to: Peer::Node(to), message });
            }
        }
    }
    outcome
}
