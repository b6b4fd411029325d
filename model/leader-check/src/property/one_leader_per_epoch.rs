//! No two nodes lead in one epoch.

use std::collections::BTreeMap;

use quorate_checker::world::Property;
use quorate_ids::NodeSet;
use quorate_leader::names::Epoch;
use quorate_leader::shards::ShardId;

use crate::facts::Fact;
use crate::leader_based::LeaderBased;
use crate::setting::Setting;

/// Who has led in each epoch.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory(BTreeMap<(ShardId, Epoch), NodeSet>);

impl crate::history::Memory for Memory {
    const NAME: &'static str = "one-leader-per-epoch";

    fn blank(setting: &Setting, nodes: &[String]) -> Self {
        let (shards, epoch) = (setting.shards(nodes), setting.cluster(nodes).founding_epoch());
        let first = shards.ids().zip(&shards.0);
        let led =
            first.map(|(id, shard)| ((id, epoch), [shard.first_leader].into_iter().collect()));
        Memory(led.collect())
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        if let Fact::Led { shard, node, epoch } = fact {
            self.0.entry((*shard, *epoch)).or_default().insert(*node);
        }
    }
}

pub(super) const STATEMENT: &str = "no two nodes lead in one epoch";

pub(super) fn property() -> Property<LeaderBased> {
    // The witness: somebody came to lead after the first leader.
    super::of_memory(
        |state| state.history.one_leader_per_epoch.as_deref(),
        |memory: &Memory| memory.0.values().all(|leaders| leaders.len() < 2),
        |memory| memory.0.keys().any(|(_, epoch)| epoch.0 > 1),
    )
}
