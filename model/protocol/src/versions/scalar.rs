//! One version number per record: enough for one replica, not for several. For comparison only.

use serde::{Deserialize, Serialize};

use super::dot::{ActorId, Dot};
use super::version_vector::VersionVector;
use super::{Names, Versioned, Write};
use crate::ids::Value;

/// One value under one number. A put takes the next number after the greatest the coordinator or
/// the client knows; the higher number wins a merge, and of equal numbers the greater dot.
///
/// Two coordinators hand out the same number to concurrent writes, so one of them is lost
/// (Kleppmann, "Designing Data-Intensive Applications", 2017, chapter 5).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Scalar {
    current: Option<(u64, Dot, Option<Value>)>,
}

impl Scalar {
    /// The same with nodes, clients and values under other names.
    pub(super) fn renamed(&self, names: &dyn Names) -> Self {
        let Scalar { current } = self;
        let version = |(number, dot, known): &(u64, Dot, Option<Value>)| {
            (*number, dot.renamed(names), known.as_ref().map(|value| names.value(value)))
        };
        Scalar { current: current.as_ref().map(version) }
    }

    fn number(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.0)
    }
}

impl Versioned for Scalar {
    fn put(&mut self, write: &Write) {
        let number = self.number().max(write.context.get(ActorId::Record)) + 1;
        self.current = Some((number, write.dot, write.value.clone()));
    }

    fn merge(&mut self, other: &Self) {
        // The value takes part so that merging stays commutative even if a dot names two writes.
        if other.current > self.current {
            self.current.clone_from(&other.current);
        }
    }

    fn context(&self) -> VersionVector {
        [Dot { actor: ActorId::Record, counter: self.number() }].into_iter().collect()
    }

    fn versions(&self) -> impl Iterator<Item = (Dot, Option<&Value>)> {
        self.current.iter().map(|(_, dot, value)| (*dot, value.as_ref()))
    }
}
