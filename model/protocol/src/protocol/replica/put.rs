//! Coordinating a put: mint, store, replicate the whole state, count distinct acknowledgements,
//! and let fallbacks stand in where the put is sloppy.

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Serialize;

use crate::deviation::Deviation;
use crate::ids::{Key, NodeId, NodeSet, Peer, RequestId, Timestamp};
use crate::protocol::effect::Step;
use crate::protocol::footprint::Component;
use crate::protocol::message::{ContextOrigin, FanOut, Message, PutOutcome, PutRequest, Refusal};
use crate::protocol::store::{Change, Entry, Identity, Store};
use crate::protocol::weight::{key_bytes, put_bytes};
use crate::protocol::write_round::WriteRound;
use crate::versions::{Record, Write};

use super::finished::FinishedPut;
use super::hints::keep;
use super::limit::{check_gain, check_key, check_value};
use super::register::set_identity;
use super::weighed::Weigh;
use super::{NodeConfig, Replica, mint, start_timer, stop_timer};

/// A write that a node coordinates, as far as it has got.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct CoordinatedWrite {
    pub(super) key: Key,
    /// Who holds it.
    pub(super) round: WriteRound,
    pub(super) sloppy: bool,
    /// Fallbacks that were asked to keep it, each for one home, in the order they were asked.
    pub(super) stand_ins: Vec<(NodeId, NodeId)>,
}

/// A put this node coordinates.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct PendingPut {
    /// Whom to answer.
    pub(super) client: Peer,
    pub(super) write: CoordinatedWrite,
}

/// What was written is in the store: it is read again where it is sent again.
impl Weigh for PendingPut {
    fn bytes(&self) -> usize {
        key_bytes(&self.write.key)
    }
}

impl CoordinatedWrite {
    /// Pairs homes that have not acknowledged and have no living stand-in with fallbacks that
    /// have not been asked, in order of preference. Dynamo (SOSP 2007), section 4.6.
    fn recruit(&mut self, config: &NodeConfig) -> Vec<(NodeId, NodeId)> {
        let acked = self.round.acked();
        let preference = config.cluster.preference_list(&self.key);
        let (homes, fallbacks) = preference.split_at(config.cluster.quorum().n());
        let is_covered = |home: NodeId| {
            acked.contains(home)
                || self
                    .stand_ins
                    .iter()
                    .any(|(fallback, of)| *of == home && acked.contains(*fallback))
        };
        let is_new = |fallback: NodeId| {
            fallback != config.node && self.stand_ins.iter().all(|(asked, _)| *asked != fallback)
        };
        let missing = homes.iter().copied().filter(|home| !is_covered(*home));
        let recruits = fallbacks.iter().copied().filter(|fallback| is_new(*fallback));
        let recruited: Vec<(NodeId, NodeId)> = recruits.zip(missing).collect();
        self.stand_ins.extend(&recruited);
        recruited
    }

    /// The component in which its coordinator holds the key's present state.
    pub(super) fn held_in(&self, config: &NodeConfig) -> Component {
        let own = self.stand_ins.iter().find(|(fallback, _)| *fallback == config.node);
        match own {
            Some((_, home)) => Component::Hint(*home, self.key.clone()),
            None => Component::Record(self.key.clone()),
        }
    }

    fn counts(&self, config: &NodeConfig, node: NodeId) -> bool {
        config.cluster.homes(&self.key).contains(node)
            || self.stand_ins.iter().any(|(fallback, _)| *fallback == node)
    }
}

impl Replica {
    pub(super) fn receive_put<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        now: Timestamp,
        from: Peer,
        put: PutRequest,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let request = put.request;
        // A node that is no home has no entry of the key: what it minted is in a hint.
        let is_home = config.is_home(&put.key);
        let entry = if is_home { store.entry(&put.key)? } else { None };
        if self.retry_put(config, store, from, &put, entry.as_ref(), step)? {
            return Ok(());
        }
        let admitted = check_key(config, &put.key)
            .and_then(|()| check_value(config, put.value.as_ref()))
            .and_then(|()| check_fan_out(config, &put))
            .and_then(|()| check_context(config, from, &put))
            .and_then(|()| self.admit(config, put_bytes(&put)))
            .and_then(|()| config.quorum_of(put.w, config.cluster.quorum().w()));
        let w = match admitted {
            Ok(w) => w,
            Err(refusal) => {
                reply_put(from, request, PutOutcome::Refused(refusal), step);
                return Ok(());
            }
        };
        if !is_home || !self.serves() {
            self.pass_put_on(config, from, put, step);
            return Ok(());
        }
        let Some(identity) = self.certain_identity(config, store, step)? else {
            self.wait_to_mint(from, put);
            return Ok(());
        };
        let key = put.key.clone();
        let fan_out = put.fan_out;
        let sloppy = put.sloppy.unwrap_or(config.cluster.sloppy());
        let state = match store_write(config, identity, now, entry, put, step) {
            Ok(state) => state,
            Err(refusal) => {
                reply_put(from, request, PutOutcome::Refused(refusal), step);
                return Ok(());
            }
        };
        match fan_out {
            FanOut::ClientDriven => {
                let limits = config.cluster.limits();
                self.finished.remember(request, FinishedPut::Minted { key }, limits);
                reply_put(from, request, PutOutcome::Minted { state }, step);
            }
            FanOut::NodeDriven => {
                let mut round = WriteRound::new(w);
                // The step's changes are durable before its effects happen, so the coordinator
                // may count itself already.
                round.acknowledge(config.node);
                for home in config.other_homes(&key) {
                    let (key, state) = (key.clone(), Arc::clone(&state));
                    step.send(home, Message::Store { request, key, state });
                }
                let write = CoordinatedWrite { key, round, sloppy, stand_ins: Vec::new() };
                self.await_acks(config, from, request, write, step);
            }
        }
        Ok(())
    }

    /// Coordinates a sloppy put at a node that is no home, since none answered: keeps the write
    /// as a hint for the first home, asks other fallbacks to keep it for the others, and tries the
    /// homes all the same.
    pub(super) fn coordinate_as_fallback<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        now: Timestamp,
        client: Peer,
        put: PutRequest,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let (request, key) = (put.request, put.key.clone());
        let refuse = |refusal, step: &mut Step| {
            reply_put(client, request, PutOutcome::Refused(refusal), step);
        };
        let w = match config.quorum_of(put.w, config.cluster.quorum().w()) {
            Ok(w) => w,
            Err(refusal) => {
                refuse(refusal, step);
                return Ok(());
            }
        };
        let Some(home) = config.other_homes(&key).next() else { return Ok(()) };
        // The node holds no entry of the key, so its dot starts a run that nobody continues; and
        // what the client has seen is all that the state covers, so it covers no write unseen.
        let Some(identity) = self.identity_at_once(store, step)? else { return Ok(()) };
        let before = match store.hint(home, &key)? {
            Some(kept) => kept.state,
            None => Arc::new(Record::empty(config.cluster.versioning())),
        };
        let contexts = [&before.context(), &put.context];
        let (run, identity) = mint::detached_run(config.mints_as, identity, contexts);
        let (dot, _, identity) = mint::next_dot(config.mints_as, identity, run);
        let mut state = Record::empty(config.cluster.versioning());
        let context = put.context;
        state.put(&Write {
            dot,
            client: request.client,
            context,
            timestamp: now,
            value: put.value,
        });
        if let Err(refusal) = check_gain(config, &before, &before.merged(&state)) {
            refuse(refusal, step);
            return Ok(());
        }
        let kept = keep(config, store, home, key.clone(), &Arc::new(state), Some(request), step)?;
        let state = match kept {
            Ok(state) => state,
            Err(refusal) => {
                refuse(refusal, step);
                return Ok(());
            }
        };
        set_identity(identity, step);
        let mut round = WriteRound::new(w);
        round.acknowledge(config.node);
        for home in config.other_homes(&key) {
            let (key, state) = (key.clone(), Arc::clone(&state));
            step.send(home, Message::Store { request, key, state });
        }
        let stand_ins = Vec::from([(config.node, home)]);
        let mut write = CoordinatedWrite { key, round, sloppy: true, stand_ins };
        for (fallback, home) in write.recruit(config) {
            let (key, state) = (write.key.clone(), Arc::clone(&state));
            step.send(fallback, Message::StoreHint { request, home, key, state });
        }
        self.await_acks(config, client, request, write, step);
        Ok(())
    }

    /// Answers or resumes a put that is known already; `entry` is what the node holds of its key as a
    /// home. Says whether it was known.
    fn retry_put<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: Peer,
        put: &PutRequest,
        entry: Option<&Entry>,
        step: &mut Step,
    ) -> Result<bool, S::Error> {
        let request = put.request;
        if let Some(mut pending) = self.puts.get_mut(request) {
            pending.client = from;
            let write = pending.write.clone();
            send_missing(config, store, request, &write, step)?;
            return Ok(true);
        }
        if let Some(waiting_for) = self.naming.waiting_mut(request) {
            *waiting_for = from;
            return Ok(true);
        }
        if self.retry_passed_on(config, from, put, step) {
            return Ok(true);
        }
        match self.finished.take(request) {
            None => self.resume_minted(config, store, from, put, entry, step),
            Some(FinishedPut::Forwarded { home }) => {
                self.forward_put(config, from, put.clone(), home, step);
                Ok(true)
            }
            Some(FinishedPut::Minted { key }) => {
                if let Some(entry) = store.entry(&key)? {
                    let outcome = PutOutcome::Minted { state: entry.state };
                    reply_put(from, request, outcome, step);
                }
                let limits = config.cluster.limits();
                self.finished.remember(request, FinishedPut::Minted { key }, limits);
                Ok(true)
            }
            Some(FinishedPut::Coordinated(write)) => {
                if !write.round.is_complete() {
                    send_missing(config, store, request, &write, step)?;
                }
                self.await_acks(config, from, request, write, step);
                Ok(true)
            }
        }
    }

    /// Resumes a put that this node minted before it restarted, or so long ago that it has
    /// forgotten who acknowledged: its key's present state goes out again. Says whether it minted it.
    fn resume_minted<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: Peer,
        put: &PutRequest,
        entry: Option<&Entry>,
        step: &mut Step,
    ) -> Result<bool, S::Error> {
        let (request, key) = (put.request, &put.key);
        let mut stand_ins = Vec::new();
        if !entry.is_some_and(|entry| entry.requests.contains(request)) {
            // As a fallback the node minted into its hint for the first home.
            let home = config.other_homes(key).next().filter(|_| !config.is_home(key));
            let Some(home) = home else { return Ok(false) };
            let kept = store.hint(home, key)?;
            if !kept.is_some_and(|kept| kept.requests.contains(request)) {
                return Ok(false);
            }
            stand_ins.push((config.node, home));
        }
        // It is not refused, whatever the node carries: that would say that nothing was stored. A
        // client that hears nothing asks again.
        let admitted = self
            .admit(config, put_bytes(put))
            .and_then(|()| config.quorum_of(put.w, config.cluster.quorum().w()));
        let Ok(w) = admitted else { return Ok(true) };
        if let Some(entry) = entry.filter(|_| put.fan_out == FanOut::ClientDriven) {
            let limits = config.cluster.limits();
            let minted = FinishedPut::Minted { key: key.clone() };
            self.finished.remember(request, minted, limits);
            let state = Arc::clone(&entry.state);
            reply_put(from, request, PutOutcome::Minted { state }, step);
            return Ok(true);
        }
        let mut round = WriteRound::new(w);
        round.acknowledge(config.node);
        let sloppy = put.sloppy.unwrap_or(config.cluster.sloppy()) || !stand_ins.is_empty();
        let is_fallback = !stand_ins.is_empty();
        let mut write = CoordinatedWrite { key: key.clone(), round, sloppy, stand_ins };
        if is_fallback {
            write.recruit(config);
        }
        send_missing(config, store, request, &write, step)?;
        self.await_acks(config, from, request, write, step);
        Ok(true)
    }

    /// Answers if enough nodes hold the write, waits for more otherwise.
    fn await_acks(
        &mut self,
        config: &NodeConfig,
        client: Peer,
        request: RequestId,
        write: CoordinatedWrite,
        step: &mut Step,
    ) {
        let limits = config.cluster.limits();
        if write.round.is_complete() {
            let outcome = PutOutcome::Ok { acked: write.round.acked() };
            self.finished.remember(request, FinishedPut::Coordinated(write), limits);
            reply_put(client, request, outcome, step);
        } else {
            self.puts.insert(request, PendingPut { client, write });
            start_timer(request, step);
        }
    }

    pub(super) fn receive_put_ack(
        &mut self,
        config: &NodeConfig,
        request: RequestId,
        node: NodeId,
        step: &mut Step,
    ) {
        let Some(mut pending) = self.puts.get_mut(request) else { return };
        if !pending.write.counts(config, node) {
            return;
        }
        pending.write.round.acknowledge(node);
        let is_complete = pending.write.round.is_complete();
        drop(pending);
        if is_complete {
            stop_timer(request, step);
            self.finish_put(config, request, step);
        }
    }

    /// The homes had their time. A sloppy put turns to the fallbacks while there are any.
    pub(super) fn expire_put<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        request: RequestId,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let Some(mut pending) = self.puts.get_mut(request) else { return Ok(()) };
        let recruited =
            if pending.write.sloppy { pending.write.recruit(config) } else { Vec::new() };
        let state = held(config, store, &pending.write)?;
        match state {
            Some(state) if !recruited.is_empty() => {
                for (fallback, home) in recruited {
                    let (key, state) = (pending.write.key.clone(), Arc::clone(&state));
                    step.send(fallback, Message::StoreHint { request, home, key, state });
                }
                start_timer(request, step);
            }
            _ => {
                drop(pending);
                self.finish_put(config, request, step);
            }
        }
        Ok(())
    }

    /// Answers a pending put with what it came to.
    fn finish_put(&mut self, config: &NodeConfig, request: RequestId, step: &mut Step) {
        let Some(put) = self.puts.remove(request) else { return };
        let acked = put.write.round.acked();
        let outcome = if put.write.round.is_complete() {
            PutOutcome::Ok { acked }
        } else {
            PutOutcome::Unavailable { acked }
        };
        let limits = config.cluster.limits();
        self.finished.remember(request, FinishedPut::Coordinated(put.write), limits);
        reply_put(put.client, request, outcome, step);
    }

    /// Whether a put about this key is coordinated here.
    pub(super) fn puts_to(&self, key: &Key) -> bool {
        self.puts.values().any(|put| put.write.key == *key)
    }
}

/// Refuses a put that a client wants to fan out itself where it must not.
fn check_fan_out(config: &NodeConfig, put: &PutRequest) -> Result<(), Refusal> {
    if put.fan_out == FanOut::ClientDriven && !config.cluster.takes_client_driven() {
        Err(Refusal::ClientFanOutOff)
    } else {
        Ok(())
    }
}

/// Refuses a client's put that carries a context which no node gave: it may cover what somebody is yet to mint, and
/// acknowledge. Nodes pass on only what they have not refused.
fn check_context(config: &NodeConfig, from: Peer, put: &PutRequest) -> Result<(), Refusal> {
    let is_claimed = put.origin == ContextOrigin::Claimed && !put.context.is_empty();
    if is_claimed
        && matches!(from, Peer::Client(_))
        && !config.cluster.deviates(Deviation::TrustsContexts)
    {
        Err(Refusal::ContextNotGiven)
    } else {
        Ok(())
    }
}

/// Mints the dot and applies the write to the node's own state of the key: what that is then.
fn store_write(
    config: &NodeConfig,
    identity: Identity,
    now: Timestamp,
    entry: Option<Entry>,
    put: PutRequest,
    step: &mut Step,
) -> Result<Arc<Record>, Refusal> {
    let (before, last, mut requests) = match entry {
        Some(entry) => (entry.state, entry.run, entry.requests),
        None => {
            let nothing = Record::empty(config.cluster.versioning());
            (Arc::new(nothing), None, Default::default())
        }
    };
    let (dot, run, identity) = if config.cluster.deviates(Deviation::OneActorPerNode) {
        let (dot, run) = mint::next_dot_of_one_actor(config.mints_as, &before.context());
        (dot, run, identity)
    } else {
        // A client's context is news from the other replicas too: a node that came back with an
        // old disk may learn from it first that it has minted later dots than it remembers.
        let contexts = [&before.context(), &put.context];
        let (run, identity) = mint::run_for(config.mints_as, identity, last, contexts);
        mint::next_dot(config.mints_as, identity, run)
    };
    let client = put.request.client;
    let write = Write { dot, client, context: put.context, timestamp: now, value: put.value };
    let mut state = (*before).clone();
    state.put(&write);
    check_gain(config, &before, &state)?;
    let state = Arc::new(state);
    set_identity(identity, step);
    requests.remember(put.request, config.cluster.limits().requests_max);
    let entry = Entry { state: Arc::clone(&state), run: Some(run), requests };
    step.changes.push(Change::Entry { key: put.key, entry });
    Ok(state)
}

/// The key's present state at the coordinator: its own, or what it keeps as a fallback.
fn held<S: Store>(
    config: &NodeConfig,
    store: &S,
    write: &CoordinatedWrite,
) -> Result<Option<Arc<Record>>, S::Error> {
    let own = write.stand_ins.iter().find(|(fallback, _)| *fallback == config.node);
    match own {
        Some((_, home)) => Ok(store.hint(*home, &write.key)?.map(|kept| kept.state)),
        None => Ok(store.entry(&write.key)?.map(|entry| entry.state)),
    }
}

/// Sends the key's present state, which holds the write or something that has seen it, to the
/// homes and stand-ins that have not acknowledged.
fn send_missing<S: Store>(
    config: &NodeConfig,
    store: &S,
    request: RequestId,
    write: &CoordinatedWrite,
    step: &mut Step,
) -> Result<(), S::Error> {
    let Some(state) = held(config, store, write)? else { return Ok(()) };
    let acked: NodeSet = write.round.acked();
    let key = &write.key;
    for home in config.other_homes(key).filter(|home| !acked.contains(*home)) {
        let (key, state) = (key.clone(), Arc::clone(&state));
        step.send(home, Message::Store { request, key, state });
    }
    for (fallback, home) in
        write.stand_ins.iter().filter(|(fallback, _)| !acked.contains(*fallback))
    {
        let (home, key, state) = (*home, key.clone(), Arc::clone(&state));
        step.send(*fallback, Message::StoreHint { request, home, key, state });
    }
    Ok(())
}

pub(super) fn reply_put(to: Peer, request: RequestId, outcome: PutOutcome, step: &mut Step) {
    step.reply(to, Message::PutReply { request, outcome });
}
