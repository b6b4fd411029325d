//! The components of what a node keeps of one log, one by one.

use alloc::collections::{BTreeMap, BTreeSet};

use quorate_ids::NodeId;

use super::{Leadership, Replica, Role};
use crate::footprint::Component;
use crate::store::MemoryStore;

/// Replaces a value of a map, or takes it out.
fn replace<K: Ord + Clone, V: Clone>(map: &mut BTreeMap<K, V>, key: &K, from: &BTreeMap<K, V>) {
    match from.get(key) {
        Some(value) => {
            map.insert(key.clone(), value.clone());
        }
        None => {
            map.remove(key);
        }
    }
}

impl Replica {
    /// The components that it has, with those of its store; timers aside. What it does not have is blank.
    #[must_use]
    pub fn components(&self, store: &MemoryStore) -> BTreeSet<Component> {
        let mut all = BTreeSet::from([
            Component::Role,
            Component::Synchronous,
            Component::Waiting,
            Component::Confirming,
            Component::Life,
            Component::Recall,
            Component::Arriving,
        ]);
        if let Role::Leader(leadership) = &self.role {
            all.extend(leadership.matched.keys().copied().map(Component::Matched));
            all.extend(leadership.under_way.iter().map(Component::UnderWay));
        }
        all.extend(store.components());
        all
    }

    /// Whether a component is the same here and there.
    #[must_use]
    pub fn is_same(
        &self,
        store: &MemoryStore,
        component: &Component,
        (other, others): (&Replica, &MemoryStore),
    ) -> bool {
        let blank = Leadership::default();
        let leadership = |replica: &'_ Replica| replica.leadership().unwrap_or(&blank).clone();
        let of_leader = |is_same: &dyn Fn(&Leadership, &Leadership) -> bool| {
            is_same(&leadership(self), &leadership(other))
        };
        match component {
            Component::Role => match (&self.role, &other.role) {
                (Role::Leader(_), Role::Leader(_)) => true,
                (one, other) => one == other,
            },
            Component::Matched(node) => {
                of_leader(&|one, other| one.matched(*node) == other.matched(*node))
            }
            Component::UnderWay(node) => of_leader(&|one, other| {
                one.under_way.contains(*node) == other.under_way.contains(*node)
            }),
            Component::Synchronous => of_leader(&|one, other| one.synchronous == other.synchronous),
            Component::Waiting => of_leader(&|one, other| one.waiting == other.waiting),
            Component::Confirming => of_leader(&|one, other| {
                (one.round, &one.confirming) == (other.round, &other.confirming)
            }),
            Component::Life => self.life == other.life,
            Component::Recall => self.recall == other.recall,
            Component::Arriving => self.arriving == other.arriving,
            of_store => store.is_same(of_store, others),
        }
    }

    /// Takes a component over from another one, and leaves all others as they are. What only a leader has, nobody else
    /// takes over.
    pub fn take_over(
        &mut self,
        store: &mut MemoryStore,
        component: &Component,
        (from, froms): (&Replica, &MemoryStore),
    ) {
        let blank = Leadership::default();
        let theirs = from.leadership().unwrap_or(&blank);
        match component {
            Component::Role => match (&self.role, &from.role) {
                (Role::Leader(_), Role::Leader(_)) => {}
                (_, Role::Leader(_)) => self.role = Role::Leader(blank),
                (_, other) => self.role = other.clone(),
            },
            Component::Life => self.life = from.life,
            Component::Recall => self.recall.clone_from(&from.recall),
            Component::Arriving => self.arriving.clone_from(&from.arriving),
            Component::Matched(_)
            | Component::UnderWay(_)
            | Component::Synchronous
            | Component::Waiting
            | Component::Confirming => {
                if let Role::Leader(own) = &mut self.role {
                    own.take_over(component, theirs);
                }
            }
            of_store => store.take_over(of_store, froms),
        }
    }
}

impl Leadership {
    fn take_over(&mut self, component: &Component, from: &Leadership) {
        let is_under_way = |node: &NodeId| from.under_way.contains(*node);
        match component {
            Component::Matched(node) => replace(&mut self.matched, node, &from.matched),
            Component::UnderWay(node) if is_under_way(node) => {
                self.under_way.insert(*node);
            }
            Component::UnderWay(node) => self.under_way = self.under_way.without(*node),
            Component::Synchronous => self.synchronous = from.synchronous,
            Component::Waiting => self.waiting.clone_from(&from.waiting),
            Component::Confirming => {
                self.round = from.round;
                self.confirming.clone_from(&from.confirming);
            }
            _ => {}
        }
    }
}

impl MemoryStore {
    fn components(&self) -> BTreeSet<Component> {
        let mut all = BTreeSet::from([
            Component::Ballot,
            Component::CaughtUp,
            Component::Log,
            Component::Committed,
            Component::Sessions,
            Component::Undo,
        ]);
        all.extend(self.rows.keys().cloned().map(Component::Row));
        all.extend(self.remembered.keys().copied().map(Component::Remembered));
        all
    }

    fn is_same(&self, component: &Component, other: &MemoryStore) -> bool {
        match component {
            Component::Ballot => self.ballot == other.ballot,
            Component::CaughtUp => self.has_lost_its_disk == other.has_lost_its_disk,
            Component::Log => (self.base, &self.entries) == (other.base, &other.entries),
            Component::Committed => self.committed == other.committed,
            Component::Sessions => self.sessions == other.sessions,
            Component::Undo => self.undo == other.undo,
            Component::Row(key) => self.rows.get(key) == other.rows.get(key),
            Component::Remembered(client) => {
                self.remembered.get(client) == other.remembered.get(client)
            }
            _ => true,
        }
    }

    fn take_over(&mut self, component: &Component, from: &MemoryStore) {
        match component {
            Component::Ballot => self.ballot = from.ballot,
            Component::CaughtUp => self.has_lost_its_disk = from.has_lost_its_disk,
            Component::Log => {
                self.base = from.base;
                self.entries.clone_from(&from.entries);
            }
            Component::Committed => self.committed = from.committed,
            Component::Sessions => self.sessions = from.sessions,
            Component::Undo => self.undo.clone_from(&from.undo),
            Component::Row(key) => replace(&mut self.rows, key, &from.rows),
            Component::Remembered(client) => {
                replace(&mut self.remembered, client, &from.remembered);
            }
            _ => {}
        }
    }
}
