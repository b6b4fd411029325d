//! Coordinating a get: ask the homes, merge R distinct replies, answer, repair.
//!
//! Where the cluster says so, R homes are asked first and the others when one of them is late:
//! *speculative retry* (Cassandra 2.0.2, there also *rapid read protection*; Dean and Barroso, *The tail at
//! scale*, CACM 2013, call such a second request hedged). Which replies an answer counts does not change:
//! R distinct homes, whoever they are.

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Serialize;

use crate::ids::{Key, NodeId, NodeSet, Peer, RequestId};
use crate::protocol::effect::{Effect, Step, Timer};
use crate::protocol::message::{GetOutcome, GetRequest, Message};
use crate::protocol::read_round::{ReadRound, ReadStep};
use crate::protocol::store::Store;
use crate::protocol::weight::key_bytes;
use crate::versions::{Record, RecordDigest};

use super::limit::check_key;
use super::weighed::Weigh;
use super::{NodeConfig, Replica, start_timer, stop_timer, take_in};

/// A get this node coordinates. Any node may: only puts need a home.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct PendingGet {
    pub(super) client: Peer,
    pub(super) key: Key,
    pub(super) round: ReadRound,
}

impl Weigh for PendingGet {
    fn bytes(&self) -> usize {
        key_bytes(&self.key) + self.round.bytes()
    }
}

impl PendingGet {
    /// The other homes that it has not asked yet. As long as there are any and it waits for answers, a
    /// timer runs.
    fn rest(&self, config: &NodeConfig) -> NodeSet {
        if !config.cluster.speculative_retry() {
            return NodeSet::EMPTY;
        }
        let homes = config.cluster.homes(&self.key);
        homes.difference(self.round.asked()).without(config.node)
    }
}

impl Replica {
    pub(super) fn receive_get<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: Peer,
        get: GetRequest,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let request = get.request;
        let retried = match self.gets.get_mut(request) {
            Some(mut pending) if pending.round.is_waiting() => {
                pending.client = from;
                Some((pending.key.clone(), pending.round.awaited_repairs()))
            }
            _ => None,
        };
        if let Some((key, repairs)) = retried {
            // A retry: ask those again that have not replied, and repair those again that the
            // answer waits for. A get that was answered already is simply read anew below; a
            // later state is as good an answer.
            for home in config.other_homes(&key) {
                if self.awaits_reply(request, home) {
                    step.send(home, Message::Fetch { request, key: key.clone() });
                }
            }
            // Whoever asks again has waited longer than the timer would.
            if let Some(mut pending) = self.gets.get_mut(request) {
                let rest = pending.rest(config);
                pending.round.ask(rest);
                stop_speculating(request, rest, step);
            }
            self.run_read_steps(config, request, repairs, step);
            return Ok(());
        }
        let quorum = config.cluster.quorum();
        let admitted = check_key(config, &get.key)
            .and_then(|()| self.admit(config, key_bytes(&get.key)))
            .and_then(|()| config.quorum_of(get.r, quorum.r()));
        let r = match admitted {
            Ok(r) => r,
            Err(refusal) => {
                let outcome = GetOutcome::Refused(refusal);
                step.reply(from, Message::GetReply { request, outcome });
                return Ok(());
            }
        };
        let key = get.key;
        let homes = config.cluster.homes(&key);
        let answers_itself = homes.contains(config.node) && self.serves();
        let mut round = ReadRound::new(config.cluster.read_repair(), homes, r, quorum.r());
        if config.cluster.speculative_retry() {
            let itself = answers_itself.then_some(config.node);
            round = round.asking_first(itself.into_iter().chain(config.homes_behind(&key)));
        }
        for home in config.other_homes(&key).filter(|home| round.asked().contains(*home)) {
            step.send(home, Message::Fetch { request, key: key.clone() });
        }
        start_timer(request, step);
        let pending = PendingGet { client: from, key: key.clone(), round };
        if !pending.rest(config).is_empty() {
            step.effects.push(Effect::SetTimer(Timer::Speculate(request)));
        }
        self.gets.insert(request, pending);
        if answers_itself {
            let state = store.entry(&key)?.map(|entry| entry.state);
            self.receive_fetch_reply(config, store, request, config.node, state, step)?;
        }
        Ok(())
    }

    pub(super) fn receive_fetch_reply<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        request: RequestId,
        node: NodeId,
        state: Option<Arc<Record>>,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let Some(mut pending) = self.gets.get_mut(request) else { return Ok(()) };
        if !config.cluster.homes(&pending.key).contains(node) {
            return Ok(());
        }
        let mut steps = pending.round.on_reply(node, state);
        // Repairing the coordinator itself needs no message, and is durable with this step.
        if let Some(ReadStep::Repair { state, awaited, .. }) = steps
            .iter()
            .find(|step| matches!(step, ReadStep::Repair { to, .. } if *to == config.node))
        {
            take_in(config, store, &pending.key, state, step)?;
            if *awaited {
                let held = state.digest();
                steps.extend(pending.round.on_holder(config.node, held));
            }
        }
        drop(pending);
        self.run_read_steps(config, request, steps, step);
        Ok(())
    }

    pub(super) fn receive_repair_ack(
        &mut self,
        config: &NodeConfig,
        request: RequestId,
        node: NodeId,
        held: RecordDigest,
        step: &mut Step,
    ) {
        let Some(mut pending) = self.gets.get_mut(request) else { return };
        // Only homes are asked by later reads, so only a home is a holder.
        if !config.cluster.homes(&pending.key).contains(node) {
            return;
        }
        let steps = pending.round.on_holder(node, held);
        drop(pending);
        self.run_read_steps(config, request, steps, step);
    }

    fn run_read_steps(
        &mut self,
        config: &NodeConfig,
        request: RequestId,
        steps: Vec<ReadStep>,
        step: &mut Step,
    ) {
        let Some(pending) = self.gets.get(request) else { return };
        for read_step in steps {
            match read_step {
                ReadStep::Answer(state) => {
                    stop_speculating(request, pending.rest(config), step);
                    let outcome = GetOutcome::Ok { state, replied: pending.round.replied() };
                    step.reply(pending.client, Message::GetReply { request, outcome });
                }
                ReadStep::Repair { to, .. } if to == config.node => {}
                ReadStep::Repair { to, state, awaited } => {
                    let key = pending.key.clone();
                    let message = if awaited {
                        Message::Store { request, key, state }
                    } else {
                        Message::Repair { key, state }
                    };
                    step.send(to, message);
                }
            }
        }
        if pending.round.is_finished() {
            self.gets.remove(request);
            stop_timer(request, step);
        }
    }

    /// Whether a get of this key is coordinated here, or still listens for late replies.
    pub(super) fn gets_of(&self, key: &Key) -> bool {
        self.gets.values().any(|get| get.key == *key)
    }

    /// A home that was asked first is late: the others are asked too.
    pub(super) fn ask_rest(&mut self, config: &NodeConfig, request: RequestId, step: &mut Step) {
        let Some(mut pending) = self.gets.get_mut(request) else { return };
        if !pending.round.is_waiting() {
            return;
        }
        let rest = pending.rest(config);
        pending.round.ask(rest);
        let (key, round) = (&pending.key, &pending.round);
        let is_asked = |home: &NodeId| rest.contains(*home) && round.awaits_reply(*home);
        for home in config.other_homes(key).filter(is_asked) {
            step.send(home, Message::Fetch { request, key: key.clone() });
        }
    }

    pub(super) fn expire_get(&mut self, config: &NodeConfig, request: RequestId, step: &mut Step) {
        let Some(pending) = self.gets.remove(request) else { return };
        // A round that only trails has answered its client already.
        if pending.round.is_waiting() {
            stop_speculating(request, pending.rest(config), step);
            let outcome = GetOutcome::Unavailable { replied: pending.round.replied() };
            step.reply(pending.client, Message::GetReply { request, outcome });
        }
    }
}

/// Stops the timer of a read that has not asked these yet. Where there are none, it does not run.
fn stop_speculating(request: RequestId, rest: NodeSet, step: &mut Step) {
    if !rest.is_empty() {
        step.effects.push(Effect::CancelTimer(Timer::Speculate(request)));
    }
}
