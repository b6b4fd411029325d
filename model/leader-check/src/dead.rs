//! Messages that can never have an effect again, whatever happens: a reduction by dead variables.
//!
//! Each rule rests on what only grows: a node's epoch, the vote in it, and, in one reign of a leader, what it knows its
//! followers to hold. A lost or older disk takes these back, so messages stay where a rule rests on a node that may yet
//! lose its own; and without epochs a message does not say in which reign it was sent, so then all do ([`applies`]).
//!
//! A message of an older epoch has an effect still if its receiver comes to know a later epoch than its sender: the sender
//! is told so. A piece of log that its receiver has makes it follow its leader again, should it have
//! stopped meanwhile. Both are dead once a leader leads [for good](lasting): nothing can begin an election any more.

use quorate_checker::Shared;
use quorate_checker::world::{Envelope, Faults};
use quorate_ids::{NodeId, Peer};
use quorate_leader::config::{ElectionKind, Replication};
use quorate_leader::deviation::Deviation;
use quorate_leader::message::{Append, Message};
use quorate_leader::names::{Epoch, Index, Position};
use quorate_leader::replica::Role;
use quorate_leader::shards::ShardId;

use crate::leader_based::{ClusterState, LeaderBased};
use crate::view;

/// Whether what the rules rest on only grows in this scenario, and an epoch has one leader. Where epochs do not say in which
/// life they were claimed, a node that lost its disk, or has an older one, may lead again in one that had a leader.
pub(crate) fn applies(protocol: &LeaderBased) -> bool {
    let Faults { wipes, rollbacks, .. } = protocol.surroundings().faults;
    let may_strike = wipes > 0 || rollbacks > 0;
    let cluster = protocol.cluster();
    let tell_lives_apart = cluster.election == ElectionKind::Raft
        || !cluster.deviations.contains(Deviation::EpochsWithoutLives);
    let forgets_disks = forgets!(protocol, DeadThoughForgetting);
    cluster.fencing && (tell_lives_apart || !may_strike || forgets_disks)
}

/// Whether a node may yet lose its disk, or get an older one.
fn may_forget(protocol: &LeaderBased, state: &ClusterState, node: NodeId) -> bool {
    let may_strike = state.faults.wipes > 0 || state.faults.rollbacks > 0;
    may_strike
        && protocol.surroundings().faulty.contains(node)
        && !forgets!(protocol, DeadThoughForgetting)
}

/// The messages under way that change nothing and cause nothing, now or later.
pub(crate) fn of(
    protocol: &LeaderBased,
    state: &ClusterState,
) -> Vec<Shared<Envelope<LeaderBased>>> {
    let shards = protocol.client_config().shards.ids();
    let lasting: Vec<Option<Reign>> = shards.map(|shard| lasting(protocol, state, shard)).collect();
    let is_dead = |sent: &&Shared<Envelope<LeaderBased>>| {
        let reign = lasting[usize::from(sent.message.shard.0)];
        is_dead(protocol, state, reign, sent)
    };
    state.network.iter().filter(is_dead).cloned().collect()
}

/// A leader that leads for good, and its epoch.
#[derive(Clone, Copy)]
struct Reign {
    leader: NodeId,
    epoch: Epoch,
}

/// The leader of a log that leads for good: no node knows a later epoch, all reach it, and nothing is left, or under
/// way, that could begin an election. Under bully a leader that is deposed begins one.
fn lasting(protocol: &LeaderBased, state: &ClusterState, shard: ShardId) -> Option<Reign> {
    let Faults { crashes, timeouts, partitions, .. } = state.faults;
    let is_whole =
        state.groups.is_empty() && state.down.iter().all(|node| protocol.is_gone(state, node));
    if crashes > 0 || timeouts > 0 || partitions > 0 || !is_whole {
        return None;
    }
    let (leader, epoch, _) = view::leaders(state, shard).max_by_key(|(_, epoch, _)| *epoch)?;
    let are_several = view::leaders(state, shard).count() > 1;
    if are_several && protocol.cluster().election == ElectionKind::Bully {
        return None;
    }
    let mut nodes = protocol.remaining(state);
    let mut sent = state.network.iter().filter(|sent| sent.message.shard == shard);
    let is_calm = nodes.all(|(_, node)| view::epoch(node, shard) <= epoch)
        && sent.all(|sent| may_begin_no_election(&sent.message.message, epoch));
    is_calm.then_some(Reign { leader, epoch })
}

/// Whether nobody who receives this will ever think of another leader than that of an epoch.
fn may_begin_no_election(message: &Message, of: Epoch) -> bool {
    match message {
        Message::Append(append) => append.epoch <= of,
        Message::Appended { epoch, .. }
        | Message::Ask { epoch, .. }
        | Message::More { epoch, .. }
        | Message::RequestVote { epoch, .. }
        | Message::Vote { epoch }
        | Message::Stale { epoch }
        | Message::Recalled { epoch, .. } => *epoch <= of,
        Message::Snapshot(page) => page.epoch <= of,
        Message::Recall { .. } | Message::Request { .. } | Message::Reply { .. } => true,
        Message::Coordinator(_) | Message::Election | Message::Answer => false,
    }
}

/// Whether a message changes nothing and causes nothing, now or later.
fn is_dead(
    protocol: &LeaderBased,
    state: &ClusterState,
    reign: Option<Reign>,
    sent: &Envelope<LeaderBased>,
) -> bool {
    let (Peer::Node(from), Peer::Node(to)) = (sent.from, sent.to) else { return false };
    let is_down = forgets!(protocol, DeadWhileDown) && state.down.contains(to);
    if protocol.is_gone(state, to) || is_down {
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
    // A receiver that knows a later epoch tells the sender so. There is none of which the sender does not know.
    let is_told_in_vain = || {
        protocol.is_gone(state, from)
            || reign.is_some_and(|reign| reign.epoch == senders)
            || forgets!(protocol, DeadThoughEpochsMayCome) && senders >= known
    };
    let stands = |node| {
        let replica = view::replica(node, shard);
        replica.is_some_and(|replica| matches!(replica.role(), Role::Candidate { .. }))
    };
    // Whether its sender leads for good in this epoch.
    let is_for_good = |epoch| {
        reign.is_some_and(|reign| reign.leader == from && reign.epoch == epoch)
            || forgets!(protocol, DeadThoughFollowersStop)
    };
    let may_lead = stands(receiver) && !forgets!(protocol, DeadThoughStanding);
    match &sent.message.message {
        // Who neither stands nor leads in the epoch that it knows will not do so in it again, nor in an older one.
        Message::Vote { epoch } => *epoch < known || *epoch == known && !stands(receiver),
        Message::Appended { epoch, matched, round } => {
            let is_news = leads.is_some_and(|leads| {
                *matched > leads.matched(from)
                    || leads.awaits_round(from, *round) && !forgets!(protocol, DeadThoughReadsWait)
                    || may_take_a_place(protocol)
            });
            *epoch < known || *epoch == known && !may_lead && !is_news
        }
        Message::Ask { epoch, .. } | Message::More { epoch, .. } => {
            *epoch < known || *epoch == known && !may_lead && leads.is_none()
        }
        Message::Stale { epoch } => *epoch <= known,
        Message::RequestVote { epoch, .. } => {
            let vote = view::store(receiver, shard).and_then(|store| store.latest_ballot().vote);
            // Whether its sender stands in this epoch no more.
            let is_past = protocol.is_gone(state, from)
                || *epoch < senders
                || *epoch == senders && !stands(sender);
            // Whether it has another vote in this epoch, or this one, which counts no more.
            let is_voted = match vote {
                Some(vote) => vote != from || is_past,
                None => forgets!(protocol, DeadThoughNotVoted) && is_past,
            };
            (*epoch < known || *epoch == known && is_voted) && is_told_in_vain()
        }
        Message::Append(append) => {
            append.epoch < known && is_told_in_vain()
                || is_for_good(append.epoch) && is_known(protocol, state, shard, from, to, append)
        }
        Message::Coordinator(append) => append.epoch < known && is_told_in_vain(),
        Message::Snapshot(page) => page.epoch < known && is_told_in_vain(),
        Message::Election | Message::Answer => false,
        Message::Recall { .. } | Message::Recalled { .. } => false,
        Message::Request { .. } | Message::Reply { .. } => false,
    }
}

/// Whether a follower that says again what its leader knows may become the synchronous one, because there is none.
fn may_take_a_place(protocol: &LeaderBased) -> bool {
    let cluster = protocol.cluster();
    cluster.replication == Replication::SemiSync
        && cluster.deviations.contains(Deviation::FallsBackToAsync)
        && !forgets!(protocol, DeadThoughAPlaceIsFree)
}

/// Whether a follower has this piece of its leader's log already, and the leader learns nothing from its answer.
fn is_known(
    protocol: &LeaderBased,
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
    if !follows || view::epoch(receiver, shard) != append.epoch || !store.has_caught_up() {
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
    let learns = view::leadership(sender, shard).is_some_and(|known| {
        matched > known.matched(follower)
            || known.awaits_round(follower, append.round)
            || may_take_a_place(protocol)
    });
    has_all && append.commit.min(matched) <= store.committed_index() && !learns
}
