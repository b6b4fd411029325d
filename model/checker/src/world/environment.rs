//! What a scenario lets happen to a cluster, whatever protocol that follows.

use quorate_ids::{ClientId, NodeId, NodeSet, Peer};
use serde::{Deserialize, Serialize};

/// Fault budgets: each is how often it may happen in one run.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Faults {
    /// Messages lost.
    pub drops: u8,
    /// Messages delivered once more.
    pub duplicates: u8,
    /// Timers of requests that expire. A timeout may be wrong: the awaited answer can still be
    /// under way.
    pub timeouts: u8,
    /// Nodes that stop. They may start again at any time.
    pub crashes: u8,
    /// Disks lost by nodes that are down.
    pub wipes: u8,
    /// Disks replaced by an older copy of themselves.
    pub rollbacks: u8,
    /// Splits of the network into the scenario's groups.
    pub partitions: u8,
    /// Messages of clients in the place of which something is sent that is not true.
    pub lies: u8,
}

impl Faults {
    /// As many of each as anybody can count: for scripts, which say themselves what happens.
    pub const MANY: Faults = Faults {
        drops: u8::MAX,
        duplicates: u8::MAX,
        timeouts: u8::MAX,
        crashes: u8::MAX,
        wipes: u8::MAX,
        rollbacks: u8::MAX,
        partitions: u8::MAX,
        lies: u8::MAX,
    };

    /// Whether a budget is called so in a scenario file.
    #[must_use]
    pub fn has_budget(name: &str) -> bool {
        Faults::default().by_name().into_iter().any(|(known, _)| known == name)
    }

    /// Each budget as it is called in a scenario file, with what it is.
    #[must_use]
    pub fn by_name(&self) -> [(&'static str, u8); 8] {
        let Faults { drops, duplicates, timeouts, crashes, wipes, rollbacks, partitions, lies } =
            *self;
        [
            ("timeouts", timeouts),
            ("drops", drops),
            ("duplicates", duplicates),
            ("crashes", crashes),
            ("wipes", wipes),
            ("rollbacks", rollbacks),
            ("partitions", partitions),
            ("lies", lies),
        ]
    }
}

/// A cluster's size, and everything that may happen to it.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Environment {
    /// How many nodes there are.
    pub nodes: usize,
    /// How many clients there are.
    pub clients: usize,
    /// Faults that may happen, in any order, at any time.
    pub faults: Faults,
    /// Which nodes crash and lose their disks, as far as the budgets go.
    pub faulty: NodeSet,
    /// Nodes that are down at the beginning.
    pub down: NodeSet,
    /// Whether they may start.
    pub down_returns: bool,
    /// Groups of nodes between which no message passes: from the beginning, unless the budget has
    /// partitions. Empty when all reach each other.
    pub partition: Vec<NodeSet>,
    /// Whether the network may heal.
    pub heals: bool,
    /// How far each node's wall clock is ahead; empty if none is.
    pub clocks_ahead: Vec<u64>,
}

impl Environment {
    /// A cluster of so many nodes and clients to which nothing happens. Where the budget of faults is raised,
    /// they may strike any node.
    #[must_use]
    pub fn of(nodes: usize, clients: usize) -> Self {
        let faulty = (0..nodes).map(|index| NodeId(index as u16)).collect();
        Environment { nodes, clients, faulty, ..Environment::default() }
    }

    /// Who has the seat at this position: the nodes come first, in order, then the clients, in order.
    #[must_use]
    pub fn peer(&self, index: usize) -> Peer {
        match index.checked_sub(self.nodes) {
            None => Peer::Node(NodeId(index as u16)),
            Some(client) => Peer::Client(ClientId(client as u64)),
        }
    }

    /// The position of a node's or a client's seat.
    #[must_use]
    pub fn index(&self, peer: Peer) -> usize {
        match peer {
            Peer::Node(node) => node.index(),
            Peer::Client(client) => self.nodes + client.0 as usize,
        }
    }

    /// The nodes, in order.
    pub fn node_ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes).map(|index| NodeId(index as u16))
    }
}
