//! Homes come to agree.

use alloc::format;
use alloc::string::{String, ToString};

use itertools::Itertools;

use super::memory::Nothing;
use super::{Goal, OnTraces, PropertyKind, PropertySpec, View};
use crate::check::history::Watch;
use crate::check::words::Names;
use crate::ids::{Key, NodeId, NodeSet};

/// Nothing of its own.
pub(super) type Memory = Nothing;

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "convergence",
    statement: "after the last fault and the last client operation, all homes of every key come to \
                agree, and stay so",
    kind: PropertyKind::EventuallyAlways {
        goal: Goal::Convergence,
        witness_statement: "the homes of some key differ",
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::ENDINGS,
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
