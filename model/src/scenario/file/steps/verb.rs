//! What a step does.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use toml::Spanned;

use quorate_ids::Enumerated;

use super::names::Cast;
use super::quoted;
use super::raw::{RawAnswer, RawFire, RawHeld, RawHint, RawMessage, RawStep, RawTimer};
use crate::ids::{ClientId, NodeId, RequestId, Timestamp};
use crate::protocol::{MessageKind, Timer};
use crate::scenario::file::shapes::RawDeliver;
use crate::scenario::file::{Reader, ScenarioError};
use crate::scenario::script::{Answer, Held, HintKept, Reach, Selector, Verb};

/// A field that names a node, what it holds, and the verb that it is.
type OfOneNode<'a> = (&'static str, &'a Option<Spanned<String>>, fn(NodeId) -> Verb);

impl Reader<'_> {
    pub(super) fn verb(
        &self,
        step: &Spanned<RawStep>,
        cast: &Cast<'_>,
        asked: &mut BTreeMap<ClientId, usize>,
    ) -> Result<Verb, ScenarioError> {
        let step = step.get_ref();
        let node = |field: &'static str, name: &Option<Spanned<String>>| match name {
            Some(name) => self.node(name, field).map(Some),
            None => Ok(None),
        };
        if let (true, Some(client), Some(via)) = (step.is_request(), &step.client, &step.via) {
            let client = self.client(client, "step.client", cast)?;
            let next = asked.entry(client).or_default();
            let operation = *next;
            *next += 1;
            return Ok(Verb::Ask {
                client,
                operation,
                via: self.node(via, "step.via")?,
                reach: self.reach(step)?,
                expect: self.answer(step.expect.as_ref(), step.finds.as_ref(), cast)?,
            });
        }
        if let Some(timeout) = &step.timeout {
            return Ok(Verb::Timeout {
                node: node("step.timeout.node", &timeout.node)?,
                client: self.client(&timeout.client, "step.timeout.client", cast)?,
                reach: self.reach(step)?,
                expect: self.answer(step.expect.as_ref(), None, cast)?,
            });
        }
        if let Some(answer) = &step.expect_answer {
            let client = self.client(&answer.client, "step.expect-answer.client", cast)?;
            let expected = self.answer(answer.expect.as_ref(), answer.finds.as_ref(), cast)?;
            let Some(answer) = expected else {
                let problem = "step.expect-answer: say what, in `expect` or `finds`";
                return Err(self.error(answer.client.span(), problem));
            };
            return Ok(Verb::ExpectAnswer { client, answer });
        }
        if let Some(groups) = &step.partition {
            return self.groups(groups, "step.partition").map(Verb::Partition);
        }
        if let Some(clock) = &step.set_clock {
            let node = self.node(&clock.node, "step.set-clock.node")?;
            return Ok(Verb::SetClock { node, to: Timestamp(clock.to) });
        }
        if let Some(accepted) = &step.accept_loss {
            let node = self.node(&accepted.node, "step.accept-loss.node")?;
            let lost = self.node_list(&accepted.lost, "step.accept-loss.lost")?;
            return Ok(Verb::AcceptLoss { node, lost: lost.into_iter().collect() });
        }
        if let Some(fire) = &step.fire {
            return self.fire(fire, cast, asked);
        }
        if let Some(deliver) = &step.deliver {
            match deliver.get_ref() {
                RawDeliver::OfRequest(_) => {}
                RawDeliver::All => return Ok(Verb::DeliverAll),
                RawDeliver::One(message) => {
                    return self.selector(message, "deliver", cast).map(Verb::Deliver);
                }
            }
        }
        if let Some(message) = &step.drop {
            return self.selector(message, "drop", cast).map(Verb::Drop);
        }
        if let Some(message) = &step.duplicate {
            return self.selector(message, "duplicate", cast).map(Verb::Duplicate);
        }
        if let Some(held) = &step.expect_held {
            let held = held.0.iter().map(|held| self.held(held, cast)).collect::<Result<_, _>>()?;
            return Ok(Verb::ExpectHeld(held));
        }
        if let Some(hints) = &step.expect_hint {
            let hints =
                hints.0.iter().map(|hint| self.hint(hint, cast)).collect::<Result<_, _>>()?;
            return Ok(Verb::ExpectHint(hints));
        }
        if let Some(key) = &step.expect_agree {
            let key = self.key(key, "step.expect-agree", cast)?;
            return Ok(Verb::ExpectAgree { key, agree: true });
        }
        if let Some(key) = &step.expect_differ {
            let key = self.key(key, "step.expect-differ", cast)?;
            return Ok(Verb::ExpectAgree { key, agree: false });
        }
        if step.heal.is_some() {
            return Ok(Verb::Heal);
        }
        let of_one_node: [OfOneNode<'_>; 6] = [
            ("step.isolate", &step.isolate, Verb::Isolate),
            ("step.crash", &step.crash, Verb::Crash),
            ("step.recover", &step.recover, Verb::Recover),
            ("step.wipe", &step.wipe, Verb::Wipe),
            ("step.snapshot", &step.snapshot, Verb::Snapshot),
            ("step.restore", &step.restore, Verb::Restore),
        ];
        for (field, name, verb) in of_one_node {
            if let Some(node) = node(field, name)? {
                return Ok(verb(node));
            }
        }
        // What is left of the one verb that there is.
        Ok(Verb::Settle)
    }

    fn reach(&self, step: &RawStep) -> Result<Reach, ScenarioError> {
        let delivers = step.deliver.as_ref();
        let is_silent = delivers
            .is_some_and(|deliver| matches!(deliver.get_ref(), RawDeliver::OfRequest(false)));
        match &step.only {
            Some(only) if is_silent => {
                let problem = "step.only: nothing is delivered with `deliver = false`";
                Err(self.error(only.span(), problem))
            }
            Some(only) => {
                let nodes = self.node_list(only.get_ref(), "step.only")?;
                Ok(Reach::Only(nodes.into_iter().collect()))
            }
            None if is_silent => Ok(Reach::Nobody),
            None => Ok(Reach::Everybody),
        }
    }

    fn answer(
        &self,
        expect: Option<&Spanned<RawAnswer>>,
        finds: Option<&Spanned<Vec<Spanned<String>>>>,
        cast: &Cast<'_>,
    ) -> Result<Option<Answer>, ScenarioError> {
        if let Some(finds) = finds {
            if expect.is_some_and(|expect| *expect.get_ref() != RawAnswer::Ok) {
                let problem = "finds: only a get that is answered \"ok\" finds anything";
                return Err(self.error(finds.span(), format!("step.{problem}")));
            }
            return self.values(finds.get_ref(), "step.finds", cast).map(Answer::Found).map(Some);
        }
        Ok(expect.map(|expect| match expect.get_ref() {
            RawAnswer::Ok => Answer::Ok,
            RawAnswer::Unavailable => Answer::Unavailable,
            RawAnswer::Refused => Answer::Refused,
            RawAnswer::NoAnswer => Answer::NoAnswer,
            RawAnswer::Pending => Answer::Pending,
        }))
    }

    fn held(&self, raw: &RawHeld, cast: &Cast<'_>) -> Result<Held, ScenarioError> {
        Ok(Held {
            node: self.node(&raw.node, "step.expect-held.node")?,
            key: self.key(&raw.key, "step.expect-held.key", cast)?,
            values: self.values(&raw.values, "step.expect-held.values", cast)?,
        })
    }

    fn hint(&self, raw: &RawHint, cast: &Cast<'_>) -> Result<HintKept, ScenarioError> {
        let values = raw.values.as_ref();
        Ok(HintKept {
            node: self.node(&raw.node, "step.expect-hint.node")?,
            home: self.node(&raw.home, "step.expect-hint.home")?,
            key: self.key(&raw.key, "step.expect-hint.key", cast)?,
            values: values
                .map(|values| self.values(values, "step.expect-hint.values", cast))
                .transpose()?,
        })
    }

    fn fire(
        &self,
        raw: &RawFire,
        cast: &Cast<'_>,
        asked: &BTreeMap<ClientId, usize>,
    ) -> Result<Verb, ScenarioError> {
        let node = self.node(&raw.node, "step.fire.node")?;
        let peer = raw.peer.as_ref().map(|peer| self.node(peer, "step.fire.peer")).transpose()?;
        let is_of_a_get = *raw.timer.get_ref() == RawTimer::SpeculativeRetry;
        if let Some(client) = raw.client.as_ref().filter(|_| !is_of_a_get) {
            let problem = "step.fire.client: belongs to the timer \"speculative-retry\" only";
            return Err(self.error(client.span(), problem));
        }
        let timer = match (raw.timer.get_ref(), peer) {
            (RawTimer::Sync, Some(peer)) => Timer::Sync(peer),
            (RawTimer::Sync, None) => {
                let problem = "step.fire.peer: missing; say with whom the node compares";
                return Err(self.error(raw.timer.span(), problem));
            }
            (_, Some(_)) => {
                let at = raw.peer.as_ref().map_or(0..0, Spanned::span);
                return Err(self.error(at, "step.fire.peer: belongs to the timer \"sync\" only"));
            }
            (RawTimer::Handoff, None) => Timer::Handoff,
            (RawTimer::CatchUp, None) => Timer::CatchUp,
            (RawTimer::Register, None) => Timer::Register,
            (RawTimer::Reap, None) => Timer::Reap,
            (RawTimer::Settled, None) => Timer::Settled,
            (RawTimer::SpeculativeRetry, None) => {
                let Some(client) = &raw.client else {
                    let problem =
                        "step.fire.client: missing; say whose get is to ask the other homes";
                    return Err(self.error(raw.timer.span(), problem));
                };
                let id = self.client(client, "step.fire.client", cast)?;
                let Some(last) = asked.get(&id).and_then(|next| next.checked_sub(1)) else {
                    let problem = format!(
                        "step.fire.client: `{}` has asked for nothing yet",
                        client.get_ref()
                    );
                    return Err(self.error(client.span(), problem));
                };
                Timer::Speculate(RequestId { client: id, sequence: last as u64 })
            }
        };
        Ok(Verb::Fire { node, timer })
    }

    fn selector(
        &self,
        raw: &RawMessage,
        verb: &str,
        cast: &Cast<'_>,
    ) -> Result<Selector, ScenarioError> {
        let kind = raw.kind.get_ref();
        let named = MessageKind::ALL.iter().find(|known| known.name() == kind.as_str());
        let Some(named) = named else {
            let known = quoted(MessageKind::ALL.iter().map(|kind| kind.name()));
            let problem = format!("step.{verb}.kind: unknown kind `{kind}`; known are {known}");
            return Err(self.error(raw.kind.span(), problem));
        };
        if let Some(which) = raw.which.as_ref().filter(|which| *which.get_ref() == 0) {
            let problem = format!("step.{verb}.which: must be at least 1");
            return Err(self.error(which.span(), problem));
        }
        let peer = |field: &str, name: &Option<Spanned<String>>| {
            let field = format!("step.{verb}.{field}");
            name.as_ref().map(|name| self.peer(name, &field, cast)).transpose()
        };
        Ok(Selector {
            kind: *named,
            from: peer("from", &raw.from)?,
            to: peer("to", &raw.to)?,
            which: raw.which.as_ref().map(|which| *which.get_ref()),
        })
    }
}
