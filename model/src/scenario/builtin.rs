//! The scenarios that ship with quorate.

use super::Scenario;
use super::file::{ScenarioError, parse};

/// A scenario that ships with quorate.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// Its file.
    pub toml: &'static str,
    /// What it is about, in a few words: scenarios are listed by topic.
    pub topic: &'static str,
}

impl Builtin {
    /// The scenario of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Builtin> {
        ALL.iter().find(|builtin| builtin.name == name)
    }

    /// Reads it.
    ///
    /// # Errors
    /// Never for the ones that ship, which a test reads all.
    pub fn parse(&self) -> Result<Scenario, ScenarioError> {
        parse(&alloc::format!("{}.toml", self.name), self.name, self.toml)
    }
}

macro_rules! builtins {
    ($([$topic:literal] $($name:literal)*)*) => {
        /// All of them, in the order they are shown, those of one topic together.
        pub const ALL: &[Builtin] = &[$($(Builtin {
            name: $name,
            toml: include_str!(concat!("../../scenarios/", $name, ".toml")),
            topic: $topic,
        }),*),*];
    };
}

builtins! {
    ["Quorums: is an acknowledged write read?"]
    "strict-sequential"
    "strict-concurrent"
    "strict-concurrent-3"
    "r1-w1"
    "r1-w2"
    "r2-w1"
    "own-write-missed"
    "own-write-not-followed"
    "blind-writes"
    "r1-w3"
    "r3-w1"
    "r1-w3-node-down"
    "r3-w1-node-down"
    "write-quorum-half"
    ["Sessions: what one client sees, and what the client library adds"]
    "session-own-node"
    "session-moves"
    "session-in-flight"
    "session-in-flight-blocking"
    "session-disk-lost"
    "session-disk-lost-serves"
    ["Writes that fail, or are still under way"]
    "failed-write-seen"
    "failed-write-seen-async"
    "failed-write-seen-blocking"
    "smaller-r-asked-for"
    "in-flight-write"
    ["Ways to ask, retries, and a network that loses and doubles"]
    "client-driven"
    "forwarded"
    "retry"
    "retry-after-restart"
    "retry-after-wipe"
    "retry-after-delete"
    "retry-disk-lost"
    "lossy"
    "lying-client"
    "lying-client-trusted"
    ["Read repair and deletes"]
    "repair-only"
    "delete"
    "blind-repair"
    "duplicate-ack"
    ["Speculative retry: reads that ask R homes, and the others when one is late"]
    "speculative-retry"
    "speculative-retry-homes"
    "speculative-retry-down"
    "speculative-retry-timeout"
    "speculative-retry-blocking"
    "speculative-retry-repair"
    "speculative-retry-anti-entropy"
    ["Too few homes: what is answered, and what is lost"]
    "quorum-lost"
    "minority-side"
    "minority-side-alone"
    ["Siblings, and clocks of every kind"]
    "sibling-explosion"
    "sibling-explosion-server-clock"
    "siblings-limit"
    "siblings-limit-held"
    "refusal-retried-trusted"
    "refusal-doubled-trusted"
    "refusal-certain"
    "refusal-once-trusted"
    "shared-client-id"
    "shared-client-id-dotted"
    "shared-node-id"
    "scalar-concurrent"
    "lww-skew"
    "lww-skew-delete"
    "lww-concurrent"
    ["Partitions, sloppy writes and hints"]
    "sloppy-partition"
    "strict-partition"
    "sloppy-convergence"
    "quorum-lost-sloppy"
    "hint-holder-dies-w1"
    "hint-holder-dies-w2"
    "hint-holder-dies-w2-large"
    "hint-home-disk-lost"
    "hint-home-reaps-by-age"
    "ack-before-durable"
    "hint-overtaken"
    "hint-overtaken-alone"
    ["Crashes, lost and older disks"]
    "crash-strict"
    "crash-sloppy"
    "disk-lost"
    "disk-lost-one"
    "disk-lost-late-page"
    "disk-lost-serves"
    "disk-lost-in-flight"
    "disk-lost-in-flight-quorum"
    "disk-lost-twice"
    "disk-lost-twice-unnamed"
    "disk-lost-after-read"
    "two-disks-lost"
    "two-disks-lost-w3"
    "two-disks-lost-w3-read"
    "disk-rollback"
    "disk-rollback-twice"
    "disk-rollback-w1"
    "disk-rollback-sloppy"
    "restarts-keep-incarnation"
    "restarts-anew"
    "rollback-unwritten"
    "rollback-hint"
    "amnesia"
    "amnesia-epochs"
    ["Anti-entropy and its hash trees"]
    "failed-write-spreads"
    "failed-write-spreads-hint"
    "repair-and-anti-entropy"
    "exchanges-overlap"
    "node-stays-down"
    "partition-stays"
    "partition-heals"
    "values-and-clocks-hash"
    "values-only-hash"
    "shared-node-id-convergence"
    "shared-client-id-convergence"
    ["Tombstones that go"]
    "delete-collected"
    "delete-collected-two"
    "delete-collected-large"
    "delete-collected-age"
    "delete-collected-anti-entropy"
    "delete-agreed-anti-entropy"
    "put-overtakes-reap"
    "delete-lost"
    "delete-lost-w2"
    "delete-older-disk"
    "delete-hinted"
    "delete-hinted-duplicate"
    "delete-hinted-rounds"
    "delete-hinted-restart"
    "delete-hinted-restart-large"
    "retry-restart-reaped"
    "context-pruned"
    "reaped-before-write"
    "context-pruned-hint"
    ["What reductions of the state space once missed"]
    "reduced-suspicions"
    "reduced-late-request"
    "reduced-client-timeout"
    "reduced-answers"
    "reduced-dead-messages"
    "reduced-shared-identity"
    "reduced-trailing-read"
    ["Everything at once"]
    "flagship"
    ["Scripts: one run, step by step"]
    "sloppy-partition-script"
    "hint-overtaken-script"
    "failed-write-seen-script"
    "amnesia-script"
    "amnesia-epochs-script"
    "lww-skew-script"
    "disk-rollback-script"
    "rollback-unwritten-script"
    "rollback-hint-script"
    "minority-side-script"
    "late-reply-script"
    "strict-sequential-script"
    "strict-concurrent-script"
    "r1-w1-script"
    "r1-w2-script"
    "r2-w1-script"
    "r1-w3-script"
    "r3-w1-script"
    "write-quorum-half-script"
    "failed-write-seen-async-script"
    "failed-write-seen-blocking-script"
    "failed-write-spreads-script"
    "failed-write-spreads-hint-script"
    "in-flight-write-script"
    "hint-holder-dies-w1-script"
    "hint-holder-dies-w2-script"
    "ack-before-durable-script"
    "disk-lost-script"
    "disk-lost-one-script"
    "disk-lost-w1-script"
    "two-disks-lost-script"
    "loss-accepted-script"
    "loss-accepted-stale-script"
    "shared-client-id-script"
    "shared-client-id-dotted-script"
    "shared-node-id-script"
    "sibling-explosion-script"
    "sibling-explosion-server-clock-script"
    "lww-skew-delete-script"
    "lww-concurrent-script"
    "scalar-concurrent-script"
    "delete-collected-script"
    "delete-collected-age-script"
    "delete-collected-read-script"
    "delete-agreed-read-script"
    "delete-lost-script"
    "delete-lost-reaping-script"
    "delete-unheard-script"
    "delete-unheard-off-script"
    "delete-hinted-script"
    "blind-repair-script"
    "blind-repair-hint-script"
    "values-only-hash-script"
    "values-and-clocks-hash-script"
    "duplicate-ack-script"
    "repair-only-script"
    "speculative-retry-repair-script"
    "repair-and-anti-entropy-script"
    "quorum-lost-script"
    "quorum-lost-sloppy-script"
}
