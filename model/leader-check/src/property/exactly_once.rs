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

/// What adds to a row: its key, and how much.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Addition {
    key: Key,
    more: u64,
}

impl Addition {
    fn of(task: &Task) -> Option<Self> {
        let Task::Write { key, statement } = task else { return None };
        let more = match statement {
            Statement::Add(more) => *more,
            Statement::NextId => 1,
            Statement::Set(_) | Statement::Now | Statement::Random => return None,
        };
        Some(Addition { key: key.clone(), more })
    }
}

/// What was to be added, what of it was acknowledged or refused, and which requests were asked again.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory {
    additions: BTreeMap<RequestId, Addition>,
    /// The keys of which a row may hold any number, and not only what was added.
    drawn: BTreeSet<Key>,
    acknowledged: BTreeSet<RequestId>,
    /// Those that are never to be done.
    refused: BTreeSet<RequestId>,
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
        let tasks = setting.clients.iter().flat_map(|client| &client.operations);
        let drawn = tasks.filter_map(|written| match &written.0 {
            Task::Write { key, statement: Statement::Now | Statement::Random } => Some(key.clone()),
            Task::Write { .. } | Task::Read { .. } => None,
        });
        Memory {
            taken: setting.may_turn_writes_away().then(BTreeSet::new),
            additions: BTreeMap::new(),
            drawn: drawn.collect(),
            trusts_refusals: setting.deviations.contains(&Deviation::TrustsRefusals),
            acknowledged: BTreeSet::new(),
            refused: BTreeSet::new(),
            retried: BTreeSet::new(),
            is_tested: false,
            logs: LogOfReigns::blank(setting),
        }
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        self.logs.note(fact);
        match fact {
            Fact::Started { request, task } => {
                self.additions.extend(Addition::of(task).map(|addition| (*request, addition)));
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
            Fact::Ended(Ended { request, outcome: Some(outcome), .. }) => match outcome {
                Outcome::Written { .. } if self.additions.contains_key(request) => {
                    self.is_tested |= self.retried.contains(request);
                    self.acknowledged.insert(*request);
                }
                Outcome::Refused(refusal)
                    if self.additions.contains_key(request)
                        && (refusal.is_of_request() || self.trusts_refusals) =>
                {
                    self.refused.insert(*request);
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// The same was to be added and was asked for again, and as much or more acknowledged.
    fn obliges_as_much_as(&self, other: &Self) -> bool {
        self.additions == other.additions
            && self.refused == other.refused
            && self.logs == other.logs
            && self.retried.is_superset(&other.retried)
            && self.acknowledged.is_superset(&other.acknowledged)
            && self.has_taken_as_much_as(other)
            && (self.is_tested || !other.is_tested)
    }
}

impl Memory {
    /// Whether a row holds more than was to be added to it.
    fn is_too_much(&self, key: &Key, value: &Value) -> bool {
        let Value::Number(number) = value else { return false };
        let to_be_done =
            self.additions.iter().filter(|(request, _)| !self.refused.contains(request));
        let of_key = to_be_done.filter(|(_, addition)| addition.key == *key);
        let added = of_key.fold(0_u64, |sum, (_, addition)| sum.saturating_add(addition.more));
        !self.drawn.contains(key) && *number > added
    }

    fn has_taken_as_much_as(&self, other: &Self) -> bool {
        let has = |request| self.taken.as_ref().is_some_and(|taken| taken.contains(request));
        other.taken.iter().flatten().all(has)
    }
}

/// How often additions count, in what nodes hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Miscount {
    /// A row holds more than was ever to be added.
    Row,
    /// A log has one twice.
    Twice,
    /// A log has one that was refused for good.
    Refused,
    /// No node that is not gone for good has one that was acknowledged.
    Lost,
}

/// What is wrong, if something is. A row tells what a node made of its log, and the log what a row does not tell once something
/// else was written over it.
fn miscount(protocol: &LeaderBased, state: &ClusterState) -> Option<Miscount> {
    let memory = state.history.exactly_once.as_ref()?;
    let shards = || protocol.client_config().shards.ids();
    let stores = shards().flat_map(|shard| {
        state.nodes().filter_map(move |node| Some((shard, view::store(node, shard)?)))
    });
    for (shard, store) in stores {
        if store.all_rows().iter().any(|(key, value)| memory.is_too_much(key, value)) {
            return Some(Miscount::Row);
        }
        let mut seen = BTreeSet::new();
        for request in memory.logs.known_writes(shard, store) {
            if memory.additions.contains_key(&request) && !seen.insert(request) {
                return Some(Miscount::Twice);
            }
        }
        if !memory.refused.is_disjoint(&seen) {
            return Some(Miscount::Refused);
        }
    }
    let is_held = |request: &RequestId| {
        let shard = protocol.client_config().shards.of(&memory.additions[request].key);
        let mut stores = protocol.remaining(state).filter_map(|(_, node)| view::store(node, shard));
        stores.any(|store| memory.logs.has_write(shard, store, *request))
    };
    (!memory.acknowledged.iter().all(is_held)).then_some(Miscount::Lost)
}

pub(super) const STATEMENT: &str = "what a client adds counts once, however often it asks";

pub(super) fn property() -> Property<LeaderBased> {
    let is_tested = |_: &_, state: &ClusterState| {
        state.history.exactly_once.as_ref().is_some_and(|memory| memory.is_tested)
    };
    Property::always(
        <Memory as crate::history::Memory>::NAME,
        |protocol, state| miscount(protocol, state).is_none(),
        // The witness: an addition that was asked for again was acknowledged. Where writes may be turned away, whoever asks
        // again may hear something else: then, that it came to a leader once one had taken it.
        is_tested,
    )
    .explained(|protocol, state| {
        let told = match miscount(protocol, state)? {
            Miscount::Row => "a row holds more than was ever added to it, and not refused",
            Miscount::Twice => "a log has an addition twice",
            Miscount::Refused => "a log has an addition that was refused for good",
            Miscount::Lost => "an addition was acknowledged, and no node has it",
        };
        Some(told.to_owned())
    })
}
