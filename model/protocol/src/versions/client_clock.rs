//! Vector clocks counted by clients: unsafe as soon as a client forgets what it counted. For
//! comparison only.

use alloc::vec::Vec;
use core::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::dot::{ActorId, Dot};
use super::version_vector::VersionVector;
use super::{Names, Versioned, Write};
use crate::ids::Value;

/// Versions each under a vector clock whose entries count the writes of clients: the new clock is
/// the context with the writing client's entry raised by one.
///
/// Correct only while no client identity is used without having read its own last write; two
/// writes then carry one clock and either overwrites the other (Riak before server-side clocks).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ClientClock {
    versions: Vec<ClientVersion>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
struct ClientVersion {
    clock: VersionVector,
    dot: Dot,
    value: Option<Value>,
}

impl ClientClock {
    /// The same with nodes, clients and values under other names.
    pub(super) fn renamed(&self, names: &dyn Names) -> Self {
        let ClientClock { versions } = self;
        let version = |ClientVersion { clock, dot, value: known }: &ClientVersion| ClientVersion {
            clock: clock.renamed(names),
            dot: dot.renamed(names),
            value: known.as_ref().map(|value| names.value(value)),
        };
        let mut versions: Vec<_> = versions.iter().map(version).collect();
        versions.sort();
        ClientClock { versions }
    }

    /// Adds a version unless one here dominates it; drops what it dominates. Equal clocks are
    /// taken for the same version: whichever is here stays.
    fn insert(&mut self, version: &ClientVersion) {
        let known = |held: &ClientVersion| {
            matches!(
                held.clock.causal_order(&version.clock),
                Some(Ordering::Equal | Ordering::Greater)
            )
        };
        if self.versions.iter().any(known) {
            return;
        }
        self.versions.retain(|held| !version.clock.dominates(&held.clock));
        let at = self.versions.partition_point(|held| held < version);
        self.versions.insert(at, version.clone());
    }
}

impl Versioned for ClientClock {
    fn put(&mut self, write: &Write) {
        let mut clock = write.context.clone();
        let actor = ActorId::Client(write.client);
        clock.observe(Dot { actor, counter: clock.get(actor) + 1 });
        self.insert(&ClientVersion { clock, dot: write.dot, value: write.value.clone() });
    }

    fn merge(&mut self, other: &Self) {
        for version in &other.versions {
            self.insert(version);
        }
    }

    fn context(&self) -> VersionVector {
        let mut context = VersionVector::new();
        for version in &self.versions {
            context.join(&version.clock);
        }
        context
    }

    fn versions(&self) -> impl Iterator<Item = (Dot, Option<&Value>)> {
        self.versions.iter().map(|version| (version.dot, version.value.as_ref()))
    }
}
