//! What a node of the leaderless protocol and an operator say to each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use quorate_model::hash_tree::SetHash;
use quorate_model::ids::{NodeId, NodeSet};
use quorate_model::protocol;
use quorate_model::versions::{Incarnation, Life};

use crate::wire::Traffic;

/// What a client asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RequestKind {
    /// Write a value.
    Put,
    /// Delete a key.
    Delete,
    /// Read a key.
    Get,
}

impl RequestKind {
    /// All of them.
    pub const ALL: [RequestKind; 3] = [RequestKind::Put, RequestKind::Delete, RequestKind::Get];

    /// Its name in a label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RequestKind::Put => "put",
            RequestKind::Delete => "delete",
            RequestKind::Get => "get",
        }
    }
}

/// An operator gives up what these nodes held: wait for it no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AcceptLoss {
    /// Whose holdings are given up.
    pub lost: NodeSet,
}

/// The answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LossAccepted {
    /// Whether the node votes and serves now.
    pub serves: bool,
}

/// What a running node says of itself.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Who it is, over restarts that kept it.
    pub incarnation: Incarnation,
    /// How often it has started again as that.
    pub life: Life,
    /// Whether it lost its disk and neither votes nor serves yet.
    pub is_catching_up: bool,
    /// What it waits for before it does, by range.
    pub awaited: Vec<Awaited>,
    /// Keys it holds, deleted ones that are not forgotten yet among them.
    pub keys: u64,
    /// Versions of all these keys: more than keys where there are siblings.
    pub versions: u64,
    /// The most versions that one key has.
    pub versions_max: u64,
    /// Keys of which it holds nothing but tombstones.
    pub tombstones: u64,
    /// Keys whose states are too large to be sent: no other node can learn of them.
    pub oversized: u64,
    /// The hints it holds, by the home they are for.
    pub hints: Vec<HintsFor>,
    /// What it holds of each range that it is a home of; `None` when there are too many to tell.
    pub ranges: Option<Vec<RangeStatus>>,
    /// What anti-entropy did with each other home; nothing, where the cluster does without.
    pub syncs: Vec<SyncsWith>,
    /// What clients were answered that asked it to coordinate.
    pub requests: Requests,
    /// Requests it waits for answers to.
    pub pending: u64,
    /// Steps its data directory has durably taken.
    pub durable_step: u64,
    /// Milliseconds since it started.
    pub up_ms: u64,
    /// Its datagrams.
    pub traffic: Traffic,
}

/// What clients were answered since the process started.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Requests {
    /// Puts.
    pub puts: Tally,
    /// Deletes.
    pub deletes: Tally,
    /// Gets.
    pub gets: Tally,
}

impl Requests {
    /// Those of a kind.
    pub fn of_mut(&mut self, kind: RequestKind) -> &mut Tally {
        match kind {
            RequestKind::Put => &mut self.puts,
            RequestKind::Delete => &mut self.deletes,
            RequestKind::Get => &mut self.gets,
        }
    }
}

/// How many classes of latency are told apart.
pub const LATENCY_BUCKETS: usize = 40;

/// How requests of one kind ended, and how long they took.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tally {
    /// Enough homes answered.
    pub ok: u64,
    /// Too few did.
    pub unavailable: u64,
    /// Nothing was done.
    pub refused: u64,
    /// How many took no longer than [`Tally::longest`] of their place; empty where there were none.
    pub took: Vec<u64>,
}

impl Tally {
    /// All of them.
    #[must_use]
    pub fn count_all(&self) -> u64 {
        self.ok + self.unavailable + self.refused
    }

    /// The class of a latency.
    #[must_use]
    pub fn bucket(took: Duration) -> usize {
        (0..LATENCY_BUCKETS - 1)
            .find(|at| took <= Self::longest(*at))
            .unwrap_or(LATENCY_BUCKETS - 1)
    }

    /// The longest latency of a class: each class is half as long again as the one before, from 10 us on.
    #[must_use]
    pub fn longest(bucket: usize) -> Duration {
        Duration::from_secs_f64(1e-5 * 1.5_f64.powi(i32::try_from(bucket).unwrap_or(i32::MAX)))
    }

    /// Adds those of another kind or node.
    pub fn add(&mut self, other: &Tally) {
        self.ok += other.ok;
        self.unavailable += other.unavailable;
        self.refused += other.refused;
        self.took.resize(self.took.len().max(other.took.len()), 0);
        for (mine, theirs) in self.took.iter_mut().zip(&other.took) {
            *mine += theirs;
        }
    }

    /// Those that were counted since an earlier look.
    #[must_use]
    pub fn since(&self, earlier: &Tally) -> Tally {
        let took = self.took.iter().enumerate();
        let took = took.map(|(at, count)| {
            count.saturating_sub(earlier.took.get(at).copied().unwrap_or_default())
        });
        Tally {
            ok: self.ok.saturating_sub(earlier.ok),
            unavailable: self.unavailable.saturating_sub(earlier.unavailable),
            refused: self.refused.saturating_sub(earlier.refused),
            took: took.collect(),
        }
    }

    /// What this share of them, between 0 and 1, took at most; `None` where there were none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let total: u64 = self.took.iter().sum();
        let wanted = (total as f64 * share).ceil().max(1.0) as u64;
        let mut sum = 0;
        let reaches = |(_, count): &(usize, &u64)| {
            sum += **count;
            sum >= wanted
        };
        let found = self.took.iter().enumerate().find(reaches);
        found.filter(|_| total > 0).map(|(at, _)| Self::longest(at))
    }
}

/// What a node that catches up waits for, of one range of keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Awaited {
    /// The homes of the range, the node among them.
    pub range: NodeSet,
    /// The homes that have not told everything.
    pub from: NodeSet,
    /// How many of them must, at least: none, where enough have.
    pub missing: u32,
    /// Those of them that must answer, if only that they catch up themselves, and have not.
    pub unanswered: NodeSet,
}

impl From<protocol::Awaited> for Awaited {
    fn from(awaited: protocol::Awaited) -> Self {
        let protocol::Awaited { range, from, missing, unanswered } = awaited;
        Awaited { range, from, missing: u32::try_from(missing).unwrap_or(u32::MAX), unanswered }
    }
}

impl Awaited {
    /// The homes of which something is still to come.
    #[must_use]
    pub fn homes(&self) -> NodeSet {
        if self.missing > 0 { self.from } else { self.unanswered }
    }
}

/// Hints for one home.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HintsFor {
    /// Whom they are for.
    pub home: NodeId,
    /// How many.
    pub count: u64,
    /// For how many milliseconds the node has had some without a break, over restarts. When each was
    /// made is not kept: it would be a row more to write, or memory in proportion to the hints.
    pub pending_ms: u64,
}

/// What a node holds of the keys of one range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RangeStatus {
    /// The homes that share the range.
    pub homes: NodeSet,
    /// Equal, for all that accidents can do, where two homes hold the same states of the same keys.
    pub digest: SetHash,
}

/// What anti-entropy with one other home did at a node since it started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SyncsWith {
    /// The other home.
    pub peer: NodeId,
    /// How many milliseconds ago its last message of anti-entropy arrived; `None` if none did.
    /// Every home sends some at each of its intervals, differences or not, so one that is long ago
    /// means that the two do not compare: one is down, or cannot be reached.
    pub heard_ms: Option<u64>,
    /// How often such a message changed what the node holds of a key.
    pub keys_repaired: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_no_less_than_the_latency_and_less_than_half_more() {
        for micros in [1, 10, 11, 150, 6_400, 900_000] {
            let took = Duration::from_micros(micros);
            let mut tally = Tally { took: vec![0; LATENCY_BUCKETS], ..Tally::default() };
            tally.took[Tally::bucket(took)] += 100;
            let quantile = tally.quantile(0.99).unwrap();
            assert!(
                took <= quantile && quantile <= took.mul_f64(1.5).max(Duration::from_micros(10))
            );
        }
        assert_eq!(Tally::default().quantile(0.5), None);
    }

    #[test]
    fn what_was_counted_since_is_the_difference() {
        let tally = |ok, took: &[u64]| Tally { ok, took: took.to_vec(), ..Tally::default() };
        assert_eq!(tally(5, &[1, 4]).since(&tally(2, &[1, 1])), tally(3, &[0, 3]));
        assert_eq!(tally(5, &[1, 4]).since(&Tally::default()), tally(5, &[1, 4]));
    }
}
