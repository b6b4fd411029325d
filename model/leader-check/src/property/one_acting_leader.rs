//! Never do two nodes act as leaders of one log over the same time: between two writes that one node accepted in one
//! reign, and acknowledged, no other node accepted one that it acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use quorate_checker::world::Property;
use quorate_ids::{NodeId, NodeSet};
use quorate_leader::names::RequestId;
use quorate_leader::shards::ShardId;

use crate::facts::Fact;
use crate::leader_based::LeaderBased;
use crate::setting::Setting;

/// Who accepted what, in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory {
    /// How often each node has made itself leader.
    reigns: BTreeMap<(ShardId, NodeId), u8>,
    accepted: Vec<Accepted>,
    acknowledged: BTreeSet<(NodeId, RequestId)>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Accepted {
    shard: ShardId,
    node: NodeId,
    reign: u8,
    request: RequestId,
}

impl crate::history::Memory for Memory {
    const NAME: &'static str = "one-acting-leader";

    fn blank(_: &Setting, _: &[String]) -> Self {
        let (reigns, accepted) = (BTreeMap::new(), Vec::new());
        Memory { reigns, accepted, acknowledged: BTreeSet::new() }
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        match *fact {
            Fact::Led { shard, node, .. } => *self.reigns.entry((shard, node)).or_default() += 1,
            Fact::Accepted { shard, node, request, .. } => {
                let reign = self.reigns.get(&(shard, node)).copied().unwrap_or_default();
                self.accepted.push(Accepted { shard, node, reign, request });
            }
            Fact::Acknowledged { node, request, .. } => {
                self.acknowledged.insert((node, request));
            }
            _ => {}
        }
    }
}

impl Memory {
    /// The writes that their leaders acknowledged, in the order in which they accepted them.
    fn acted(&self) -> Vec<&Accepted> {
        let acted = |one: &&Accepted| self.acknowledged.contains(&(one.node, one.request));
        self.accepted.iter().filter(acted).collect()
    }

    fn two_acted_at_once(&self) -> bool {
        let acted = self.acted();
        let is_between = |first: usize, last: usize| {
            let (one, other) = (acted[first], acted[last]);
            (one.shard, one.node, one.reign) == (other.shard, other.node, other.reign)
                && acted[first..last]
                    .iter()
                    .any(|between| between.shard == one.shard && between.node != one.node)
        };
        (0..acted.len()).any(|first| (first..acted.len()).any(|last| is_between(first, last)))
    }

    fn two_acted(&self) -> bool {
        let acted = self.acted();
        acted.iter().any(|one| one.node != acted[0].node)
    }
}

pub(super) const STATEMENT: &str = "between two writes that one node accepted in one reign, and acknowledged, no other node accepted one that it acknowledged";

pub(super) fn property() -> Property<LeaderBased> {
    // The witness: two nodes have acknowledged writes.
    super::of_memory(
        |state| state.history.one_acting_leader.as_deref(),
        |memory: &Memory| !memory.two_acted_at_once(),
        Memory::two_acted,
    )
}
