//! What a client adds counts once, however often it asks: never twice, not for nothing once it is acknowledged, and not at all
//! once it is refused for good.

use std::collections::{BTreeMap, BTreeSet};

use quorate_checker::world::Property;
use quorate_ids::NodeSet;
use quorate_leader::client::{Ended, Task};
use quorate_leader::deviation::Deviation;
use quorate_leader::message::Outcome;
use quorate_leader::names::{Key, RequestId, Value};
use quorate_leader::statement::Statement;

use super::log_of_reigns::LogOfReigns;
use crate::facts::Fact;
use crate::leader_based::{ClusterState, LeaderBased};
use crate::setting::Setting;
use crate::view;

/// What was to be added to each key, what of it was acknowledged, and which requests were asked again.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory {
    added: BTreeMap<Key, u64>,
    acknowledged: BTreeSet<(Key, RequestId)>,
    /// Whether clients take what was refused for never done: then it is not to be added.
    trusts_refusals: bool,
    retried: BTreeSet<RequestId>,
    /// Whether one that was asked again was acknowledged; or came to a leader once one had taken it.
    is_tested: bool,
    /// Which requests leaders have taken, where writes may be turned away.
    taken: Option<BTreeSet<RequestId>>,
    /// What leaders have had in their logs.
    logs: LogOfReigns,
}

impl crate::history::Memory for Memory {
    const NAME: &'static str = "exactly-once";

    fn blank(setting: &Setting, _: &[String]) -> Self {
        Memory {
            taken: setting.may_turn_writes_away().then(BTreeSet::new),
            added: BTreeMap::new(),
            trusts_refusals: setting.deviations.contains(&Deviation::TrustsRefusals),
            acknowledged: BTreeSet::new(),
            retried: BTreeSet::new(),
            is_tested: false,
            logs: LogOfReigns::blank(setting),
        }
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        self.logs.note(fact);
        match fact {
            Fact::Started {
                task: Task::Write { key, statement: Statement::Add(more) }, ..
            } => {
                *self.added.entry(key.clone()).or_default() += more;
            }
            Fact::Retried(request) => {
                self.retried.insert(*request);
            }
            Fact::Asked(request) => {
                let taken = self.taken.as_ref();
                self.is_tested |= taken.is_some_and(|taken| taken.contains(request));
            }
            Fact::Accepted { request, .. } => {
                if let Some(taken) = &mut self.taken {
                    taken.insert(*request);
                }
            }
            Fact::Ended(Ended { request, task, outcome: Some(Outcome::Written { .. }) }) => {
                self.is_tested |= self.retried.contains(request);
                if let Task::Write { key, statement: Statement::Add(_) } = task {
                    self.acknowledged.insert((key.clone(), *request));
                }
            }
            Fact::Ended(Ended {
                task: Task::Write { key, statement: Statement::Add(more) },
                outcome: Some(Outcome::Refused(refusal)),
                ..
            }) if refusal.is_of_request() || self.trusts_refusals => {
                if let Some(added) = self.added.get_mut(key) {
                    *added -= more;
                }
            }
            _ => {}
        }
    }

    /// The same was to be added and was asked for again, and as much or more acknowledged.
    fn obliges_as_much_as(&self, other: &Self) -> bool {
        self.added == other.added
            && self.logs == other.logs
            && self.retried.is_superset(&other.retried)
            && self.acknowledged.is_superset(&other.acknowledged)
            && self.has_taken_as_much_as(other)
            && (self.is_tested || !other.is_tested)
    }
}

impl Memory {
    fn has_taken_as_much_as(&self, other: &Self) -> bool {
        let has = |request| self.taken.as_ref().is_some_and(|taken| taken.contains(request));
        other.taken.iter().flatten().all(has)
    }
}

/// Some row holds more than was ever added.
fn counts_twice(state: &ClusterState) -> bool {
    let Some(memory) = &state.history.exactly_once else { return false };
    let holds_more = |key: &Key, value: &Value| match (memory.added.get(key), value) {
        (Some(added), Value::Number(number)) => number > added,
        _ => false,
    };
    let stores = state.nodes().flat_map(|node| &node.store);
    stores.flat_map(|store| store.all_rows()).any(|(key, value)| holds_more(key, value))
}

/// No node that is not gone for good has an addition that was acknowledged.
fn counts_for_nothing(protocol: &LeaderBased, state: &ClusterState) -> bool {
    let Some(memory) = &state.history.exactly_once else { return false };
    let is_held = |(key, request): &(Key, RequestId)| {
        let shard = protocol.client_config().shards.of(key);
        let mut stores = protocol.remaining(state).filter_map(|(_, node)| view::store(node, shard));
        stores.any(|store| memory.logs.has_write(shard, store, *request))
    };
    !memory.acknowledged.iter().all(is_held)
}

pub(super) const STATEMENT: &str = "what a client adds counts once, however often it asks";

pub(super) fn property() -> Property<LeaderBased> {
    let is_tested = |_: &_, state: &ClusterState| {
        state.history.exactly_once.as_ref().is_some_and(|memory| memory.is_tested)
    };
    Property::always(
        <Memory as crate::history::Memory>::NAME,
        |protocol, state| !counts_twice(state) && !counts_for_nothing(protocol, state),
        // The witness: an addition that was asked for again was acknowledged. Where writes may be turned away, whoever asks
        // again may hear something else: then, that it came to a leader once one had taken it.
        is_tested,
    )
    .explained(|protocol, state| {
        if counts_twice(state) {
            return Some("a row holds more than was ever added to it, and not refused".to_owned());
        }
        let is_lost = counts_for_nothing(protocol, state);
        is_lost.then(|| "an addition was acknowledged, and no node has it".to_owned())
    })
}
