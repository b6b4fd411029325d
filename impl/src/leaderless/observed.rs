//! What the steps of a node are seen to do from outside: what came in and what came out.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::LruCache;

use quorate_model::ids::{Key, Peer, RequestId};
use quorate_model::protocol::{
    Change, Effect, GetOutcome, Input, Message, PutOutcome, Step, Timer,
};
use quorate_model::versions::Record;

use super::version_memory::VersionMemory;
use super::{LATENCY_BUCKETS, Requests, Tally};
use crate::metrics::{NodeMetrics, RequestKind, RequestOutcome};

/// The most requests that are timed: as many as a node may carry.
const REQUESTS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");

/// Follows the steps of a node for its metrics. Volatile, and nothing depends on it.
#[derive(Debug)]
pub(super) struct Observed {
    metrics: Arc<NodeMetrics>,
    /// What clients asked, and when.
    asked: LruCache<RequestId, (RequestKind, Instant)>,
    /// Which reads are under way, with what homes have replied.
    reads: LruCache<RequestId, Read>,
    versions: VersionMemory,
    requests: Requests,
    last_durable_step: u64,
}

#[derive(Debug)]
struct Read {
    key: Key,
    replies: Vec<Option<Arc<Record>>>,
}

/// What of an input has to be known after its step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Noted {
    /// Nothing.
    Nothing,
    /// A home took a hint in.
    Delivered,
}

impl Observed {
    pub(super) fn new(metrics: Arc<NodeMetrics>, durable_step: u64) -> Self {
        Observed {
            metrics,
            asked: LruCache::new(REQUESTS_MAX),
            reads: LruCache::new(REQUESTS_MAX),
            versions: VersionMemory::new(),
            requests: Requests::default(),
            last_durable_step: durable_step,
        }
    }

    /// Before a step.
    pub(super) fn input(&mut self, input: &Input, now: Instant) -> Noted {
        match input {
            Input::Receive { from, message } => self.received(*from, message, now),
            Input::Expire(Timer::Sync(_)) => {
                self.metrics.sync_rounds.inc();
                Noted::Nothing
            }
            Input::Expire(Timer::Speculate(_)) => {
                self.metrics.speculative_retries.inc();
                Noted::Nothing
            }
            Input::Expire(_) | Input::Start { .. } | Input::AcceptLoss { .. } => Noted::Nothing,
        }
    }

    fn received(&mut self, from: Peer, message: &Message, now: Instant) -> Noted {
        match (from, message) {
            (Peer::Client(_), Message::Put(put)) => {
                let kind = if put.value.is_some() { RequestKind::Put } else { RequestKind::Delete };
                self.asked(put.request, kind, now);
            }
            (from, Message::Get(get)) => {
                if matches!(from, Peer::Client(_)) {
                    self.asked(get.request, RequestKind::Get, now);
                }
                if self.reads.peek(&get.request).is_none() {
                    let read = Read { key: get.key.clone(), replies: Vec::new() };
                    self.reads.put(get.request, read);
                }
            }
            (Peer::Node(_), Message::FetchReply { request, state }) => {
                if let Some(read) = self.reads.peek_mut(request) {
                    read.replies.push(state.clone());
                }
            }
            (Peer::Node(_), Message::SyncStates { states, .. }) => {
                self.metrics.sync_keys_received.inc_by(states.len() as u64);
            }
            (Peer::Node(_), Message::HandoffAck { .. }) => return Noted::Delivered,
            _ => {}
        }
        Noted::Nothing
    }

    fn asked(&mut self, request: RequestId, kind: RequestKind, now: Instant) {
        // A retry is still the same request.
        if self.asked.peek(&request).is_none() {
            self.asked.put(request, (kind, now));
        }
    }

    /// After the step.
    pub(super) fn step(&mut self, noted: Noted, step: &Step, now: Instant) {
        for effect in &step.effects {
            match effect {
                Effect::Reply { to, message } => self.replied(*to, message, step, now),
                Effect::Send { message, .. } => self.sent(message),
                Effect::SetTimer(_) | Effect::CancelTimer(_) => {}
            }
        }
        for change in &step.changes {
            match change {
                Change::Entry { key, entry } => self.versions.stored(key, &entry.state, now),
                Change::Hint { .. } => self.metrics.hints_kept.inc(),
                Change::RemoveHint { .. } if matches!(noted, Noted::Delivered) => {
                    self.metrics.hints_delivered.inc();
                }
                _ => {}
            }
        }
    }

    fn sent(&mut self, message: &Message) {
        match message {
            Message::Repair { .. } => self.metrics.repairs_async.inc(),
            // A put sends the same, under another request.
            Message::Store { request, .. } if self.reads.contains(request) => {
                self.metrics.repairs_blocking.inc();
            }
            Message::SyncStates { states, .. } => {
                self.metrics.sync_keys_sent.inc_by(states.len() as u64);
            }
            _ => {}
        }
    }

    fn replied(&mut self, to: Peer, message: &Message, step: &Step, now: Instant) {
        let (request, outcome) = match message {
            Message::PutReply { request, outcome } => (
                *request,
                match outcome {
                    PutOutcome::Ok { .. } | PutOutcome::Minted { .. } => RequestOutcome::Ok,
                    PutOutcome::Unavailable { .. } => RequestOutcome::Unavailable,
                    PutOutcome::Refused(_) => RequestOutcome::Refused,
                },
            ),
            Message::GetReply { request, outcome } => {
                let read = self.reads.pop(request);
                (
                    *request,
                    match outcome {
                        GetOutcome::Ok { state, .. } => {
                            if let Some(read) = read {
                                self.read(&read, state.as_deref(), step, now);
                            }
                            RequestOutcome::Ok
                        }
                        GetOutcome::Unavailable { .. } => RequestOutcome::Unavailable,
                        GetOutcome::Refused(_) => RequestOutcome::Refused,
                    },
                )
            }
            _ => return,
        };
        if !matches!(to, Peer::Client(_)) {
            return;
        }
        let Some((kind, since)) = self.asked.pop(&request) else { return };
        let took = now.saturating_duration_since(since);
        self.metrics.answered(kind, outcome, took);
        self.requests.of_mut(kind).count(outcome, took);
    }

    /// A read returned this.
    fn read(&mut self, read: &Read, returned: Option<&Record>, step: &Step, now: Instant) {
        let metrics = &self.metrics;
        metrics.siblings.observe(returned.map_or(0, |state| state.live().count()) as f64);
        let Some(returned) = returned else { return };
        metrics.context_entries.observe(returned.context().iter().count() as f64);
        let (mut versions, mut since): (usize, Option<Duration>) = (0, None);
        let mut stale = 0;
        for reply in &read.replies {
            let behind = self.versions.behind(&read.key, reply.as_deref(), returned, now);
            stale += u64::from(behind.versions > 0);
            versions = versions.max(behind.versions);
            since = since.max(behind.since);
        }
        // What this node held itself was behind if the read repairs it.
        let repairs_itself = |change: &Change| matches!(change, Change::Entry { key, entry } if *key == read.key && *entry.state == *returned);
        if step.changes.iter().any(repairs_itself) {
            stale += 1;
            versions = versions.max(1);
        }
        metrics.stale_replies.inc_by(stale);
        metrics.staleness_versions.observe(versions as f64);
        match since {
            Some(since) => metrics.staleness_seconds.observe(since.as_secs_f64()),
            None if versions == 0 => metrics.staleness_seconds.observe(0.0),
            None => {}
        }
    }

    /// A group of steps is durable, up to this one.
    pub(super) fn committed(&mut self, step: u64, took: Duration) {
        self.metrics.log_synced(step.saturating_sub(self.last_durable_step), took);
        self.last_durable_step = step;
    }

    /// What clients were answered.
    pub(super) fn requests(&self) -> Requests {
        self.requests.clone()
    }
}

impl Tally {
    fn count(&mut self, outcome: RequestOutcome, took: Duration) {
        match outcome {
            RequestOutcome::Ok => self.ok += 1,
            RequestOutcome::Unavailable => self.unavailable += 1,
            RequestOutcome::Refused => self.refused += 1,
        }
        self.took.resize(LATENCY_BUCKETS, 0);
        self.took[Tally::bucket(took)] += 1;
    }
}
