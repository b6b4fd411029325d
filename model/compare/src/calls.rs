//! What clients observe: which operations began and ended, in which order, and with which answers.
//!
//! Both protocols are judged by these facts, and by this code. Nothing here knows of quorums, logs or dots. Two things
//! are told of writes. One is *older* than another if it was acknowledged before that one began; so a register that
//! still shows it after the other was acknowledged is stale, whatever order the system has in mind. And it *was
//! seen* by another write if that one's client had read it, or had written it itself and been told, or knew of it through
//! what it had read.

use std::collections::BTreeSet;

use crate::program::{Program, Write, Writes};
use crate::property::{Marks, Property};

/// A client began an operation, or an operation ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// It began.
    Began {
        /// Whose.
        client: usize,
        /// Which of its operations.
        operation: usize,
    },
    /// It ended.
    Ended {
        /// Whose.
        client: usize,
        /// Which of its operations.
        operation: usize,
        /// What its client was told; `None` if it gave up, or was told that nobody knows.
        answer: Option<Told>,
    },
}

/// What a client was told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// Its write is acknowledged.
    Written,
    /// What its read found: several values, where there are versions of which none replaces the other.
    Found(Vec<String>),
}

/// An answer, with writes in the place of values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Answer {
    Written,
    Found(Writes),
}

/// An operation that began.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Call {
    client: u8,
    operation: u8,
    /// Which calls had been answered when it began, by their places: bits.
    after: u32,
    answer: Option<Answer>,
}

/// What there is to know of a program when its calls are judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Per client and operation: the place of its key, and which write it makes, if it makes one.
    operations: Vec<Vec<(u8, Option<usize>)>>,
    writes: Vec<Write>,
    keys: Vec<String>,
}

impl Plan {
    /// Of this program.
    #[must_use]
    pub fn of(program: &Program) -> Plan {
        let (writes, keys) = (program.writes(), program.keys());
        let place =
            |key: &str| keys.iter().position(|known| known == key).unwrap_or_default() as u8;
        let operations = program.clients.iter().enumerate().map(|(client, of)| {
            let planned = of.operations.iter().enumerate().map(|(operation, what)| {
                let is_it = |write: &Write| (write.client, write.operation) == (client, operation);
                (place(what.key()), writes.iter().position(is_it))
            });
            planned.collect()
        });
        Plan { operations: operations.collect(), writes, keys }
    }

    /// The keys, in order.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The write that writes this value to this key.
    ///
    /// # Panics
    /// If none does: a value that nobody wrote was found, which must not pass for nothing.
    #[must_use]
    pub fn write_of(&self, key: &str, value: &str) -> usize {
        let it = self.writes.iter().position(|write| write.key == key && write.value == value);
        it.unwrap_or_else(|| panic!("nobody writes {value} to {key}"))
    }

    /// The writes that write one of these values to this key.
    #[must_use]
    pub fn writes_of<'a>(&self, key: &str, values: impl IntoIterator<Item = &'a str>) -> Writes {
        let known = values.into_iter().map(|value| self.write_of(key, value));
        known.fold(Writes::default(), |all, write| all.and(Writes::only(write)))
    }
}

/// Everything that clients have observed so far, and what it comes to.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Calls {
    calls: Vec<Call>,
    /// The properties that were violated, or reached.
    pub shown: Marks,
    /// Those that were put to the test.
    pub tested: Marks,
}

impl Calls {
    /// Takes note of what a client observes.
    pub fn note(&mut self, plan: &Plan, event: &ClientEvent) {
        match event {
            ClientEvent::Began { client, operation } => {
                let answered = self.calls.iter().enumerate().filter(|(_, it)| it.answer.is_some());
                let after = answered.fold(0, |after, (place, _)| after | 1 << place);
                let (client, operation) = (*client as u8, *operation as u8);
                self.calls.push(Call { client, operation, after, answer: None });
            }
            ClientEvent::Ended { client, operation, answer: Some(told) } => {
                let is_it = |call: &Call| {
                    (usize::from(call.client), usize::from(call.operation)) == (*client, *operation)
                };
                let Some(place) = self.calls.iter().position(is_it) else { return };
                self.calls[place].answer = Some(match told {
                    Told::Written => Answer::Written,
                    Told::Found(values) => {
                        let key = &plan.keys[usize::from(self.key(plan, place))];
                        Answer::Found(plan.writes_of(key, values.iter().map(String::as_str)))
                    }
                });
                self.judge(plan, place);
            }
            ClientEvent::Ended { answer: None, .. } => {}
        }
    }

    fn planned(&self, plan: &Plan, place: usize) -> (u8, Option<usize>) {
        let call = &self.calls[place];
        plan.operations[usize::from(call.client)][usize::from(call.operation)]
    }

    fn key(&self, plan: &Plan, place: usize) -> u8 {
        self.planned(plan, place).0
    }

    /// The call that makes this write, if it began.
    fn call_of(&self, plan: &Plan, write: usize) -> Option<usize> {
        (0..self.calls.len()).find(|place| self.planned(plan, *place).1 == Some(write))
    }

    /// The writes that were acknowledged, with their calls.
    fn acknowledged<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = (usize, usize)> + 'a {
        (0..self.calls.len()).filter_map(|place| {
            let write = self.planned(plan, place).1?;
            (self.calls[place].answer == Some(Answer::Written)).then_some((write, place))
        })
    }

    /// Whether a write was acknowledged before another began.
    fn is_older(&self, plan: &Plan, one: usize, other: usize) -> bool {
        match (self.call_of(plan, one), self.call_of(plan, other)) {
            (Some(one), Some(other)) => self.calls[other].after >> one & 1 == 1,
            _ => false,
        }
    }

    /// Whether what was found is this write, or one that is not older.
    fn shows(&self, plan: &Plan, found: Writes, write: usize) -> bool {
        found.contains(write) || found.iter().any(|other| !self.is_older(plan, other, write))
    }

    /// What the client of a call knew when that began: what it had read, or written and been told, and what was known
    /// when those were written.
    fn known_at(&self, plan: &Plan, place: usize) -> Writes {
        let (own, through) = self.known_apart(plan, place);
        own.and(through)
    }

    /// The same apart: what it had read or written, and what it knew through what it had read.
    fn known_apart(&self, plan: &Plan, place: usize) -> (Writes, Writes) {
        let call = &self.calls[place];
        let (mut own, mut through) = (Writes::default(), Writes::default());
        for (earlier, of) in self.calls[..place].iter().enumerate() {
            if of.client != call.client {
                continue;
            }
            match of.answer {
                Some(Answer::Written) => {
                    let write = self.planned(plan, earlier).1;
                    own = write.map_or(own, |write| own.and(Writes::only(write)));
                }
                Some(Answer::Found(found)) => {
                    own = own.and(found);
                    for write in found.iter() {
                        if let Some(author) = self.call_of(plan, write) {
                            through = through.and(self.known_at_end(plan, author, place));
                        }
                    }
                }
                None => {}
            }
        }
        (own, through)
    }

    /// What was known when a write began that somebody has read. Only calls before the reader's are looked at, so
    /// this comes to an end.
    fn known_at_end(&self, plan: &Plan, author: usize, reader: usize) -> Writes {
        if author < reader { self.known_at(plan, author) } else { Writes::default() }
    }

    /// Whether a write's author had seen another.
    fn had_seen(&self, plan: &Plan, author_of: usize, write: usize) -> bool {
        author_of == write
            || self
                .call_of(plan, author_of)
                .is_some_and(|place| self.known_at(plan, place).contains(write))
    }

    /// Judges an answer.
    fn judge(&mut self, plan: &Plan, place: usize) {
        if let Some(Answer::Found(found)) = self.calls[place].answer {
            self.judge_read(plan, place, found);
        }
        if !self.shown.has(Property::Linearizable) && !self.is_linearizable(plan) {
            self.shown.add(Property::Linearizable);
        }
    }

    fn judge_read(&mut self, plan: &Plan, place: usize, found: Writes) {
        let (key, call) = (self.key(plan, place), self.calls[place].clone());
        let (mut shown, mut tested) = (Marks::default(), Marks::default());
        let mut judge = |property: Property, is_fine: bool| {
            tested.add(property);
            if !is_fine {
                shown.add(property);
            }
        };
        let (_, through) = self.known_apart(plan, place);
        for (write, author) in self.acknowledged(plan) {
            if self.key(plan, author) != key || call.after >> author & 1 == 0 {
                continue;
            }
            let is_shown = self.shows(plan, found, write);
            judge(Property::StaleRead, is_shown);
            if self.calls[author].client == call.client {
                judge(Property::ReadYourWrites, is_shown);
            }
        }
        for write in through.iter() {
            let of_key = self.call_of(plan, write).is_some_and(|it| self.key(plan, it) == key);
            if of_key {
                judge(Property::ConsistentPrefix, self.shows(plan, found, write));
            }
        }
        let earlier = (0..place)
            .filter(|it| self.calls[*it].client == call.client && self.key(plan, *it) == key);
        let seen = earlier.fold(Writes::default(), |seen, it| match self.calls[it].answer {
            Some(Answer::Found(found)) => seen.and(found),
            _ => seen,
        });
        for write in seen.iter() {
            let goes_on =
                |other: usize| !seen.contains(other) && !self.is_older(plan, other, write);
            judge(Property::MonotonicReads, found.contains(write) || found.iter().any(goes_on));
        }
        let of_others = |write: usize| {
            self.call_of(plan, write).is_some_and(|it| self.calls[it].client != call.client)
        };
        if found.iter().any(of_others) {
            tested.add(Property::Linearizable);
        }
        let acknowledged: Vec<usize> = self
            .acknowledged(plan)
            .filter(|(_, it)| self.key(plan, *it) == key)
            .map(|(it, _)| it)
            .collect();
        let is_unseen = |one: usize, other: usize| {
            !self.had_seen(plan, one, other) && !self.had_seen(plan, other, one)
        };
        if acknowledged.iter().any(|one| acknowledged.iter().any(|other| is_unseen(*one, *other))) {
            tested.add(Property::SeveralValues);
        }
        if found.len() > 1 {
            shown.add(Property::SeveralValues);
        }
        self.shown.add_all(shown);
        self.tested.add_all(tested);
    }

    /// Whether a write was acknowledged.
    #[must_use]
    pub fn has_acknowledged(&self) -> bool {
        self.calls.iter().any(|call| call.answer == Some(Answer::Written))
    }

    /// Whether a read was answered.
    #[must_use]
    pub fn has_read(&self) -> bool {
        self.calls.iter().any(|call| matches!(call.answer, Some(Answer::Found(_))))
    }

    /// Whether two writes of a key were acknowledged of which neither's author had seen the other.
    #[must_use]
    pub fn has_unseen_writes(&self, plan: &Plan) -> bool {
        let all: Vec<_> = self.acknowledged(plan).collect();
        all.iter().any(|(one, at)| {
            all.iter().any(|(other, it)| {
                self.key(plan, *at) == self.key(plan, *it)
                    && !self.had_seen(plan, *one, *other)
                    && !self.had_seen(plan, *other, *one)
            })
        })
    }

    /// Whether every acknowledged write is among these, which somebody keeps, or one of the same key is that is not older.
    #[must_use]
    pub fn are_kept(&self, plan: &Plan, kept: Writes) -> bool {
        self.acknowledged(plan)
            .all(|(write, place)| self.shows(plan, self.of_key(plan, kept, place), write))
    }

    /// Whether no acknowledged write has others in its place among these, none of whose authors had seen it. One that is lost
    /// has nothing in its place.
    #[must_use]
    pub fn are_replaced_by_who_saw_them(&self, plan: &Plan, kept: Writes) -> bool {
        self.acknowledged(plan).all(|(write, place)| {
            let of_key = self.of_key(plan, kept, place);
            !self.shows(plan, of_key, write)
                || of_key.iter().any(|other| self.had_seen(plan, other, write))
        })
    }

    /// Of these writes those to the key of a call.
    fn of_key(&self, plan: &Plan, writes: Writes, place: usize) -> Writes {
        let key = &plan.keys[usize::from(self.key(plan, place))];
        let of_key = writes.iter().filter(|write| plan.writes[*write].key == *key);
        of_key.fold(Writes::default(), |all, write| all.and(Writes::only(write)))
    }

    /// Whether, for each key, some order of its operations, each between its beginning and its end, explains every
    /// answer (Herlihy and Wing 1990). Decided by trying orders. What was not answered may take effect at any time after
    /// it began, or never. A read that found several values is explained by any of them: its client may choose.
    fn is_linearizable(&self, plan: &Plan) -> bool {
        (0..plan.keys.len() as u8).all(|key| {
            let of_key = (0..self.calls.len()).filter(|place| self.key(plan, *place) == key);
            let places = of_key.fold(0, |places, place| places | 1 << place);
            self.explain(plan, places, 0, None, &mut BTreeSet::new())
        })
    }

    fn explain(
        &self,
        plan: &Plan,
        places: u32,
        done: u32,
        value: Option<usize>,
        tried: &mut BTreeSet<(u32, Option<usize>)>,
    ) -> bool {
        let is_open = |place: &usize| (places & !done) >> place & 1 == 1;
        let open: Vec<usize> = (0..self.calls.len()).filter(is_open).collect();
        if open.iter().all(|place| self.calls[*place].answer.is_none()) {
            return true;
        }
        if !tried.insert((done, value)) {
            return false;
        }
        open.into_iter().any(|place| {
            let call = &self.calls[place];
            // What was answered before it began comes first.
            if call.after & places & !done != 0 {
                return false;
            }
            let write = self.planned(plan, place).1;
            let fits = match (call.answer, value) {
                (Some(Answer::Found(found)), Some(value)) => found.contains(value),
                (Some(Answer::Found(found)), None) => found.is_empty(),
                _ => true,
            };
            fits && self.explain(plan, places, done | 1 << place, write.or(value), tried)
        })
    }
}
