//! What can be told from the plan and the ledger, whatever is judged.

use super::{Historian, Judgement, Ledger, Read};
use crate::check::write_set::WriteSet;
use crate::ids::Key;
use crate::scenario::Scenario;
use crate::versions::Record;

/// The plan and the ledger of one run.
#[derive(Clone, Copy)]
pub(crate) struct Base<'a> {
    /// What never changes.
    pub(crate) historian: &'a Historian,
    /// What has happened.
    pub(crate) ledger: &'a Ledger,
}

impl<'a> Base<'a> {
    /// What clients plan to do.
    pub(crate) fn scenario(self) -> &'a Scenario {
        self.historian.scenario()
    }

    /// The writes that the versions of a record of this key name: by value, or for a tombstone, which
    /// has none, by the dot the ghost saw it minted under. Where a node is named by itself alone, or
    /// two share an identity, deletes of different keys may have the same dot.
    pub(crate) fn named(self, key: &Key, record: &Record) -> WriteSet {
        let (writes, dots) = (&self.scenario().writes, self.ledger.dots());
        let mut named = WriteSet::EMPTY;
        for (dot, value) in record.versions() {
            let write = match value {
                Some(_) => writes.iter().position(|write| write.value.as_ref() == value),
                None => writes.iter().zip(dots).position(|(write, dots)| {
                    write.value.is_none() && write.key == *key && dots.contains(&dot)
                }),
            };
            if let Some(write) = write {
                named.insert(write);
            }
        }
        named
    }

    /// The same, with everything that their writers had seen.
    pub(crate) fn seen_by(self, key: &Key, record: &Record) -> WriteSet {
        self.ledger.closure(self.named(key, record))
    }

    /// Which of these writes a read that returned `named` missed: neither returned, nor seen by what
    /// is, nor gone with a delete that was reaped and that the read does not contradict. Where
    /// tombstones are reaped, finding nothing says the same as finding the delete.
    pub(crate) fn missing(self, writes: WriteSet, named: WriteSet) -> WriteSet {
        let ledger = self.ledger;
        let returned = ledger.closure(named);
        let undone = self.undone(ledger.reaped(), named);
        let is_gone = |write: usize| {
            let mut reaped = ledger.reaped().iter().filter(|delete| !undone.contains(*delete));
            reaped.any(|delete| delete == write || ledger.past(delete).contains(write))
        };
        writes.without(returned).iter().filter(|write| !is_gone(*write)).collect()
    }

    /// How a read did that was obliged to return these writes.
    pub(crate) fn covers(self, owed: WriteSet, read: &Read<'_>) -> Judgement {
        Judgement::of(!owed.is_empty(), self.missing(owed, read.named).is_empty())
    }

    /// Which of these deletes are undone by a state that names these writes: it has a value that the
    /// delete covered.
    pub(crate) fn undone(self, deletes: WriteSet, named: WriteSet) -> WriteSet {
        deletes.iter().filter(|delete| !self.covered(*delete, named).is_empty()).collect()
    }

    /// Which of the values that a state names a delete had covered.
    pub(crate) fn covered(self, delete: usize, named: WriteSet) -> WriteSet {
        named.without(self.historian.deletes()).intersection(self.ledger.past(delete))
    }
}
