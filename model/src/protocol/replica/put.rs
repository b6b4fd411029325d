//! Coordinating a put: mint, store, replicate the whole state, count distinct acknowledgements.

use alloc::sync::Arc;

use serde::Serialize;

use crate::ids::{Key, NodeId, Peer, RequestId, Timestamp};
use crate::protocol::effect::Step;
use crate::protocol::message::{FanOut, Message, PutOutcome, PutRequest, Refusal};
use crate::protocol::store::{Change, Entry, Identity, Store};
use crate::protocol::write_round::WriteRound;
use crate::versions::{Record, Write};

use super::finished::FinishedPut;
use super::{NodeConfig, Replica, mint, start_timer, stop_timer};

/// A put this node coordinates.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct PendingPut {
    /// Whom to answer.
    pub(super) client: Peer,
    pub(super) key: Key,
    pub(super) round: WriteRound,
    finished_max: usize,
}

/// A put this node, no home of the key, forwarded to one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct PendingForward {
    client: Peer,
    home: NodeId,
    finished_max: usize,
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
        if self.retry_put(config, store, from, &put, step)? {
            return Ok(());
        }
        let admitted =
            self.admit(config).and_then(|()| config.quorum_of(put.w, config.cluster.quorum().w()));
        let w = match admitted {
            Ok(w) => w,
            Err(refusal) => {
                reply_put(from, request, PutOutcome::Refused(refusal), step);
                return Ok(());
            }
        };
        if !config.is_home(&put.key) {
            self.forward_put(config, from, put, None, step);
            return Ok(());
        }
        let key = put.key.clone();
        let fan_out = put.fan_out;
        let state = match store_write(config, store, now, put, step)? {
            Ok(state) => state,
            Err(refusal) => {
                reply_put(from, request, PutOutcome::Refused(refusal), step);
                return Ok(());
            }
        };
        match fan_out {
            FanOut::ClientDriven => {
                let finished_max = config.cluster.limits().finished_max;
                self.finished.remember(request, FinishedPut::Minted { key }, finished_max);
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
                self.await_acks(config, from, request, key, round, step);
            }
        }
        Ok(())
    }

    /// Answers or resumes a put that is known already. Says whether it was.
    fn retry_put<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: Peer,
        put: &PutRequest,
        step: &mut Step,
    ) -> Result<bool, S::Error> {
        let request = put.request;
        if let Some(pending) = self.puts.get_mut(&request) {
            pending.client = from;
            let (key, round) = (pending.key.clone(), pending.round);
            send_missing(config, store, request, &key, &round, step)?;
            return Ok(true);
        }
        if let Some(forward) = self.forwards.get(&request) {
            let home = forward.home;
            self.forward_put(config, from, put.clone(), Some(home), step);
            return Ok(true);
        }
        match self.finished.take(request) {
            None => Ok(false),
            Some(FinishedPut::Forwarded { home }) => {
                self.forward_put(config, from, put.clone(), Some(home), step);
                Ok(true)
            }
            Some(FinishedPut::Minted { key }) => {
                if let Some(entry) = store.entry(&key)? {
                    let outcome = PutOutcome::Minted { state: entry.state };
                    reply_put(from, request, outcome, step);
                }
                let finished_max = config.cluster.limits().finished_max;
                self.finished.remember(request, FinishedPut::Minted { key }, finished_max);
                Ok(true)
            }
            Some(FinishedPut::Coordinated { key, round }) => {
                if !round.is_complete() {
                    send_missing(config, store, request, &key, &round, step)?;
                }
                self.await_acks(config, from, request, key, round, step);
                Ok(true)
            }
        }
    }

    /// Answers if enough nodes hold the write, waits for more otherwise.
    fn await_acks(
        &mut self,
        config: &NodeConfig,
        client: Peer,
        request: RequestId,
        key: Key,
        round: WriteRound,
        step: &mut Step,
    ) {
        let finished_max = config.cluster.limits().finished_max;
        if round.is_complete() {
            let finished = FinishedPut::Coordinated { key, round };
            self.finished.remember(request, finished, finished_max);
            reply_put(client, request, PutOutcome::Ok { acked: round.acked() }, step);
        } else {
            self.puts.insert(request, PendingPut { client, key, round, finished_max });
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
        let Some(pending) = self.puts.get_mut(&request) else { return };
        // Strict quorum: only homes count.
        if !config.cluster.homes(&pending.key).contains(node) {
            return;
        }
        pending.round.acknowledge(node);
        if pending.round.is_complete() {
            stop_timer(request, step);
            self.finish_put(request, step);
        }
    }

    pub(super) fn expire_put(&mut self, request: RequestId, step: &mut Step) {
        self.finish_put(request, step);
    }

    /// Answers a pending put with what it came to.
    fn finish_put(&mut self, request: RequestId, step: &mut Step) {
        let Some(put) = self.puts.remove(&request) else { return };
        let acked = put.round.acked();
        let outcome = if put.round.is_complete() {
            PutOutcome::Ok { acked }
        } else {
            PutOutcome::Unavailable { acked }
        };
        let finished = FinishedPut::Coordinated { key: put.key, round: put.round };
        self.finished.remember(request, finished, put.finished_max);
        reply_put(put.client, request, outcome, step);
    }

    /// Sends a put on to `home`, or to the first home that is not suspected.
    fn forward_put(
        &mut self,
        config: &NodeConfig,
        client: Peer,
        put: PutRequest,
        home: Option<NodeId>,
        step: &mut Step,
    ) {
        let request = put.request;
        // Only the minting home may answer a client that fans out itself: it must know whom to
        // count as the first holder.
        if put.fan_out == FanOut::ClientDriven {
            let refusal = Refusal::NotHome { homes: config.cluster.homes(&put.key) };
            reply_put(client, request, PutOutcome::Refused(refusal), step);
            return;
        }
        let home = home.unwrap_or_else(|| {
            let mut homes = config.other_homes(&put.key);
            let first = homes.next().expect("a key has at least one home");
            [first]
                .into_iter()
                .chain(homes)
                .find(|home| !self.suspected.contains(*home))
                .unwrap_or(first)
        });
        let finished_max = config.cluster.limits().finished_max;
        self.forwards.insert(request, PendingForward { client, home, finished_max });
        step.send(home, Message::Put(put));
        start_timer(request, step);
    }

    /// Passes the home's answer on to the client.
    pub(super) fn receive_forwarded_reply(
        &mut self,
        request: RequestId,
        from: Peer,
        outcome: PutOutcome,
        step: &mut Step,
    ) {
        if self.forwards.get(&request).is_none_or(|forward| Peer::Node(forward.home) != from) {
            return;
        }
        if let Some(forward) = self.end_forward(request) {
            stop_timer(request, step);
            reply_put(forward.client, request, outcome, step);
        }
    }

    pub(super) fn expire_forward(&mut self, request: RequestId, step: &mut Step) {
        if let Some(forward) = self.end_forward(request) {
            self.suspected.insert(forward.home);
            // Whether the home stored it is not known: indeterminate, like every Unavailable.
            let outcome = PutOutcome::Unavailable { acked: Default::default() };
            reply_put(forward.client, request, outcome, step);
        }
    }

    fn end_forward(&mut self, request: RequestId) -> Option<PendingForward> {
        let forward = self.forwards.remove(&request)?;
        let finished = FinishedPut::Forwarded { home: forward.home };
        self.finished.remember(request, finished, forward.finished_max);
        Some(forward)
    }
}

/// Mints the dot and applies the write to the node's own state of the key.
fn store_write<S: Store>(
    config: &NodeConfig,
    store: &S,
    now: Timestamp,
    put: PutRequest,
    step: &mut Step,
) -> Result<Result<Arc<Record>, Refusal>, S::Error> {
    let identity = store.identity()?.unwrap_or(Identity {
        // A store without an identity never took its Start; the runtime and the model both
        // start a node before anything else.
        incarnation: Default::default(),
        next_epoch: Default::default(),
    });
    let entry = store.entry(&put.key)?;
    // A client's context is news from the other replicas too: a node that came back with an old
    // disk may learn from it first that it has minted later dots than it remembers.
    let run = entry.as_ref().and_then(|entry| entry.run);
    let run = mint::surviving_run(config.mints_as, Some(identity), run, &put.context);
    let (dot, run, identity_after) = mint::next_dot(config.mints_as, identity, run);
    let mut state = match &entry {
        Some(entry) => (*entry.state).clone(),
        None => Record::empty(config.cluster.versioning()),
    };
    let client = put.request.client;
    state.put(&Write { dot, client, context: put.context, timestamp: now, value: put.value });
    let (bytes, bytes_max) = (state.size_estimate(), config.cluster.limits().record_bytes_max);
    if bytes > bytes_max {
        return Ok(Err(Refusal::RecordTooLarge { bytes, bytes_max }));
    }
    let state = Arc::new(state);
    step.changes.extend(identity_after.map(Change::Identity));
    let entry = Entry { state: Arc::clone(&state), run: Some(run) };
    step.changes.push(Change::Entry { key: put.key, entry });
    Ok(Ok(state))
}

/// Sends the key's present state, which holds the write or something that has seen it, to the
/// homes that have not acknowledged.
fn send_missing<S: Store>(
    config: &NodeConfig,
    store: &S,
    request: RequestId,
    key: &Key,
    round: &WriteRound,
    step: &mut Step,
) -> Result<(), S::Error> {
    let Some(entry) = store.entry(key)? else { return Ok(()) };
    for home in config.other_homes(key).filter(|home| !round.acked().contains(*home)) {
        let (key, state) = (key.clone(), Arc::clone(&entry.state));
        step.send(home, Message::Store { request, key, state });
    }
    Ok(())
}

fn reply_put(to: Peer, request: RequestId, outcome: PutOutcome, step: &mut Step) {
    step.reply(to, Message::PutReply { request, outcome });
}
