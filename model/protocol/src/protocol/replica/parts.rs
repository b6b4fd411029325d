//! The volatile state of a node in parts that can be compared and exchanged one by one.
//!
//! Two things are no components of their own, since they follow others: the trees of what is held, and
//! which contexts are wide. Both go with the records.

use alloc::vec::Vec;

use crate::forest::Forest;
use crate::protocol::footprint::Component;
use crate::protocol::store::MemoryStore;

use super::{NodeConfig, Replica};

impl Replica {
    /// The components that a node has, volatile and durable.
    #[must_use]
    pub fn components(&self, store: &MemoryStore) -> Vec<Component> {
        let Replica {
            puts,
            gets,
            forwards,
            probes,
            finished,
            handoff_cursor: _,
            catching_up: _,
            reaper,
            naming: _,
            forest: _,
        } = self;
        let mut components = Vec::from([
            Component::Clock,
            Component::FinishedOrder,
            Component::Standing,
            Component::Waiting,
            Component::HandoffCursor,
            Component::CatchUp,
            Component::ReapCursors,
            Component::ReapNumber,
            Component::ReapWaits,
            Component::Comparing,
        ]);
        components.extend(store.components());
        components.extend(puts.iter().map(|(request, _)| Component::Put(request)));
        components.extend(gets.iter().map(|(request, _)| Component::Get(request)));
        components.extend(forwards.iter().map(|(request, _)| Component::Forward(request)));
        components.extend(probes.iter().map(|(request, _)| Component::Probe(request)));
        components.extend(finished.requests().map(Component::Finished));
        components.extend(reaper.keys().map(|key| Component::ReapRound(key.clone())));
        components
    }

    /// Takes a component over from another node of the same name; others are left alone.
    pub fn take_over(
        &mut self,
        config: &NodeConfig,
        store: &mut MemoryStore,
        component: &Component,
        (other, other_store): (&Replica, &MemoryStore),
    ) {
        if let Component::Record(key) = component {
            let digest =
                |store: &MemoryStore| store.get(key).map(|entry| config.sync_digest(&entry.state));
            if let Some(forest) = &mut self.forest {
                forest.follow(&config.cluster, key, digest(store), digest(other_store));
            }
            self.reaper.take_wide_over(key, &other.reaper);
        }
        store.take_over(component, other_store);
        match component {
            Component::Put(request) => self.puts.take_over(*request, &other.puts),
            Component::Get(request) => self.gets.take_over(*request, &other.gets),
            Component::Forward(request) => self.forwards.take_over(*request, &other.forwards),
            Component::Probe(request) => self.probes.take_over(*request, &other.probes),
            Component::Finished(request) => self.finished.take_over(*request, &other.finished),
            Component::FinishedOrder => self.finished.take_order_over(&other.finished),
            Component::Standing => self.naming.take_standing_over(&other.naming),
            Component::Waiting => self.naming.take_waiting_over(&other.naming),
            Component::HandoffCursor => self.handoff_cursor.clone_from(&other.handoff_cursor),
            Component::CatchUp => self.catching_up.clone_from(&other.catching_up),
            Component::ReapRound(key) => self.reaper.take_round_over(key, &other.reaper),
            Component::ReapCursors => self.reaper.take_cursors_over(&other.reaper),
            Component::ReapNumber => self.reaper.take_number_over(&other.reaper),
            Component::ReapWaits => self.reaper.take_waits_over(&other.reaper),
            Component::Comparing => {
                self.forest = other.forest.as_ref().map(|_| self.trees_of(config, store));
            }
            Component::Clock
            | Component::Incarnation
            | Component::Counters
            | Component::CaughtUp
            | Component::Registration(_)
            | Component::Record(_)
            | Component::Hint(..)
            | Component::Timer(_)
            | Component::Pending
            | Component::Trailing
            | Component::Sequence => {}
        }
    }

    fn trees_of(&self, config: &NodeConfig, store: &MemoryStore) -> Forest {
        let cluster = &config.cluster;
        let shape = cluster.limits().tree_shape;
        let mut forest = Forest::new(config.node, shape, cluster.ranges().iter().copied());
        for (key, entry) in store.entries() {
            forest.follow(cluster, key, None, Some(config.sync_digest(&entry.state)));
        }
        forest
    }

    /// Whether a component is the same at another node of the same name.
    #[must_use]
    pub fn is_same(
        &self,
        store: &MemoryStore,
        component: &Component,
        (other, other_store): (&Replica, &MemoryStore),
    ) -> bool {
        match component {
            Component::Incarnation
            | Component::Counters
            | Component::CaughtUp
            | Component::Registration(_)
            | Component::Record(_)
            | Component::Hint(..) => store.is_same(component, other_store),
            Component::Put(request) => self.puts.get(*request) == other.puts.get(*request),
            Component::Get(request) => self.gets.get(*request) == other.gets.get(*request),
            Component::Forward(request) => {
                self.forwards.get(*request) == other.forwards.get(*request)
            }
            Component::Probe(request) => self.probes.get(*request) == other.probes.get(*request),
            Component::Finished(request) => self.finished.is_same(*request, &other.finished),
            Component::FinishedOrder => self.finished.is_order_same(&other.finished),
            Component::Standing => self.naming.is_standing_same(&other.naming),
            Component::Waiting => self.naming.is_waiting_same(&other.naming),
            Component::HandoffCursor => self.handoff_cursor == other.handoff_cursor,
            Component::CatchUp => self.catching_up == other.catching_up,
            Component::ReapRound(key) => self.reaper.is_round_same(key, &other.reaper),
            Component::ReapCursors => self.reaper.are_cursors_same(&other.reaper),
            Component::ReapNumber => self.reaper.is_number_same(&other.reaper),
            Component::ReapWaits => self.reaper.are_waits_same(&other.reaper),
            Component::Comparing => self.forest.is_some() == other.forest.is_some(),
            Component::Clock
            | Component::Timer(_)
            | Component::Pending
            | Component::Trailing
            | Component::Sequence => true,
        }
    }
}
