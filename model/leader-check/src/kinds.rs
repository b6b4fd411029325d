//! Kinds of things, as they are counted.

use quorate_checker::world::Kind;
use quorate_ids::{Enumerated, KindOf, NodeId, kinds};
use quorate_leader::client::Task;
use quorate_leader::config::ElectionKind;
use quorate_leader::effect::Timer;
use quorate_leader::message::Message;
use quorate_leader::shards::ShardId;
use serde::{Deserialize, Serialize};

use crate::leader_based::LeaderBased;
use crate::setting::LeaderFile;

/// A message about one of the logs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Packet {
    /// Which log.
    pub shard: ShardId,
    /// What it says.
    pub message: Message,
}

kinds! {
    /// The kinds of message.
    pub enum MessageKind of Message {
        Request: "request",
        Reply: "reply",
        Append: "append",
        Coordinator: "coordinator",
        Appended: "appended",
        Ask: "ask",
        Snapshot: "snapshot page",
        More: "ask for a page",
        RequestVote: "request for a vote",
        Vote: "vote",
        Stale: "stale epoch",
        Election: "election",
        Answer: "answer",
        Recall: "recall",
        Recalled: "recalled",
    }
}

impl KindOf<Packet> for MessageKind {
    fn of(packet: &Packet) -> Self {
        MessageKind::of(&packet.message)
    }
}

kinds! {
    /// What clients want.
    pub enum OperationKind of Task { Write: "write", Read: "read" }
}

/// What can expire. Each timer of a node is there twice: it may expire because what it concludes is so,
/// and it may be wrong, which spends the budget of timeouts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Alarm {
    /// A client has waited long enough.
    Request,
    /// So much time has passed since a client's last write that it reads from any replica.
    Window,
    /// A node's timer.
    Node {
        /// About which log.
        shard: ShardId,
        /// Which.
        timer: Timer,
        /// Whether it is wrong.
        is_wrong: bool,
    },
}

/// The kinds of what can expire at nodes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TimerKind {
    /// A follower takes its leader for gone.
    Election,
    /// An election is begun again.
    Candidacy,
    /// A heartbeat.
    Heartbeat,
    /// Another follower becomes the synchronous one.
    Synchronous,
    /// A node that lost its disk asks again.
    CatchUp,
    /// A client's own timers.
    Client,
    /// A node's timer that is wrong.
    Wrong,
}

impl Enumerated for TimerKind {
    const ALL: &'static [Self] = &[
        TimerKind::Election,
        TimerKind::Candidacy,
        TimerKind::Heartbeat,
        TimerKind::Synchronous,
        TimerKind::CatchUp,
        TimerKind::Client,
        TimerKind::Wrong,
    ];

    fn index(self) -> usize {
        self as usize
    }

    fn name(self) -> &'static str {
        match self {
            TimerKind::Election => "election",
            TimerKind::Candidacy => "election again",
            TimerKind::Heartbeat => "heartbeat",
            TimerKind::Synchronous => "synchronous follower replaced",
            TimerKind::CatchUp => "recall again",
            TimerKind::Client => "client timer",
            TimerKind::Wrong => "wrong timeout",
        }
    }
}

impl KindOf<Alarm> for TimerKind {
    fn of(alarm: &Alarm) -> Self {
        match alarm {
            Alarm::Request | Alarm::Window => TimerKind::Client,
            Alarm::Node { is_wrong: true, .. } => TimerKind::Wrong,
            Alarm::Node { timer, .. } => match timer {
                Timer::Election => TimerKind::Election,
                Timer::Candidacy => TimerKind::Candidacy,
                Timer::Heartbeat(NodeId(_)) => TimerKind::Heartbeat,
                Timer::Synchronous => TimerKind::Synchronous,
                Timer::CatchUp => TimerKind::CatchUp,
            },
        }
    }
}

/// The kinds that a scenario gives occasion for, so that one of them which never happens is worth a word: it was written
/// down for nothing, or shadows a mistake.
#[must_use]
pub fn applicable(file: &LeaderFile) -> Vec<Kind<LeaderBased>> {
    let protocol = LeaderBased::new(file.clone());
    let (setting, around) = (&file.protocol, protocol.surroundings());
    let faults = around.faults;
    let operations = || setting.clients.iter().flat_map(|client| &client.operations);
    let writes = operations().any(|written| matches!(written.0, Task::Write { .. }));
    let reads = operations().any(|written| matches!(written.0, Task::Read { .. }));
    // Somebody else leads, or may come to.
    let elects = faults.crashes > 0 || faults.timeouts > 0 || faults.partitions > 0;
    let of_message = |kind: MessageKind| match kind {
        MessageKind::Request | MessageKind::Reply => writes || reads,
        MessageKind::Append | MessageKind::Appended => writes,
        MessageKind::RequestVote | MessageKind::Vote => {
            elects && setting.election == ElectionKind::Raft
        }
        MessageKind::Coordinator => elects && setting.election == ElectionKind::Bully,
        MessageKind::Snapshot => setting.snapshot_after.is_some() && faults.wipes > 0,
        MessageKind::Recall | MessageKind::Recalled => faults.wipes > 0,
        // Only where a log does not follow, an epoch is old, there are several pages, or a higher node is up.
        MessageKind::Ask
        | MessageKind::More
        | MessageKind::Stale
        | MessageKind::Election
        | MessageKind::Answer => false,
    };
    let of_timer = |kind: TimerKind| match kind {
        TimerKind::Election => elects,
        TimerKind::Heartbeat => writes,
        TimerKind::Wrong => {
            faults.timeouts > 0 && around.node_ids().any(|node| protocol.may_be_wrong(node))
        }
        TimerKind::Candidacy | TimerKind::Synchronous | TimerKind::CatchUp | TimerKind::Client => {
            false
        }
    };
    let is_applicable = |kind: &Kind<LeaderBased>| match *kind {
        Kind::Invoke(OperationKind::Write) => writes,
        Kind::Invoke(OperationKind::Read) => reads,
        Kind::Deliver(kind) => of_message(kind),
        Kind::Expire(kind) => of_timer(kind),
        Kind::ClientTimeout => false,
        Kind::Drop => faults.drops > 0,
        Kind::Duplicate => faults.duplicates > 0,
        Kind::Crash => faults.crashes > 0,
        Kind::Recover => faults.crashes > 0 && !setting.crashed_stay_down || around.down_returns,
        Kind::Wipe => faults.wipes > 0,
        Kind::Snapshot | Kind::Restore => faults.rollbacks > 0,
        Kind::Partition => faults.partitions > 0,
        Kind::Heal => around.heals,
        Kind::Lie => false,
    };
    Kind::all().into_iter().filter(is_applicable).collect()
}

/// Reductions of the state space.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// What clients and nodes send each other arrives in the step that sends it.
    ClientHops,
    /// Messages that can never have an effect again are left out.
    DeadMessages,
}

impl Enumerated for Rule {
    const ALL: &'static [Self] = &[Rule::ClientHops, Rule::DeadMessages];

    fn index(self) -> usize {
        self as usize
    }

    fn name(self) -> &'static str {
        match self {
            Rule::ClientHops => "client-hops",
            Rule::DeadMessages => "dead-messages",
        }
    }
}
