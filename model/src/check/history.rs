//! Ghost history: what clients asked for and saw, kept beside the protocol and never shown to it.
//!
//! Every value names its write, so that what a read returned says which writes its reader has
//! now seen. The judgements here look at that alone, never at the implementation's clocks.
//!
//! History is part of the global state, so it keeps no more than the judged properties need: a
//! fact that no property asks for would only tell states apart that behave alike.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::write_set::WriteSet;
use crate::ids::{NodeId, NodeSet};
use crate::scenario::Scenario;
use crate::versions::Dot;

mod historian;
mod judgement;
mod watch;

pub use historian::Historian;
pub use judgement::{Judged, Judgement, Obligation};
pub use watch::Watch;

/// A finished read, as an explanation tells it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ReadAccount {
    /// Which operation of its client's program it was.
    pub operation: usize,
    /// What it was obliged to.
    pub obligation: Obligation,
    /// The writes that it returned.
    pub returned: WriteSet,
    /// Who answered it.
    pub replied: NodeSet,
}

/// A version that a step dropped, though nothing that stayed had seen it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DropAccount {
    /// Where.
    pub node: NodeId,
    /// The writes that were dropped.
    pub writes: WriteSet,
}

/// What is remembered for explanations alone.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
struct Accounts {
    /// Per client: its last read, until its next operation starts.
    reads: Vec<Option<ReadAccount>>,
    /// The first version that was dropped wrongly.
    sibling: Option<DropAccount>,
    /// The first hint that was dropped too early.
    hint: Option<DropAccount>,
    /// The first put that was refused though it resolves its key: its coordinator, and the write.
    refused: Option<(NodeId, usize)>,
}

#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
struct ClientGhost {
    /// Per key: what the client's last read of it returned, with everything that had seen. Kept
    /// only while a later write of the client carries that read's context.
    seen: Vec<WriteSet>,
    obligation: Obligation,
    judged: Judged,
    /// Deletes that were acknowledged before the read that has just ended began, and that covered
    /// something of what it returned; empty again once it is known who holds them.
    undone: WriteSet,
}

impl ClientGhost {
    fn obliges_as_much_as(&self, other: &ClientGhost) -> bool {
        let more =
            |of: fn(&Obligation) -> WriteSet| of(&other.obligation).is_subset(of(&self.obligation));
        self.seen == other.seen
            && self.undone == other.undone
            && more(|obligation| obligation.acknowledged)
            && more(|obligation| obligation.own)
            && more(|obligation| obligation.seen_by_reads)
            && more(|obligation| obligation.failed)
            && more(|obligation| obligation.deletes)
            && self.obligation.under_way == other.obligation.under_way
            && self.judged.is_no_better_than(&other.judged)
    }
}

/// The history of one run.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct History {
    /// Writes whose request has been made.
    invoked: WriteSet,
    /// Writes answered `Ok`.
    acknowledged: WriteSet,
    /// Writes answered `Unavailable`.
    failed: WriteSet,
    /// Per write: every write its writer had seen, directly or through others.
    past: Vec<WriteSet>,
    /// Per write: who was counted when it was acknowledged.
    acked_by: Vec<NodeSet>,
    /// Per write: the dots it was minted under.
    dots: Vec<Vec<Dot>>,
    /// Per key: everything that finished reads returned.
    read: Vec<WriteSet>,
    clients: Vec<ClientGhost>,
    /// Some step dropped a version that nothing which stayed had seen.
    sibling_lost: bool,
    /// Per node: the deletes that its records have held or seen, since it last lost its disk.
    deletes_held: Vec<WriteSet>,
    /// Deletes whose tombstone some node has reaped.
    reaped: WriteSet,
    /// A hint was dropped, and what it said is safe; or is not.
    hint_dropped: bool,
    hint_lost: bool,
    /// A put that resolves a key which had reached a limit was taken in; or one was refused.
    resolved_at_limit: bool,
    resolving_refused: bool,
    /// Some read has begun. Where clients are in their programs tells as much, so it tells no
    /// states apart.
    read_begun: bool,
    /// Only where somebody wants explanations.
    accounts: Option<Box<Accounts>>,
    /// Per node: how often it lost its disk or was given an older one, could not wait for those who
    /// know whether it may keep its incarnation, or named a write though it is no home of its key.
    incidents: Vec<u8>,
}

impl History {
    /// The history before anything happened.
    #[must_use]
    pub fn new(scenario: &Scenario, keys: usize) -> Self {
        let ghost = ClientGhost { seen: alloc::vec![WriteSet::EMPTY; keys], ..Default::default() };
        History {
            invoked: WriteSet::EMPTY,
            acknowledged: WriteSet::EMPTY,
            failed: WriteSet::EMPTY,
            past: alloc::vec![WriteSet::EMPTY; scenario.writes.len()],
            acked_by: alloc::vec![NodeSet::EMPTY; scenario.writes.len()],
            dots: alloc::vec![Vec::new(); scenario.writes.len()],
            read: alloc::vec![WriteSet::EMPTY; keys],
            clients: alloc::vec![ghost; scenario.clients.len()],
            sibling_lost: false,
            deletes_held: alloc::vec![WriteSet::EMPTY; scenario.cluster.nodes().len()],
            reaped: WriteSet::EMPTY,
            hint_dropped: false,
            hint_lost: false,
            resolved_at_limit: false,
            resolving_refused: false,
            read_begun: false,
            accounts: None,
            incidents: alloc::vec![0; scenario.cluster.nodes().len()],
        }
    }

    /// Whether this history is the other one, only that more writes may be acknowledged in it, reads obliged
    /// to more and judged worse. Whatever promise is broken after the other one is broken after this one.
    #[must_use]
    pub fn obliges_as_much_as(&self, other: &History) -> bool {
        let without_clients = |history: &History| History {
            clients: Vec::new(),
            acknowledged: WriteSet::EMPTY,
            ..history.clone()
        };
        without_clients(self) == without_clients(other)
            && other.acknowledged.is_subset(self.acknowledged)
            && self.clients.len() == other.clients.len()
            && self
                .clients
                .iter()
                .zip(&other.clients)
                .all(|(one, other)| one.obliges_as_much_as(other))
    }

    /// How often this node had reason to add an entry to version vectors; nodes are counted from zero.
    #[must_use]
    pub fn incidents_of(&self, node: usize) -> usize {
        usize::from(self.incidents[node])
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

    /// Everything the writer of this write had seen.
    #[must_use]
    pub fn past(&self, write: usize) -> WriteSet {
        self.past[write]
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

    /// How every client's last read was judged.
    pub fn judged(&self) -> impl Iterator<Item = &Judged> {
        self.clients.iter().map(|client| &client.judged)
    }

    /// Whether some step dropped a version that nothing which stayed had seen.
    #[must_use]
    pub fn sibling_lost(&self) -> bool {
        self.sibling_lost
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

    /// Whether some read began, and is not followed by its client's next operation, while a write
    /// was under way.
    #[must_use]
    pub fn read_overlapped_a_write(&self) -> bool {
        self.clients.iter().any(|client| {
            let Judged { saw_overlapping, missed_overlapping, .. } = client.judged;
            !client.obligation.under_way.is_empty() || saw_overlapping || missed_overlapping
        })
    }

    /// A client's last read, where accounts are kept.
    #[must_use]
    pub fn read_account(&self, client: usize) -> Option<&ReadAccount> {
        self.accounts.as_ref()?.reads.get(client)?.as_ref()
    }

    /// The first version that a step dropped wrongly, where accounts are kept.
    #[must_use]
    pub fn sibling_account(&self) -> Option<&DropAccount> {
        self.accounts.as_ref()?.sibling.as_ref()
    }

    /// The first hint that was dropped too early, where accounts are kept.
    #[must_use]
    pub fn hint_account(&self) -> Option<&DropAccount> {
        self.accounts.as_ref()?.hint.as_ref()
    }

    /// How this client's last read was judged.
    #[must_use]
    pub fn judged_of(&self, client: usize) -> &Judged {
        &self.clients[client].judged
    }

    /// Whether some node has held an acknowledged delete that covers a write.
    #[must_use]
    pub fn covering_delete_held(&self) -> bool {
        self.deletes_held.iter().any(|held| {
            let acknowledged = held.intersection(self.acknowledged);
            acknowledged.iter().any(|delete| !self.past[delete].is_empty())
        })
    }

    /// The deletes that a node has held or seen since it last lost its disk; nodes are counted
    /// from zero.
    #[must_use]
    pub fn deletes_held_by(&self, node: usize) -> WriteSet {
        self.deletes_held[node]
    }

    /// Whether a hint was dropped while nobody else held what it said.
    #[must_use]
    pub fn hint_lost(&self) -> bool {
        self.hint_lost
    }

    /// Whether a hint was dropped.
    #[must_use]
    pub fn hint_dropped(&self) -> bool {
        self.hint_dropped
    }

    /// Whether a put that covers all that its coordinator held was taken in where the key had as many
    /// versions as it may.
    #[must_use]
    pub fn resolved_at_limit(&self) -> bool {
        self.resolved_at_limit
    }

    /// Whether a put that covers all that its coordinator held was refused for what the record held.
    #[must_use]
    pub fn resolving_refused(&self) -> bool {
        self.resolving_refused
    }

    /// The first put that was refused so, where accounts are kept: its coordinator, and the write.
    #[must_use]
    pub fn refusal_account(&self) -> Option<(NodeId, usize)> {
        self.accounts.as_ref()?.refused
    }

    /// These writes and everything their writers had seen.
    #[must_use]
    pub fn closure(&self, writes: WriteSet) -> WriteSet {
        writes.iter().fold(writes, |all, write| all.union(self.past[write]))
    }
}
