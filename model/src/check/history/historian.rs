//! Who writes history: what each thing that happens adds to it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Accounts, DropAccount, History, Judged, Judgement, Obligation, ReadAccount, Watch};
use crate::check::resolving::Resolving;
use crate::check::write_set::WriteSet;
use crate::ids::{Key, NodeId, NodeSet};
use crate::protocol::Outcome;
use crate::scenario::{PlannedAction, Scenario};
use crate::versions::{Dot, Record};

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
