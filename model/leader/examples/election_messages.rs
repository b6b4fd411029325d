//! How many messages an election takes, bully against raft, counted at the nodes' own steps and set against formulas.
//!
//! `cargo run -p quorate-leader --example election_messages`
//!
//! A cluster is founded with its highest node as leader, which crashes. One other node finds that out: the lowest, or
//! the highest that is left. Messages arrive in the order in which they are sent, none is lost, and nobody else's
//! patience ends meanwhile. Messages to the node that is down count: who sends them does not know. The election is over
//! when a node leads; it is known when all others follow it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use quorate_leader::config::{ClusterConfig, ElectionKind, LogKind, NodeConfig, Replication};
use quorate_leader::deviation::Deviations;
use quorate_leader::effect::{Effect, Input, Step, Timer};
use quorate_leader::ids::{NodeId, Peer};
use quorate_leader::limits::Limits;
use quorate_leader::message::Message;
use quorate_leader::replica::{Replica, Role};
use quorate_leader::statement::Surroundings;
use quorate_leader::store::MemoryStore;

const SIZES: [usize; 8] = [3, 5, 7, 9, 15, 31, 51, 101];

struct Cluster {
    configs: Vec<NodeConfig>,
    replicas: Vec<Replica>,
    stores: Vec<MemoryStore>,
    down: Option<NodeId>,
    under_way: VecDeque<(NodeId, NodeId, Message)>,
    sent: BTreeMap<&'static str, usize>,
}

fn kind(message: &Message) -> &'static str {
    match message {
        Message::RequestVote { .. } => "requests for votes",
        Message::Vote { .. } => "votes",
        Message::Election => "elections",
        Message::Answer => "answers",
        Message::Append(_) | Message::Coordinator(_) => "announcements",
        Message::Appended { .. } => "acknowledgements",
        _ => "others",
    }
}

impl Cluster {
    fn founded(nodes: usize, election: ElectionKind) -> Self {
        let cluster = Arc::new(ClusterConfig {
            nodes,
            replication: Replication::Majority,
            election,
            fencing: true,
            log: LogKind::Row,
            snapshot_after: None,
            sessions: None,
            entries_max: 256,
            page_rows: 100,
            limits: Limits::default(),
            deviations: Deviations::default(),
        });
        let highest = NodeId(nodes as u16 - 1);
        let config = |node| NodeConfig { node, first_leader: highest, cluster: cluster.clone() };
        let mut founded = Cluster {
            configs: cluster.node_ids().map(config).collect(),
            replicas: vec![Replica::default(); nodes],
            stores: vec![MemoryStore::default(); nodes],
            down: None,
            under_way: VecDeque::new(),
            sent: BTreeMap::new(),
        };
        for node in cluster.node_ids() {
            founded.step(node, Input::Start { life: 0, founding: true });
        }
        founded.deliver_all();
        founded.down = Some(highest);
        founded.sent.clear();
        founded
    }

    fn step(&mut self, node: NodeId, input: Input) {
        let at = node.index();
        let around = Surroundings::default();
        let step = self.replicas[at].step(&self.configs[at], &self.stores[at], around, input);
        let Ok(Step { changes, effects }) = step;
        self.stores[at].apply(changes);
        for effect in effects {
            if let Effect::Send { to: Peer::Node(to), message } = effect {
                *self.sent.entry(kind(&message)).or_default() += 1;
                self.under_way.push_back((node, to, message));
            }
        }
    }

    fn deliver(&mut self) -> bool {
        let Some((from, to, message)) = self.under_way.pop_front() else { return false };
        if self.down != Some(to) {
            self.step(to, Input::Receive { from: from.into(), message });
        }
        true
    }

    fn deliver_all(&mut self) {
        while self.deliver() {}
    }

    fn up(&self) -> impl Iterator<Item = NodeId> + use<'_> {
        let all = self.configs.iter().map(|config| config.node);
        all.filter(|node| self.down != Some(*node))
    }

    fn leader(&self) -> Option<NodeId> {
        self.up().find(|node| self.replicas[node.index()].leadership().is_some())
    }

    /// A node finds out that the leader is gone. Gives how many messages were sent until another leads, not counting
    /// those by which it says so, and in all.
    fn elect(&mut self, finder: NodeId) -> (usize, usize) {
        self.step(finder, Input::Expire(Timer::Election));
        self.deliver_all();
        if self.leader().is_none() {
            // Who asked higher nodes and was answered by none waits no longer.
            let is_unanswered = |node: &NodeId| {
                matches!(self.replicas[node.index()].role(), Role::Bullying { is_answered: false })
            };
            let next = self.up().find(is_unanswered).expect("somebody stands");
            self.step(next, Input::Expire(Timer::Candidacy));
            self.deliver_all();
        }
        let leader = self.leader().expect("an election without faults finds a leader");
        for node in self.up() {
            assert_eq!(self.replicas[node.index()].leader(node), Some(leader));
        }
        let all: usize = self.sent.values().sum();
        let said = ["announcements", "acknowledgements"].map(|kind| self.sent.get(kind).copied());
        (all - said.into_iter().flatten().sum::<usize>(), all)
    }
}

/// By the formulas, of `n` nodes of which the highest is down.
fn expected(election: ElectionKind, n: usize, finds_lowest: bool) -> usize {
    match (election, finds_lowest) {
        // A request to each other node, and a vote of each that is up.
        (ElectionKind::Raft, _) => (n - 1) + (n - 2),
        // Every node that is up asks all higher ones, and is answered by those that are up.
        (_, true) => n * (n - 1) / 2 + (n - 1) * (n - 2) / 2,
        // The highest that is up asks the one that is not.
        (_, false) => 1,
    }
}

fn main() {
    println!("| nodes | raft | bully, lowest finds out | bully, highest left finds out |");
    println!("|---|---|---|---|");
    for nodes in SIZES {
        let mut cells = Vec::new();
        for (election, finder, finds_lowest) in [
            (ElectionKind::Raft, 0, true),
            (ElectionKind::Bully, 0, true),
            (ElectionKind::Bully, nodes as u16 - 2, false),
        ] {
            let (until, all) = Cluster::founded(nodes, election).elect(NodeId(finder));
            let formula = expected(election, nodes, finds_lowest);
            assert_eq!(until, formula, "{election:?} of {nodes} nodes, found by {finder}");
            cells.push(format!("{until} ({all})"));
        }
        println!("| {nodes} | {} |", cells.join(" | "));
    }
    println!(
        "Until a node leads, and in brackets until all follow it: each other node is told, and says so."
    );
}
