//! Declarations made wrong on purpose, to see whether the comparison with the steps notices.

use std::hash::Hash;

use super::{Component, Footprint};

/// One way for a declaration to be wrong: an entry of it is forgotten, or put elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Forgetting<F, K> {
    /// That components of this family are read.
    Reads(F),
    /// That components of this family are changed: written, or joined.
    Changes(F),
    /// A write of this family is called a join.
    WriteCalledJoin(F),
    /// That messages of this kind are sent.
    Sends(K),
    /// That observers are told.
    Tells,
}

impl<F: Copy + Ord + Hash + std::fmt::Debug, K: Copy + Ord + Hash> Forgetting<F, K> {
    /// Every way in which this declaration can be wrong.
    #[must_use]
    pub fn of<C: Component<Family = F>>(declared: &Footprint<C, K>) -> Vec<Self> {
        let reads = declared.reads.families().into_iter().map(Forgetting::Reads);
        let changes = declared.writes.union(&declared.joins).families();
        let joins = declared.writes.families().into_iter().map(Forgetting::WriteCalledJoin);
        let sends = declared.sends.iter().copied().map(Forgetting::Sends);
        let tells = declared.tells.then_some(Forgetting::Tells);
        reads
            .chain(changes.into_iter().map(Forgetting::Changes))
            .chain(joins)
            .chain(sends)
            .chain(tells)
            .collect()
    }

    /// A declaration, made wrong in this way.
    #[must_use]
    pub fn in_<C: Component<Family = F>>(self, declared: &Footprint<C, K>) -> Footprint<C, K> {
        let mut wrong = declared.clone();
        match self {
            Forgetting::Reads(family) => wrong.reads = wrong.reads.without_family(family),
            Forgetting::Changes(family) => {
                wrong.writes = wrong.writes.without_family(family);
                wrong.joins = wrong.joins.without_family(family);
            }
            Forgetting::WriteCalledJoin(family) => {
                wrong.joins = wrong.joins.union(&wrong.writes.of_family(family));
                wrong.writes = wrong.writes.without_family(family);
                wrong.reads = wrong.reads.without_family(family);
            }
            Forgetting::Sends(kind) => {
                wrong.sends.remove(&kind);
            }
            Forgetting::Tells => wrong.tells = false,
        }
        wrong
    }
}
