//! What an observer sees of one actor's step.

use quorate_checker::world::{ActorState, ClientInput, Event, NodeState, Taken};
use quorate_ids::{NodeId, Peer};
use quorate_leader::client::{Ended, Task};
use quorate_leader::log::Entry;
use quorate_leader::message::{Message, Outcome};
use quorate_leader::names::{Epoch, Index, RequestId};
use quorate_leader::shards::ShardId;

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
    },
    /// A leader appended a client's write to its log.
    Accepted {
        /// To which log.
        shard: ShardId,
        /// Which node.
        node: NodeId,
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
            for shard in protocol.client_config().shards.ids() {
                of_log(&mut facts, shard, node, before, after);
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

/// What became of one log at one node.
fn of_log(
    facts: &mut Vec<Fact>,
    shard: ShardId,
    node: NodeId,
    before: &NodeState<LeaderBased>,
    after: &NodeState<LeaderBased>,
) {
    let Some(store) = view::store(after, shard) else { return };
    if view::leadership(after, shard).is_none() {
        return;
    }
    let epoch = view::epoch(after, shard);
    let led = view::leadership(before, shard).is_some() && view::epoch(before, shard) == epoch;
    if !led {
        facts.push(Fact::Led { shard, node, epoch });
    }
    let had = view::store(before, shard);
    let last = had.map(|store| store.last_position().index).unwrap_or_default();
    for index in (last.0 + 1..=store.last_position().index.0).map(Index) {
        if let Some(request) = store.entry_at(index).and_then(Entry::request) {
            facts.push(Fact::Accepted { shard, node, request });
        }
    }
    let committed = had.map(|store| store.committed_index()).unwrap_or_default();
    for index in (committed.0 + 1..=store.committed_index().0).map(Index) {
        // What is compacted in the same step was in the log before, but for what a leader alone appends.
        let entry = store.entry_at(index).or_else(|| had.and_then(|had| had.entry_at(index)));
        if let Some(entry) = entry {
            facts.push(Fact::Committed { shard, epoch, index, entry: entry.clone() });
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
    let retried = step.send.and(asked).map(Fact::Retried);
    retried.into_iter().chain(step.ended.map(Fact::Ended)).collect()
}
