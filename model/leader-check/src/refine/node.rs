//! A node of a running cluster: its step, and the same replayed.

use std::convert::Infallible;

use quorate_checker::refine::{Replayed, ReplayedNode};
use quorate_ids::{Peer, Timestamp};
use quorate_leader::config::NodeConfig;
use quorate_leader::effect::{Effect, Input, Step, Timer};
use quorate_leader::names::{Epoch, Index};
use quorate_leader::replica::Replica;
use quorate_leader::shards::ShardId;
use quorate_leader::statement::Surroundings;
use quorate_leader::store::{Change, MemoryStore, Store};
use serde::{Deserialize, Serialize};

use super::digest::{StateDigest, StoreDigest};
use crate::kinds::{Alarm, Packet};
use crate::leader_based::LeaderBased;

/// The one log of a running cluster.
pub const LOG: ShardId = ShardId(0);

/// What reaches a node, with the number that it draws.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeInput {
    /// What the node draws in this step, should it execute `random`.
    pub random: u64,
    /// What reaches it.
    pub reaching: Reaching,
}

/// What can reach a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reaching {
    /// It starts, on whatever its disk holds.
    Start {
        /// Tells this start from all others.
        life: u64,
        /// Whether the cluster is being founded, and the disk is empty.
        founding: bool,
    },
    /// A message arrives.
    Receive {
        /// From whom.
        from: Peer,
        /// What.
        packet: Packet,
    },
    /// A timer that was set, and not cancelled since, expires.
    Expire(Timer),
    /// An operator promotes it.
    Promote,
}

/// What a step of a node or a client asks for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum NodeEffect {
    /// That a message is sent.
    Send {
        /// To whom.
        to: Peer,
        /// What.
        packet: Packet,
    },
    /// That a timer is started, or started anew if it runs.
    SetTimer(Alarm),
    /// That a timer is stopped, if it runs.
    CancelTimer(Alarm),
}

/// A node's timer among all that can expire. Whether it is right is for searches to tell: running nodes do not know.
#[must_use]
pub fn alarm(timer: Timer) -> Alarm {
    Alarm::Node { shard: LOG, timer, is_wrong: false }
}

/// The timer of a node that this is, if it is one.
#[must_use]
pub fn timer_of(alarm: Alarm) -> Option<Timer> {
    match alarm {
        Alarm::Node { timer, .. } => Some(timer),
        Alarm::Request | Alarm::Window => None,
    }
}

/// Takes a step of a node: for those that run, and for the replay. The changes are not made yet.
///
/// # Errors
/// When the store cannot be read.
pub fn take<S: Store>(
    config: &NodeConfig,
    replica: &mut Vec<Replica>,
    store: &S,
    now: Timestamp,
    input: NodeInput,
) -> Result<Step, S::Error> {
    let around = Surroundings { now, random: input.random };
    let input = match input.reaching {
        Reaching::Start { life, founding } => {
            *replica = vec![Replica::default()];
            Input::Start { life, founding }
        }
        // There is no other log that anything could be about.
        Reaching::Receive { packet, .. } if packet.shard != LOG => return Ok(Step::default()),
        Reaching::Receive { from, packet } => Input::Receive { from, message: packet.message },
        Reaching::Expire(timer) => Input::Expire(timer),
        Reaching::Promote => Input::Expire(Timer::Election),
    };
    let Some(replica) = replica.first_mut() else { return Ok(Step::default()) };
    replica.step(config, store, around, input)
}

/// A node that is replayed.
#[derive(Debug)]
pub struct ReplayedLog {
    config: NodeConfig,
    replica: Vec<Replica>,
    store: MemoryStore,
    digest: StoreDigest,
}

/// What a judge is told of a step.
#[derive(Debug)]
pub struct Seen {
    /// What the step changed, in order.
    pub changes: Vec<Change>,
    /// Up to where the node's log is committed before.
    pub committed_before: Index,
    /// In which epoch the node led before, if it did.
    pub led: Option<Epoch>,
    /// In which epoch it leads now, if it does.
    pub leads: Option<Epoch>,
}

impl ReplayedLog {
    /// A node on an empty disk that has never started.
    #[must_use]
    pub(super) fn new(config: NodeConfig) -> Self {
        let store = MemoryStore::default();
        let Ok(digest) = StoreDigest::of(&store);
        ReplayedLog { config, replica: Vec::new(), store, digest }
    }

    fn leads(&self) -> Option<Epoch> {
        self.replica.first()?.leadership()?;
        Some(self.store.latest_ballot().epoch)
    }
}

impl ReplayedNode<LeaderBased> for ReplayedLog {
    type Durable = (MemoryStore, StoreDigest);
    type Seen = Seen;

    fn durable(&self) -> (MemoryStore, StoreDigest) {
        (self.store.clone(), self.digest)
    }

    fn restart(&mut self, durable: Option<(MemoryStore, StoreDigest)>) {
        self.replica.clear();
        if let Some(durable) = durable {
            (self.store, self.digest) = durable;
        }
    }

    fn step(&mut self, now: Timestamp, input: &NodeInput) -> Replayed<LeaderBased, Seen> {
        let (led, committed_before) = (self.leads(), self.store.committed_index());
        let taken = take(&self.config, &mut self.replica, &self.store, now, input.clone());
        let Ok(Step { changes, effects }): Result<Step, Infallible> = taken;
        for change in &changes {
            let Ok(()) = self.digest.follow(&self.store, change);
            self.store.apply([change.clone()]);
        }
        let digest = StateDigest::new(&self.replica, &self.digest);
        let seen = Seen { changes, committed_before, led, leads: self.leads() };
        let effects = effects.into_iter().map(Effect::into).collect();
        Replayed { effects, digest, seen }
    }
}
