//! The write that a step mints, so that a fault can put another in its place.

use alloc::sync::Arc;

use crate::ids::Key;
use crate::protocol::effect::{Effect, Input, Step, Timer};
use crate::protocol::message::{Message, PutOutcome, PutRequest};
use crate::protocol::store::{Change, Entry, Run, Store};
use crate::versions::{Dot, Record, Write};

use super::Taking;

/// A write that a home minted.
pub(super) struct Minted {
    pub(super) key: Key,
    /// What the home held of the key before.
    pub(super) before: Option<Entry>,
    pub(super) write: Write,
    /// What the home holds of the key since.
    state: Arc<Record>,
}

impl<S: Store> Taking<'_, S> {
    /// The put that the step may mint for: the one that arrives, or one that has waited until now.
    pub(super) fn put_at_hand(&self) -> Option<PutRequest> {
        match &self.input {
            Input::Receive { message: Message::Put(put), .. } => Some(put.clone()),
            Input::Receive { message: Message::Registered { .. }, .. }
            | Input::Expire(Timer::Register | Timer::Waiting) => {
                self.replica.waiting_to_mint().next().cloned()
            }
            Input::Expire(Timer::Request(request)) => {
                self.replica.probing().find(|put| put.request == *request).cloned()
            }
            _ => None,
        }
    }

    /// Takes the step, and says which write it minted at a home.
    pub(super) fn take_and_tell(&mut self) -> Result<(Step, Option<Minted>), S::Error> {
        let Some(put) = self.put_at_hand() else { return Ok((self.take()?, None)) };
        let before = self.store.entry(&put.key)?;
        let step = self.take()?;
        let is_known = |entry: &Entry| entry.requests.contains(put.request);
        if before.as_ref().is_some_and(is_known) {
            return Ok((step, None));
        }
        let entry = step.changes.iter().find_map(|change| match change {
            Change::Entry { key, entry } if *key == put.key && is_known(entry) => Some(entry),
            _ => None,
        });
        let minted = entry.and_then(|entry| {
            let dot = entry.last_dot(self.config.mints_as)?;
            let PutRequest { request, key, value, context, .. } = put;
            let (client, timestamp) = (request.client, self.now);
            let write = Write { dot, client, context, timestamp, value };
            Some(Minted { key, before, write, state: Arc::clone(&entry.state) })
        });
        Ok((step, minted))
    }
}

impl Minted {
    /// The run of the home's last write of the key, if it holds one.
    pub(super) fn last_run(&self) -> Option<Run> {
        self.before.as_ref()?.run
    }

    /// The write, alone or on top of what the home held.
    fn applied_to(&self, before: Record) -> Arc<Record> {
        let mut state = before;
        state.put(&self.write);
        Arc::new(state)
    }

    /// Sends the write alone on.
    pub(super) fn send_alone(self, step: &mut Step) {
        let alone = self.applied_to(Record::empty(self.state.versioning()));
        for effect in &mut step.effects {
            if let Effect::Send { message: Message::Store { state, .. }, .. } = effect
                && *state == self.state
            {
                *state = Arc::clone(&alone);
            }
        }
    }

    /// Names the write by this dot, of this run.
    pub(super) fn rename(mut self, dot: Dot, run: Run, step: &mut Step) {
        self.write.dot = dot;
        let before = match &self.before {
            Some(before) => (*before.state).clone(),
            None => Record::empty(self.state.versioning()),
        };
        let renamed = self.applied_to(before);
        for change in &mut step.changes {
            if let Change::Entry { key, entry } = change
                && *key == self.key
            {
                (entry.state, entry.run) = (Arc::clone(&renamed), Some(run));
            }
        }
        for effect in &mut step.effects {
            if let Effect::Send { message: Message::Store { state, .. }, .. }
            | Effect::Reply {
                message: Message::PutReply { outcome: PutOutcome::Minted { state }, .. },
                ..
            } = effect
                && *state == self.state
            {
                *state = Arc::clone(&renamed);
            }
        }
    }
}
