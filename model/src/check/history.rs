//! Ghost history: what clients asked for and saw, kept beside the protocol and never shown to it.
//!
//! Every value names its write, so that what a read returned says which writes its reader has
//! now seen. The judgements here look at that alone, never at the implementation's clocks.
//!
//! History is part of the global state, so it keeps no more than the judged properties need: a
//! fact that no property asks for would only tell states apart that behave alike.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::resolving::Resolving;
use super::write_set::WriteSet;
use crate::ids::{Key, NodeId, NodeSet};
use crate::protocol::Outcome;
use crate::scenario::{PlannedAction, Scenario};
use crate::versions::{Dot, Record};

/// Which facts the judged properties need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watch {
    /// Which writes each read must see: `read-freshness`.
    pub freshness: bool,
    /// What earlier reads saw: `monotonic-reads`.
    pub monotonic: bool,
    /// Which writes are the reader's own: `read-your-writes`.
    pub own_writes: bool,
    /// Who acknowledged each write: `quorum-overlap` and shared replicas.
    pub acked_by: bool,
    /// Which writes were answered `Unavailable`.
    pub failed: bool,
    /// Under which dot each write was minted: `unique-dots`.
    pub dots: bool,
    /// Which writes were under way when each read began.
    pub overlapping: bool,
    /// Which deletes each node has held: `no-resurrection`.
    pub deletes: bool,
    /// Which deletes were reaped: whatever asks whether a write is still there.
    pub reaped: bool,
    /// Whether hints that were dropped were safe: `hint-safety`.
    pub hints: bool,
    /// What reads were obliged to and returned, for sentences that say why a property is violated.
    /// Never kept in a search, where it would tell states apart that behave alike.
    pub accounts: bool,
    /// How often each node had reason to take a fresh incarnation: `entries-bounded`.
    pub incidents: bool,
    /// What came of puts that resolve a key which has reached a limit: `key-resolvable`.
    pub resolving: bool,
}

impl Watch {
    /// Everything, for the replay of a running cluster, where states are not compared.
    pub const ALL: Watch = Watch {
        freshness: true,
        monotonic: true,
        own_writes: true,
        acked_by: true,
        failed: true,
        dots: true,
        overlapping: true,
        deletes: true,
        reaped: true,
        hints: true,
        accounts: false,
        incidents: true,
        resolving: true,
    };

    /// Nothing.
    pub const NOTHING: Watch = Watch {
        freshness: false,
        monotonic: false,
        own_writes: false,
        acked_by: false,
        failed: false,
        dots: false,
        overlapping: false,
        deletes: false,
        reaped: false,
        hints: false,
        incidents: false,
        resolving: false,
        accounts: false,
    };

    /// What either of the two asks for.
    #[must_use]
    pub fn union(self, other: Watch) -> Watch {
        Watch {
            freshness: self.freshness || other.freshness,
            monotonic: self.monotonic || other.monotonic,
            own_writes: self.own_writes || other.own_writes,
            acked_by: self.acked_by || other.acked_by,
            failed: self.failed || other.failed,
            dots: self.dots || other.dots,
            overlapping: self.overlapping || other.overlapping,
            deletes: self.deletes || other.deletes,
            reaped: self.reaped || other.reaped,
            hints: self.hints || other.hints,
            incidents: self.incidents || other.incidents,
            resolving: self.resolving || other.resolving,
            accounts: self.accounts || other.accounts,
        }
    }

    /// Whether it matters which nodes acknowledged a write, or that none did: whom an answer comes
    /// from, and when, and not only what it says.
    #[must_use]
    pub fn asks_who_acknowledged(self) -> bool {
        self.acked_by || self.failed || self.overlapping
    }
}

/// What a judgement came to.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub enum Judgement {
    /// Nothing obliged this read: the property says nothing about it.
    #[default]
    NotObliged,
    /// The read was obliged and met the obligation: a witness against vacuity.
    Met,
    /// The read broke the obligation.
    Broken,
}

impl Judgement {
    fn of(obliged: bool, met: bool) -> Self {
        match (obliged, met) {
            (false, _) => Judgement::NotObliged,
            (true, true) => Judgement::Met,
            (true, false) => Judgement::Broken,
        }
    }
}

/// How a client's last read was judged. It stands until the client's next operation starts.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Judged {
    /// It was answered.
    pub answered: bool,
    /// It was not: too few replied, or nobody did.
    pub unavailable: bool,
    /// It returned every write acknowledged before it began, or something that had seen it.
    pub freshness: Judgement,
    /// It returned everything that reads finished before it began had returned.
    pub monotonic: Judgement,
    /// It returned every write of its own client acknowledged before.
    pub own_writes: Judgement,
    /// Those who replied met those who acknowledged every earlier write.
    pub overlap: Judgement,
    /// It did not return a write that had been answered `Unavailable` before it began.
    pub failed_invisible: Judgement,
    /// It did not return what a delete that was acknowledged before it began had covered, and that
    /// no node holds any more.
    pub resurrection: Judgement,
    /// It overlapped an unacknowledged write and returned it.
    pub saw_overlapping: bool,
    /// It overlapped an unacknowledged write and did not return it.
    pub missed_overlapping: bool,
}

/// What a read in progress is obliged to, fixed when it began.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Obligation {
    /// Writes that were acknowledged.
    pub acknowledged: WriteSet,
    /// Those of them that are the reader's own.
    pub own: WriteSet,
    /// What reads had returned.
    pub seen_by_reads: WriteSet,
    /// Writes that had been answered `Unavailable`.
    pub failed: WriteSet,
    /// Writes that were under way.
    pub under_way: WriteSet,
    /// Deletes that were acknowledged.
    pub deletes: WriteSet,
}

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

impl Judged {
    fn is_no_better_than(&self, other: &Judged) -> bool {
        let alike = |judged: &Judged| Judged {
            freshness: Judgement::default(),
            monotonic: Judgement::default(),
            own_writes: Judgement::default(),
            overlap: Judgement::default(),
            failed_invisible: Judgement::default(),
            resurrection: Judgement::default(),
            ..*judged
        };
        let judgements = |judged: &Judged| {
            let Judged { freshness, monotonic, own_writes, overlap, .. } = *judged;
            [
                freshness,
                monotonic,
                own_writes,
                overlap,
                judged.failed_invisible,
                judged.resurrection,
            ]
        };
        // What was met may be broken, and what was not put to the test may be either.
        alike(self) == alike(other)
            && judgements(self).iter().zip(judgements(other)).all(|(one, other)| {
                *one == other || *one == Judgement::Broken || other == Judgement::default()
            })
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

/// Writes the history as things happen. Borrows what never changes.
#[derive(Clone, Debug)]
pub struct Historian {
    keys: Vec<Key>,
    /// Per key: the writes that can happen to it.
    writes_of: Vec<WriteSet>,
    /// Per client: the writes it can make.
    writes_by: Vec<WriteSet>,
    /// The writes that have no value.
    deletes: WriteSet,
    watch: Watch,
}

impl Historian {
    /// A historian for this scenario who keeps what `watch` asks for.
    #[must_use]
    pub fn new(scenario: &Scenario, watch: Watch) -> Self {
        let keys = scenario.keys();
        let select = |wanted: &dyn Fn(usize) -> bool| -> WriteSet {
            (0..scenario.writes.len()).filter(|write| wanted(*write)).collect()
        };
        let writes_of =
            keys.iter().map(|key| select(&|write| scenario.writes[write].key == *key)).collect();
        let writes_by = scenario
            .clients
            .iter()
            .map(|client| select(&|write| scenario.writes[write].client == client.id))
            .collect();
        let deletes = select(&|write| scenario.writes[write].value.is_none());
        Historian { keys, writes_of, writes_by, deletes, watch }
    }

    /// Every key of the scenario, in order.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn key_index(&self, key: &Key) -> usize {
        self.keys.binary_search(key).expect("the scenario's keys are known")
    }

    /// A client starts the operation at this position of its program.
    pub fn on_invoke(
        &self,
        scenario: &Scenario,
        history: &mut History,
        client: usize,
        operation: usize,
    ) {
        let planned = &scenario.clients[client].operations[operation];
        let key = self.key_index(&planned.key);
        history.clients[client].judged = Judged::default();
        if let Some(accounts) = self.accounts(history) {
            accounts.reads[client] = None;
        }
        match planned.action {
            PlannedAction::Put { write, with_context } => {
                history.invoked.insert(write);
                if with_context {
                    history.past[write] = history.clients[client].seen[key];
                }
            }
            PlannedAction::Get => {
                let only = |wanted: bool, set: WriteSet| {
                    if wanted { set.intersection(self.writes_of[key]) } else { WriteSet::EMPTY }
                };
                history.read_begun = true;
                let own = history.acknowledged.intersection(self.writes_by[client]);
                let ended = history.acknowledged.union(history.failed);
                let under_way = history.invoked.without(ended);
                history.clients[client].obligation = Obligation {
                    acknowledged: only(
                        self.watch.freshness || self.watch.acked_by,
                        history.acknowledged,
                    ),
                    own: only(self.watch.own_writes, own),
                    seen_by_reads: only(self.watch.monotonic, history.read[key]),
                    failed: only(self.watch.failed, history.failed),
                    under_way: only(self.watch.overlapping, under_way),
                    deletes: only(
                        self.watch.deletes,
                        history.acknowledged.intersection(self.deletes),
                    ),
                };
            }
        }
        self.forget(scenario, history, client, operation + 1);
    }

    /// A client's operation ended.
    pub fn on_outcome(
        &self,
        scenario: &Scenario,
        history: &mut History,
        client: usize,
        operation: usize,
        outcome: &Outcome,
    ) {
        let planned = &scenario.clients[client].operations[operation];
        match (&planned.action, outcome) {
            (PlannedAction::Put { write, .. }, Outcome::PutOk { acked }) => {
                history.acknowledged.insert(*write);
                if self.watch.acked_by {
                    history.acked_by[*write] = *acked;
                }
            }
            (
                PlannedAction::Put { write, .. },
                Outcome::PutUnavailable { .. } | Outcome::NoAnswer,
            ) if self.watch.failed || self.watch.overlapping => {
                history.failed.insert(*write);
            }
            (PlannedAction::Get, Outcome::GetOk { state, replied }) => {
                let key = self.key_index(&planned.key);
                let named = state
                    .as_ref()
                    .map_or(WriteSet::EMPTY, |state| self.named(scenario, history, state));
                let returned = history.closure(named);
                self.judge(history, client, named, *replied);
                let obligation = history.clients[client].obligation;
                if let Some(accounts) = self.accounts(history) {
                    let (returned, replied) = (named, *replied);
                    let account = ReadAccount { operation, obligation, returned, replied };
                    accounts.reads[client] = Some(account);
                }
                if self.watch.monotonic {
                    history.read[key] = history.read[key].union(returned);
                }
                history.clients[client].seen[key] = returned;
            }
            (PlannedAction::Get, Outcome::GetUnavailable { .. } | Outcome::NoAnswer) => {
                history.clients[client].judged.unavailable = true;
            }
            _ => {}
        }
        history.clients[client].obligation = Obligation::default();
        self.forget(scenario, history, client, operation + 1);
    }

    fn judge(&self, history: &mut History, client: usize, named: WriteSet, replied: NodeSet) {
        let obligation = history.clients[client].obligation;
        let returned = history.closure(named);
        let covers = |set: WriteSet| {
            let missing = self.missing(history, set, named);
            Judgement::of(!set.is_empty(), missing.is_empty())
        };
        let mut judged = Judged {
            answered: true,
            own_writes: covers(obligation.own),
            monotonic: covers(obligation.seen_by_reads),
            ..Judged::default()
        };
        if self.watch.freshness {
            judged.freshness = covers(obligation.acknowledged);
        }
        if self.watch.acked_by {
            let meet = |write: usize| !history.acked_by[write].intersection(replied).is_empty();
            judged.overlap = Judgement::of(
                !obligation.acknowledged.is_empty(),
                obligation.acknowledged.iter().all(meet),
            );
        }
        if self.watch.failed {
            judged.failed_invisible = Judgement::of(
                !obligation.failed.is_empty(),
                obligation.failed.intersection(returned).is_empty(),
            );
        }
        if self.watch.overlapping {
            let saw = !obligation.under_way.intersection(returned).is_empty();
            judged.saw_overlapping = saw;
            judged.missed_overlapping = !obligation.under_way.is_subset(returned);
        }
        if self.watch.deletes {
            let undone = self.undone(history, obligation.deletes, named);
            let covers = |delete: usize| !history.past[delete].is_empty();
            // Until it is known that somebody holds what was undone.
            judged.resurrection =
                Judgement::of(obligation.deletes.iter().any(covers), undone.is_empty());
            history.clients[client].undone = undone;
        }
        history.clients[client].judged = judged;
    }

    /// Which of these writes a read that returned `named` missed: neither returned, nor seen by what
    /// is, nor gone with a delete that was reaped and that the read does not contradict. Where
    /// tombstones are reaped, finding nothing says the same as finding the delete.
    #[must_use]
    pub fn missing(&self, history: &History, writes: WriteSet, named: WriteSet) -> WriteSet {
        let returned = history.closure(named);
        let undone = self.undone(history, history.reaped, named);
        let is_gone = |write: usize| {
            let mut reaped = history.reaped.iter().filter(|delete| !undone.contains(*delete));
            reaped.any(|delete| delete == write || history.past[delete].contains(write))
        };
        writes.without(returned).iter().filter(|write| !is_gone(*write)).collect()
    }

    /// Which of these deletes are undone by a state that names these writes: it has a value that the
    /// delete covered.
    #[must_use]
    pub fn undone(&self, history: &History, deletes: WriteSet, named: WriteSet) -> WriteSet {
        deletes.iter().filter(|delete| !self.covered(history, *delete, named).is_empty()).collect()
    }

    /// Which of the values that a state names a delete had covered.
    #[must_use]
    pub fn covered(&self, history: &History, delete: usize, named: WriteSet) -> WriteSet {
        named.without(self.deletes).intersection(history.past[delete])
    }

    /// The deletes that reads which have just ended undid, if any did: somebody must say who holds
    /// them, by [`Historian::on_undone`].
    #[must_use]
    pub fn undone_by_reads(&self, history: &History) -> bool {
        history.clients.iter().any(|client| !client.undone.is_empty())
    }

    /// Judges reads that returned what a delete had covered: a read that is merely stale is no
    /// resurrection, as long as somebody holds the delete.
    pub fn on_undone(&self, history: &mut History, held: WriteSet) {
        for client in &mut history.clients {
            if !client.undone.is_empty() {
                client.judged.resurrection = Judgement::of(true, client.undone.is_subset(held));
                client.undone = WriteSet::EMPTY;
            }
        }
    }

    /// What is kept for explanations, if anybody wants them.
    fn accounts<'a>(&self, history: &'a mut History) -> Option<&'a mut Accounts> {
        if !self.watch.accounts {
            return None;
        }
        let clients = history.clients.len();
        Some(history.accounts.get_or_insert_with(|| {
            Box::new(Accounts { reads: alloc::vec![None; clients], ..Accounts::default() })
        }))
    }

    /// Forgets what a client has seen of keys that none of its later writes carries a context of.
    fn forget(&self, scenario: &Scenario, history: &mut History, client: usize, next: usize) {
        let rest = &scenario.clients[client].operations[next..];
        for (key, seen) in self.keys.iter().zip(&mut history.clients[client].seen) {
            let needed = rest
                .iter()
                .filter(|operation| operation.key == *key)
                .map(|operation| &operation.action)
                .take_while(|action| **action != PlannedAction::Get)
                .any(|action| matches!(action, PlannedAction::Put { with_context: true, .. }));
            if !needed {
                *seen = WriteSet::EMPTY;
            }
        }
    }

    /// The writes whose versions a node lost and should have kept when its record of a key went from
    /// `before` to `after` in one step, into which a message brought `carried`, and in which
    /// `minted` was written: everything that came in must be there still, or have been seen by
    /// something that is.
    #[must_use]
    pub fn lost_siblings(
        &self,
        scenario: &Scenario,
        history: &History,
        came: [Option<&Record>; 2],
        minted: Option<usize>,
        after: &Record,
    ) -> WriteSet {
        let stays = history.closure(self.named(scenario, history, after));
        let came = came.iter().flatten().map(|record| self.named(scenario, history, record));
        let came = came.fold(minted.into_iter().collect(), WriteSet::union);
        came.without(stays)
    }

    /// Notes which deletes a node holds of a key now.
    pub fn on_held(&self, scenario: &Scenario, history: &mut History, node: NodeId, held: &Record) {
        if !self.watch.deletes {
            return;
        }
        let seen = history.closure(self.named(scenario, history, held));
        let deletes = seen.intersection(self.deletes);
        let held = &mut history.deletes_held[node.index()];
        *held = held.union(deletes);
    }

    /// A node reaped a tombstone: what it held of the key until then is gone by agreement, or by age.
    pub fn on_reaped(&self, scenario: &Scenario, history: &mut History, held: &Record) {
        if self.watch.reaped {
            let named = self.named(scenario, history, held);
            history.reaped = history.reaped.union(named.intersection(self.deletes));
        }
    }

    /// A node lost what it held: it owes nothing for it.
    pub fn on_disk_lost(&self, history: &mut History, node: NodeId) {
        history.deletes_held[node.index()] = WriteSet::EMPTY;
        self.on_incident(history, node);
    }

    /// A node had reason to name what it writes as it never did before.
    pub fn on_incident(&self, history: &mut History, node: NodeId) {
        if self.watch.incidents {
            let incidents = &mut history.incidents[node.index()];
            *incidents = incidents.saturating_add(1);
        }
    }

    /// A node dropped a hint that named these writes, safely or not.
    pub fn on_hint_dropped(
        &self,
        history: &mut History,
        node: NodeId,
        writes: WriteSet,
        is_safe: bool,
    ) {
        history.hint_dropped = true;
        if is_safe {
            return;
        }
        history.hint_lost = true;
        if let Some(accounts) = self.accounts(history) {
            accounts.hint.get_or_insert(DropAccount { node, writes });
        }
    }

    /// A put that covers all that its coordinator held met a limit of the record.
    pub(crate) fn on_resolving(
        &self,
        history: &mut History,
        node: NodeId,
        write: usize,
        came: Resolving,
    ) {
        if !self.watch.resolving {
            return;
        }
        match came {
            Resolving::LetThrough => history.resolved_at_limit = true,
            Resolving::Refused => {
                history.resolving_refused = true;
                if let Some(accounts) = self.accounts(history) {
                    accounts.refused.get_or_insert((node, write));
                }
            }
        }
    }

    /// Notes that some step of a node lost the versions of these writes.
    pub fn on_sibling_lost(&self, history: &mut History, node: NodeId, writes: WriteSet) {
        history.sibling_lost = true;
        if let Some(accounts) = self.accounts(history) {
            accounts.sibling.get_or_insert(DropAccount { node, writes });
        }
    }

    /// Tells what the writer of a write had seen, where that is known otherwise than by the
    /// writer's own last read.
    pub fn on_context(&self, history: &mut History, write: usize, seen: WriteSet) {
        history.past[write] = seen;
    }

    /// Whether [`Historian::on_mint`] would note anything about this write.
    #[must_use]
    pub fn notes_mint_of(&self, scenario: &Scenario, write: usize) -> bool {
        // A tombstone has no value to name its write: only the dot does.
        self.watch.dots || scenario.writes[write].value.is_none()
    }

    /// A coordinator minted this dot for this write.
    pub fn on_mint(&self, history: &mut History, write: usize, dot: Dot) {
        let dots = &mut history.dots[write];
        if !dots.contains(&dot) {
            dots.push(dot);
            dots.sort();
        }
    }

    /// The writes that the versions of a record name: by value, or for a tombstone, which has
    /// none, by the dot the ghost saw it minted under.
    #[must_use]
    pub fn named(&self, scenario: &Scenario, history: &History, record: &Record) -> WriteSet {
        let mut named = WriteSet::EMPTY;
        for (dot, value) in record.versions() {
            let write = match value {
                Some(_) => scenario.writes.iter().position(|write| write.value.as_ref() == value),
                None => scenario
                    .writes
                    .iter()
                    .zip(&history.dots)
                    .position(|(write, dots)| write.value.is_none() && dots.contains(&dot)),
            };
            if let Some(write) = write {
                named.insert(write);
            }
        }
        named
    }
}
