//! No two nodes lead in one epoch, and no node comes to lead in it twice: what is said of an epoch is said of one reign.
//! (A node that lost its disk may take an epoch once more that it had led in before.)

use std::collections::BTreeMap;

use quorate_checker::world::Property;
use quorate_ids::NodeSet;
use quorate_leader::names::Epoch;
use quorate_leader::shards::ShardId;

use crate::facts::Fact;
use crate::leader_based::LeaderBased;
use crate::setting::Setting;

/// Who has led in each epoch, and whether somebody has come to lead in one twice.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory {
    leaders: BTreeMap<(ShardId, Epoch), NodeSet>,
    leads_again: bool,
}

impl crate::history::Memory for Memory {
    const NAME: &'static str = "one-leader-per-epoch";

    fn blank(setting: &Setting, nodes: &[String]) -> Self {
        let (shards, epoch) = (setting.shards(nodes), setting.cluster(nodes).founding_epoch());
        let first = shards.ids().zip(&shards.0);
        let led =
            first.map(|(id, shard)| ((id, epoch), [shard.first_leader].into_iter().collect()));
        Memory { leaders: led.collect(), leads_again: false }
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        if let Fact::Led { shard, node, epoch, .. } = fact {
            let leaders = self.leaders.entry((*shard, *epoch)).or_default();
            self.leads_again |= leaders.contains(*node);
            leaders.insert(*node);
        }
    }
}

pub(super) const STATEMENT: &str =
    "no two nodes lead in one epoch, and none comes to lead in it twice";

pub(super) fn property() -> Property<LeaderBased> {
    // The witness: somebody came to lead after the first leader.
    super::of_memory(
        |state| state.history.one_leader_per_epoch.as_deref(),
        |memory: &Memory| {
            !memory.leads_again && memory.leaders.values().all(|leaders| leaders.len() < 2)
        },
        |memory| memory.leaders.keys().any(|(_, epoch)| epoch.number > 1),
    )
}
