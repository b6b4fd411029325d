//! What an observer sees of one actor's step.

use std::collections::BTreeMap;

use quorate_checker::world::{ActorState, ClientInput, Event, NodeState, Taken};
use quorate_ids::{NodeId, Peer};
use quorate_leader::client::{Ended, Task};
use quorate_leader::log::Entry;
use quorate_leader::message::{Message, Operation, Outcome};
use quorate_leader::names::{Epoch, Index, Position, RequestId, Value};
use quorate_leader::shards::ShardId;
use quorate_leader::store::Change;

use crate::client::ScriptedClient;
use crate::leader_based::LeaderBased;
use crate::view;

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Fact {
    /// A client started an operation.
    Started {
        /// Under which request.
        request: RequestId,
        /// Which.
        task: Task,
    },
    /// A client asks again.
    Retried(RequestId),
    /// A write arrives at a leader, where writes may be turned away.
    Asked(RequestId),
    /// A client's operation ended.
    Ended(Ended),
    /// A node made itself leader.
    Led {
        /// Of which log.
        shard: ShardId,
        /// Which node.
        node: NodeId,
        /// In which epoch.
        epoch: Epoch,
        /// Up to where its log was compacted.
        base: Position,
        /// The writes that its log had above that, and where.
        log: Vec<(Index, RequestId)>,
    },
    /// A leader appended a client's write to its log.
    Accepted {
        /// To which log.
        shard: ShardId,
        /// Which node.
        node: NodeId,
        /// In which epoch it leads.
        epoch: Epoch,
        /// Where in the log.
        index: Index,
        /// Whose write.
        request: RequestId,
    },
    /// A leader committed an entry.
    Committed {
        /// Of which log.
        shard: ShardId,
        /// In which epoch it leads.
        epoch: Epoch,
        /// Where.
        index: Index,
        /// What.
        entry: Entry,
        /// What the row held then at the leader, if the entry is a write.
        row: Option<Value>,
    },
    /// A node told a client that its write is acknowledged.
    Acknowledged {
        /// In which log.
        shard: ShardId,
        /// Which node.
        node: NodeId,
        /// Whose write.
        request: RequestId,
    },
}

/// What is seen of a step.
pub(crate) fn of(protocol: &LeaderBased, taken: &Taken<'_, LeaderBased>) -> Vec<Fact> {
    match (taken.peer, taken.before, &*taken.after) {
        (Peer::Node(node), ActorState::Node(before), ActorState::Node(after)) => {
            let mut facts = Vec::new();
            facts.extend(asked(protocol, taken.event, before).map(Fact::Asked));
            for (shard, changes) in protocol.changes(node, before, taken.event) {
                of_log(&mut facts, shard, node, [before, after], &changes);
            }
            facts.extend(taken.sent.iter().filter_map(|sent| match &sent.message.message {
                Message::Reply { request, outcome: Outcome::Written { .. } } => {
                    let shard = sent.message.shard;
                    Some(Fact::Acknowledged { shard, node, request: *request })
                }
                _ => None,
            }));
            facts
        }
        (Peer::Client(_), ActorState::Client(before), ActorState::Client(after)) => {
            of_client(protocol, taken, before, after)
        }
        _ => Vec::new(),
    }
}

/// Which write arrives, if it does at a leader, and where writes may be turned away.
fn asked(
    protocol: &LeaderBased,
    event: &Event<LeaderBased>,
    before: &NodeState<LeaderBased>,
) -> Option<RequestId> {
    let Event::Receive(sent) = event else { return None };
    let shard = sent.message.shard;
    if !protocol.setting().may_turn_writes_away() || view::leadership(before, shard).is_none() {
        return None;
    }
    match &sent.message.message {
        Message::Request { request, operation: Operation::Write { .. } } => Some(*request),
        _ => None,
    }
}

/// What became of one log at one node. Told by what the step changed and not by what the store holds afterwards:
/// an entry may be appended, committed and compacted in one step.
fn of_log(
    facts: &mut Vec<Fact>,
    shard: ShardId,
    node: NodeId,
    [before, after]: [&NodeState<LeaderBased>; 2],
    changes: &[Change],
) {
    if view::leadership(after, shard).is_none() {
        return;
    }
    let epoch = view::epoch(after, shard);
    let led = view::leadership(before, shard).is_some() && view::epoch(before, shard) == epoch;
    let had = view::store(before, shard);
    if !led {
        let base = had.map(|had| had.base_position()).unwrap_or_default();
        let entries = had.into_iter().flat_map(|had| (base.index.0 + 1..).zip(had.entries()));
        let log = entries.filter_map(|(at, entry)| Some((Index(at), entry.request()?))).collect();
        facts.push(Fact::Led { shard, node, epoch, base, log });
    }
    let (mut appended, mut applied) = (BTreeMap::new(), None);
    for change in changes {
        match change {
            Change::Append { index, entry } => {
                appended.insert(*index, entry);
                if let Some(request) = entry.request() {
                    facts.push(Fact::Accepted { shard, node, epoch, index: *index, request });
                }
            }
            Change::Row { value, .. } => applied.clone_from(value),
            Change::Committed(index) => {
                let entry = appended.get(index).copied();
                let entry = entry.or_else(|| had.and_then(|had| had.entry_at(*index))).cloned();
                let row = applied.take();
                let committed = entry.map(|entry| (*index, entry));
                facts.extend(committed.map(|(index, entry)| Fact::Committed {
                    shard,
                    epoch,
                    index,
                    entry,
                    row,
                }));
            }
            _ => {}
        }
    }
}

/// What a client did: it is asked once more, being a function of what it was and what reached it.
fn of_client(
    protocol: &LeaderBased,
    taken: &Taken<'_, LeaderBased>,
    before: &ScriptedClient,
    after: &ScriptedClient,
) -> Vec<Fact> {
    let Peer::Client(client) = taken.peer else { return Vec::new() };
    let input = match taken.event {
        Event::Invoke(_, coordinator) => ClientInput::Invoke { coordinator: *coordinator },
        Event::Expire(_, alarm) => ClientInput::Expire(*alarm),
        Event::Receive(sent) => {
            let Peer::Node(from) = sent.from else { return Vec::new() };
            ClientInput::Receive { from, message: &sent.message }
        }
        Event::Restart(_) | Event::Command(..) => return Vec::new(),
    };
    if matches!(input, ClientInput::Invoke { .. }) {
        let started = after.client.asks();
        let started =
            started.map(|(request, _, task)| Fact::Started { request, task: task.clone() });
        return started.into_iter().collect();
    }
    let step = before.clone().react(protocol, client, &input);
    let asked = before.client.asks().map(|(request, ..)| request);
    // What its client had to be told first was not done: that is asked for again, but could not count twice.
    let is_told = matches!(
        taken.event,
        Event::Receive(sent)
            if matches!(sent.message.message, Message::Reply { outcome: Outcome::NoSession { .. }, .. })
    );
    let retried = step.send.and(asked).filter(|_| !is_told).map(Fact::Retried);
    retried.into_iter().chain(step.ended.map(Fact::Ended)).collect()
}
