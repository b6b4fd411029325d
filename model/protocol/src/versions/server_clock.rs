//! Vector clocks counted by servers, one clock for the whole record: the scheme whose siblings
//! multiply. For comparison only.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::dot::Dot;
use super::version_vector::VersionVector;
use super::{Names, Versioned, Write};
use crate::ids::Value;

/// One vector clock over coordinators, and the values it stands for.
///
/// A put whose context does not dominate the clock keeps *every* value there is, although the
/// client may have seen all but one of them: without a dot per value the server cannot tell which.
/// That is sibling explosion (Riak before dotted version vectors).
///
/// A merge of concurrent clocks keeps every value of both for the same reason, even one that the
/// other side has overwritten. What two replicas hold then depends on the order in which they
/// heard of the same writes, until they merge with each other.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ServerClock {
    clock: VersionVector,
    versions: Vec<(Dot, Option<Value>)>,
}

impl ServerClock {
    /// The same with nodes, clients and values under other names.
    pub(super) fn renamed(&self, names: &dyn Names) -> Self {
        let ServerClock { clock, versions } = self;
        let version = |(dot, known): &(Dot, Option<Value>)| {
            (dot.renamed(names), known.as_ref().map(|value| names.value(value)))
        };
        let mut versions: Vec<_> = versions.iter().map(version).collect();
        versions.sort_by_key(|(dot, _)| *dot);
        ServerClock { clock: clock.renamed(names), versions }
    }

    fn insert(&mut self, dot: Dot, value: Option<Value>) {
        let at = self.versions.partition_point(|version| version.0 < dot);
        // Two writes under one dot are one version here, as they would be in a real store.
        if self.versions.get(at).is_none_or(|version| version.0 != dot) {
            self.versions.insert(at, (dot, value));
        }
    }
}

impl Versioned for ServerClock {
    fn put(&mut self, write: &Write) {
        if write.context.dominates(&self.clock) {
            self.versions.clear();
        }
        self.clock.join(&write.context);
        self.clock.observe(write.dot);
        self.insert(write.dot, write.value.clone());
    }

    fn merge(&mut self, other: &Self) {
        match (self.clock.dominates(&other.clock), other.clock.dominates(&self.clock)) {
            (true, false) => {}
            (false, true) => self.clone_from(other),
            // Equal or concurrent clocks: the union of the values.
            _ => {
                for (dot, value) in &other.versions {
                    self.insert(*dot, value.clone());
                }
                self.clock.join(&other.clock);
            }
        }
    }

    fn context(&self) -> VersionVector {
        self.clock.clone()
    }

    fn versions(&self) -> impl Iterator<Item = (Dot, Option<&Value>)> {
        self.versions.iter().map(|(dot, value)| (*dot, value.as_ref()))
    }
}
