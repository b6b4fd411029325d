//! Dotted version vector sets: the default versioning.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::dot::Dot;
use super::version_vector::VersionVector;
use super::{Names, Versioned, Write};
use crate::ids::Value;

/// A key's state: the versions none of which has seen another, each under its dot, and the
/// context: everything that was ever seen, including what has been overwritten.
///
/// Invariant: the context covers the dot of every version. Versions are sorted by dot.
///
/// Source: Preguiça et al., "Dotted Version Vectors", 2010; Almeida et al., "Scalable and Accurate
/// Causality Tracking for Eventually Consistent Stores", DAIS 2014, section 5.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Siblings {
    context: VersionVector,
    versions: Vec<(Dot, Option<Value>)>,
}

/// [`Siblings`] from outside, whose invariant is still to be checked.
#[derive(Deserialize)]
struct Parts {
    context: VersionVector,
    versions: Vec<(Dot, Option<Value>)>,
}

impl TryFrom<Parts> for Siblings {
    type Error = &'static str;

    fn try_from(Parts { context, versions }: Parts) -> Result<Self, &'static str> {
        if !versions.is_sorted_by(|left, right| left.0 < right.0) {
            return Err("the versions of a key must ascend by dot, each dot once");
        }
        if !versions.iter().all(|(dot, _)| context.covers(*dot)) {
            return Err("the context of a key must cover the dots of its versions");
        }
        Ok(Siblings { context, versions })
    }
}

impl Siblings {
    /// The same with nodes, clients and values under other names.
    pub(super) fn renamed(&self, names: &dyn Names) -> Self {
        let Siblings { context, versions } = self;
        let version = |(dot, known): &(Dot, Option<Value>)| {
            (dot.renamed(names), known.as_ref().map(|value| names.value(value)))
        };
        let mut versions: Vec<_> = versions.iter().map(version).collect();
        versions.sort_by_key(|(dot, _)| *dot);
        Siblings { context: context.renamed(names), versions }
    }

    fn holds(&self, dot: Dot) -> bool {
        self.versions.binary_search_by_key(&dot, |version| version.0).is_ok()
    }

    /// How many actors the context has entries of.
    #[must_use]
    pub fn context_entries(&self) -> usize {
        self.context.iter().count()
    }

    /// The same without what was seen of actors none of whose versions is left. Only safe once
    /// nobody anywhere holds an older version of any of them.
    #[must_use]
    pub fn pruned(&self) -> Self {
        let has_version = |seen: &Dot| self.versions.iter().any(|(dot, _)| dot.actor == seen.actor);
        Siblings {
            context: self.context.iter().filter(has_version).collect(),
            versions: self.versions.clone(),
        }
    }

    /// Whether merging `other` in would change nothing.
    #[must_use]
    pub fn dominates(&self, other: &Self) -> bool {
        self.context.dominates(&other.context)
            && self.versions.iter().all(|(dot, _)| other.holds(*dot) || !other.context.covers(*dot))
    }
}

impl Versioned for Siblings {
    /// Drops the versions that the client's context covers, adds the new one under its fresh dot
    /// and joins the context. What the client had not seen stays, as a sibling.
    fn put(&mut self, write: &Write) {
        self.versions.retain(|(dot, _)| !write.context.covers(*dot));
        let at = self.versions.partition_point(|(dot, _)| *dot < write.dot);
        self.versions.insert(at, (write.dot, write.value.clone()));
        self.context.join(&write.context);
        self.context.observe(write.dot);
    }

    /// Keeps a version when both sides hold it, or when one holds it and the other's context does
    /// not cover its dot: commutative, associative, idempotent.
    fn merge(&mut self, other: &Self) {
        self.versions.retain(|(dot, _)| other.holds(*dot) || !other.context.covers(*dot));
        for (dot, value) in &other.versions {
            // A dot that is covered but not held here was overwritten here.
            if !self.context.covers(*dot) {
                let at = self.versions.partition_point(|version| version.0 < *dot);
                self.versions.insert(at, (*dot, value.clone()));
            }
        }
        self.context.join(&other.context);
    }

    fn context(&self) -> VersionVector {
        self.context.clone()
    }

    fn versions(&self) -> impl Iterator<Item = (Dot, Option<&Value>)> {
        self.versions.iter().map(|(dot, value)| (*dot, value.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ClientId;
    use crate::versions::ActorId;

    #[test]
    fn siblings_from_outside_are_refused_unless_their_context_covers_their_sorted_dots() {
        let dot = |counter| Dot { actor: ActorId::Client(ClientId(1)), counter };
        let decoded = |context: &[Dot], dots: &[Dot]| {
            let context: VersionVector = context.iter().copied().collect();
            let versions: Vec<_> = dots.iter().map(|dot| (*dot, None::<Value>)).collect();
            postcard::from_bytes::<Siblings>(&postcard::to_allocvec(&(context, versions)).unwrap())
        };
        assert!(decoded(&[dot(2)], &[dot(1), dot(2)]).is_ok());
        assert!(decoded(&[dot(2)], &[dot(2), dot(1)]).is_err());
        assert!(decoded(&[dot(2)], &[dot(2), dot(2)]).is_err());
        assert!(decoded(&[dot(2)], &[dot(3)]).is_err());
    }
}
