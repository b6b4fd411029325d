//! Version vectors: for each actor, how many of its writes have been seen.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::Names;
use super::dot::{ActorId, Dot};

/// What an entry takes in a datagram at most, about: as much as those of nodes, which are the largest. A
/// version takes no more beside its value.
pub(super) const ENTRY_BYTES: usize = 40;

/// For each actor the highest counter seen; an actor that is not listed stands at zero.
///
/// Entries are sorted by actor and never zero, so that equal vectors are equal in memory, hash
/// and bytes. Source: Parker et al., "Detection of Mutual Inconsistency in Distributed Systems",
/// 1983.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<(ActorId, u64)>")]
pub struct VersionVector(Vec<(ActorId, u64)>);

/// Entries from outside are not believed to be in order: every lookup is a binary search, and a
/// vector that answers it wrongly would drop versions nobody has seen.
impl TryFrom<Vec<(ActorId, u64)>> for VersionVector {
    type Error = &'static str;

    fn try_from(entries: Vec<(ActorId, u64)>) -> Result<Self, &'static str> {
        if !entries.is_sorted_by(|left, right| left.0 < right.0) {
            return Err("the entries of a version vector must ascend by actor, each actor once");
        }
        if entries.iter().any(|entry| entry.1 == 0) {
            return Err("the counters of a version vector must not be zero");
        }
        Ok(VersionVector(entries))
    }
}

impl VersionVector {
    /// The vector that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        VersionVector(Vec::new())
    }

    /// The highest counter seen of this actor; zero if none.
    #[must_use]
    pub fn get(&self, actor: ActorId) -> u64 {
        match self.0.binary_search_by_key(&actor, |entry| entry.0) {
            Ok(at) => self.0[at].1,
            Err(_) => 0,
        }
    }

    /// Notes that this dot, and by convention every earlier one of its actor, has been seen.
    /// Never lowers an entry.
    pub fn observe(&mut self, dot: Dot) {
        match self.0.binary_search_by_key(&dot.actor, |entry| entry.0) {
            Ok(at) => self.0[at].1 = self.0[at].1.max(dot.counter),
            Err(at) if dot.counter > 0 => self.0.insert(at, (dot.actor, dot.counter)),
            Err(_) => {}
        }
    }

    /// Whether this dot has been seen.
    #[must_use]
    pub fn covers(&self, dot: Dot) -> bool {
        self.get(dot.actor) >= dot.counter
    }

    /// Whether everything `other` has seen has been seen here too.
    #[must_use]
    pub fn dominates(&self, other: &Self) -> bool {
        other.0.iter().all(|(actor, counter)| self.get(*actor) >= *counter)
    }

    /// Takes the entrywise maximum: the least vector that dominates both.
    pub fn join(&mut self, other: &Self) {
        for (actor, counter) in &other.0 {
            self.observe(Dot { actor: *actor, counter: *counter });
        }
    }

    /// How two vectors relate: `None` when each has seen something that the other has not.
    #[must_use]
    pub fn causal_order(&self, other: &Self) -> Option<Ordering> {
        match (self.dominates(other), other.dominates(self)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            (false, false) => None,
        }
    }

    /// About how many bytes it takes in a datagram: as many for every entry as the largest take, which
    /// are those of nodes.
    #[must_use]
    pub fn size_estimate(&self) -> usize {
        ENTRY_BYTES * self.iter().count()
    }

    /// Whether nothing has been seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries, sorted by actor.
    pub fn iter(&self) -> impl Iterator<Item = Dot> + '_ {
        self.0.iter().map(|(actor, counter)| Dot { actor: *actor, counter: *counter })
    }
}

impl VersionVector {
    /// The same with nodes and clients under other names.
    #[must_use]
    pub fn renamed(&self, names: &dyn Names) -> Self {
        self.iter().map(|dot| dot.renamed(names)).collect()
    }
}

impl FromIterator<Dot> for VersionVector {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Self {
        let mut vector = VersionVector::new();
        for dot in dots {
            vector.observe(dot);
        }
        vector
    }
}

/// `{n0:2, n1:1}`
impl fmt::Display for VersionVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (position, dot) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{dot}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for VersionVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ClientId;

    fn decoded(entries: &[(ActorId, u64)]) -> Result<VersionVector, postcard::Error> {
        postcard::from_bytes(&postcard::to_allocvec(entries).unwrap())
    }

    #[test]
    fn a_vector_from_outside_is_refused_unless_it_is_in_order_and_never_zero() {
        let [one, two] = [1, 2].map(|id| ActorId::Client(ClientId(id)));
        assert!(decoded(&[(one, 5), (two, 1)]).is_ok());
        assert!(decoded(&[(two, 1), (one, 5)]).is_err());
        assert!(decoded(&[(one, 5), (one, 5)]).is_err());
        assert!(decoded(&[(one, 0)]).is_err());
    }
}
