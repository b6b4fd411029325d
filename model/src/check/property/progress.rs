//! Nodes come to serve.

use alloc::format;

use super::memory::Nothing;
use super::{Goal, OnTraces, PropertyKind, PropertySpec};
use crate::check::history::Watch;
use crate::ids::NodeId;

/// Nothing of its own.
pub(super) type Memory = Nothing;

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "progress",
    statement: "once faults have stopped, all nodes are back and the network is whole, every node comes \
                to serve, and goes on to",
    kind: PropertyKind::EventuallyAlways {
        goal: Goal::Progress,
        witness_statement: "all nodes are up and connected, and one of them does not serve",
    },
    watch: Watch::NOTHING,
    on_traces: OnTraces::ENDINGS,
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
