//! A client that sees a write sees what that write's author had seen: consistent prefix reads.

use std::collections::BTreeMap;

use quorate_checker::world::Property;
use quorate_ids::{ClientId, NodeSet};
use quorate_leader::client::{Ended, Task};
use quorate_leader::message::Outcome;
use quorate_leader::names::{Key, Position, RequestId, Value};

use super::order::{Order, Sight};
use crate::facts::Fact;
use crate::leader_based::LeaderBased;
use crate::setting::Setting;

/// What somebody has seen: of each key the last write.
type Seen = BTreeMap<Key, Sight>;

/// What clients have seen, what the authors of writes had seen, and what readers are owed since they saw those.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory {
    order: Order,
    seen: BTreeMap<ClientId, Seen>,
    authors: BTreeMap<RequestId, Seen>,
    owed: BTreeMap<ClientId, Seen>,
    is_missed: bool,
    is_paid: bool,
}

impl Memory {
    fn see(order: &Order, seen: &mut Seen, key: &Key, sight: &Sight) {
        let known = seen.entry(key.clone()).or_insert_with(|| sight.clone());
        if order.place(key, sight) > order.place(key, known) {
            *known = sight.clone();
        }
    }

    fn start(&mut self, request: RequestId, task: &Task) {
        if let Task::Write { .. } = task {
            let author = self.seen.get(&request.client).cloned().unwrap_or_default();
            self.authors.insert(request, author);
        }
    }

    fn find(&mut self, client: ClientId, key: &Key, through: Position, value: Option<&Value>) {
        let owed = self.owed.entry(client).or_default();
        let found = value.map(|value| self.order.sight(through, value));
        if let Some(owed) = owed.get(key) {
            let place = |sight| self.order.place(key, sight);
            let pays = found.as_ref().map_or(0, place) >= place(owed);
            self.is_missed |= !pays;
            self.is_paid |= pays;
        }
        let Some(found) = found else { return };
        let author = self.order.author(key, &found);
        if let Some(author) = author.and_then(|request| self.authors.get(&request)) {
            for (key, sight) in author {
                Self::see(&self.order, owed, key, sight);
            }
        }
        Self::see(&self.order, self.seen.entry(client).or_default(), key, &found);
    }
}

impl crate::history::Memory for Memory {
    const NAME: &'static str = "consistent-prefix";

    fn blank(setting: &Setting, _: &[String]) -> Self {
        Memory {
            order: Order::blank(setting),
            seen: BTreeMap::new(),
            authors: BTreeMap::new(),
            owed: BTreeMap::new(),
            is_missed: false,
            is_paid: false,
        }
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        self.order.note(fact);
        match fact {
            Fact::Started { request, task } => self.start(*request, task),
            Fact::Ended(Ended { request, task, outcome: Some(outcome) }) => match outcome {
                Outcome::Written { position, value } => {
                    let sight = self.order.sight(*position, value);
                    let seen = self.seen.entry(request.client).or_default();
                    Self::see(&self.order, seen, task.key(), &sight);
                }
                Outcome::Found { position, value } => {
                    self.find(request.client, task.key(), *position, value.as_ref());
                }
                Outcome::Redirect { .. }
                | Outcome::Behind { .. }
                | Outcome::NoSession { .. }
                | Outcome::Refused(_) => {}
            },
            _ => {}
        }
    }
}

pub(super) const STATEMENT: &str =
    "a client that sees a write sees what that write's author had seen";

pub(super) fn property() -> Property<LeaderBased> {
    // The witness: a client that was owed something saw it.
    super::of_memory(
        |state| state.history.consistent_prefix.as_deref(),
        |memory: &Memory| !memory.is_missed,
        |memory| memory.is_paid,
    )
}
