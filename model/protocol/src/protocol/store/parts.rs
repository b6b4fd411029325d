//! A store in parts that can be compared and exchanged one by one.

use alloc::vec::Vec;

use super::{Identity, MemoryStore};
use crate::protocol::footprint::Component;

impl MemoryStore {
    /// The components that it has.
    pub(in crate::protocol) fn components(&self) -> impl Iterator<Item = Component> {
        let MemoryStore { identity: _, registrations, entries, hints } = self;
        let mut components =
            Vec::from([Component::Incarnation, Component::Counters, Component::CaughtUp]);
        components.extend(registrations.keys().map(|(node, _)| Component::Registration(*node)));
        components.extend(entries.keys().cloned().map(Component::Record));
        components.extend(hints.keys().map(|(home, key)| Component::Hint(*home, key.clone())));
        components.into_iter()
    }

    /// Takes a component over from another store; others are left alone.
    pub(in crate::protocol) fn take_over(&mut self, component: &Component, other: &MemoryStore) {
        match component {
            Component::Incarnation => {
                self.identity = match (self.identity, other.identity) {
                    (Some(own), Some(Identity { incarnation, life, .. })) => {
                        Some(Identity { incarnation, life, ..own })
                    }
                    (_, other) => other,
                };
            }
            Component::Counters => {
                if let (Some(own), Some(other)) = (&mut self.identity, other.identity) {
                    (own.minted, own.next_epoch) = (other.minted, other.next_epoch);
                }
            }
            Component::CaughtUp => {
                if let (Some(own), Some(other)) = (&mut self.identity, other.identity) {
                    own.is_caught_up = other.is_caught_up;
                }
            }
            Component::Registration(node) => {
                self.registrations.retain(|(of, _), _| of != node);
                let others = other.registrations.iter().filter(|((of, _), _)| of == node);
                self.registrations.extend(others.map(|(at, kept)| (*at, kept.clone())));
            }
            Component::Record(key) => match other.entries.get(key) {
                Some(entry) => {
                    self.entries.insert(key.clone(), entry.clone());
                }
                None => {
                    self.entries.remove(key);
                }
            },
            Component::Hint(home, key) => {
                let at = (*home, key.clone());
                match other.hints.get(&at) {
                    Some(kept) => {
                        self.hints.insert(at, kept.clone());
                    }
                    None => {
                        self.hints.remove(&at);
                    }
                }
            }
            // The rest is volatile.
            _ => {}
        }
    }

    /// Whether a component is the same in both stores.
    pub(in crate::protocol) fn is_same(&self, component: &Component, other: &MemoryStore) -> bool {
        match component {
            Component::Incarnation => {
                let of =
                    |store: &MemoryStore| store.identity.map(|own| (own.incarnation, own.life));
                of(self) == of(other)
            }
            Component::Counters => {
                let of =
                    |store: &MemoryStore| store.identity.map(|own| (own.minted, own.next_epoch));
                of(self) == of(other)
            }
            Component::CaughtUp => {
                let of = |store: &MemoryStore| store.identity.map(|own| own.is_caught_up);
                of(self) == of(other)
            }
            Component::Registration(node) => {
                let registrations = |store: &'_ MemoryStore| -> Vec<_> {
                    let of_node = store.registrations.iter().filter(|((of, _), _)| of == node);
                    of_node.map(|(at, kept)| (*at, kept.clone())).collect()
                };
                registrations(self) == registrations(other)
            }
            Component::Record(key) => self.entries.get(key) == other.entries.get(key),
            Component::Hint(home, key) => {
                let at = (*home, key.clone());
                self.hints.get(&at) == other.hints.get(&at)
            }
            // The rest is volatile.
            _ => true,
        }
    }
}
