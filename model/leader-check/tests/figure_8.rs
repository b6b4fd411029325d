//! Runs of five nodes, as scripts.
//!
//! Figure 8 of the Raft paper: an entry of an older epoch that a majority holds may still be replaced. A leader that
//! commits it by counting loses it; one that commits it only through an entry of its own epoch does not.
//!
//! And a follower that lost its disk: it may have voted for a candidate that is not among the first who tell it what
//! they know.

use quorate_checker::world::{Action, KindOf, World};
use quorate_ids::{ClientId, NodeId, Peer};
use quorate_leader::effect::Timer;
use quorate_leader::replica::Role;
use quorate_leader::shards::ShardId;
use quorate_leader_model::kinds::{Alarm, MessageKind};
use quorate_leader_model::setting::parse;
use quorate_leader_model::{ClusterState, LeaderBased, property};

const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);
const C: NodeId = NodeId(2);
const D: NodeId = NodeId(3);
const E: NodeId = NodeId(4);

struct Script {
    world: World<LeaderBased>,
    state: ClusterState,
}

impl Script {
    fn new(deviations: &str) -> Self {
        Self::with("crashes = 3\ntimeouts = 9", deviations)
    }

    fn with(faults: &str, deviations: &str) -> Self {
        let text = format!(
            r#"
title = "Figure 8"
nodes = ["A", "B", "C", "D", "E"]
[protocol]
name = "leader"
replication = "majority"
election = "raft"
entries-max = 1
without = ["dead-messages"]
deviations = [{deviations}]
[[protocol.clients]]
name = "x"
operations = ["k = red"]
[faults]
{faults}
[expect]
leader-completeness = "holds"
"#
        );
        let scenario = parse("figure-8.toml", &text).expect("it is a scenario");
        let world = World::new(LeaderBased::new(scenario));
        let state = world.initial_state();
        Script { world, state }
    }

    fn take(&mut self, action: Action<LeaderBased>) {
        let told = format!("{action:?}");
        self.state = self.world.apply(&self.state, action).unwrap_or_else(|| panic!("{told}"));
    }

    /// The latest of such messages arrives: that of the highest epoch.
    fn deliver(&mut self, kind: MessageKind, from: NodeId, to: NodeId) {
        let ends = (Peer::Node(from), Peer::Node(to));
        let such =
            self.state.network.iter().filter(|sent| {
                MessageKind::of(&sent.message) == kind && (sent.from, sent.to) == ends
            });
        let sent = such.max_by_key(|sent| sent.message.clone()).cloned();
        self.take(Action::Deliver(sent.unwrap_or_else(|| panic!("{kind:?} {from} {to}"))));
    }

    /// A node stands, and these vote for it.
    fn elect(&mut self, node: NodeId, voters: &[NodeId]) {
        let (shard, stands) = (ShardId(0), &self.state.node(node).replica[0]);
        let stands = matches!(stands.role(), Role::Candidate { .. });
        let timer = if stands { Timer::Candidacy } else { Timer::Election };
        let alarm = |is_wrong| Alarm::Node { shard, timer, is_wrong };
        let expire = |is_wrong| Action::Expire { peer: node.into(), timer: alarm(is_wrong) };
        let right = self.world.apply(&self.state, expire(false)).is_some();
        self.take(expire(!right));
        for voter in voters {
            self.deliver(MessageKind::RequestVote, node, *voter);
            self.deliver(MessageKind::Vote, *voter, node);
        }
    }

    /// What a leader sent to a node does not follow its log, so the node asks, and gets the entry before.
    fn ship_older(&mut self, leader: NodeId, follower: NodeId) {
        self.deliver(MessageKind::Append, leader, follower);
        self.deliver(MessageKind::Ask, follower, leader);
        self.deliver(MessageKind::Append, leader, follower);
        self.deliver(MessageKind::Appended, follower, leader);
    }

    /// The runs of the paper's figure, up to (d): whether leader-completeness is violated then.
    fn comes_to_a_violation(mut self) -> bool {
        // (a) The first leader has an entry that one follower holds as well.
        self.take(Action::Invoke { client: ClientId(0), coordinator: A });
        self.deliver(MessageKind::Append, A, B);
        self.take(Action::Crash { node: A });
        // (b) Another node leads with the votes of those who do not have it, and has an entry that nobody else has.
        self.lose_all_of(A);
        self.elect(E, &[C, D]);
        self.take(Action::Crash { node: E });
        // (c) The first leader leads again; now a majority holds its old entry, and nobody its new one.
        self.take(Action::Recover { node: A });
        self.lose_all_of(E);
        self.elect(A, &[]);
        self.elect(A, &[C, D]);
        self.ship_older(A, C);
        self.ship_older(A, D);
        // (d) It crashes, and the other one leads once more: its last entry is of a later epoch than the old one.
        self.take(Action::Crash { node: A });
        self.take(Action::Recover { node: E });
        self.lose_all_of(A);
        self.elect(E, &[]);
        self.elect(E, &[C, D]);
        let all = property::all();
        let property = all.iter().find(|property| property.name == "leader-completeness");
        let protocol = self.world.protocol();
        property.expect("it is judged").stands(protocol, &self.state).contains("VIOLATED")
    }

    /// What a node that has crashed had sent is lost: the paper's servers hear nothing of it.
    fn lose_all_of(&mut self, node: NodeId) {
        self.state.network.retain(|sent| sent.from != Peer::Node(node));
    }
}

#[test]
fn an_entry_of_an_older_epoch_is_not_committed_by_counting() {
    assert!(!Script::new("").comes_to_a_violation());
}

#[test]
fn a_leader_that_commits_older_epochs_by_counting_loses_an_entry() {
    assert!(Script::new("\"commits-older-epochs\"").comes_to_a_violation());
}

#[test]
fn a_follower_that_lost_its_disk_does_not_vote_twice_in_an_epoch() {
    let mut script = Script::with("crashes = 1\nwipes = 1\ntimeouts = 9", "");
    // B votes for C, which has not won yet, and loses its disk.
    script.elect(C, &[B]);
    for action in [Action::Crash { node: B }, Action::Wipe { node: B }, Action::Recover { node: B }]
    {
        script.take(action);
    }
    // More than half tell B what they know: nothing of that epoch.
    for other in [A, D, E] {
        script.deliver(MessageKind::Recall, B, other);
        script.deliver(MessageKind::Recalled, other, B);
    }
    // E stands in it, too.
    script.elect(E, &[D]);
    script.deliver(MessageKind::RequestVote, E, B);
    let votes = |sent: &_| MessageKind::of(sent) == MessageKind::Vote;
    assert!(!script.state.network.iter().any(|sent| sent.from == B.into() && votes(&sent.message)));
    // C wins with the vote that B does not remember. It tells B last.
    script.deliver(MessageKind::RequestVote, C, A);
    script.deliver(MessageKind::Vote, A, C);
    script.deliver(MessageKind::Recall, B, C);
    script.deliver(MessageKind::Recalled, C, B);
    let roles = [C, E].map(|node| script.state.node(node).replica[0].leadership().is_some());
    assert_eq!(roles, [true, false]);
    let ballot = script.state.node(B).store[0].latest_ballot();
    assert_eq!((ballot.epoch.number, ballot.vote), (2, Some(B)));
}
