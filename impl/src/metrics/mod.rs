//! What is counted and measured at a node, for Prometheus. It knows no protocol: who takes the steps notes what
//! they did, and nothing that a step does depends on it.

mod make;
mod state;

pub use crate::leaderless::RequestKind;
pub use state::{exposition, of_leader_status, of_status};

use std::fmt;
use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntCounterVec, Registry, exponential_buckets};

use make::Make;

/// How it was answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RequestOutcome {
    /// By enough homes.
    Ok,
    /// By too few homes in time.
    Unavailable,
    /// Nothing was done.
    Refused,
}

impl RequestOutcome {
    /// All of them.
    pub const ALL: [RequestOutcome; 3] =
        [RequestOutcome::Ok, RequestOutcome::Unavailable, RequestOutcome::Refused];

    /// Its name in a label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RequestOutcome::Ok => "ok",
            RequestOutcome::Unavailable => "unavailable",
            RequestOutcome::Refused => "refused",
        }
    }
}

/// Counters and histograms of one node since its process started. Any thread may read them.
pub struct NodeMetrics {
    registry: Registry,
    /// By kind and outcome.
    requests: Vec<Vec<IntCounter>>,
    /// By kind.
    seconds: Vec<Histogram>,
    shortfalls: Vec<IntCounter>,
    /// Read repairs that nobody waits for.
    pub repairs_async: IntCounter,
    /// Read repairs that the read waits for.
    pub repairs_blocking: IntCounter,
    /// Reads that asked all homes, since one that they asked first was late.
    pub speculative_retries: IntCounter,
    /// Values of a key that was read.
    pub siblings: Histogram,
    /// Entries of the context of a key that was read.
    pub context_entries: Histogram,
    /// Hints that were kept, or replaced by newer ones.
    pub hints_kept: IntCounter,
    /// Hints that their homes have taken in.
    pub hints_delivered: IntCounter,
    /// Rounds of anti-entropy begun.
    pub sync_rounds: IntCounter,
    /// States of keys sent by anti-entropy.
    pub sync_keys_sent: IntCounter,
    /// States of keys received by anti-entropy.
    pub sync_keys_received: IntCounter,
    /// Replies that lacked something that the read returned.
    pub stale_replies: IntCounter,
    /// By how many versions the stalest reply of each read was behind.
    pub staleness_versions: Histogram,
    /// For how long.
    pub staleness_seconds: Histogram,
    log_sync_seconds: Histogram,
    log_sync_steps: Histogram,
    http: IntCounterVec,
}

impl fmt::Debug for NodeMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeMetrics").finish_non_exhaustive()
    }
}

impl Default for NodeMetrics {
    fn default() -> Self {
        let make = Make::default();
        let requests = make.counters(
            "quorate_requests_total",
            "Answers that this node gave to clients which asked it to coordinate, by what was asked and how it \
             ended; a retry that is answered again counts again.",
            &["kind", "outcome"],
        );
        let seconds = make.histograms(
            "quorate_request_duration_seconds",
            "Time from a client's request to its answer at the node that coordinated it.",
            &["kind"],
            latencies(),
        );
        let shortfalls = make.counters(
            "quorate_quorum_shortfalls_total",
            "Requests that too few homes answered in time.",
            &["kind"],
        );
        let repairs = make.counters(
            "quorate_read_repairs_total",
            "States sent by reads to homes that were behind: async, with nobody waiting, or blocking the read.",
            &["mode"],
        );
        let keys = make.counters(
            "quorate_sync_keys_total",
            "States of keys exchanged by anti-entropy.",
            &["direction"],
        );
        let by_kind = |vector: &IntCounterVec| {
            RequestKind::ALL.map(|kind| vector.with_label_values(&[kind.name()])).to_vec()
        };
        let outcomes = |kind: RequestKind| {
            let of = |outcome: RequestOutcome| {
                requests.with_label_values(&[kind.name(), outcome.name()])
            };
            RequestOutcome::ALL.map(of).to_vec()
        };
        NodeMetrics {
            requests: RequestKind::ALL.map(outcomes).to_vec(),
            seconds: RequestKind::ALL
                .map(|kind| seconds.with_label_values(&[kind.name()]))
                .to_vec(),
            shortfalls: by_kind(&shortfalls),
            repairs_async: repairs.with_label_values(&["async"]),
            repairs_blocking: repairs.with_label_values(&["blocking"]),
            speculative_retries: make.counter(
                "quorate_speculative_retries_total",
                "Reads that asked all homes, since one that they asked first was late.",
            ),
            siblings: make.histogram(
                "quorate_read_siblings",
                "Values of each key that was read: more than one are siblings.",
                vec![0.0, 1.0, 2.0, 3.0, 4.0, 8.0, 16.0, 32.0, 64.0],
            ),
            context_entries: make.histogram(
                "quorate_read_context_entries",
                "Entries of the context of each key that was read: who has written it, ever.",
                doubling(1.0, 8),
            ),
            hints_kept: make.counter(
                "quorate_hints_kept_total",
                "Times that a write was kept for a home that did not answer.",
            ),
            hints_delivered: make.counter(
                "quorate_hints_delivered_total",
                "Hints dropped since their homes hold what they carried.",
            ),
            sync_rounds: make.counter(
                "quorate_sync_rounds_total",
                "Rounds of anti-entropy that this node began with another home.",
            ),
            sync_keys_sent: keys.with_label_values(&["sent"]),
            sync_keys_received: keys.with_label_values(&["received"]),
            stale_replies: make.counter(
                "quorate_stale_replies_total",
                "Replies of homes to reads that lacked something that the read returned.",
            ),
            staleness_versions: make.histogram(
                "quorate_read_staleness_versions",
                "By how many versions the stalest reply of each read was behind, as far as the node that \
                 coordinated it knows of them.",
                vec![0.0, 1.0, 2.0, 4.0, 8.0, 16.0],
            ),
            staleness_seconds: make.histogram(
                "quorate_read_staleness_seconds",
                "For how long the stalest reply of each read was behind: since the node that coordinated it first \
                 held what the reply lacked; nothing is observed where it never did.",
                [vec![0.0], latencies()].concat(),
            ),
            log_sync_seconds: make.histogram(
                "quorate_log_sync_duration_seconds",
                "Time to append to the write-ahead log what was waiting and to sync it: one fdatasync. Nothing that the \
                 steps in it say is sent before. Checkpoints of the database are not in it.",
                latencies(),
            ),
            log_sync_steps: make.histogram(
                "quorate_log_sync_steps",
                "Steps that one sync of the write-ahead log made durable together.",
                doubling(1.0, 10),
            ),
            http: make.counters(
                "quorate_http_responses_total",
                "Responses to HTTP requests, by method and status.",
                &["method", "status"],
            ),
            registry: make.registry(),
        }
    }
}

impl NodeMetrics {
    /// A client was answered.
    pub fn answered(&self, kind: RequestKind, outcome: RequestOutcome, took: Duration) {
        let (of_kind, of_outcome) = (kind as usize, outcome as usize);
        self.requests[of_kind][of_outcome].inc();
        if outcome == RequestOutcome::Unavailable {
            self.shortfalls[of_kind].inc();
        }
        self.seconds[of_kind].observe(took.as_secs_f64());
    }

    /// So many steps became durable by one sync of the log.
    pub fn log_synced(&self, steps: u64, took: Duration) {
        self.log_sync_steps.observe(steps as f64);
        self.log_sync_seconds.observe(took.as_secs_f64());
    }

    /// An HTTP request was answered.
    pub fn responded(&self, method: &'static str, status: u16) {
        self.http.with_label_values(&[method, &status.to_string()]).inc();
    }

    /// Everything that is counted here.
    #[must_use]
    pub fn gather(&self) -> Vec<prometheus::proto::MetricFamily> {
        self.registry.gather()
    }
}

/// 0.1 ms to 6.5 s, doubling.
fn latencies() -> Vec<f64> {
    doubling(0.000_1, 17)
}

fn doubling(first: f64, count: usize) -> Vec<f64> {
    exponential_buckets(first, 2.0, count).expect("the buckets ascend")
}
