//! An acknowledged write is held by some node that is not gone for good.

use std::collections::BTreeSet;

use quorate_checker::world::Property;
use quorate_ids::NodeSet;
use quorate_leader::names::RequestId;
use quorate_leader::shards::ShardId;

use super::log_of_reigns::LogOfReigns;
use crate::facts::Fact;
use crate::leader_based::{ClusterState, LeaderBased};
use crate::setting::Setting;
use crate::view;

/// The writes that were acknowledged.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory {
    acknowledged: BTreeSet<(ShardId, RequestId)>,
    /// Whether a node has made itself leader since.
    led_since: bool,
    /// What leaders have had in their logs.
    logs: LogOfReigns,
}

impl crate::history::Memory for Memory {
    const NAME: &'static str = "no-lost-write";

    fn blank(setting: &Setting, _: &[String]) -> Self {
        let logs = LogOfReigns::blank(setting);
        Memory { acknowledged: BTreeSet::new(), led_since: false, logs }
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        self.logs.note(fact);
        match fact {
            Fact::Acknowledged { shard, request, .. } => {
                self.acknowledged.insert((*shard, *request));
            }
            Fact::Led { .. } => self.led_since |= !self.acknowledged.is_empty(),
            _ => {}
        }
    }
}

fn lost(protocol: &LeaderBased, state: &ClusterState) -> Option<RequestId> {
    let memory = state.history.no_lost_write.as_ref()?;
    let is_held = |shard: ShardId, request: RequestId| {
        protocol.remaining(state).any(|(_, node)| {
            view::store(node, shard)
                .is_some_and(|store| memory.logs.has_write(shard, store, request))
        })
    };
    let mut acknowledged = memory.acknowledged.iter();
    acknowledged.find(|(shard, request)| !is_held(*shard, *request)).map(|(_, request)| *request)
}

pub(super) const STATEMENT: &str =
    "a write that was acknowledged is held by some node that is not gone for good";

pub(super) fn property() -> Property<LeaderBased> {
    // The witness: since a write was acknowledged another node came to lead, or one has stopped.
    let was_put_to_the_test = |_: &LeaderBased, state: &ClusterState| {
        let memory = state.history.no_lost_write.as_ref();
        let has_stopped = !state.down.is_empty() || state.nodes().any(|node| node.lives > 0);
        memory.is_some_and(|it| it.led_since || has_stopped && !it.acknowledged.is_empty())
    };
    Property::always(
        <Memory as crate::history::Memory>::NAME,
        |protocol, state| lost(protocol, state).is_none(),
        was_put_to_the_test,
    )
    .explained(|protocol, state| {
        let request = lost(protocol, state)?;
        let client = &protocol.setting().clients[request.client.0 as usize].name;
        let write = format!("{client}#{}", request.number);
        Some(format!("{client}'s write {write} was acknowledged, and no node has it"))
    })
}
