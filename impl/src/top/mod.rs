//! What a cluster does, as it is watched: rates and latencies between two looks, and how far its homes differ.

mod draw;
mod leader;

pub use draw::draw;
pub use leader::{LeaderRow, LeaderView, Says, WatchedLeader, draw_leader};

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use quorate_model::ids::{NodeId, NodeSet};

use crate::config::ClusterFile;
use crate::leaderless::{NodeStatus, Requests, Tally};

/// How many looks the curve of divergence shows.
const LOOKS_MAX: usize = 120;

/// A cluster that is watched.
#[derive(Debug)]
pub struct Watched {
    cluster: ClusterFile,
    last: Option<Look>,
    view: View,
}

#[derive(Debug)]
struct Look {
    at: Instant,
    statuses: BTreeMap<NodeId, NodeStatus>,
}

/// What is shown.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct View {
    /// What is watched.
    pub title: String,
    /// A row for each node that has not left.
    pub rows: Vec<Row>,
    /// Pairs of homes that hold different states of the keys they share, of those where both answered.
    pub differing: u64,
    /// How many pairs there are of which both answered.
    pub compared: u64,
    /// How many there are in all.
    pub pairs: u64,
    /// [`View::differing`] at the last looks, the latest last.
    pub history: VecDeque<u64>,
}

/// A node.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What it does; `None` if it does not answer.
    pub does: Option<Does>,
}

/// What a node does.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Does {
    /// Whether it catches up after it lost its disk.
    pub is_catching_up: bool,
    /// Puts and deletes that it answered, a second.
    pub writes: u64,
    /// Gets that it answered, a second.
    pub reads: u64,
    /// Requests that it could not fulfil, a second.
    pub failed: u64,
    /// What half of the requests took at most.
    pub p50: Option<Duration>,
    /// What all but one of a hundred took at most.
    pub p99: Option<Duration>,
    /// Keys that it holds.
    pub keys: u64,
    /// Hints that it holds, by home.
    pub hints: Vec<(String, u64)>,
    /// Requests that wait for others.
    pub pending: u64,
    /// Messages that it dropped, a second.
    pub dropped: u64,
}

impl Watched {
    /// Nothing has been seen yet.
    #[must_use]
    pub fn new(cluster: ClusterFile) -> Self {
        let spec = &cluster.spec;
        let nodes = cluster.cluster.members().len();
        let title = format!(
            "{}: {nodes} nodes, N={} R={} W={}",
            cluster.path.display(),
            spec.n,
            spec.r,
            spec.w
        );
        let view = View { title, ..View::default() };
        Watched { cluster, last: None, view }
    }

    /// What is to be shown.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Takes in what the nodes that answered said at this time.
    pub fn look(&mut self, at: Instant, statuses: BTreeMap<NodeId, NodeStatus>) {
        let cluster = &self.cluster;
        let members = cluster.cluster.members().iter();
        self.view.rows = members
            .map(|node| {
                let does = statuses.get(node).map(|status| {
                    let before = self.last.as_ref().and_then(|last| {
                        let before = last.statuses.get(node)?;
                        // A process that started again counts from zero.
                        let is_same = before.up_ms <= status.up_ms;
                        is_same.then(|| (before, at.saturating_duration_since(last.at)))
                    });
                    does(cluster, status, before)
                });
                Row { name: cluster.cluster.name(*node).to_string(), does }
            })
            .collect();
        let (differing, compared) = divergence(&statuses);
        let ranges = cluster.cluster.ranges().iter();
        self.view.pairs = ranges.map(|homes| pairs(homes.len())).sum();
        (self.view.differing, self.view.compared) = (differing, compared);
        self.view.history.push_back(differing);
        if self.view.history.len() > LOOKS_MAX {
            self.view.history.pop_front();
        }
        self.last = Some(Look { at, statuses });
    }
}

fn does(
    cluster: &ClusterFile,
    status: &NodeStatus,
    before: Option<(&NodeStatus, Duration)>,
) -> Does {
    let dropped = |status: &NodeStatus| {
        status.traffic.dropped().into_iter().map(|(_, count)| count).sum::<u64>()
    };
    let none = Requests::default();
    let (earlier, earlier_dropped, seconds) = match before {
        Some((before, passed)) => (&before.requests, dropped(before), passed.as_secs_f64()),
        None => (&status.requests, dropped(status), 1.0),
    };
    let since = |now: &Tally, then: &Tally| now.since(then);
    let puts = since(&status.requests.puts, &earlier.puts);
    let deletes = since(&status.requests.deletes, &earlier.deletes);
    let gets = since(&status.requests.gets, &earlier.gets);
    let mut all = none.puts;
    for tally in [&puts, &deletes, &gets] {
        all.add(tally);
    }
    let rate = |count: u64| (count as f64 / seconds.max(0.001)).round() as u64;
    let hints = status.hints.iter();
    Does {
        is_catching_up: status.is_catching_up,
        writes: rate(puts.count_all() + deletes.count_all()),
        reads: rate(gets.count_all()),
        failed: rate(all.unavailable + all.refused),
        p50: all.quantile(0.5),
        p99: all.quantile(0.99),
        keys: status.keys,
        hints: hints
            .map(|hints| (cluster.cluster.name(hints.home).to_string(), hints.count))
            .collect(),
        pending: status.pending,
        dropped: rate(dropped(status).saturating_sub(earlier_dropped)),
    }
}

/// How many pairs of homes hold different states of the keys that they share, and how many pairs both answered.
fn divergence(statuses: &BTreeMap<NodeId, NodeStatus>) -> (u64, u64) {
    let mut digests: BTreeMap<NodeSet, Vec<u64>> = BTreeMap::new();
    for range in statuses.values().flat_map(|status| status.ranges.iter().flatten()) {
        digests.entry(range.homes).or_default().push(range.digest.0);
    }
    let (mut differing, mut compared) = (0, 0);
    for digests in digests.values() {
        compared += pairs(digests.len());
        for (at, one) in digests.iter().enumerate() {
            differing += digests[at + 1..].iter().filter(|other| *other != one).count() as u64;
        }
    }
    (differing, compared)
}

fn pairs(of: usize) -> u64 {
    (of * of.saturating_sub(1) / 2) as u64
}

#[cfg(test)]
mod tests;
