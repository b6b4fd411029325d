//! Messages that can never have an effect again, whatever happens: a reduction by dead variables.
//!
//! Each rule rests on what only grows: a node's epoch, the vote in it, and, in one reign of a leader, what it knows its
//! followers to hold. A lost or older disk takes these back, so messages stay where a rule rests on a node that may yet
//! lose its own; and without epochs a message does not say in which reign it was sent, so then all do ([`applies`]).
//!
//! A piece of log that its receiver has, and whose answer is dead, goes as well. It could still make its receiver tell
//! the sender of a later epoch one day; the next heartbeat does that too, and is due then.

use quorate_checker::world::Envelope;
use quorate_ids::{NodeId, Peer};
use quorate_leader::message::{Append, Message};
use quorate_leader::names::{Index, Position};
use quorate_leader::replica::Role;
use quorate_leader::shards::ShardId;

use crate::leader_based::{ClusterState, LeaderBased};
use crate::view;

/// Whether what the rules rest on only grows in this scenario.
pub(crate) fn applies(protocol: &LeaderBased) -> bool {
    protocol.cluster().fencing
}

/// Whether a node may yet lose its disk, or get an older one.
fn may_forget(protocol: &LeaderBased, state: &ClusterState, node: NodeId) -> bool {
    let may_strike = state.faults.wipes > 0 || state.faults.rollbacks > 0;
    may_strike && protocol.surroundings().faulty.contains(node)
}

/// Whether a message changes nothing and causes nothing, now or later.
pub(crate) fn is_dead(
    protocol: &LeaderBased,
    state: &ClusterState,
    sent: &Envelope<LeaderBased>,
) -> bool {
    let (Peer::Node(from), Peer::Node(to)) = (sent.from, sent.to) else { return false };
    if protocol.is_gone(state, to) {
        return true;
    }
    let rests_on_sender = matches!(
        sent.message.message,
        Message::RequestVote { .. }
            | Message::Append(_)
            | Message::Coordinator(_)
            | Message::Snapshot(_)
    );
    if may_forget(protocol, state, to) || rests_on_sender && may_forget(protocol, state, from) {
        return false;
    }
    let shard = sent.message.shard;
    let (sender, receiver) = (state.node(from), state.node(to));
    let (known, senders) = (view::epoch(receiver, shard), view::epoch(sender, shard));
    let leads = view::leadership(receiver, shard);
    // A receiver that knows a later epoch tells the sender so, who may know it too by now.
    let is_told_in_vain = |epoch| epoch < known && senders >= known;
    let stands = |node| {
        let replica = view::replica(node, shard);
        replica.is_some_and(|replica| matches!(replica.role(), Role::Candidate { .. }))
    };
    match &sent.message.message {
        // Nobody leads, or stands, twice in one epoch.
        Message::Vote { epoch } => *epoch < known || *epoch == known && !stands(receiver),
        Message::Appended { epoch, matched, round } => {
            let is_news = leads.is_some_and(|leads| {
                *matched > leads.matched(from) || leads.awaits_round(from, *round)
            });
            *epoch < known || *epoch == known && !is_news
        }
        Message::Ask { epoch, .. } | Message::More { epoch, .. } => {
            *epoch < known || *epoch == known && leads.is_none()
        }
        Message::Stale { epoch } => *epoch <= known,
        Message::RequestVote { epoch, .. } => {
            let vote = view::store(receiver, shard).and_then(|store| store.latest_ballot().vote);
            let is_counted = senders == *epoch && stands(sender);
            is_told_in_vain(*epoch)
                || *epoch == known && (vote.is_some_and(|vote| vote != from) || !is_counted)
        }
        Message::Append(append) => {
            is_told_in_vain(append.epoch) || is_known(state, shard, from, to, append)
        }
        Message::Coordinator(append) => is_told_in_vain(append.epoch),
        Message::Snapshot(page) => is_told_in_vain(page.epoch),
        Message::Election | Message::Answer => false,
        Message::Recall { .. } | Message::Recalled { .. } => false,
        Message::Request { .. } | Message::Reply { .. } => false,
    }
}

/// Whether a follower has this piece of its leader's log already, and the leader learns nothing from its answer.
fn is_known(
    state: &ClusterState,
    shard: ShardId,
    leader: NodeId,
    follower: NodeId,
    append: &Append,
) -> bool {
    let (sender, receiver) = (state.node(leader), state.node(follower));
    let Some(replica) = view::replica(receiver, shard) else { return false };
    let Some(store) = view::store(receiver, shard) else { return false };
    let follows = *replica.role() == (Role::Follower { leader: Some(leader) });
    if !follows || view::epoch(receiver, shard) != append.epoch {
        return false;
    }
    let has = |index: Index, epoch| match store.entry_at(index) {
        Some(entry) => entry.epoch == epoch,
        None => store.base_position() == Position { epoch, index },
    };
    let previous = append.previous;
    let mut entries = (previous.index.0 + 1..).map(Index).zip(&append.entries);
    let has_all = has(previous.index, previous.epoch)
        && entries.all(|(index, entry)| store.entry_at(index) == Some(entry));
    let matched = Index(previous.index.0 + append.entries.len() as u32);
    let learns = view::epoch(sender, shard) == append.epoch
        && view::leadership(sender, shard).is_some_and(|known| {
            matched > known.matched(follower) || known.awaits_round(follower, append.round)
        });
    has_all && append.commit.min(matched) <= store.committed_index() && !learns
}
