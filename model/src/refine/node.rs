//! One node, replayed by the model's own step.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_checker::refine::{Replayed, ReplayedNode};

use super::digest::{StateDigest, StoreDigest};
use crate::check::facts::Moment;
use crate::check::leaderless::Leaderless;
use crate::check::node;
use crate::check::state::NodeState;
use crate::cluster::ClusterConfig;
use crate::ids::{Key, NodeId, Timestamp};
use crate::protocol::{Change, Input, MemoryStore, NodeConfig, PutRequest, Replica, Step};

/// A node as far as it has been replayed.
pub struct NodeReplay {
    config: NodeConfig,
    state: NodeState,
    /// The store as it was before the step that is being replayed: what the digest follows.
    before: MemoryStore,
    digest: StoreDigest,
}

/// A node before or after a replayed step, as far as the step touched it.
pub(super) struct Side {
    /// What it keeps durably of the keys that the step touched.
    pub(super) store: MemoryStore,
    waiting_to_mint: Vec<PutRequest>,
    probing: Vec<PutRequest>,
}

impl Side {
    fn new(replica: &Replica, store: MemoryStore) -> Self {
        Side {
            store,
            waiting_to_mint: replica.waiting_to_mint().cloned().collect(),
            probing: replica.probing().cloned().collect(),
        }
    }

    pub(super) fn moment(&self) -> Moment<'_> {
        Moment {
            store: &self.store,
            waiting_to_mint: self.waiting_to_mint.iter().collect(),
            probing: self.probing.iter().collect(),
        }
    }
}

/// What a step touched, before and after it.
pub struct Touched {
    /// The keys that it changed, or to which a message brought something.
    pub(super) keys: BTreeSet<Key>,
    /// The node before the step.
    pub(super) before: Side,
    /// The node after it.
    pub(super) after: Side,
}

impl NodeReplay {
    pub(super) fn new(node: NodeId, cluster: &Arc<ClusterConfig>) -> Self {
        NodeReplay {
            config: NodeConfig::new(node, Arc::clone(cluster)),
            state: NodeState::default(),
            before: MemoryStore::default(),
            digest: StoreDigest::default(),
        }
    }
}

impl ReplayedNode<Leaderless> for NodeReplay {
    type Durable = (MemoryStore, StoreDigest);
    type Seen = Touched;

    fn durable(&self) -> (MemoryStore, StoreDigest) {
        (self.state.store.clone(), self.digest)
    }

    fn restart(&mut self, durable: Option<(MemoryStore, StoreDigest)>) {
        if let Some((store, digest)) = durable {
            (self.state.store, self.digest) = (store, digest);
            self.before = self.state.store.clone();
        }
        self.state.replica = Replica::default();
    }

    fn step(&mut self, now: Timestamp, input: &Input) -> Replayed<Leaderless, Touched> {
        self.state.clock = now;
        // What is volatile is told before the step, what is durable once it is known what was touched.
        let mut before = Side::new(&self.state.replica, MemoryStore::default());
        let step = node::step(&mut self.state, &self.config, input.clone());
        let Ok(()) = self.digest.follow(&self.before, &step.changes);
        let keys = touched(input, &step);
        before.store = self.before.of_keys(&keys);
        let after = Side::new(&self.state.replica, self.state.store.of_keys(&keys));
        self.before.apply(step.changes);
        let digest = StateDigest::new(&self.state.replica, self.digest);
        Replayed { effects: step.effects, digest, seen: Touched { keys, before, after } }
    }
}

/// The keys that a step changed, or to which a message brought something.
fn touched(input: &Input, step: &Step) -> BTreeSet<Key> {
    let message = match input {
        Input::Receive { message, .. } => Some(message),
        Input::Start { .. } | Input::Expire(_) | Input::AcceptLoss { .. } => None,
    };
    let carried = message.into_iter().flat_map(|message| message.carried().map(|(key, _)| key));
    let changed = step.changes.iter().filter_map(|change| match change {
        Change::Entry { key, .. }
        | Change::RemoveEntry { key }
        | Change::Hint { key, .. }
        | Change::RemoveHint { key, .. } => Some(key),
        Change::Identity(_) | Change::Registration { .. } => None,
    });
    changed.chain(carried).cloned().collect()
}
