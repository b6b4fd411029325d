//! Passing a put on to a home: at a node that is none, or that has yet to catch up.
//!
//! The node first asks every other home whether it is there, and forwards the put to the first one
//! that answers. A put that went to a silent home would keep its client waiting with an unknown
//! fate, and nobody else could mint for it. Asking costs one round trip; in return the node needs no
//! memory of which homes were silent before, which would couple requests that have nothing to do
//! with each other.

use alloc::vec::Vec;

use serde::Serialize;

use crate::ids::{Key, NodeId, Peer, RequestId, Timestamp};
use crate::protocol::effect::Step;
use crate::protocol::message::{FanOut, Message, PutOutcome, PutRequest, Refusal};
use crate::protocol::store::Store;
use crate::protocol::weight::{SHARE_BYTES, put_bytes};

use super::finished::FinishedPut;
use super::put::reply_put;
use super::weighed::Weigh;
use super::{NodeConfig, Replica, start_timer, stop_timer};

/// A put this node forwarded to a home.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct PendingForward {
    pub(super) client: Peer,
    pub(super) home: NodeId,
    /// Whether its timer may expire once more: a sloppy put takes its home two timeouts, one for
    /// the homes and one for the fallbacks.
    pub(super) may_wait: bool,
}

/// A put that waits for any home to say that it is there.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct PendingProbe {
    pub(super) client: Peer,
    pub(super) put: PutRequest,
}

impl Weigh for PendingForward {
    fn bytes(&self) -> usize {
        SHARE_BYTES
    }
}

impl Weigh for PendingProbe {
    fn bytes(&self) -> usize {
        put_bytes(&self.put)
    }
}

impl Replica {
    /// Asks the other homes which of them is there, to send a put on to one that is.
    pub(super) fn pass_put_on(
        &mut self,
        config: &NodeConfig,
        client: Peer,
        put: PutRequest,
        step: &mut Step,
    ) {
        let request = put.request;
        let refuse = |refusal, step: &mut Step| {
            reply_put(client, request, PutOutcome::Refused(refusal), step);
        };
        // Only the minting home may answer a client that fans out itself: it must know whom to
        // count as the first holder.
        if put.fan_out == FanOut::ClientDriven {
            let refusal = if config.is_home(&put.key) {
                Refusal::CatchingUp
            } else {
                Refusal::NotHome { homes: config.cluster.homes(&put.key) }
            };
            refuse(refusal, step);
            return;
        }
        let others: Vec<NodeId> = config.other_homes(&put.key).collect();
        // A home that catches up answers no probe. One that lost its disk since it did sends the put
        // back rather than on, or two of them could pass it back and forth.
        let is_passed_on = matches!(client, Peer::Node(_));
        if others.is_empty() || is_passed_on && !self.serves() {
            refuse(Refusal::CatchingUp, step);
            return;
        }
        for home in others {
            step.send(home, Message::Probe { request });
        }
        start_timer(request, step);
        self.probes.insert(request, PendingProbe { client, put });
    }

    /// Sends a put on to this home.
    pub(super) fn forward_put(
        &mut self,
        config: &NodeConfig,
        client: Peer,
        put: PutRequest,
        home: NodeId,
        step: &mut Step,
    ) {
        let request = put.request;
        let may_wait = put.sloppy.unwrap_or(config.cluster.sloppy());
        self.forwards.insert(request, PendingForward { client, home, may_wait });
        step.send(home, Message::Put(put));
        start_timer(request, step);
    }

    /// Repeats what was done about a put that was passed on and has no answer yet.
    pub(super) fn retry_passed_on(
        &mut self,
        config: &NodeConfig,
        from: Peer,
        put: &PutRequest,
        step: &mut Step,
    ) -> bool {
        let request = put.request;
        if let Some(forward) = self.forwards.get(request) {
            let home = forward.home;
            self.forward_put(config, from, put.clone(), home, step);
            true
        } else if let Some(mut probe) = self.probes.get_mut(request) {
            probe.client = from;
            for home in config.other_homes(&put.key) {
                step.send(home, Message::Probe { request });
            }
            true
        } else {
            false
        }
    }

    /// A home is there: the put goes to it, and to no other.
    pub(super) fn receive_probe_reply(
        &mut self,
        config: &NodeConfig,
        request: RequestId,
        home: NodeId,
        step: &mut Step,
    ) {
        let is_home = |probe: &PendingProbe| config.cluster.homes(&probe.put.key).contains(home);
        if self.probes.get(request).is_some_and(is_home)
            && let Some(probe) = self.probes.remove(request)
        {
            self.forward_put(config, probe.client, probe.put, home, step);
        }
    }

    /// No home answered in time. A home that has caught up meanwhile takes the put in; a fallback
    /// coordinates a sloppy put itself. Any other put ends here, and nobody has stored it.
    pub(super) fn expire_probe<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        now: Timestamp,
        request: RequestId,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let Some(PendingProbe { client, put }) = self.probes.remove(request) else {
            return Ok(());
        };
        let is_home = config.is_home(&put.key);
        if is_home && self.serves() {
            return self.receive_put(config, store, now, client, put, step);
        }
        if put.sloppy.unwrap_or(config.cluster.sloppy()) && !is_home {
            return self.coordinate_as_fallback(config, store, now, client, put, step);
        }
        let outcome = if is_home {
            PutOutcome::Refused(Refusal::CatchingUp)
        } else {
            PutOutcome::Unavailable { acked: Default::default() }
        };
        reply_put(client, request, outcome, step);
        Ok(())
    }

    /// Passes the home's answer on to the client.
    pub(super) fn receive_forwarded_reply(
        &mut self,
        config: &NodeConfig,
        request: RequestId,
        from: Peer,
        outcome: PutOutcome,
        step: &mut Step,
    ) {
        if self.forwards.get(request).is_none_or(|forward| Peer::Node(forward.home) != from) {
            return;
        }
        if let Some(forward) = self.end_forward(config, request) {
            stop_timer(request, step);
            reply_put(forward.client, request, outcome, step);
        }
    }

    pub(super) fn expire_forward(
        &mut self,
        config: &NodeConfig,
        request: RequestId,
        step: &mut Step,
    ) {
        if let Some(mut forward) = self.forwards.get_mut(request)
            && forward.may_wait
        {
            forward.may_wait = false;
            start_timer(request, step);
            return;
        }
        if let Some(forward) = self.end_forward(config, request) {
            // Whether the home stored it is not known: indeterminate, like every Unavailable.
            let outcome = PutOutcome::Unavailable { acked: Default::default() };
            reply_put(forward.client, request, outcome, step);
        }
    }

    fn end_forward(&mut self, config: &NodeConfig, request: RequestId) -> Option<PendingForward> {
        let forward = self.forwards.remove(request)?;
        let finished = FinishedPut::Forwarded { home: forward.home };
        let limits = config.cluster.limits();
        self.finished.remember(request, finished, limits);
        Some(forward)
    }

    /// The puts that wait for a home to answer.
    pub fn probing(&self) -> impl Iterator<Item = &PutRequest> {
        self.probes.values().map(|probe| &probe.put)
    }

    /// Whether this put waits for a home to answer.
    #[must_use]
    pub fn probes(&self, request: RequestId) -> bool {
        self.probes.contains(request)
    }

    /// Whether a put about this key waits for a home to answer.
    pub(super) fn probes_for(&self, key: &Key) -> bool {
        self.probes.values().any(|probe| probe.put.key == *key)
    }
}
