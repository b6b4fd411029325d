//! Who writes history: what each fact adds to it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Base, Happening, History, LastRead, Ledger, Read, Watch};
use crate::check::facts::{Fact, Touched};
use crate::check::property::{Memories, Nodes, PropertySpec};
use crate::check::write_set::WriteSet;
use crate::deviation::Deviation;
use crate::ids::{Key, NodeId};
use crate::protocol::Outcome;
use crate::scenario::{PlannedAction, Scenario};
use crate::versions::Record;

/// Writes the history as things happen. Holds what never changes.
#[derive(Clone, Debug)]
pub struct Historian {
    scenario: Arc<Scenario>,
    keys: Vec<Key>,
    /// Per key: the writes that can happen to it.
    writes_of: Vec<WriteSet>,
    /// Per client: the writes it can make.
    writes_by: Vec<WriteSet>,
    /// The writes that have no value.
    deletes: WriteSet,
    judged: Vec<&'static PropertySpec>,
    watch: Watch,
    explains: bool,
}

impl Historian {
    /// A historian for this scenario who keeps what these properties need.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>, judged: &[&'static PropertySpec]) -> Self {
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
        let (judged, watch) = (judged.to_vec(), PropertySpec::watch(judged));
        let explains = false;
        Historian { keys, writes_of, writes_by, deletes, judged, watch, explains, scenario }
    }

    /// One who also keeps what explanations need. Never in a search, where it would tell states apart
    /// that behave alike.
    #[must_use]
    pub fn explaining(self) -> Self {
        Historian { explains: true, ..self }
    }

    /// The history before anything happened.
    #[must_use]
    pub fn blank(&self) -> History {
        let memories = Memories::blank(self, &self.judged);
        History { ledger: Ledger::blank(self), memories }
    }

    /// What clients plan to do.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Every key of the scenario, in order.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The writes that can happen to the key at this position.
    #[must_use]
    pub fn writes_of(&self, key: usize) -> WriteSet {
        self.writes_of[key]
    }

    /// The writes that the client at this position can make.
    #[must_use]
    pub fn writes_by(&self, client: usize) -> WriteSet {
        self.writes_by[client]
    }

    /// The writes that have no value.
    #[must_use]
    pub fn deletes(&self) -> WriteSet {
        self.deletes
    }

    /// What the judged properties look at that they share.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch
    }

    /// Whether it keeps what explanations need.
    #[must_use]
    pub fn explains(&self) -> bool {
        self.explains
    }

    /// Takes note of a fact: the ledger first, then what each property remembers. Says what happened
    /// in terms of writes.
    pub(crate) fn note<'a>(&self, history: &mut History, fact: &'a Fact) -> Option<Happening<'a>> {
        let happening = self.enter(&mut history.ledger, fact)?;
        let base = Base { historian: self, ledger: &history.ledger };
        history.memories.note(base, &happening);
        Some(happening)
    }

    /// Whether some property waits to be told what the nodes hold now, by [`Historian::ask`].
    pub(crate) fn has_questions(&self, history: &History) -> bool {
        history.memories.have_questions()
    }

    /// Answers what properties ask about all that the nodes hold after a step.
    pub(crate) fn ask(&self, history: &mut History, nodes: &dyn Nodes) {
        let base = Base { historian: self, ledger: &history.ledger };
        history.memories.ask(base, nodes);
    }

    /// Tells what the writer of a write had seen, where that is known otherwise than by the
    /// writer's own last read.
    pub(crate) fn set_past(&self, history: &mut History, write: usize, seen: WriteSet) {
        history.ledger.set_past(write, seen);
    }

    /// Enters a fact into the ledger, and says what happened in terms of writes.
    fn enter<'a>(&self, ledger: &mut Ledger, fact: &'a Fact) -> Option<Happening<'a>> {
        Some(match fact {
            Fact::Invoked { client, operation } => self.enter_start(ledger, *client, *operation),
            Fact::Outcome { client, operation, outcome } => {
                self.enter_outcome(ledger, *client, *operation, outcome)
            }
            Fact::Record(touched) => {
                self.enter_minted(ledger, touched);
                if self.watch.deletes {
                    self.enter_held(ledger, touched.node, &touched.key, &touched.after);
                }
                Happening::Touched(touched)
            }
            Fact::Hint(touched) => {
                self.enter_minted(ledger, touched);
                Happening::Touched(touched)
            }
            Fact::HintDropped { node, key, state } => {
                let named = Base { historian: self, ledger }.named(key, state);
                Happening::HintDropped { node: *node, key, named }
            }
            Fact::Reaped { key, before } => {
                if !self.watch.reaped {
                    return None;
                }
                let named = Base { historian: self, ledger }.named(key, before);
                ledger.reap(named.intersection(self.deletes));
                Happening::Reaped
            }
            Fact::Incident { node } => Happening::Incident { node: *node },
            Fact::DiskReplaced { node, holds } => {
                ledger.replace_disk(*node);
                if self.watch.deletes {
                    let holds = holds.iter();
                    holds.for_each(|(key, state)| self.enter_held(ledger, *node, key, state));
                }
                Happening::DiskReplaced { node: *node }
            }
            Fact::Resolving { node, write, came, .. } => {
                Happening::Resolving { node: *node, write: *write, came: *came }
            }
        })
    }

    fn enter_start<'a>(
        &self,
        ledger: &mut Ledger,
        client: usize,
        operation: usize,
    ) -> Happening<'a> {
        let planned = &self.scenario.clients[client].operations[operation];
        let key = self.key_index(&planned.key);
        let happening = match planned.action {
            PlannedAction::Put { write, with_context } => {
                ledger.begin_write(client, write, with_context.then_some(key));
                Happening::WriteBegan { client }
            }
            PlannedAction::Get => {
                ledger.begin_read(client);
                Happening::ReadBegan { client, key }
            }
        };
        self.forget_seen(ledger, client, operation + 1);
        happening
    }

    fn enter_outcome<'a>(
        &self,
        ledger: &mut Ledger,
        client: usize,
        operation: usize,
        outcome: &'a Outcome,
    ) -> Happening<'a> {
        let planned = &self.scenario.clients[client].operations[operation];
        let happening = match (&planned.action, outcome) {
            (PlannedAction::Put { write, .. }, Outcome::PutOk { acked }) => {
                ledger.acknowledge(*write, *acked);
                let key = self.key_index(&planned.key);
                Happening::WriteAcknowledged { client, key, write: *write }
            }
            (
                PlannedAction::Put { write, .. },
                Outcome::PutUnavailable { .. } | Outcome::NoAnswer,
            ) => {
                if self.watch.failed || self.watch.overlapping {
                    ledger.fail(*write);
                }
                Happening::EndedOtherwise { client }
            }
            (PlannedAction::Put { write, .. }, Outcome::Refused(refusal)) => {
                if self.watch.overlapping {
                    ledger.refuse(*write);
                }
                let trusts = self.scenario.cluster.deviates(Deviation::TrustsRefusals);
                let is_certain = trusts || refusal.is_of_request();
                Happening::WriteRefused { client, write: *write, is_certain }
            }
            (PlannedAction::Get, Outcome::GetOk { state, replied }) => {
                let (key, replied) = (self.key_index(&planned.key), *replied);
                let base = Base { historian: self, ledger };
                let named = |state| base.named(&planned.key, state);
                let named = state.as_deref().map_or(WriteSet::EMPTY, named);
                ledger.end_read(client, key, LastRead { operation, returned: named, replied });
                let returned = ledger.closure(named);
                let state = state.as_deref();
                Happening::ReadAnswered(Read { client, key, named, returned, replied, state })
            }
            (PlannedAction::Get, Outcome::GetUnavailable { .. } | Outcome::NoAnswer) => {
                Happening::ReadUnavailable { client }
            }
            _ => Happening::EndedOtherwise { client },
        };
        self.forget_seen(ledger, client, operation + 1);
        happening
    }

    /// Enters the dot under which a write was minted, where it is asked for. A tombstone has no value
    /// to name its write: only the dot does.
    fn enter_minted(&self, ledger: &mut Ledger, touched: &Touched) {
        if let Some((write, Some(dot))) = touched.minted
            && (self.watch.dots || self.deletes.contains(write))
        {
            ledger.mint(write, dot);
        }
    }

    /// Enters the deletes that a node holds, or has seen, with a record of its own.
    fn enter_held(&self, ledger: &mut Ledger, node: NodeId, key: &Key, state: &Record) {
        let deletes = Base { historian: self, ledger }.seen_by(key, state);
        ledger.hold(node, deletes.intersection(self.deletes));
    }

    /// Forgets what a client has seen of keys that none of its later writes carries a context of.
    fn forget_seen(&self, ledger: &mut Ledger, client: usize, next: usize) {
        let rest = &self.scenario.clients[client].operations[next..];
        ledger.forget_seen(client, |key| {
            rest.iter()
                .filter(|operation| operation.key == self.keys[key])
                .map(|operation| &operation.action)
                .take_while(|action| **action != PlannedAction::Get)
                .any(|action| matches!(action, PlannedAction::Put { with_context: true, .. }))
        });
    }

    fn key_index(&self, key: &Key) -> usize {
        self.keys.binary_search(key).expect("the scenario's keys are known")
    }
}
