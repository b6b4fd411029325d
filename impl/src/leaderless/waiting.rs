//! What a node that lost its disk tells the log of what it waits for.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use quorate_model::ids::{NodeId, NodeSet, Peer};
use quorate_model::protocol::{Input, Message, NodeConfig, Replica};

use super::Awaited;

/// How long until a node that catches up says again what it waits for.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// What the log was told of a node that catches up, and what there is to tell.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Whether the node served when this was told last.
    is_serving: bool,
    /// Nodes that asked for what they lost.
    catching_up: NodeSet,
    /// When this node last told what it waits for itself.
    told: Instant,
    /// Whether there is news to tell.
    tells_now: bool,
}

impl Waiting {
    /// Of a node that has not started.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Waiting { is_serving: false, catching_up: NodeSet::EMPTY, told: now, tells_now: false }
    }

    /// Takes note of nodes that say that they catch up themselves.
    pub fn follow(&mut self, input: &Input) {
        if let Input::Receive { from: Peer::Node(node), message: Message::CatchUp { .. } } = input {
            self.tells_now |= self.catching_up.insert(*node);
        }
    }

    /// Tells whether a node that has just started serves.
    pub fn tell_start(&mut self, config: &NodeConfig, replica: &Replica) {
        self.is_serving = replica.serves();
        if !self.is_serving {
            info!(
                from = %neighbours(config),
                "catching up: the data directory was empty or had not caught up, and the cluster \
                 is not being founded"
            );
        }
    }

    /// Tells what there is to tell after a step; `keys` is how many the node holds.
    pub fn tell_news(&mut self, config: &NodeConfig, replica: &Replica, keys: u64) {
        if self.is_serving {
            return;
        }
        self.tell_what_it_waits_for(config, replica);
        if replica.serves() {
            self.is_serving = true;
            info!(keys, "caught up");
        }
    }

    /// Says now and then what keeps the node from serving, for whoever reads the log.
    fn tell_what_it_waits_for(&mut self, config: &NodeConfig, replica: &Replica) {
        if !self.tells_now && self.told.elapsed() < TELL_AGAIN {
            return;
        }
        (self.told, self.tells_now) = (Instant::now(), false);
        let awaited: Vec<_> = replica.awaited(config).into_iter().map(Awaited::from).collect();
        let from = awaited.iter().fold(NodeSet::EMPTY, |all, awaited| all.union(awaited.homes()));
        if from.is_empty() {
            return;
        }
        let is_lost = |home: &NodeId| self.catching_up.contains(*home);
        let lost: NodeSet = from.iter().filter(is_lost).collect();
        warn!(
            waits_for = names(config, from),
            themselves_catching_up = names(config, lost),
            ranges = awaited.len(),
            "still catching up; `quorate status` says what is missing, and `quorate accept-loss` \
             ends the wait for homes that lost their disks too"
        );
    }
}

/// The names of those that share keys with a node.
fn neighbours(config: &NodeConfig) -> String {
    let (cluster, node) = (&config.cluster, config.node);
    let ranges = cluster.ranges().iter().filter(|homes| homes.contains(node));
    let others: NodeSet = ranges.flat_map(|homes| homes.without(node).iter()).collect();
    names(config, others)
}

/// The names of these nodes, as far as the cluster has them.
pub(super) fn names(config: &NodeConfig, nodes: NodeSet) -> String {
    let known = config.cluster.nodes();
    let nodes = nodes.iter().filter(|node| known.contains(node));
    let names: Vec<_> = nodes.map(|node| config.cluster.name(node)).collect();
    names.join(", ")
}
