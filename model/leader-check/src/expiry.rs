//! When timers may expire.
//!
//! Every timer of a node is there twice ([`Alarm`]). The one that is right expires for nothing, but only where
//! what it concludes is so, and only where something comes of it; the one that is wrong may expire at any moment,
//! and spends the budget of timeouts. So elections that nothing calls for, rival candidates and impatient leaders
//! are all there, as many as the budget says: a *bound*, not a reduction. What the bound excludes is more such
//! errors in one run.

use quorate_checker::world::{Expiry, NodeState};
use quorate_ids::{ClientId, NodeId, Peer};
use quorate_leader::config::ElectionKind;
use quorate_leader::effect::Timer;
use quorate_leader::message::Message;
use quorate_leader::names::Position;
use quorate_leader::replica::Role;
use quorate_leader::shards::ShardId;

use crate::kinds::Alarm;
use crate::leader_based::{ClusterState, LeaderBased};
use crate::view;

/// What it takes for a timer that is set to expire now.
pub(crate) fn expiry(
    protocol: &LeaderBased,
    state: &ClusterState,
    peer: Peer,
    alarm: Alarm,
) -> Expiry {
    let free_if = |is_so: bool| if is_so { Expiry::Free } else { Expiry::Never };
    let fault_if = |is_so: bool| match is_so && state.faults.timeouts > 0 {
        true => Expiry::AFault,
        false => Expiry::Never,
    };
    match (peer, alarm) {
        (Peer::Client(client), Alarm::Request) => match is_answered_never(state, client) {
            true => Expiry::Free,
            false => fault_if(protocol.setting().is_impatient(client)),
        },
        (_, Alarm::Window) => Expiry::Free,
        (Peer::Node(node), Alarm::Node { shard, timer, is_wrong }) => {
            let at = At { protocol, state, node, shard };
            if is_wrong { fault_if(at.may_be_wrong(timer)) } else { free_if(at.is_due(timer)) }
        }
        _ => Expiry::Never,
    }
}

/// Whether the node that a client asked will never answer: it does not know of the request, and nothing of that is under
/// way any more. A client gives up by a wrong timeout only if the node works on its request, or may yet hear of it: what
/// is under way to a node that is down is lost there, or comes so late that the node is up again.
fn is_answered_never(state: &ClusterState, client: ClientId) -> bool {
    let Some(asks) = state.client(client).and_then(|state| state.client.asks()) else {
        return false;
    };
    let (request, node, _) = asks;
    let is_on_its_way = state.network.iter().any(|sent| match sent.message.message {
        Message::Request { request: sent_request, .. } => {
            sent_request == request && sent.to == node.into()
        }
        Message::Reply { request: of, .. } => of == request,
        _ => false,
    });
    let replicas = &state.node(node).replica;
    let owes = replicas.iter().any(|log| log.leadership().is_some_and(|known| known.owes(request)));
    !is_on_its_way && !owes
}

/// A node's timer about one log.
#[derive(Clone, Copy)]
struct At<'a> {
    protocol: &'a LeaderBased,
    state: &'a ClusterState,
    node: NodeId,
    shard: ShardId,
}

impl<'a> At<'a> {
    fn own(self) -> &'a NodeState<LeaderBased> {
        self.state.node(self.node)
    }

    fn reaches(self, other: NodeId) -> bool {
        other != self.node
            && !self.state.down.contains(other)
            && self.state.connected(self.node.into(), other.into())
    }

    /// Whether messages of such kinds are under way between nodes that can still receive them.
    fn is_under_way(self, is_such: impl Fn(Peer, Peer, &Message) -> bool) -> bool {
        self.state.network.iter().any(|sent| {
            sent.message.shard == self.shard
                && !self.state.is_down(sent.to)
                && is_such(sent.from, sent.to, &sent.message.message)
        })
    }

    /// Whether a node leads that this one would follow.
    fn has_a_leader(self) -> bool {
        let own = view::epoch(self.own(), self.shard);
        view::leaders(self.state, self.shard)
            .any(|(leader, epoch, _)| self.reaches(leader) && epoch >= own)
    }

    /// Whether messages of an election are under way.
    fn is_election_under_way(self) -> bool {
        self.is_under_way(|_, _, message| {
            matches!(
                message,
                Message::RequestVote { .. }
                    | Message::Vote { .. }
                    | Message::Election
                    | Message::Answer
                    | Message::Coordinator(_)
                    | Message::Recall { .. }
                    | Message::Recalled { .. }
            )
        })
    }

    /// Whether enough nodes that it reaches would vote for it.
    fn can_win(self) -> bool {
        let last = |node: NodeId| {
            let store = view::store(self.state.node(node), self.shard);
            store.map_or(Position::default(), |store| store.last_position())
        };
        let votes = |node: NodeId| {
            let store = view::store(self.state.node(node), self.shard);
            store.is_some_and(|store| store.has_caught_up()) && last(node) <= last(self.node)
        };
        let nodes = self.protocol.surroundings().node_ids();
        let all = nodes.filter(|other| *other == self.node || self.reaches(*other));
        votes(self.node)
            && all.filter(|node| votes(*node)).count() >= self.protocol.cluster().majority()
    }

    /// Whether what the timer concludes is so, and something comes of it.
    fn is_due(self, timer: Timer) -> bool {
        let Some(replica) = view::replica(self.own(), self.shard) else { return false };
        match timer {
            Timer::Election | Timer::Candidacy => {
                let may_win = match self.protocol.cluster().election {
                    ElectionKind::Raft => self.can_win(),
                    ElectionKind::Manual => true,
                    // One that was answered waits for whoever answered.
                    ElectionKind::Bully => {
                        !matches!(replica.role(), Role::Bullying { is_answered: true })
                            || !self.is_a_higher_node_reached()
                    }
                };
                may_win && !self.has_a_leader() && !self.is_election_under_way()
            }
            Timer::Heartbeat(follower) => {
                let between = |from: Peer, to: Peer, _: &Message| {
                    let ends = [Peer::from(self.node), Peer::from(follower)];
                    ends == [from, to] || ends == [to, from]
                };
                self.reaches(follower)
                    && self.lacks_something(follower)
                    && !self.is_under_way(between)
            }
            Timer::Synchronous => {
                let synchronous = replica.leadership().and_then(|known| known.synchronous());
                synchronous.is_some_and(|follower| !self.reaches(follower)) && self.waits()
            }
            Timer::CatchUp => self.protocol.surroundings().node_ids().any(|other| {
                let between = |from: Peer, to: Peer, message: &Message| match message {
                    Message::Recall { .. } => (from, to) == (self.node.into(), other.into()),
                    Message::Recalled { .. } => (from, to) == (other.into(), self.node.into()),
                    _ => false,
                };
                self.reaches(other) && replica.recalls_from(other) && !self.is_under_way(between)
            }),
        }
    }

    fn is_a_higher_node_reached(self) -> bool {
        let nodes = self.protocol.surroundings().node_ids();
        nodes.filter(|other| *other > self.node).any(|other| self.reaches(other))
    }

    /// Whether a follower lacks something that a heartbeat brings: entries, the news that they are committed, who
    /// leads, or the question of a round that somebody waits for; or knows a later epoch, which its answer tells.
    fn lacks_something(self, follower: NodeId) -> bool {
        let (own, other) = (self.own(), self.state.node(follower));
        let Some(known) = view::leadership(own, self.shard) else { return false };
        let (Some(store), Some(others)) =
            (view::store(own, self.shard), view::store(other, self.shard))
        else {
            return true;
        };
        view::epoch(other, self.shard) > view::epoch(own, self.shard)
            || known.matched(follower) < store.last_position().index
            || others.committed_index() < store.committed_index()
            || self.is_not_followed_by(follower)
            || known.awaits(follower)
    }

    /// Whether a node does not know that this one leads, and would believe it. (Without epochs a higher leader would
    /// not.)
    fn is_not_followed_by(self, other: NodeId) -> bool {
        let Some(replica) = view::replica(self.state.node(other), self.shard) else { return false };
        let refuses = replica.leadership().is_some() && other > self.node;
        replica.leader(other) != Some(self.node) && (self.protocol.cluster().fencing || !refuses)
    }

    /// Whether this leader has entries that are not committed.
    fn waits(self) -> bool {
        let store = view::store(self.own(), self.shard);
        store.is_some_and(|store| store.committed_index() < store.last_position().index)
    }

    /// Whether a timer that is wrong would change anything: heartbeats that nobody needs are left to duplicates,
    /// and a recall is answered twice by them too.
    fn may_be_wrong(self, timer: Timer) -> bool {
        self.protocol.may_be_wrong(self.node)
            && match timer {
                Timer::Election | Timer::Candidacy => !self.is_due(timer),
                Timer::Synchronous => self.waits() && !self.is_due(timer),
                Timer::Heartbeat(_) | Timer::CatchUp => false,
            }
    }
}
