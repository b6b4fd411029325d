//! Removing tombstones once nobody can bring back what they cover.
//!
//! A home asks *every* node; one that is down is waited for. A home agrees when it holds the very
//! same state, another node when it holds no hint for the key, either when it serves no request
//! about it. Whatever a coordinator sends about the key after it has agreed has seen the tombstone.
//! What it sent before may still be under way: so the asker waits, after the last agreement, for
//! longer than a datagram lives (an assumption, and the only one).
//!
//! Once is not enough. A hint that was under way may have reached a fallback after that fallback
//! had agreed (the checker found it; scenario `delete-hinted`). So everybody is asked again, and
//! there is a second wait, for what such a hint's holder may have sent. Then all homes forget the
//! key, if the tombstone is still all they hold.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Serialize;

use crate::cluster::Reaping;
use crate::ids::{Key, NodeId, NodeSet};
use crate::protocol::effect::{Effect, Step, Timer};
use crate::protocol::message::Message;
use crate::protocol::store::{Change, Store};
use crate::versions::{Record, RecordDigest};

use super::{NodeConfig, Replica, take_in};

/// The tombstones that a node is about to remove.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct Reaper {
    rounds: BTreeMap<Key, Round>,
    cursor: Option<Key>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
struct Round {
    held: RecordDigest,
    agreed: NodeSet,
    /// Whether all had agreed before, and are asked again.
    is_second: bool,
}

impl Reaper {
    fn is_agreed(config: &NodeConfig, round: &Round) -> bool {
        if planted!(config.cluster, ReapWithoutAll) && !round.agreed.is_empty() {
            return true;
        }
        let mut members = config.cluster.members().iter();
        members.all(|node| *node == config.node || round.agreed.contains(*node))
    }

    fn any_agreed(&self, config: &NodeConfig) -> bool {
        self.rounds.values().any(|round| Self::is_agreed(config, round))
    }
}

impl Replica {
    /// Looks for tombstones, and asks about them or, by age, removes them.
    pub(super) fn expire_reap<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        step.effects.push(Effect::SetTimer(Timer::Reap));
        // Those that all agreed about wait for their datagrams to die; one batch at a time. A
        // second round that got no answer gives way to the next batch, as a first one does.
        if !self.serves() || self.reaper.any_agreed(config) {
            return Ok(());
        }
        let batch_max = config.cluster.limits().batch_max;
        let cursor = self.reaper.cursor.take();
        let page = store.tombstones_after(cursor.as_ref(), batch_max)?;
        if page.len() >= batch_max {
            self.reaper.cursor = page.last().map(|(key, _)| key.clone());
        }
        self.reaper.rounds.clear();
        for (key, entry) in page {
            if config.cluster.background().reaping == Reaping::ByAge {
                step.changes.push(Change::RemoveEntry { key });
            } else if config.is_home(&key) && !self.is_busy_with(&key) {
                let held = entry.state.digest();
                ask_everybody(config, &key, &entry.state, step);
                let round = Round { held, agreed: NodeSet::EMPTY, is_second: false };
                self.reaper.rounds.insert(key, round);
            }
        }
        // A cluster of one has agreed with itself.
        if self.reaper.any_agreed(config) {
            step.effects.push(Effect::SetTimer(Timer::Settled));
        }
        Ok(())
    }

    /// Agrees, or says nothing. A home that has not seen the tombstone takes it in: if it held
    /// nothing of the key, something older might still reach it.
    pub(super) fn receive_reap_ask<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: NodeId,
        key: Key,
        state: &Arc<Record>,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        if !self.serves() || self.is_busy_with(&key) || !config.may_merge(state) {
            return Ok(());
        }
        if config.is_home(&key) {
            take_in(config, store, &key, state, step)?;
            let entry = store.entry(&key)?;
            if entry.is_some_and(|entry| !state.dominates(&entry.state)) {
                return Ok(());
            }
        }
        for home in config.cluster.nodes() {
            if store.hint(*home, &key)?.is_some() && !planted!(config.cluster, ReapDespiteHints) {
                return Ok(());
            }
        }
        step.send(from, Message::ReapAgree { key, held: state.digest() });
        Ok(())
    }

    /// Counts an agreement; after the last one, waits until what was sent before it is gone.
    pub(super) fn receive_reap_agree<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: NodeId,
        key: &Key,
        held: RecordDigest,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let Some(round) = self.reaper.rounds.get_mut(key).filter(|round| round.held == held) else {
            return Ok(());
        };
        if round.agreed.insert(from) && Reaper::is_agreed(config, round) {
            if planted!(config.cluster, ReapUnsettled) {
                return self.expire_settled(config, store, step);
            }
            step.effects.push(Effect::SetTimer(Timer::Settled));
        }
        Ok(())
    }

    /// No older datagram is under way any more.
    pub(super) fn expire_settled<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let settled: Vec<(Key, Round)> = (self.reaper.rounds.iter())
            .filter(|(_, round)| Reaper::is_agreed(config, round))
            .map(|(key, round)| (key.clone(), *round))
            .collect();
        for (key, Round { held, is_second, .. }) in settled {
            self.reaper.rounds.remove(&key);
            if !is_second && !planted!(config.cluster, ReapAskedOnce) {
                self.ask_again(config, store, key, held, step)?;
                continue;
            }
            for home in config.other_homes(&key) {
                step.send(home, Message::Reap { key: key.clone(), held });
            }
            forget(store, key, held, step)?;
        }
        Ok(())
    }

    /// Begins the second round about a key, if the tombstone is still all there is here.
    fn ask_again<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        key: Key,
        held: RecordDigest,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let entry = store.entry(&key)?.filter(|entry| entry.state.digest() == held);
        if let Some(entry) = entry.filter(|_| !self.is_busy_with(&key)) {
            ask_everybody(config, &key, &entry.state, step);
            let round = Round { held, agreed: NodeSet::EMPTY, is_second: true };
            // A cluster of one has agreed with itself.
            if Reaper::is_agreed(config, &round) {
                step.effects.push(Effect::SetTimer(Timer::Settled));
            }
            self.reaper.rounds.insert(key, round);
        }
        Ok(())
    }

    /// Forgets a key, if the tombstone is still all there is.
    pub(super) fn receive_reap<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: NodeId,
        key: Key,
        held: RecordDigest,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        if config.cluster.homes(&key).contains(from) && config.is_home(&key) {
            forget(store, key, held, step)?;
        }
        Ok(())
    }

    /// Whether a request here holds, or may yet hold, an older state of the key.
    fn is_busy_with(&self, key: &Key) -> bool {
        self.puts_to(key) || self.gets_of(key) || self.probes_for(key)
    }
}

fn ask_everybody(config: &NodeConfig, key: &Key, state: &Arc<Record>, step: &mut Step) {
    for node in config.cluster.members().iter().filter(|node| **node != config.node) {
        let (key, state) = (key.clone(), Arc::clone(state));
        step.send(*node, Message::ReapAsk { key, state });
    }
}

fn forget<S: Store>(
    store: &S,
    key: Key,
    held: RecordDigest,
    step: &mut Step,
) -> Result<(), S::Error> {
    let entry = store.entry(&key)?;
    if entry.is_some_and(|entry| entry.state.is_deleted() && entry.state.digest() == held) {
        step.changes.push(Change::RemoveEntry { key });
    }
    Ok(())
}
