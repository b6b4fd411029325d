//! Last write wins by the coordinators' wall clocks. For comparison only.

use serde::{Deserialize, Serialize};

use super::dot::Dot;
use super::version_vector::VersionVector;
use super::{Names, Versioned, Write};
use crate::ids::{Timestamp, Value};

/// One value under the wall-clock time its coordinator read. The later time wins, at a put as at
/// a merge; of equal times the greater dot.
///
/// Of concurrent writes all but one are lost, and a coordinator whose clock is ahead makes later
/// writes lose silently (Kingsbury, "Call me maybe: Cassandra", 2013). Contexts are empty: the
/// scheme does not look at what a client has seen.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LastWriteWins {
    current: Option<(Timestamp, Dot, Option<Value>)>,
}

impl LastWriteWins {
    /// The same with nodes, clients and values under other names.
    pub(super) fn renamed(&self, names: &dyn Names) -> Self {
        let LastWriteWins { current } = self;
        let version = |(time, dot, known): &(Timestamp, Dot, Option<Value>)| {
            (*time, dot.renamed(names), known.as_ref().map(|value| names.value(value)))
        };
        LastWriteWins { current: current.as_ref().map(version) }
    }
}

impl Versioned for LastWriteWins {
    fn put(&mut self, write: &Write) {
        let current = Some((write.timestamp, write.dot, write.value.clone()));
        self.merge(&LastWriteWins { current });
    }

    fn merge(&mut self, other: &Self) {
        if other.current > self.current {
            self.current.clone_from(&other.current);
        }
    }

    fn context(&self) -> VersionVector {
        VersionVector::new()
    }

    fn versions(&self) -> impl Iterator<Item = (Dot, Option<&Value>)> {
        self.current.iter().map(|(_, dot, value)| (*dot, value.as_ref()))
    }
}
