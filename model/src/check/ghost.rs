//! The ghost: takes note, in the history that is part of every state, of what happens in a search.
//!
//! What it writes depends on the history before and on what happened, so it is remembered (see
//! [`quorate_checker::memo`]), for all searches of one model.

use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_checker::Shared;
use quorate_checker::memo::{self, Fingerprint, Memo};
use quorate_checker::world::Counters;

use super::facts::{Fact, Touched};
use super::history::{Historian, History, Watch};
use super::leaderless::Leaderless;
use super::state::{ClusterState, NodeState};
use super::write_set::WriteSet;
use crate::ids::{ClientId, NodeId};
use crate::scenario::Scenario;
use crate::versions::Record;

/// Takes note of what happens.
#[derive(Clone)]
pub(crate) struct Ghost {
    scenario: Arc<Scenario>,
    historian: Historian,
    judges_hints: bool,
    memos: Arc<Memos>,
}

/// What was written before.
#[derive(Debug, Default)]
struct Memos {
    notes: Memo<Shared<History>, Shared<Vec<Fact>>, Shared<History>>,
    starts: Memo<Shared<History>, Start, Shared<History>>,
}

/// A client's operation, whose start is noted.
#[derive(Clone, PartialEq, Hash, Debug)]
struct Start {
    client: usize,
    operation: usize,
}

impl Fingerprint for Start {
    fn fingerprint(&self) -> u64 {
        memo::fingerprint_of(self)
    }
}

impl Ghost {
    /// The ghost of searches of this scenario, which notes what is watched.
    pub(crate) fn new(scenario: Arc<Scenario>, watch: Watch) -> Ghost {
        let historian = Historian::new(&scenario, watch);
        Ghost { scenario, historian, judges_hints: watch.hints, memos: Arc::default() }
    }

    /// What it writes with, and what reads it.
    pub(crate) fn historian(&self) -> &Historian {
        &self.historian
    }

    /// The history before anything happened.
    pub(crate) fn blank(&self) -> History {
        History::new(&self.scenario, self.historian.keys().len())
    }

    /// Takes note that a client starts the next operation of its program.
    pub(crate) fn on_invoke(&self, state: &mut ClusterState, client: ClientId) {
        let Some(operation) = state.client(client).map(|client| client.next) else { return };
        let client = client.0 as usize;
        let (before, start) = (state.history.clone(), Start { client, operation });
        let write = || {
            let mut history = (*before).clone();
            self.historian.on_invoke(&self.scenario, &mut history, client, operation);
            Shared::new(history)
        };
        let history = &mut state.history;
        self.memos.starts.with(&before, &start, write, |after| *history = after.clone());
    }

    /// Takes note that what a node held is gone: it owes nothing for it any more.
    pub(crate) fn on_disk_lost(&self, state: &mut ClusterState, node: NodeId) {
        let mut history = (*state.history).clone();
        self.historian.on_disk_lost(&mut history, node);
        state.history = Shared::new(history);
    }

    /// Takes note of what happened in one step of an actor.
    pub(crate) fn note(
        &self,
        state: &mut ClusterState,
        facts: &Shared<Vec<Fact>>,
        counters: &Counters<Leaderless>,
    ) {
        let before = state.history.clone();
        let write = || {
            let mut after = (*before).clone();
            for fact in &**facts {
                self.note_fact(&mut after, fact, counters);
            }
            // The same history is the same pointer, which is the cheapest to compare.
            if after == *before { before.clone() } else { Shared::new(after) }
        };
        let history = &mut state.history;
        self.memos.notes.with(&before, facts, write, |after| *history = after.clone());
        if self.judges_hints {
            self.judge_hints(state, facts);
        }
        if self.historian.undone_by_reads(&state.history) {
            self.judge_undone(state);
        }
    }

    fn note_fact(&self, history: &mut History, fact: &Fact, counters: &Counters<Leaderless>) {
        let (scenario, historian) = (&*self.scenario, &self.historian);
        match fact {
            Fact::Outcome { client, operation, outcome } => {
                historian.on_outcome(scenario, history, *client, *operation, outcome);
            }
            Fact::Record(touched) | Fact::Hint(touched) => {
                let Touched { node, came, minted, after, .. } = touched;
                counters.saw(after.versions().count());
                if let Some((write, Some(dot))) = minted
                    && historian.notes_mint_of(scenario, *write)
                {
                    historian.on_mint(history, *write, *dot);
                }
                let came = [came[0].as_deref(), came[1].as_deref()];
                let minted = minted.map(|(write, _)| write);
                let lost = historian.lost_siblings(scenario, history, came, minted, after);
                if !lost.is_empty() {
                    historian.on_sibling_lost(history, *node, lost);
                }
                if let Fact::Record(_) = fact {
                    historian.on_held(scenario, history, *node, after);
                }
            }
            Fact::Reaped { before, .. } => historian.on_reaped(scenario, history, before),
            Fact::Incident { node } => historian.on_incident(history, *node),
            Fact::Resolving { node, write, came, .. } => {
                historian.on_resolving(history, *node, *write, *came);
            }
            Fact::HintDropped { .. } => {}
        }
    }

    /// Judges reads that have just returned what a delete had covered: whether any node holds that
    /// delete still, on its disk.
    fn judge_undone(&self, state: &mut ClusterState) {
        let (scenario, history) = (&*self.scenario, &*state.history);
        let mut held = WriteSet::EMPTY;
        for node in state.nodes() {
            let entries = node.durable().entries().map(|(_, entry)| &*entry.state);
            let hints = node.durable().hints().map(|(_, _, state)| &**state);
            for record in entries.chain(hints) {
                held = held.union(self.historian.named(scenario, history, record));
            }
        }
        let held = history.closure(held);
        let mut history = (*state.history).clone();
        self.historian.on_undone(&mut history, held);
        state.history = Shared::new(history);
    }

    /// Judges every hint that was dropped: some node must hold, on its disk, all that it said.
    fn judge_hints(&self, state: &mut ClusterState, facts: &[Fact]) {
        for fact in facts {
            let Fact::HintDropped { node, key, state: dropped } = fact else { continue };
            let (scenario, history) = (&*self.scenario, &state.history);
            let named =
                |record: &Record| history.closure(self.historian.named(scenario, history, record));
            let wanted = self.historian.named(scenario, history, dropped);
            let holds = |node: &NodeState| {
                let store = node.durable();
                let hints = store.hints().filter(|(_, of, _)| *of == key);
                let hinted = hints.map(|(_, _, state)| named(state));
                let held = store.get(key).map(|entry| named(&entry.state));
                hinted.chain(held).any(|held| wanted.is_subset(held))
            };
            let is_safe = state.nodes().any(holds);
            let mut history = (*state.history).clone();
            self.historian.on_hint_dropped(&mut history, *node, wanted, is_safe);
            if history != *state.history {
                state.history = Shared::new(history);
            }
        }
    }
}
