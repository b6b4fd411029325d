//! One node's trace, replayed through the model's own step.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::digest::{StateDigest, StoreDigest};
use super::refusal::{Reason, compare_effects};
use super::trace::{NodeHeader, NodeStep};
use crate::check::facts::Moment;
use crate::check::node;
use crate::check::state::NodeState;
use crate::cluster::ClusterConfig;
use crate::ids::{ClientId, Key, NodeId};
use crate::protocol::settled::outlasts_datagrams;
use crate::protocol::{
    Change, Effect, Input, MemoryStore, Message, NodeConfig, PutRequest, Replica, Step, Timer,
};

/// A node as far as it has been replayed.
pub(super) struct NodeReplay {
    config: NodeConfig,
    state: NodeState,
    /// The store as it was before the step that is being replayed: what the digest follows.
    before: MemoryStore,
    digest: StoreDigest,
    timers: BTreeSet<Timer>,
    /// For how long a datagram is under way at most, if the node relies on it.
    datagram_lifetime_us: Option<u64>,
    /// When the node began to wait for older datagrams to be gone.
    waits_since_us: u64,
    /// What survives the crash that ends this life: the step after which it was durable, and the
    /// store as it was then, once the replay has come past it.
    survives: Option<(u64, Option<(MemoryStore, StoreDigest)>)>,
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

/// A replayed step.
pub(super) struct Taken {
    pub(super) step: Step,
    /// The keys that it changed, or to which a message brought something.
    pub(super) touched: BTreeSet<Key>,
    /// The node before the step.
    pub(super) before: Side,
    /// The node after it.
    pub(super) after: Side,
    /// Whether a crash cut the step off: nothing of it is durable, none of it was sent.
    pub(super) is_cut_off: bool,
}

impl NodeReplay {
    pub(super) fn new(node: NodeId, cluster: &Arc<ClusterConfig>) -> Self {
        NodeReplay {
            config: NodeConfig::new(node, Arc::clone(cluster)),
            state: NodeState::default(),
            before: MemoryStore::default(),
            digest: StoreDigest::default(),
            timers: BTreeSet::new(),
            datagram_lifetime_us: None,
            waits_since_us: 0,
            survives: None,
        }
    }

    pub(super) fn config(&self) -> &NodeConfig {
        &self.config
    }

    /// For how long a datagram is under way at most, if the node relies on it.
    pub(super) fn datagram_lifetime_us(&self) -> Option<u64> {
        self.datagram_lifetime_us
    }

    /// Starts a life on what the one before left durable. `next` is the header that ends it.
    pub(super) fn begin(&mut self, header: &NodeHeader, next: Option<&NodeHeader>) {
        self.datagram_lifetime_us = header.datagram_lifetime_us;
        if let Some((_, Some((store, digest)))) = self.survives.take() {
            (self.state.store, self.digest) = (store, digest);
            self.before = self.state.store.clone();
        }
        self.state.replica = Replica::default();
        self.timers.clear();
        self.survives = next.map(|next| (next.durable_step, None));
    }

    /// Replays a step and compares. Its place among the others and the message it takes, if any,
    /// have been looked at already.
    pub(super) fn take(&mut self, recorded: &NodeStep) -> Result<Taken, Reason> {
        if let Input::Expire(timer) = &recorded.input
            && !self.timers.remove(timer)
        {
            return Err(Reason::NotRunning(*timer));
        }
        self.check_wait(recorded)?;
        let mut is_cut_off = false;
        if let Some((durable_step, store)) = &mut self.survives
            && recorded.number > *durable_step
        {
            is_cut_off = true;
            store.get_or_insert_with(|| (self.state.store.clone(), self.digest));
        }
        self.state.clock = recorded.now;
        // What is volatile is told before the step, what is durable once it is known what was touched.
        let mut before = Side::new(&self.state.replica, MemoryStore::default());
        let step = node::step(&mut self.state, &self.config, recorded.input.clone());
        let Ok(()) = self.digest.follow(&self.before, &step.changes);
        compare_effects(&step.effects, &recorded.effects)?;
        let digest = StateDigest::new(&self.state.replica, self.digest);
        if digest != recorded.digest {
            return Err(Reason::Digest { expected: digest, recorded: recorded.digest });
        }
        let touched = touched(&recorded.input, &step);
        before.store = self.before.of_keys(&touched);
        let after = Side::new(&self.state.replica, self.state.store.of_keys(&touched));
        self.before.apply(step.changes.iter().cloned());
        follow_timers(&mut self.timers, &step.effects);
        if step.effects.contains(&Effect::SetTimer(Timer::Settled)) {
            self.waits_since_us = recorded.at_us;
        }
        Ok(Taken { step, touched, before, after, is_cut_off })
    }

    /// Whether a wait for older datagrams, if it ends with this step, took as long as anybody may
    /// believe one.
    fn check_wait(&self, recorded: &NodeStep) -> Result<(), Reason> {
        let waited_us = recorded.at_us.saturating_sub(self.waits_since_us);
        let least_us = self.datagram_lifetime_us.map(|lifetime_us| {
            let least = outlasts_datagrams(Duration::from_micros(lifetime_us));
            u64::try_from(least.as_micros()).unwrap_or(u64::MAX)
        });
        match (&recorded.input, least_us) {
            (Input::Expire(Timer::Settled), Some(least_us)) if waited_us < least_us => {
                Err(Reason::SettledEarly { waited_us, least_us })
            }
            _ => Ok(()),
        }
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

/// Starts and stops timers as a step asks for.
pub(super) fn follow_timers(timers: &mut BTreeSet<Timer>, effects: &[Effect]) {
    for effect in effects {
        match effect {
            Effect::SetTimer(timer) => {
                timers.insert(*timer);
            }
            Effect::CancelTimer(timer) => {
                timers.remove(timer);
            }
            Effect::Send { .. } | Effect::Reply { .. } => {}
        }
    }
}

/// Whether a client may send this of its own accord, under its own name.
pub(super) fn is_of_client(client: ClientId, message: &Message) -> bool {
    let is_own = message.request().is_none_or(|request| request.client == client);
    is_own
        && matches!(
            message,
            Message::Put(_)
                | Message::Get(_)
                | Message::Store { .. }
                | Message::Fetch { .. }
                | Message::Repair { .. }
        )
}
