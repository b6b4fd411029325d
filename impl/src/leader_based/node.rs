//! A running node of the leader-based protocol.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use quorate_checker::refine::trace::{NodeHeader, NodeStep, TRACE_FORMAT, TraceLine};
use quorate_leader::config::NodeConfig;
use quorate_leader::effect::Effect;
use quorate_leader::names::Epoch;
use quorate_leader::replica::{Replica, Role};
use quorate_leader::store::Change;
use quorate_leader_model::LeaderBased;
use quorate_leader_model::kinds::{Alarm, Packet};
use quorate_leader_model::refine::{
    NodeEffect, NodeInput, Reaching, StateDigest, StoreDigest, take, timer_of,
};
use quorate_model::ids::{NodeId, Peer, Timestamp};

use super::durations::duration_of;
use super::store::{LogStore, Reading, StagedLog};
use super::{Follower, Lag, LeaderStatus, Promote, Promoted, RoleName, WithLeader};
use crate::config::{Intervals, LeaderSettings, Timeouts};
use crate::node::NodeSettings;
use crate::runs::{DurableStore, EffectOf, ProcessStatus, Runs, Seen, Started, Step, Taken};
use crate::storage::{StorageError, Waker};

/// The leader-based protocol at one running node.
pub struct LeaderNode {
    config: NodeConfig,
    settings: LeaderSettings,
    /// Whether the cluster is being founded, and the disk is empty.
    is_founding: bool,
    // What follows is for the status and the log alone.
    lag: Lag,
    told: Option<(RoleName, Option<NodeId>, Epoch)>,
}

impl LeaderNode {
    fn name(&self, node: Option<NodeId>) -> &str {
        node.map_or("nobody", |node| &self.settings.cluster.nodes[node.index()])
    }
}

fn role_of(replica: &Replica) -> RoleName {
    match replica.role() {
        Role::Follower { .. } => RoleName::Follower,
        Role::Candidate { .. } | Role::Bullying { .. } => RoleName::Candidate,
        Role::Leader(_) => RoleName::Leader,
    }
}

fn input(reaching: Reaching) -> NodeInput {
    NodeInput { random: rand::random(), reaching }
}

impl Runs for LeaderNode {
    type Speaks = WithLeader;
    type Store = LogStore;
    type Input = NodeInput;
    type Effect = NodeEffect;
    type Line = TraceLine<LeaderBased>;
    type Digest = StoreDigest;

    fn open(settings: &NodeSettings) -> Result<(Self, LogStore), StorageError> {
        let NodeSettings { cluster, node, data, is_founding, .. } = settings;
        let store = LogStore::open(data, settings.name(), cluster.cache_bytes)?;
        let leader = cluster.leader.clone().expect("whoever runs such a node has looked");
        let node = LeaderNode {
            config: leader.cluster.node(*node),
            settings: leader,
            is_founding: *is_founding && store.durable_step() == 0,
            lag: Lag::default(),
            told: None,
        };
        Ok((node, store))
    }

    fn start(&self) -> NodeInput {
        input(Reaching::Start { life: rand::random(), founding: self.is_founding })
    }

    fn receive(from: Peer, packet: Packet) -> NodeInput {
        input(Reaching::Receive { from, packet })
    }

    fn expire(alarm: Alarm) -> NodeInput {
        let timer = timer_of(alarm).expect("nodes set timers of nodes alone");
        input(Reaching::Expire(timer))
    }

    fn command(&self, Promote: Promote) -> NodeInput {
        warn!("an operator promotes this node");
        input(Reaching::Promote)
    }

    fn step(
        &mut self,
        replica: &mut Vec<Replica>,
        store: Seen<'_, LogStore>,
        now: Timestamp,
        input: NodeInput,
    ) -> Result<Step<Self>, StorageError> {
        let view = store.durable.with(store.staged);
        let step = take(&self.config, replica, &Reading(&view), now, input)?;
        let leads = replica.first().is_some_and(|replica| replica.leadership().is_some());
        self.lag.follow(&step.changes, leads, Instant::now());
        let effects = step.effects.into_iter().map(Effect::into).collect();
        Ok(Step { changes: step.changes, effects })
    }

    fn effect(effect: NodeEffect) -> EffectOf<WithLeader> {
        match effect {
            NodeEffect::Send { to, packet } => EffectOf::Send { to, message: packet },
            NodeEffect::SetTimer(alarm) => EffectOf::SetTimer(alarm),
            NodeEffect::CancelTimer(alarm) => EffectOf::CancelTimer(alarm),
        }
    }

    fn commit(
        &mut self,
        store: &mut LogStore,
        staged: &StagedLog,
        step: u64,
    ) -> Result<(), StorageError> {
        store.begin(staged, step)
    }

    fn duration_of(&self, alarm: Alarm, _: &Timeouts, _: &Intervals) -> Option<Duration> {
        duration_of(timer_of(alarm)?, self.settings.cluster.election, &self.settings.times)
    }

    fn outlasts_messages(_: Alarm) -> bool {
        false
    }

    fn answer(&self, replica: &Vec<Replica>) -> Promoted {
        Promoted { leads: replica.first().is_some_and(|replica| replica.leadership().is_some()) }
    }

    fn tell(&self, _: &Vec<Replica>, _: &LogStore, (): ()) -> Result<(), StorageError> {
        Ok(())
    }

    fn status(
        &self,
        replica: &Vec<Replica>,
        store: &LogStore,
        says: ProcessStatus,
    ) -> LeaderStatus {
        let (head, now) = (store.head(), Instant::now());
        let replica = replica.first();
        let leadership = replica.and_then(Replica::leadership);
        let follower = |node: NodeId| {
            let leadership = leadership?;
            let matched = leadership.matched(node);
            let last = head.last.index;
            Some(Follower {
                node,
                matched,
                lag_entries: last.0.saturating_sub(matched.0),
                lag_ms: self.lag.of(matched, last, now).as_millis() as u64,
                is_synchronous: leadership.synchronous() == Some(node),
            })
        };
        LeaderStatus {
            role: replica.map_or(RoleName::Follower, role_of),
            leader: replica.and_then(|replica| replica.leader(self.config.node)),
            epoch: head.ballot.epoch,
            last: head.last,
            committed: head.committed,
            base: head.base,
            rows: store.row_count(),
            is_caught_up: !head.has_lost_its_disk,
            followers: self.config.others().filter_map(follower).collect(),
            waiting: leadership.map_or(0, |leadership| leadership.owed() as u64),
            step: store.step(),
            up_ms: says.up.as_millis() as u64,
            traffic: says.traffic,
        }
    }

    fn tell_start(&mut self, _: &Vec<Replica>, store: &LogStore, started: Started) {
        let Started { address, step } = started;
        let (name, head) = (self.name(Some(self.config.node)), store.head());
        info!(name, %address, durable_step = step, last = %head.last, "started");
        if head.has_lost_its_disk {
            warn!(
                "this node starts on an empty directory: it does not vote until it has caught up"
            );
        }
    }

    fn tell_news(&mut self, replica: &Vec<Replica>, store: &LogStore) {
        let Some(replica) = replica.first() else { return };
        let (role, leader) = (role_of(replica), replica.leader(self.config.node));
        let epoch = store.head().ballot.epoch;
        if self.told != Some((role, leader, epoch)) {
            self.told = Some((role, leader, epoch));
            info!(role = role.name(), leader = self.name(leader), epoch = epoch.number, "election");
        }
    }

    fn header(settings: &NodeSettings, durable_step: u64) -> Self::Line {
        let leader = settings.cluster.leader.as_ref().expect("whoever runs such a node has looked");
        TraceLine::Node(NodeHeader {
            format: TRACE_FORMAT,
            node: settings.node,
            cluster: leader.cluster.clone(),
            durable_step,
            lost_disk: settings.has_lost_disk(durable_step),
            datagram_lifetime_us: None,
        })
    }

    fn digest(store: &LogStore) -> Result<StoreDigest, StorageError> {
        StoreDigest::of(&Reading(store))
    }

    fn follow(
        digest: &mut StoreDigest,
        before: Seen<'_, LogStore>,
        changes: &[Change],
    ) -> Result<(), StorageError> {
        // A step may change one thing several times.
        let view = before.durable.with(before.staged);
        let mut staged = StagedLog::default();
        for change in changes {
            digest.follow(&Reading(&view.with(&staged)), change)?;
            staged.stage(&view, change.clone())?;
        }
        Ok(())
    }

    fn line(taken: Taken<'_, Self>, replica: &Vec<Replica>, digest: &StoreDigest) -> Self::Line {
        let Taken { number, at_us, now, input, effects } = taken;
        let (effects, digest) = (effects.to_vec(), StateDigest::new(replica, digest));
        TraceLine::Step(NodeStep { number, at_us, now, input, effects, digest })
    }
}

impl DurableStore for LogStore {
    type Change = Change;
    type Staged = StagedLog;

    fn durable_step(&self) -> u64 {
        LogStore::durable_step(self)
    }

    fn stage(&self, staged: &mut StagedLog, changes: Vec<Change>) -> Result<(), StorageError> {
        changes.into_iter().try_for_each(|change| staged.stage(self, change))
    }

    fn is_unchanged(staged: &StagedLog) -> bool {
        staged.is_empty()
    }

    fn progress(&mut self) -> Result<u64, StorageError> {
        LogStore::progress(self)
    }

    fn settle(&mut self) -> Result<u64, StorageError> {
        LogStore::settle(self)
    }

    fn wake(&mut self, waker: Waker) {
        LogStore::wake(self, waker);
    }
}
