//! A client that reads what it wrote sees its last acknowledged write or a later one (Terry et al. 1994).

use std::collections::BTreeMap;

use quorate_checker::world::Property;
use quorate_ids::{ClientId, NodeSet};
use quorate_leader::client::{Ended, Task};
use quorate_leader::message::Outcome;
use quorate_leader::names::Key;

use super::order::{Order, Sight};
use crate::facts::Fact;
use crate::leader_based::LeaderBased;
use crate::setting::Setting;

/// What each client wrote last.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory {
    order: Order,
    wrote: BTreeMap<(ClientId, Key), Sight>,
    is_missed: bool,
    is_seen: bool,
}

impl crate::history::Memory for Memory {
    const NAME: &'static str = "read-your-writes";

    fn blank(setting: &Setting, _: &[String]) -> Self {
        let (order, wrote) = (Order::blank(setting), BTreeMap::new());
        Memory { order, wrote, is_missed: false, is_seen: false }
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        self.order.note(fact);
        let Fact::Ended(Ended { request, task, outcome: Some(outcome) }) = fact else { return };
        let of = (request.client, task.key().clone());
        match (task, outcome) {
            (Task::Write { .. }, Outcome::Written { position, value }) => {
                let wrote = self.order.sight(*position, value);
                self.wrote.insert(of, wrote);
            }
            (Task::Read { key }, Outcome::Found { position, value }) => {
                if let Some(wrote) = self.wrote.get(&of) {
                    let found = value.as_ref().map(|value| self.order.sight(*position, value));
                    let found = found.map_or(0, |found| self.order.place(key, &found));
                    let is_seen = found >= self.order.place(key, wrote);
                    self.is_missed |= !is_seen;
                    self.is_seen |= is_seen;
                }
            }
            _ => {}
        }
    }
}

pub(super) const STATEMENT: &str =
    "a client that reads what it wrote sees its last acknowledged write or a later one";

pub(super) fn property() -> Property<LeaderBased> {
    // The witness: a client has read what it wrote.
    super::of_memory(
        |state| state.history.read_your_writes.as_deref(),
        |memory: &Memory| !memory.is_missed,
        |memory| memory.is_seen,
    )
}
