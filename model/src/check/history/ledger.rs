//! What all properties share: which writes were asked for and acknowledged, and what each write's
//! author had seen.

use alloc::vec::Vec;

use super::{Historian, Watch};
use crate::check::symmetry::Permutation;
use crate::check::write_set::WriteSet;
use crate::ids::{NodeId, NodeSet};
use crate::versions::{Dot, Names as _};

/// A finished read, as an explanation tells it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LastRead {
    /// Which operation of its client's program it was.
    pub operation: usize,
    /// The writes that it returned.
    pub returned: WriteSet,
    /// Who answered it.
    pub replied: NodeSet,
}

/// What all properties share. Clients, writes, keys and nodes are counted from zero.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Ledger {
    /// Writes whose request has been made.
    invoked: WriteSet,
    /// Writes answered `Ok`.
    acknowledged: WriteSet,
    /// Writes answered `Unavailable`, or not at all; kept if [`Watch::failed`].
    failed: WriteSet,
    /// Writes whose client was refused; kept if [`Watch::overlapping`].
    refused: WriteSet,
    /// Per write: every write its writer had seen, directly or through others.
    past: Vec<WriteSet>,
    /// Per write: who was counted when it was acknowledged; kept if [`Watch::acked_by`].
    acked_by: Vec<NodeSet>,
    /// Per write: the dots it was minted under; of puts, kept if [`Watch::dots`].
    dots: Vec<Vec<Dot>>,
    /// Per client, and per key: what the client's last read of it returned, with everything that
    /// had seen. Kept only while a later write of the client carries that read's context.
    seen: Vec<Vec<WriteSet>>,
    /// Per node: the deletes that its records have held or seen, on the disk that it has now; kept if
    /// [`Watch::deletes`].
    deletes_held: Vec<WriteSet>,
    /// Deletes whose tombstone some node has reaped; kept if [`Watch::reaped`].
    reaped: WriteSet,
    /// Some read has begun. Where clients are in their programs tells as much, so it tells no
    /// states apart.
    read_begun: bool,
    /// Per client: its last read, until its next operation starts. Kept for explanations alone.
    last_reads: Vec<Option<LastRead>>,
}

impl Ledger {
    /// The ledger before anything happened.
    pub(super) fn blank(historian: &Historian) -> Self {
        let scenario = historian.scenario();
        let (writes, clients) = (scenario.writes.len(), scenario.clients.len());
        let Watch { acked_by, deletes, .. } = historian.watch();
        let kept = |is_kept: bool, count: usize| if is_kept { count } else { 0 };
        Ledger {
            invoked: WriteSet::EMPTY,
            acknowledged: WriteSet::EMPTY,
            failed: WriteSet::EMPTY,
            refused: WriteSet::EMPTY,
            past: alloc::vec![WriteSet::EMPTY; writes],
            acked_by: alloc::vec![NodeSet::EMPTY; kept(acked_by, writes)],
            dots: alloc::vec![Vec::new(); writes],
            seen: alloc::vec![alloc::vec![WriteSet::EMPTY; historian.keys().len()]; clients],
            deletes_held: alloc::vec![
                WriteSet::EMPTY;
                kept(deletes, scenario.cluster.nodes().len())
            ],
            reaped: WriteSet::EMPTY,
            read_begun: false,
            last_reads: alloc::vec![None; kept(historian.explains(), clients)],
        }
    }

    /// Writes whose request has been made.
    #[must_use]
    pub fn invoked(&self) -> WriteSet {
        self.invoked
    }

    /// Writes that were acknowledged to their client.
    #[must_use]
    pub fn acknowledged(&self) -> WriteSet {
        self.acknowledged
    }

    /// Writes whose client was told `Unavailable`, or got no answer.
    #[must_use]
    pub fn failed(&self) -> WriteSet {
        self.failed
    }

    /// Writes whose client waits for an answer.
    #[must_use]
    pub fn under_way(&self) -> WriteSet {
        let ended = self.acknowledged.union(self.failed).union(self.refused);
        self.invoked.without(ended)
    }

    /// Everything the writer of this write had seen.
    #[must_use]
    pub fn past(&self, write: usize) -> WriteSet {
        self.past[write]
    }

    /// These writes and everything their writers had seen.
    #[must_use]
    pub fn closure(&self, writes: WriteSet) -> WriteSet {
        writes.iter().fold(writes, |all, write| all.union(self.past[write]))
    }

    /// Who was counted when this write was acknowledged.
    #[must_use]
    pub fn acked_by(&self, write: usize) -> NodeSet {
        self.acked_by[write]
    }

    /// The dots of every write.
    #[must_use]
    pub fn dots(&self) -> &[Vec<Dot>] {
        &self.dots
    }

    /// The deletes that a node has held or seen since it last lost its disk, and those that were on the older
    /// one that it was given.
    #[must_use]
    pub fn deletes_held_by(&self, node: usize) -> WriteSet {
        self.deletes_held[node]
    }

    /// Whether some node has held an acknowledged delete that covers a write.
    #[must_use]
    pub fn covering_delete_held(&self) -> bool {
        self.deletes_held.iter().any(|held| {
            let acknowledged = held.intersection(self.acknowledged);
            acknowledged.iter().any(|delete| !self.past[delete].is_empty())
        })
    }

    /// Deletes whose tombstone some node has reaped.
    #[must_use]
    pub fn reaped(&self) -> WriteSet {
        self.reaped
    }

    /// Whether it is no loss that this write is held by nobody: it is, or was seen by, a delete that
    /// was reaped.
    #[must_use]
    pub fn went_with_a_delete(&self, write: usize) -> bool {
        self.reaped.iter().any(|delete| delete == write || self.past[delete].contains(write))
    }

    /// Whether some read has begun.
    #[must_use]
    pub fn read_begun(&self) -> bool {
        self.read_begun
    }

    /// A client's last read, where it is kept for explanations.
    #[must_use]
    pub fn last_read(&self, client: usize) -> Option<&LastRead> {
        self.last_reads.get(client)?.as_ref()
    }

    /// Whether this ledger is the other one, only that more writes may be acknowledged in it.
    pub(super) fn has_acknowledged_as_much_as(&self, other: &Ledger) -> bool {
        let without = |ledger: &Ledger| Ledger { acknowledged: WriteSet::EMPTY, ..ledger.clone() };
        other.acknowledged.is_subset(self.acknowledged) && without(self) == without(other)
    }

    /// The same with nodes, clients, and the writes that they make, under other names.
    pub(super) fn renamed(&self, names: &Permutation) -> Ledger {
        let Ledger {
            invoked,
            acknowledged,
            failed,
            refused,
            past,
            acked_by,
            dots,
            seen,
            deletes_held,
            reaped,
            read_begun,
            last_reads,
        } = self;
        let set = |writes: &WriteSet| names.writes(*writes);
        let sets = |sets: &Vec<WriteSet>| sets.iter().map(set).collect::<Vec<_>>();
        let dots = dots.iter().map(|dots| dots.iter().map(|dot| dot.renamed(names)).collect());
        let last_read = |read: &Option<LastRead>| {
            let LastRead { operation, returned, replied } = (*read)?;
            Some(LastRead {
                operation,
                returned: names.writes(returned),
                replied: names.nodes(replied),
            })
        };
        Ledger {
            invoked: set(invoked),
            acknowledged: set(acknowledged),
            failed: set(failed),
            refused: set(refused),
            past: names.by_write(sets(past)),
            acked_by: names.by_write(acked_by.iter().map(|nodes| names.nodes(*nodes)).collect()),
            dots: names.by_write(dots.collect()),
            seen: names.by_client(seen.iter().map(sets).collect()),
            deletes_held: names.by_node(sets(deletes_held)),
            reaped: set(reaped),
            read_begun: *read_begun,
            last_reads: names.by_client(last_reads.iter().map(last_read).collect()),
        }
    }

    pub(super) fn begin_read(&mut self, client: usize) {
        self.read_begun = true;
        self.forget_last_read(client);
    }

    pub(super) fn begin_write(&mut self, client: usize, write: usize, read_first: Option<usize>) {
        self.invoked.insert(write);
        if let Some(key) = read_first {
            self.past[write] = self.seen[client][key];
        }
        self.forget_last_read(client);
    }

    fn forget_last_read(&mut self, client: usize) {
        if let Some(last) = self.last_reads.get_mut(client) {
            *last = None;
        }
    }

    pub(super) fn end_read(&mut self, client: usize, key: usize, read: LastRead) {
        self.seen[client][key] = self.closure(read.returned);
        if let Some(last) = self.last_reads.get_mut(client) {
            *last = Some(read);
        }
    }

    pub(super) fn acknowledge(&mut self, write: usize, by: NodeSet) {
        self.acknowledged.insert(write);
        if let Some(acked_by) = self.acked_by.get_mut(write) {
            *acked_by = by;
        }
    }

    pub(super) fn fail(&mut self, write: usize) {
        self.failed.insert(write);
    }

    pub(super) fn refuse(&mut self, write: usize) {
        self.refused.insert(write);
    }

    /// Forgets what a client has seen of the keys of which it will not say what it had seen.
    pub(super) fn forget_seen(&mut self, client: usize, is_needed: impl Fn(usize) -> bool) {
        for (key, seen) in self.seen[client].iter_mut().enumerate() {
            if !is_needed(key) {
                *seen = WriteSet::EMPTY;
            }
        }
    }

    pub(super) fn set_past(&mut self, write: usize, seen: WriteSet) {
        self.past[write] = seen;
    }

    pub(super) fn mint(&mut self, write: usize, dot: Dot) {
        let dots = &mut self.dots[write];
        if !dots.contains(&dot) {
            dots.push(dot);
            dots.sort();
        }
    }

    pub(super) fn hold(&mut self, node: NodeId, deletes: WriteSet) {
        let held = &mut self.deletes_held[node.index()];
        *held = held.union(deletes);
    }

    /// A node's disk was replaced: it owes nothing for what was on the one that is gone.
    pub(super) fn replace_disk(&mut self, node: NodeId) {
        if let Some(held) = self.deletes_held.get_mut(node.index()) {
            *held = WriteSet::EMPTY;
        }
    }

    pub(super) fn reap(&mut self, deletes: WriteSet) {
        self.reaped = self.reaped.union(deletes);
    }
}
