//! What a protocol is to a running node.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;

use quorate_checker::world::Protocol;
use quorate_model::ids::{NodeId, Peer, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{EffectOf, MessageOf, Speaks, TimerOf};
use crate::config::{Intervals, Timeouts};
use crate::node::NodeSettings;
use crate::storage::{StorageError, Waker};
use crate::wire::Traffic;

/// A protocol at one running node: what it does when something reaches it, and what it says of itself.
///
/// It is a value and not only types, as the checker's protocol is: what a node is told of its cluster is part of what
/// it does, and what it says of itself needs a memory of what it saw. Of this memory no step may depend: a step is a
/// function of what the node remembers, its store, the time and what reaches it.
pub trait Runs: Sized + Send + 'static {
    /// What its processes say to each other.
    type Speaks: Speaks;
    /// The disk.
    type Store: DurableStore + Send;
    /// What reaches a node, as a trace tells it.
    type Input: Clone;
    /// What a step asks for, as a trace tells it.
    type Effect: Clone;
    /// A line of a trace: a [`TraceLine`](quorate_checker::refine::trace::TraceLine) of the protocol, for traces that are
    /// to be validated.
    type Line: Recorded;
    /// A short name of all that a store holds.
    type Digest: Send;

    /// Opens the store, and takes from it what the node says of itself.
    ///
    /// # Errors
    /// When the store cannot be opened or read.
    fn open(settings: &NodeSettings) -> Result<(Self, Self::Store), StorageError>;

    // What reaches a node.

    /// It starts, on whatever its store holds. What is volatile is empty.
    fn start(&self) -> Self::Input;

    /// A message arrives.
    fn receive(from: Peer, message: MessageOf<Self::Speaks>) -> Self::Input;

    /// A timer that was set, and not cancelled since, expires.
    fn expire(timer: TimerOf<Self::Speaks>) -> Self::Input;

    /// An operator tells it something.
    fn command(&self, command: <Self::Speaks as Speaks>::Command) -> Self::Input;

    // What it does then.

    /// Takes one step. The changes are not in the store yet, nor has any of the effects happened.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn step(
        &mut self,
        replica: &mut ReplicaOf<Self>,
        store: Seen<'_, Self::Store>,
        now: Timestamp,
        input: Self::Input,
    ) -> Result<Step<Self>, StorageError>;

    /// What the runtime has to do for an effect.
    fn effect(effect: Self::Effect) -> EffectOf<Self::Speaks>;

    /// Begins to make a group's changes and the number of its last step durable, together or not at all. The
    /// steps that follow see them; nobody outside may learn of them before [`DurableStore::progress`] says that
    /// they are durable.
    ///
    /// # Errors
    /// When the store fails. The node must stop then, without performing any of the group's effects.
    fn commit(
        &mut self,
        store: &mut Self::Store,
        staged: &StagedOf<Self>,
        step: u64,
    ) -> Result<(), StorageError>;

    // When.

    /// How long a timer runs from now: a fresh choice every time. `None`, if it never expires of its own accord.
    fn duration_of(
        &self,
        timer: TimerOf<Self::Speaks>,
        timeouts: &Timeouts,
        intervals: &Intervals,
    ) -> Option<Duration>;

    /// How long it runs in fact, where the node has work that should not wait: no longer than this duration.
    fn paced(&self, timer: TimerOf<Self::Speaks>, duration: Duration) -> Duration {
        let _ = timer;
        duration
    }

    /// Whether a timer waits until nothing is under way any more that was sent before it was set. A node has at most
    /// one such timer.
    fn outlasts_messages(timer: TimerOf<Self::Speaks>) -> bool;

    // What it says of itself.

    /// The answer to a command that was carried out.
    fn answer(&self, replica: &ReplicaOf<Self>) -> <Self::Speaks as Speaks>::Answer;

    /// The answer to a question about what it holds, between groups.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn tell(
        &self,
        replica: &ReplicaOf<Self>,
        store: &Self::Store,
        question: <Self::Speaks as Speaks>::Question,
    ) -> Result<<Self::Speaks as Speaks>::Told, StorageError>;

    /// What it tells whoever asks, between groups, once everything is durable that its steps have changed until
    /// then.
    fn status(
        &self,
        replica: &ReplicaOf<Self>,
        store: &Self::Store,
        says: ProcessStatus,
    ) -> <Self::Speaks as Speaks>::Status;

    /// Tells the log that the node has started.
    fn tell_start(&mut self, replica: &ReplicaOf<Self>, store: &Self::Store, started: Started);

    /// Tells the log what there is to tell after a group.
    fn tell_news(&mut self, replica: &ReplicaOf<Self>, store: &Self::Store);

    // What a trace tells.

    /// The line that a process starts with.
    fn header(settings: &NodeSettings, durable_step: u64) -> Self::Line;

    /// The digest of a whole store.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn digest(store: &Self::Store) -> Result<Self::Digest, StorageError>;

    /// Follows a step's changes; `before` is the store as it was before them.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn follow(
        digest: &mut Self::Digest,
        before: Seen<'_, Self::Store>,
        changes: &[<Self::Store as DurableStore>::Change],
    ) -> Result<(), StorageError>;

    /// The line of a step.
    fn line(taken: Taken<'_, Self>, replica: &ReplicaOf<Self>, digest: &Self::Digest)
    -> Self::Line;
}

/// What a node forgets when it stops.
pub type ReplicaOf<P> = <<<P as Runs>::Speaks as Speaks>::Checked as Protocol>::Replica;

/// What the steps of a group changed.
pub type StagedOf<P> = <<P as Runs>::Store as DurableStore>::Staged;

/// A disk whose changes become durable a group of steps at a time, in the order in which they were committed.
pub trait DurableStore: Sized {
    /// What a step can change.
    type Change;
    /// What the steps of a group changed, and is not durable yet.
    type Staged: Default;

    /// The number of the last step that is durable; zero on a fresh store.
    fn durable_step(&self) -> u64;

    /// The same, or why nothing will be durable any more that is not yet. A store whose commits return only once
    /// they are done need not say more.
    ///
    /// # Errors
    /// When the store has failed.
    fn progress(&mut self) -> Result<u64, StorageError> {
        Ok(self.durable_step())
    }

    /// Waits until everything is durable that was committed.
    ///
    /// # Errors
    /// When the store has failed.
    fn settle(&mut self) -> Result<u64, StorageError> {
        self.progress()
    }

    /// Whom to wake when there is progress.
    fn wake(&mut self, _waker: Waker) {}

    /// Adds a step's changes to those of its group.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn stage(
        &self,
        staged: &mut Self::Staged,
        changes: Vec<Self::Change>,
    ) -> Result<(), StorageError>;

    /// Whether a group changed nothing.
    fn is_unchanged(staged: &Self::Staged) -> bool;
}

/// A store as a step sees it: what its group has changed so far, over what is durable.
#[derive(Debug)]
pub struct Seen<'a, S: DurableStore> {
    /// What is durable.
    pub durable: &'a S,
    /// What is not yet.
    pub staged: &'a S::Staged,
}

impl<S: DurableStore> Clone for Seen<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: DurableStore> Copy for Seen<'_, S> {}

/// Everything that comes out of a step.
pub struct Step<P: Runs> {
    /// What to store.
    pub changes: Vec<<P::Store as DurableStore>::Change>,
    /// What to do once that is durable.
    pub effects: Vec<P::Effect>,
}

/// What the runtime knows of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProcessStatus {
    /// For how long it has been up.
    pub up: Duration,
    /// Its datagrams.
    pub traffic: Traffic,
}

/// How a node has started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Started {
    /// Where it listens.
    pub address: SocketAddr,
    /// The number of the step that it took.
    pub step: u64,
}

/// A step that was taken, for a trace.
pub struct Taken<'a, P: Runs> {
    /// Counts the steps of the data directory from one.
    pub number: u64,
    /// The machine's clock, never earlier than that of the step before, in microseconds.
    pub at_us: u64,
    /// The clock that the protocol was told.
    pub now: Timestamp,
    /// What went in.
    pub input: P::Input,
    /// What came out.
    pub effects: &'a [P::Effect],
}

/// A line of a node's trace.
pub trait Recorded: Serialize + DeserializeOwned + Debug + Send {
    /// How the first line of every trace of a node starts, so that another file is told from a torn trace.
    const HEADER_START: &'static [u8];

    /// Whose header this is, if it is one of a node.
    fn header_of(&self) -> Option<NodeId>;

    /// When the node took the step that this is, if it is one, in microseconds.
    fn step_at_us(&self) -> Option<u64>;
}
