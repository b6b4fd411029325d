//! Reads and writes of a key are linearizable: there is one order of all of them, in which each is between its start
//! and its end, that explains every answer (Herlihy and Wing 1990).
//!
//! Decided by trying orders, with the operations that may come next as choices (Wing and Gong 1993): programs are
//! a few operations long. An operation whose client does not know what became of it may take effect at any time
//! after its start, or never. A test compares this with Stateright's `LinearizabilityTester`.

use std::collections::BTreeSet;

use quorate_checker::world::Property;
use quorate_ids::{ClientId, NodeSet};
use quorate_leader::client::Task;
use quorate_leader::message::Outcome;
use quorate_leader::names::{Key, RequestId, Value};
use quorate_leader::statement::{Statement, Surroundings};

use crate::facts::Fact;
use crate::leader_based::LeaderBased;
use crate::setting::Setting;

/// An operation in a history.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Call {
    /// Whose, and which.
    pub request: RequestId,
    /// What was wanted.
    pub task: Task,
    /// Which calls had ended when it began: bits, by place in the history.
    pub after: u64,
    /// What the row held then, as the client was told; `None` as long as it does not know.
    pub answer: Option<Option<Value>>,
}

/// A history of operations, in the order in which they began.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Calls(Vec<Call>);

impl Calls {
    /// A client begins an operation.
    pub fn begin(&mut self, request: RequestId, task: Task) {
        let ended = self.0.iter().enumerate().filter(|(_, call)| call.answer.is_some());
        let after = ended.fold(0, |after, (place, _)| after | 1 << place);
        self.0.push(Call { request, task, after, answer: None });
    }

    /// A client is answered: this is what the row held.
    pub fn end(&mut self, request: RequestId, value: Option<Value>) {
        if let Some(call) = self.0.iter_mut().find(|call| call.request == request) {
            call.answer = Some(value);
        }
    }

    /// Whether some order of the operations of each key explains every answer.
    #[must_use]
    pub fn is_linearizable(&self) -> bool {
        let keys: BTreeSet<&Key> = self.0.iter().map(|call| call.task.key()).collect();
        keys.into_iter().all(|key| {
            let of_key = |call: &Call| call.task.key() == key;
            let all = self.0.iter().enumerate().filter(|(_, call)| of_key(call));
            let places = all.fold(0, |places, (place, _)| places | 1 << place);
            self.explain(places, 0, None, &mut BTreeSet::new())
        })
    }

    /// Whether these are the same operations, only that more may have ended, and before others began.
    fn oblige_as_much_as(&self, other: &Calls) -> bool {
        let requests = |calls: &Calls, after: u64| -> BTreeSet<RequestId> {
            let places = calls.0.iter().enumerate().filter(|(place, _)| after >> place & 1 == 1);
            places.map(|(_, call)| call.request).collect()
        };
        let mut all = other.0.iter();
        self.0.len() == other.0.len()
            && all.all(|less| {
                let more = self.0.iter().find(|more| more.request == less.request);
                more.is_some_and(|more| {
                    more.task == less.task
                        && (less.answer.is_none() || more.answer == less.answer)
                        && requests(self, more.after).is_superset(&requests(other, less.after))
                })
            })
    }

    /// Whether the operations of these places that are not done yet can follow, with the row as it is.
    fn explain(
        &self,
        places: u64,
        done: u64,
        row: Option<&Value>,
        tried: &mut BTreeSet<(u64, Option<Value>)>,
    ) -> bool {
        let is_open = |place: &usize| places >> place & 1 == 1 && done >> place & 1 == 0;
        let open: Vec<usize> = (0..self.0.len()).filter(is_open).collect();
        if open.iter().all(|place| self.0[*place].answer.is_none()) {
            return true;
        }
        if !tried.insert((done, row.cloned())) {
            return false;
        }
        open.into_iter().any(|place| {
            let call = &self.0[place];
            // What had ended before it began comes first.
            if call.after & places & !done != 0 {
                return false;
            }
            self.outcomes(places, call, row).into_iter().any(|after| {
                call.answer.as_ref().is_none_or(|answer| *answer == after)
                    && self.explain(places, done | 1 << place, after.as_ref(), tried)
            })
        })
    }

    /// What the row may hold after this call. A clock and a draw may come to anything: of what they came to only what
    /// somebody was told matters, at once or once others have added to it.
    fn outcomes(&self, places: u64, call: &Call, row: Option<&Value>) -> Vec<Option<Value>> {
        match &call.task {
            Task::Read { .. } => vec![row.cloned()],
            Task::Write { statement, .. } if statement.is_deterministic() => {
                vec![Some(statement.execute(row, Surroundings::default()))]
            }
            Task::Write { .. } => {
                let of_key = || {
                    let calls = self.0.iter().enumerate();
                    calls.filter(|(place, _)| places >> place & 1 == 1).map(|(_, call)| call)
                };
                let mut added = BTreeSet::from([0]);
                for call in of_key() {
                    let Task::Write { statement, .. } = &call.task else { continue };
                    let more = match statement {
                        Statement::Add(more) => *more,
                        Statement::NextId => 1,
                        Statement::Set(_) | Statement::Now | Statement::Random => continue,
                    };
                    added.extend(added.clone().into_iter().map(|sum| sum + more));
                }
                let before = |told: Value| match told {
                    Value::Number(number) => {
                        let drawn = added.iter().filter_map(|sum| number.checked_sub(*sum));
                        drawn.map(Value::Number).collect()
                    }
                    text @ Value::Text(_) => vec![text],
                };
                let told = of_key().filter_map(|call| call.answer.clone().flatten());
                let zero = [Value::Number(0)];
                told.flat_map(before).chain(zero).map(Some).collect()
            }
        }
    }
}

/// All operations so far.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory {
    calls: Calls,
    is_explained: bool,
    /// Whether a client has read what another one wrote before it began.
    is_tested: bool,
}

impl crate::history::Memory for Memory {
    const NAME: &'static str = "linearizable";

    fn blank(_: &Setting, _: &[String]) -> Self {
        Memory { calls: Calls::default(), is_explained: true, is_tested: false }
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        match fact {
            Fact::Started { request, task } => self.calls.begin(*request, task.clone()),
            Fact::Ended(ended) => {
                let value = match &ended.outcome {
                    Some(Outcome::Written { value, .. }) => Some(value.clone()),
                    Some(Outcome::Found { value, .. }) => value.clone(),
                    _ => return,
                };
                self.is_tested |= matches!(ended.task, Task::Read { .. })
                    && self.read_of_another(ended.request.client, value.as_ref());
                self.calls.end(ended.request, value);
                self.is_explained = self.is_explained && self.calls.is_linearizable();
            }
            _ => {}
        }
    }

    fn obliges_as_much_as(&self, other: &Self) -> bool {
        self.calls.oblige_as_much_as(&other.calls)
            && (other.is_explained || !self.is_explained)
            && (self.is_tested || !other.is_tested)
    }
}

impl Memory {
    fn read_of_another(&self, reader: ClientId, value: Option<&Value>) -> bool {
        let is_so = |call: &Call| {
            call.request.client != reader
                && matches!(call.task, Task::Write { .. })
                && call.answer.as_ref().is_some_and(|answer| answer.as_ref() == value)
        };
        value.is_some() && self.calls.0.iter().any(is_so)
    }
}

pub(super) const STATEMENT: &str = "there is one order of all reads and writes of a key, each between its start and its end, that explains every answer";

pub(super) fn property() -> Property<LeaderBased> {
    // The witness: a client has read what another one wrote.
    super::of_memory(
        |state| state.history.linearizable.as_deref(),
        |memory: &Memory| memory.is_explained,
        |memory| memory.is_tested,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_drawn_may_be_known_only_by_what_was_added_to_it() {
        let request = |client| RequestId { client: ClientId(client), number: 1 };
        let write = |statement| Task::Write { key: Key::from("k"), statement };
        let added = |told| {
            let mut calls = Calls::default();
            calls.begin(request(0), write(Statement::Random));
            calls.begin(request(1), write(Statement::Add(2)));
            calls.end(request(1), Some(Value::Number(told)));
            calls
        };
        assert!(added(102).is_linearizable(), "the draw came to 100, and its client waits still");
        assert!(!added(1).is_linearizable(), "less than was added");
        let mut told_otherwise = added(102);
        told_otherwise.end(request(0), Some(Value::Number(50)));
        assert!(!told_otherwise.is_linearizable());
    }
}
