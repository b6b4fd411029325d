//! Which nodes may be down while writes and reads are still answered: by enumeration, each set of them searched with
//! the protocol itself.

use quorate_checker::{Bounds, Switch, Until, explore};
use quorate_ids::NodeId;
use serde::Serialize;

use crate::comparable::Comparable;
use crate::program::{Client, Operation, Program};
use crate::search::Extent;
use crate::setting::{Case, FaultBudget, InWorld, Setting, node_name};
use crate::watched::{ACKNOWLEDGED, ANSWERED, Watched};

/// At most so many nodes are down at a time.
pub const DOWN_MAX: usize = 2;

/// How often a client asks: once for what it believes, once to be sent on after that, and once more.
const TRIES: usize = 3;

/// Whether operations are answered while some nodes are down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answered {
    /// At once: some run answers without anybody having waited in vain.
    AtOnce,
    /// Once somebody has waited in vain: a client that asks another node, a coordinator that turns to others, followers
    /// that elect a leader.
    AfterTimeouts,
    /// In no run.
    Never,
    /// In no run that was looked at, but not all were.
    Cut,
}

/// What a set of nodes that are down leaves.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Down {
    /// Which nodes are down.
    pub nodes: Vec<String>,
    /// Whether writes are answered.
    pub writes: Answered,
    /// Whether reads are.
    pub reads: Answered,
}

/// What each set of at most [`DOWN_MAX`] nodes leaves.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Availability {
    /// The sets, smaller ones first.
    pub down: Vec<Down>,
}

/// One client that wants the same until it is answered, or has tried so often.
fn program(writes: bool) -> Program {
    let operation = |number| {
        let key = "x".to_owned();
        match writes {
            true => Operation::Write { key, value: format!("v{number}") },
            false => Operation::Read { key },
        }
    };
    let operations = (0..TRIES).map(operation).collect();
    let client = Client { name: "client".to_owned(), operations };
    Program { name: "the same again".to_owned(), clients: vec![client] }
}

struct Ask {
    down: Vec<NodeId>,
    condition: usize,
    extent: Extent,
}

impl InWorld<Answered> for Ask {
    fn take<P: Comparable>(self, watched: Watched<P>) -> Answered {
        let mut watched = Watched { down: self.down, ..watched };
        let mut search = |waits: bool| {
            watched.waits = waits;
            let bounds = Bounds {
                states_max: Some(self.extent.states_max),
                until: Until::AnyShown(1 << self.condition),
                ..Bounds::default()
            };
            let explored = explore(&watched, &bounds, &Switch::default());
            match explored.first(self.condition) {
                Some(_) => Some(true),
                None if explored.is_exhausted() => Some(false),
                None => None,
            }
        };
        match (search(false), search(true)) {
            (Some(true), _) => Answered::AtOnce,
            (_, Some(true)) => Answered::AfterTimeouts,
            (_, Some(false)) => Answered::Never,
            (_, None) => Answered::Cut,
        }
    }
}

/// Every set of at most so many of these nodes, smaller ones first.
fn sets(nodes: usize, most: usize) -> Vec<Vec<NodeId>> {
    let all = (0_u32..1 << nodes).filter(|set| set.count_ones() as usize <= most);
    let mut all: Vec<u32> = all.collect();
    all.sort_by_key(|set| (set.count_ones(), set.reverse_bits() ^ u32::MAX));
    let members = |set: u32| (0..nodes as u16).filter(move |node| set >> node & 1 == 1);
    all.into_iter().map(|set| members(set).map(NodeId).collect()).collect()
}

/// Enumerates which nodes may be down.
#[must_use]
pub fn availability(setting: &Setting, extent: Extent) -> Availability {
    let of = |down: Vec<NodeId>| {
        let faults =
            FaultBudget { crashes: down.len() as u8, stay_down: true, ..FaultBudget::none() };
        let ask = |writes: bool| {
            let program = program(writes);
            let condition = if writes { ACKNOWLEDGED } else { ANSWERED };
            Case::searched(setting, &program, &faults).with(Ask {
                down: down.clone(),
                condition,
                extent,
            })
        };
        let (writes, reads) = (ask(true), ask(false));
        Down { nodes: down.iter().copied().map(node_name).collect(), writes, reads }
    };
    Availability { down: sets(setting.nodes, DOWN_MAX).into_iter().map(of).collect() }
}
