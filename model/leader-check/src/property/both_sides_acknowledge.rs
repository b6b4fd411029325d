//! While the network is split, nodes of two sides accept writes that they acknowledge.

use std::collections::BTreeSet;

use quorate_checker::world::Property;
use quorate_ids::{NodeId, NodeSet};
use quorate_leader::names::RequestId;

use crate::facts::Fact;
use crate::leader_based::LeaderBased;
use crate::setting::Setting;

/// On which sides writes were accepted while the network was split, and on which they were acknowledged then.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory {
    accepted: BTreeSet<(NodeId, RequestId)>,
    asked: BTreeSet<usize>,
    acknowledged: BTreeSet<usize>,
}

fn side(groups: &[NodeSet], node: NodeId) -> Option<usize> {
    groups.iter().position(|group| group.contains(node))
}

impl crate::history::Memory for Memory {
    const NAME: &'static str = "both-sides-acknowledge";

    fn blank(_: &Setting, _: &[String]) -> Self {
        let accepted = BTreeSet::new();
        Memory { accepted, asked: BTreeSet::new(), acknowledged: BTreeSet::new() }
    }

    fn note(&mut self, fact: &Fact, groups: &[NodeSet]) {
        match *fact {
            Fact::Accepted { node, request, .. } => {
                if let Some(side) = side(groups, node) {
                    self.accepted.insert((node, request));
                    self.asked.insert(side);
                }
            }
            // What was accepted before the network was split may have been replicated before.
            Fact::Acknowledged { node, request, .. } => {
                if let Some(side) = side(groups, node)
                    && self.accepted.contains(&(node, request))
                {
                    self.acknowledged.insert(side);
                }
            }
            _ => {}
        }
    }
}

pub(super) const STATEMENT: &str =
    "while the network is split, nodes of two sides accept writes that they acknowledge";

pub(super) fn property() -> Property<LeaderBased> {
    let memory = |state: &crate::ClusterState| state.history.both_sides_acknowledge.clone();
    Property::sometimes(
        <Memory as crate::history::Memory>::NAME,
        move |_, state| memory(state).is_some_and(|it| it.acknowledged.len() > 1),
        // Leaders on both sides have taken writes.
        move |_, state| memory(state).is_some_and(|it| it.asked.len() > 1),
    )
}
