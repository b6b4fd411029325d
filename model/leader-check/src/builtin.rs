//! The scenarios that ship.

use quorate_checker::world::ScenarioFileError;

use crate::setting::{LeaderFile, parse};

/// A scenario that ships with quorate.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// Its file.
    pub toml: &'static str,
    /// What it is about, in a few words.
    pub topic: &'static str,
    /// Whether it is checked every day; the others are too large for that.
    pub default: bool,
    /// Whether ten minutes do not suffice to search it to its end: it has to be named.
    pub beyond: bool,
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
    pub fn parse(&self) -> Result<LeaderFile, ScenarioFileError> {
        parse(&format!("{}.toml", self.name), self.toml)
    }
}

macro_rules! builtin {
    ($topic:literal, $name:literal, $default:literal, $beyond:literal) => {
        Builtin {
            name: $name,
            toml: include_str!(concat!("../scenarios/", $name, ".toml")),
            topic: $topic,
            default: $default,
            beyond: $beyond,
        }
    };
}

macro_rules! builtins {
    ($([$topic:literal] $($name:literal)* $(; deep $($deep:literal)*)? $(; beyond $($beyond:literal)*)?)*) => {
        /// All of them, in the order they are shown, those of one topic together.
        pub const ALL: &[Builtin] = &[$(
            $(builtin!($topic, $name, true, false),)*
            $($(builtin!($topic, $deep, false, false),)*)?
            $($(builtin!($topic, $beyond, false, true),)*)?
        )*];
    };
}

builtins! {
    ["A leader is lost: what is an acknowledgement worth?"]
    "async-leader-lost"
    "async-leader-lost-script"
    "async-leader-returns"
    "async-leader-returns-compacted"
    "async-leader-keeps-suffix"
    "async-lost-behind-later-script"
    "async-add-lost"
    "async-two-nodes"
    "async-two-nodes-wiped"
    "semi-sync-leader-lost"
    "semi-sync-wrong-heir"
    "semi-sync-wrong-heir-script"
    "semi-sync-falls-back"
    "semi-sync-takes-another"
    "sync-both-die"
    "ids-reused"
    "ids-majority"
    "semi-sync-both-lost"
    "majority-both-lost"
    ["A follower is down, or the network is split: who acknowledges?"]
    "sync-follower-down"
    "semi-sync-follower-down"
    "majority-follower-down"
    "async-minority-side"
    "majority-minority-side"
    ["Raft"]
    "raft-crash"
    "raft-timeout"
    "raft-stale-leader"
    "raft-stale-leader-timeout"
    "raft-stale-leader-script"
    "raft-confirmed-leader"
    "raft-does-not-preempt"
    "raft-does-not-preempt-script"
    "raft-figure-8-script"
    "raft-figure-8-counts-script"
    "raft-rivals"
    "raft-rivals-three"
    "raft-deposed-writes"
    "raft-split-vote"
    "raft-uncommitted-suffix-script"
    "retry-add"
    "retry-add-forgotten"
    "retry-add-answer-lost"
    "retry-add-waits"
    "retry-add-late"
    "retry-add-restart"
    "retry-add-drawn"
    "retry-add-snapshot-script"
    "sessions-kept"
    "sessions-expired"
    "sessions-failover"
    "sessions-expired-duplicate"
    "sessions-expired-script"
    "sessions-snapshot-script"
    "sessions-deposed-script"
    "refused-doubled"
    "refused-doubled-trusted"
    ; deep
    "raft-rivals-restart"
    ; beyond
    "retry-add-snapshot"
    "raft-small"
    "raft"
    ["The bully election, with and without epochs"]
    "bully-split-brain"
    "bully-split-brain-partition"
    "bully-split-brain-script"
    "bully-fenced"
    "bully-fenced-partition"
    "bully-preempts"
    "bully-preempts-script"
    "bully-wiped-returns"
    "bully-wiped-leads-again-script"
    "bully-epoch-led-twice-script"
    ["An operator promotes"]
    "manual-promotion"
    "manual-promotion-script"
    "manual-wiped-promoted"
    "manual-wiped-promoted-again"
    "manual-older-disk-promoted-again"
    "manual-epoch-of-another"
    ["Followers lag: what do clients see?"]
    "lag-own-writes-any"
    "lag-own-writes-leader"
    "lag-own-writes-position"
    "lag-own-writes-window"
    "lag-own-writes-compacted"
    "lag-own-writes-statement"
    "lag-monotonic-any"
    "lag-monotonic-sticky"
    "lag-monotonic-sticky-crash"
    "lag-monotonic-position-crash"
    "values-come-back"
    "lag-prefix-sticky"
    "lag-prefix-any"
    "lag-prefix-add"
    "lag-prefix-shards"
    ["What the log ships"]
    "statement-now"
    "statement-now-row"
    "statement-now-replaced"
    "statement-random"
    "statement-random-failover"
    "statement-random-row"
    "statement-random-replaced"
    "statement-add"
    ["A follower was down, or lost its disk"]
    "follower-catches-up"
    "two-nodes-wiped"
    "empty-follower"
    "empty-follower-snapshot"
    "follower-too-early-sync"
    "follower-too-early-majority"
    "follower-caught-up-script"
    "leader-caught-up"
    ; deep
    "follower-caught-up"
    ; beyond
    "leader-caught-up-large"
}
