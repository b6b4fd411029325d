//! A running node of the leaderless protocol.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use quorate_model::cluster::Reaping;
use quorate_model::ids::{Peer, Timestamp};
use quorate_model::protocol::{Change, Effect, Input, Message, NodeConfig, Replica, Store, Timer};
use quorate_model::refine::digest::{StateDigest, StoreDigest};
use quorate_model::refine::trace::{NodeHeader, NodeStep, TRACE_FORMAT, TraceLine};
use quorate_model::versions::Incarnation;

use super::observed::Observed;
use super::waiting::names;
use super::{
    AcceptLoss, Awaited, HandoffPace, HintAges, Leaderless, LossAccepted, NodeStatus, Oversized,
    Question, RangeDigests, Syncs, Told, Waiting, duration_of,
};
use crate::config::{ClusterFile, Intervals, Timeouts};
use crate::node::NodeSettings;
use crate::runs::{DurableStore, EffectOf, ProcessStatus, Runs, Seen, Started, Step, Taken};
use crate::storage::{
    Derivation, Owner, Staged, StagedChanges, Storage, StorageError, Synced, Waker,
};
use crate::wire::wall_clock_ms;

/// The leaderless protocol at one running node.
pub struct LeaderlessNode {
    config: NodeConfig,
    is_founding: bool,
    /// Follows what its steps do, for when its timers expire.
    handoff_pace: HandoffPace,
    // What follows is for the status and the log alone.
    /// Follow what was committed.
    ranges: RangeDigests,
    oversized: Oversized,
    hint_ages: HintAges,
    /// Follow what its steps do.
    syncs: Syncs,
    waiting: Waiting,
    observed: Observed,
}

impl LeaderlessNode {
    fn awaited(&self, replica: &Replica) -> Vec<Awaited> {
        replica.awaited(&self.config).into_iter().map(Awaited::from).collect()
    }
}

impl Runs for LeaderlessNode {
    type Speaks = Leaderless;
    type Store = Storage;
    type Input = Input;
    type Effect = Effect;
    type Line = TraceLine;
    type Digest = StoreDigest;

    fn open(settings: &NodeSettings) -> Result<(Self, Storage), StorageError> {
        let NodeSettings { cluster, node, data, is_founding, .. } = settings;
        let owner =
            Owner { node: settings.name().to_string(), versioning: cluster.spec.versioning };
        let config = NodeConfig::new(*node, Arc::clone(&cluster.cluster));
        let derivation = Some(Derivation::new(config.clone(), &cluster.spec));
        let storage = Storage::open_deriving(data, &owner, cluster.cache_bytes, derivation)?;
        let ranges = RangeDigests::open(*node, Arc::clone(&cluster.cluster), &storage)?;
        let oversized = Oversized::open(cluster.message_bytes_max, &storage)?;
        let hint_ages = HintAges::open(data, &storage.counts().hints, wall_clock_ms());
        let node = LeaderlessNode {
            config,
            is_founding: *is_founding,
            handoff_pace: HandoffPace::default(),
            ranges,
            oversized,
            hint_ages,
            syncs: Syncs::new(*node, &cluster.cluster),
            waiting: Waiting::new(Instant::now()),
            observed: Observed::new(Arc::clone(&settings.metrics), storage.durable_step()),
        };
        Ok((node, storage))
    }

    fn start(&self) -> Input {
        let incarnation = Incarnation(rand::random_range(1..=u64::MAX));
        Input::Start { incarnation, founding: self.is_founding }
    }

    fn receive(from: Peer, message: Message) -> Input {
        Input::Receive { from, message }
    }

    fn expire(timer: Timer) -> Input {
        Input::Expire(timer)
    }

    fn command(&self, AcceptLoss { lost }: AcceptLoss) -> Input {
        let lost_names = names(&self.config, lost);
        warn!(lost = lost_names, "an operator accepts that what these held is lost");
        Input::AcceptLoss { lost }
    }

    fn step(
        &mut self,
        replica: &mut Replica,
        store: Seen<'_, Storage>,
        now: Timestamp,
        input: Input,
    ) -> Result<Step<Self>, StorageError> {
        let sync_sender = Syncs::sender(&input);
        let expired = HandoffPace::expired(&input);
        self.waiting.follow(&input);
        let begun = Instant::now();
        let noted = self.observed.input(&input, begun);
        let step = replica.step(&self.config, &staged(store), now, input)?;
        if let Some(sender) = sync_sender {
            self.syncs.follow(sender, &step.changes, begun);
        }
        self.handoff_pace.follow(expired, &step.changes);
        self.observed.step(noted, &step, begun);
        Ok(Step { changes: step.changes, effects: step.effects })
    }

    fn effect(effect: Effect) -> EffectOf<Leaderless> {
        super::effect(effect)
    }

    fn commit(
        &mut self,
        store: &mut Storage,
        staged: &StagedChanges,
        step: u64,
    ) -> Result<(), StorageError> {
        let (ranges, oversized) = (&mut self.ranges, &mut self.oversized);
        store.begin(staged, step, |key, old, new| {
            ranges.replace(key, old, new);
            oversized.replace(key, new);
        })?;
        if !staged.hints.is_empty() {
            self.hint_ages.follow(&store.counts().hints, wall_clock_ms());
        }
        Ok(())
    }

    fn duration_of(
        &self,
        timer: Timer,
        timeouts: &Timeouts,
        intervals: &Intervals,
    ) -> Option<Duration> {
        Some(duration_of(timer, timeouts, intervals))
    }

    fn paced(&self, timer: Timer, duration: Duration) -> Duration {
        self.handoff_pace.paced(timer, duration)
    }

    fn outlasts_messages(timer: Timer) -> bool {
        timer == Timer::Settled
    }

    fn answer(&self, replica: &Replica) -> LossAccepted {
        LossAccepted { serves: replica.serves() }
    }

    fn tell(
        &self,
        replica: &Replica,
        storage: &Storage,
        question: Question,
    ) -> Result<Told, StorageError> {
        question.answer(replica.serves(), &self.config.cluster, storage)
    }

    fn status(&self, replica: &Replica, storage: &Storage, says: ProcessStatus) -> NodeStatus {
        let counts = storage.counts();
        let identity = storage.identity().ok().flatten();
        NodeStatus {
            incarnation: identity.map(|identity| identity.incarnation).unwrap_or_default(),
            life: identity.map(|identity| identity.life).unwrap_or_default(),
            is_catching_up: !replica.serves(),
            awaited: self.awaited(replica),
            keys: counts.keys,
            versions: counts.versions,
            versions_max: counts.versions_max(),
            tombstones: counts.tombstones,
            oversized: self.oversized.count(),
            hints: self.hint_ages.describe(&counts.hints, wall_clock_ms()),
            ranges: self.ranges.status(replica.forest()),
            syncs: self.syncs.describe(Instant::now()),
            requests: self.observed.requests(),
            pending: replica.pending_count() as u64,
            durable_step: storage.step(),
            up_ms: says.up.as_millis() as u64,
            traffic: says.traffic,
        }
    }

    fn tell_start(&mut self, replica: &Replica, storage: &Storage, started: Started) {
        let Started { address, step } = started;
        info!(
            name = self.config.cluster.name(self.config.node),
            %address,
            durable_step = step,
            keys = storage.counts().keys,
            "started"
        );
        self.waiting.tell_start(&self.config, replica);
    }

    fn tell_news(&mut self, replica: &Replica, storage: &Storage) {
        self.waiting.tell_news(&self.config, replica, storage.counts().keys);
        for Synced { step, took } in storage.take_syncs() {
            self.observed.committed(step, took);
        }
    }

    fn header(settings: &NodeSettings, durable_step: u64) -> TraceLine {
        TraceLine::Node(NodeHeader {
            format: TRACE_FORMAT,
            node: settings.node,
            cluster: settings.cluster.spec.clone(),
            durable_step,
            lost_disk: settings.has_lost_disk(durable_step),
            datagram_lifetime_us: relied_on_lifetime_us(&settings.cluster),
        })
    }

    fn digest(storage: &Storage) -> Result<StoreDigest, StorageError> {
        storage.digest()
    }

    fn follow(
        digest: &mut StoreDigest,
        before: Seen<'_, Storage>,
        changes: &[Change],
    ) -> Result<(), StorageError> {
        digest.follow(&staged(before), changes)
    }

    fn line(taken: Taken<'_, Self>, replica: &Replica, digest: &StoreDigest) -> TraceLine {
        let Taken { number, at_us, now, input, effects } = taken;
        let (effects, digest) = (effects.to_vec(), StateDigest::new(replica, *digest));
        TraceLine::Step(NodeStep { number, at_us, now, input, effects, digest })
    }
}

impl DurableStore for Storage {
    type Change = Change;
    type Staged = StagedChanges;

    fn durable_step(&self) -> u64 {
        Storage::durable_step(self)
    }

    fn stage(&self, staged: &mut StagedChanges, changes: Vec<Change>) -> Result<(), StorageError> {
        staged.stage(self, changes)
    }

    fn is_unchanged(staged: &StagedChanges) -> bool {
        staged.is_empty()
    }

    fn progress(&mut self) -> Result<u64, StorageError> {
        Storage::progress(self)
    }

    fn settle(&mut self) -> Result<u64, StorageError> {
        Storage::settle(self)
    }

    fn wake(&mut self, waker: Waker) {
        Storage::wake(self, waker);
    }
}

/// A store as a step of the protocol reads it.
fn staged(seen: Seen<'_, Storage>) -> Staged<'_, Storage> {
    Staged::new(seen.durable, seen.staged)
}

/// For how long a datagram is under way at most, where the node relies on it.
fn relied_on_lifetime_us(cluster: &ClusterFile) -> Option<u64> {
    let is_relied_on = cluster.spec.background.reaping == Reaping::Agreed;
    let lifetime = cluster.intervals.datagram_lifetime;
    is_relied_on.then(|| u64::try_from(lifetime.as_micros()).unwrap_or(u64::MAX))
}
