//! What a leader committed is in the log of every leader of a later epoch (Ongaro and Ousterhout 2014).

use std::collections::BTreeMap;

use quorate_checker::world::Property;
use quorate_ids::NodeSet;
use quorate_leader::log::Entry;
use quorate_leader::names::{Epoch, Index};
use quorate_leader::shards::ShardId;

use crate::facts::Fact;
use crate::leader_based::{ClusterState, LeaderBased};
use crate::setting::Setting;
use crate::view;

/// Every entry that was committed, with the first epoch whose leader committed it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory(BTreeMap<(ShardId, Index, Entry), Epoch>);

impl crate::history::Memory for Memory {
    const NAME: &'static str = "leader-completeness";

    fn blank(_: &Setting, _: &[String]) -> Self {
        Memory(BTreeMap::new())
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        if let Fact::Committed { shard, epoch, index, entry, .. } = fact {
            let first = self.0.entry((*shard, *index, entry.clone())).or_insert(*epoch);
            *first = (*first).min(*epoch);
        }
    }
}

impl Memory {
    /// Whether another entry was committed at this place, by then.
    fn differs(&self, shard: ShardId, index: Index, entry: &Entry, until: Epoch) -> bool {
        self.0.iter().any(|((of, at, other), epoch)| {
            (*of, *at) == (shard, index) && other != entry && *epoch <= until
        })
    }
}

/// Of each leader, and of each entry that was committed in an earlier epoch, whether it has it. What a leader has
/// compacted was committed: it is this entry, unless two were committed at one place, and then some leader lacks one.
fn later_leaders(state: &ClusterState) -> impl Iterator<Item = (Index, bool)> {
    let memory = state.history.leader_completeness.iter();
    let committed = memory.flat_map(|memory| memory.0.iter().map(move |it| (memory, it)));
    committed.flat_map(move |(memory, ((shard, index, entry), committed_in))| {
        let later = view::leaders(state, *shard).filter(move |(_, epoch, _)| epoch > committed_in);
        later.map(move |(_, epoch, store)| {
            let is_compacted = *index <= store.base_position().index;
            let has = match is_compacted {
                true => !memory.differs(*shard, *index, entry, epoch),
                false => store.entry_at(*index) == Some(entry),
            };
            (*index, has)
        })
    })
}

pub(super) const STATEMENT: &str =
    "what a leader committed is in the log of every leader of a later epoch";

pub(super) fn property() -> Property<LeaderBased> {
    Property::always(
        <Memory as crate::history::Memory>::NAME,
        |_, state| later_leaders(state).all(|(_, has)| has),
        // The witness: a leader of a later epoch, and something that was committed before.
        |_, state| later_leaders(state).next().is_some(),
    )
    .explained(|_, state| {
        let (index, _) = later_leaders(state).find(|(_, has)| !has)?;
        Some(format!("entry {} was committed, and a later leader does not have it", index.0))
    })
}
