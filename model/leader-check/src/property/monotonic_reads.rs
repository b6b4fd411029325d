//! What a client reads of a key never goes back (Terry et al. 1994).

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

/// What each client read last.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory {
    order: Order,
    read: BTreeMap<(ClientId, Key), Sight>,
    went_back: bool,
    went_on: bool,
}

impl crate::history::Memory for Memory {
    const NAME: &'static str = "monotonic-reads";

    fn blank(setting: &Setting, _: &[String]) -> Self {
        let (order, read) = (Order::blank(setting), BTreeMap::new());
        Memory { order, read, went_back: false, went_on: false }
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        self.order.note(fact);
        let Fact::Ended(Ended { request, task, outcome: Some(outcome) }) = fact else { return };
        let (Task::Read { key }, Outcome::Found { position, value }) = (task, outcome) else {
            return;
        };
        let of = (request.client, key.clone());
        let found = value.as_ref().map(|value| self.order.sight(*position, value));
        let place = |sight: &Sight| self.order.place(key, sight);
        if let Some(before) = self.read.get(&of) {
            let goes_on = found.as_ref().map_or(0, place) >= place(before);
            self.went_back |= !goes_on;
            self.went_on |= goes_on;
        }
        if let Some(found) = found {
            self.read.insert(of, found);
        }
    }
}

pub(super) const STATEMENT: &str = "what a client reads of a key never goes back";

pub(super) fn property() -> Property<LeaderBased> {
    // The witness: a client has read a key again after it had found something.
    super::of_memory(
        |state| state.history.monotonic_reads.as_deref(),
        |memory: &Memory| !memory.went_back,
        |memory| memory.went_on,
    )
}
