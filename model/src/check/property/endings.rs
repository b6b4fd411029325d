//! Where every fair run must come to, and stay.

use alloc::format;
use alloc::string::{String, ToString};

use itertools::Itertools;

use super::{PropertyKind, PropertySpec, View};
use crate::check::history::Watch;
use crate::check::words::Names;
use crate::ids::{Key, NodeId, NodeSet};

/// The states that every fair run should come to, and stay in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Goal {
    /// All homes of every key agree.
    Convergence,
    /// Every node serves, unless one is down or the network is split.
    Progress,
}

impl Goal {
    /// All of them.
    pub const ALL: [Goal; 2] = [Goal::Convergence, Goal::Progress];

    /// Whether a state is at the goal, in words.
    #[must_use]
    pub fn told(self, is_at: bool) -> &'static str {
        match (self, is_at) {
            (Goal::Convergence, true) => "converged here",
            (Goal::Convergence, false) => "not converged here",
            (Goal::Progress, true) => "every node serves here, or none has to",
            (Goal::Progress, false) => "some node does not serve here",
        }
    }
}

pub(super) const CONVERGENCE: PropertySpec = PropertySpec {
    name: "convergence",
    statement: "after the last fault and the last client operation, all homes of every key come to \
                agree, and stay so",
    kind: PropertyKind::EventuallyAlways {
        goal: Goal::Convergence,
        witness_statement: "the homes of some key differ",
    },
    watch: Watch::NOTHING,
    explanation: |view, names| view.scenario.keys().iter().find_map(|key| differ(view, names, key)),
};

/// What the homes of a key hold, if they differ: `the homes of k differ: A holds "v"@A:1, B nothing`
fn differ(view: &View<'_>, names: &Names, key: &Key) -> Option<String> {
    let homes: NodeSet = view.scenario.cluster.homes(key);
    let (mut holds, mut records, mut index) = (alloc::vec::Vec::new(), alloc::vec::Vec::new(), 0);
    view.nodes.visit(&mut |node| {
        let home = NodeId(index);
        index += 1;
        if !homes.contains(home) {
            return;
        }
        let held = node.store.held(key).cloned();
        let told = held.as_ref().map_or_else(|| "nothing".to_string(), |held| names.record(held));
        holds.push(format!("{} holds {told}", names.node(home)));
        records.push(held);
    });
    (!records.iter().all_equal())
        .then(|| format!("the homes of {key} differ: {}", holds.iter().join(", ")))
}

pub(super) const PROGRESS: PropertySpec = PropertySpec {
    name: "progress",
    statement: "once faults have stopped, all nodes are back and the network is whole, every node comes \
                to serve, and goes on to",
    kind: PropertyKind::EventuallyAlways {
        goal: Goal::Progress,
        witness_statement: "all nodes are up and connected, and one of them does not serve",
    },
    watch: Watch::NOTHING,
    explanation: |view, names| {
        let (mut waiting, mut index) = (alloc::vec::Vec::new(), 0);
        view.nodes.visit(&mut |node| {
            if !node.replica.serves() {
                waiting.push(names.node(NodeId(index)));
            }
            index += 1;
        });
        let (told, verb) = match &waiting[..] {
            [] => return None,
            [_] => (waiting.join(""), "does"),
            _ => (waiting.join(" and "), "do"),
        };
        Some(format!(
            "{told} {verb} not serve: the disk was lost, and too few other homes have told what they hold"
        ))
    },
};
