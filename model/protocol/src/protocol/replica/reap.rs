//! Removing tombstones once nobody can bring back what they cover.
//!
//! A home asks *every* node; one that is down is waited for. A home agrees when it holds the very
//! same state, another node when it holds no hint for the key, either when it serves no request
//! about it. Homes that agreed send nothing about the key from then on that has not seen the
//! tombstone. What was sent before may still be under way: so the asker waits, after the last
//! agreement, for one lifetime of a datagram. That nothing which was sent before the wait began is
//! under way when it ends is an assumption, and the only one. New messages are sent meanwhile.
//!
//! Once is not enough. During the wait, what was under way may have reached a node after that node
//! had agreed: a hint a fallback (the checker found it; scenario `delete-hinted`), a reply the
//! coordinator of a read that began since. When the wait is over no such message is left, so nobody
//! comes to hold anything older from then on, except from those who hold it by now. So everybody is
//! asked again, and agrees once it holds nothing older any more. What it may have sent before that
//! is gone after a second wait. Then all homes forget the key, if the tombstone is still all they
//! hold. A tombstone that comes back, from a home that has yet to forget it or in a message that was
//! late, covers nothing that is left, and goes the same way.
//!
//! *Contexts shrink in the same way.* A context keeps an entry of every actor that ever wrote the key,
//! and an actor that writes no more leaves its entry behind. When all homes hold the very same state,
//! nobody a hint, and nobody serves a request, twice, then nothing is left that an entry of an actor
//! without a version could still cover, and each home forgets those entries. What was sent meanwhile
//! has seen the whole state, so it has the entries, and the versions that the pruned state has: to
//! merge the two gives the entries back, which costs another round and nothing else. A write whose
//! client has seen less or more than the pruned state is merged by dots of versions that are left, all
//! of which are in both. A node's run goes on though its entry is gone: all its earlier dots of the key
//! are overwritten everywhere, so that a later one may cover them. Such a round begins only for a
//! key whose context has more entries than the key has homes.
//!
//! Every round of questions has a number, and an agreement counts for the round that it names: one
//! that was given before the first wait says nothing of what came during it. Numbers are volatile.
//! A node that starts waits for two lifetimes before it asks anything: in the first its old
//! questions die, in the second the answers to them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Serialize;

use crate::cluster::Reaping;
use crate::ids::{Key, NodeId, NodeSet};
use crate::protocol::effect::{Effect, Step, Timer};
use crate::protocol::message::{Message, ReapRound};
use crate::protocol::store::{Change, Entry, Store};
use crate::versions::{Record, RecordDigest};

use super::{NodeConfig, Replica, take_in};

/// Entries that are read from the store at a time.
const READ_AHEAD: usize = 256;

/// How many waits it takes until nothing is under way that a node asked in an earlier life, nor any
/// answer to it.
const WAITS_AFTER_START: u8 = 2;

/// The tombstones that a node is about to remove.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct Reaper {
    pub(super) rounds: BTreeMap<Key, Round>,
    pub(super) cursor: Option<Key>,
    /// Keys whose contexts have more entries than they should. Follows the store.
    pub(super) wide: BTreeSet<Key>,
    /// Up to which of these the last round came.
    pub(super) wide_cursor: Option<Key>,
    /// The number of the next round.
    pub(super) next: ReapRound,
    /// How many waits are still to pass before the node asks anything.
    pub(super) waits_left: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct Round {
    pub(super) number: ReapRound,
    pub(super) held: RecordDigest,
    pub(super) agreed: NodeSet,
    /// Whether all had agreed before, and are asked again.
    pub(super) is_second: bool,
}

/// What a home is asked: [`Message::ReapAsk`].
pub(super) struct Asked {
    pub(super) round: ReapRound,
    pub(super) key: Key,
    pub(super) state: Arc<Record>,
}

/// What a node agrees to: [`Message::ReapAgree`].
pub(super) struct Agreed {
    pub(super) round: ReapRound,
    pub(super) key: Key,
    pub(super) held: RecordDigest,
}

impl Reaper {
    fn is_agreed(config: &NodeConfig, round: &Round) -> bool {
        let mut members = config.cluster.members().iter();
        members.all(|node| *node == config.node || round.agreed.contains(*node))
    }

    /// Begins a round about a key: asks everybody.
    fn begin(
        &mut self,
        config: &NodeConfig,
        key: &Key,
        state: &Arc<Record>,
        is_second: bool,
        step: &mut Step,
    ) {
        let number = self.next;
        self.next = ReapRound(number.0 + 1);
        for node in config.cluster.members().iter().filter(|node| **node != config.node) {
            let (key, state) = (key.clone(), Arc::clone(state));
            step.send(*node, Message::ReapAsk { round: number, key, state });
        }
        let round = Round { number, held: state.digest(), agreed: NodeSet::EMPTY, is_second };
        // A cluster of one has agreed with itself.
        if Self::is_agreed(config, &round) {
            step.effects.push(Effect::SetTimer(Timer::Settled));
        }
        self.rounds.insert(key.clone(), round);
    }

    /// At most so many keys with wide contexts, beyond those of the round before.
    fn next_wide(&mut self, max: usize) -> Vec<Key> {
        let after = self.wide_cursor.take();
        let beyond = |key: &&Key| after.as_ref().is_none_or(|after| *key > after);
        let wide: Vec<Key> = self.wide.iter().filter(beyond).take(max).cloned().collect();
        if wide.len() >= max {
            self.wide_cursor = wide.last().cloned();
        }
        wide
    }

    /// Whether it may ask: nothing is under way any more that it asked before it started.
    pub(super) fn are_waits_over(&self) -> bool {
        self.waits_left == 0
    }

    /// The keys that it has begun rounds about.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.rounds.keys()
    }

    pub(super) fn take_round_over(&mut self, key: &Key, other: &Reaper) {
        match other.rounds.get(key) {
            Some(round) => {
                self.rounds.insert(key.clone(), *round);
            }
            None => {
                self.rounds.remove(key);
            }
        }
    }

    pub(super) fn take_wide_over(&mut self, key: &Key, other: &Reaper) {
        if other.wide.contains(key) {
            self.wide.insert(key.clone());
        } else {
            self.wide.remove(key);
        }
    }

    pub(super) fn take_cursors_over(&mut self, other: &Reaper) {
        let Reaper { rounds: _, cursor, wide: _, wide_cursor, next: _, waits_left: _ } = self;
        cursor.clone_from(&other.cursor);
        wide_cursor.clone_from(&other.wide_cursor);
    }

    pub(super) fn take_number_over(&mut self, other: &Reaper) {
        self.next = other.next;
    }

    pub(super) fn take_waits_over(&mut self, other: &Reaper) {
        self.waits_left = other.waits_left;
    }

    pub(super) fn is_round_same(&self, key: &Key, other: &Reaper) -> bool {
        self.rounds.get(key) == other.rounds.get(key)
    }

    pub(super) fn are_cursors_same(&self, other: &Reaper) -> bool {
        (&self.cursor, &self.wide_cursor) == (&other.cursor, &other.wide_cursor)
    }

    pub(super) fn is_number_same(&self, other: &Reaper) -> bool {
        self.next == other.next
    }

    pub(super) fn are_waits_same(&self, other: &Reaper) -> bool {
        self.waits_left == other.waits_left
    }

    fn any_agreed(&self, config: &NodeConfig) -> bool {
        self.rounds.values().any(|round| Self::is_agreed(config, round))
    }
}

impl Replica {
    /// Starts to look for tombstones; at once only on a disk on which nothing was ever asked.
    pub(super) fn start_reaping(&mut self, config: &NodeConfig, is_new: bool, step: &mut Step) {
        let reaping = config.cluster.background().reaping;
        if reaping == Reaping::Off {
            return;
        }
        step.effects.push(Effect::SetTimer(Timer::Reap));
        if reaping == Reaping::Agreed && !is_new {
            self.reaper.waits_left = WAITS_AFTER_START;
            step.effects.push(Effect::SetTimer(Timer::Settled));
        }
    }

    /// Notes which keys have wide contexts, at a start.
    pub(super) fn find_wide<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
    ) -> Result<(), S::Error> {
        if config.cluster.background().reaping != Reaping::Agreed {
            return Ok(());
        }
        self.reaper.wide = store.wide_keys(config)?;
        Ok(())
    }

    /// Notes which keys have wide contexts after a step.
    pub(super) fn follow_wide(&mut self, config: &NodeConfig, step: &Step) {
        for change in &step.changes {
            match change {
                Change::Entry { key, entry } if config.cluster.is_wide(&entry.state) => {
                    self.reaper.wide.insert(key.clone());
                }
                Change::Entry { key, .. } | Change::RemoveEntry { key } => {
                    self.reaper.wide.remove(key);
                }
                _ => {}
            }
        }
    }

    /// Looks for tombstones and wide contexts, and asks about them or, by age, removes them.
    pub(super) fn expire_reap<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        step.effects.push(Effect::SetTimer(Timer::Reap));
        // Those that all agreed about wait for their datagrams to die; one batch at a time. A
        // second round that got no answer gives way to the next batch, as a first one does.
        let is_waiting = self.reaper.waits_left > 0 || self.reaper.any_agreed(config);
        if !self.serves() || is_waiting {
            return Ok(());
        }
        let batch_max = config.cluster.limits().batch_max;
        let cursor = self.reaper.cursor.take();
        let page = store.tombstones_after(cursor.as_ref(), batch_max)?;
        if page.len() >= batch_max {
            self.reaper.cursor = page.last().map(|(key, _)| key.clone());
        }
        self.reaper.rounds.clear();
        for key in self.reaper.next_wide(batch_max.saturating_sub(page.len())) {
            if let Some(entry) = store.entry(&key)?
                && config.is_home(&key)
                && !self.is_busy_with(&key)
            {
                self.reaper.begin(config, &key, &entry.state, false, step);
            }
        }
        for (key, entry) in page {
            if config.cluster.background().reaping == Reaping::ByAge {
                step.changes.push(Change::RemoveEntry { key });
            } else if config.is_home(&key) && !self.is_busy_with(&key) {
                self.reaper.begin(config, &key, &entry.state, false, step);
            }
        }
        Ok(())
    }

    /// Agrees, or says nothing. A home that has not seen all of the state takes it in, whether it
    /// agrees or not: if it held nothing of a key, something older might still reach it.
    pub(super) fn receive_reap_ask<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: NodeId,
        Asked { round, key, state }: Asked,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        if !config.may_merge(&state) {
            return Ok(());
        }
        let mut holds_the_same = true;
        if config.is_home(&key) {
            let entry = store.entry(&key)?;
            holds_the_same = entry.is_none_or(|entry| state.dominates(&entry.state));
            take_in(config, store, &key, &state, step)?;
        }
        if !holds_the_same || !self.serves() || self.is_busy_with(&key) {
            return Ok(());
        }
        for home in config.cluster.nodes() {
            if store.hint(*home, &key)?.is_some() {
                return Ok(());
            }
        }
        step.send(from, Message::ReapAgree { round, key, held: state.digest() });
        Ok(())
    }

    /// Counts an agreement; after the last one, waits until what was sent before it is gone.
    pub(super) fn receive_reap_agree(
        &mut self,
        config: &NodeConfig,
        from: NodeId,
        Agreed { round: number, key, held }: Agreed,
        step: &mut Step,
    ) {
        let is_meant = |round: &&mut Round| round.held == held && round.number == number;
        if let Some(round) = self.reaper.rounds.get_mut(&key).filter(is_meant)
            && round.agreed.insert(from)
            && Reaper::is_agreed(config, round)
        {
            step.effects.push(Effect::SetTimer(Timer::Settled));
        }
    }

    /// Nothing is under way any more that was sent before the wait began.
    pub(super) fn expire_settled<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        if let Some(left) = self.reaper.waits_left.checked_sub(1) {
            self.reaper.waits_left = left;
            if left > 0 {
                step.effects.push(Effect::SetTimer(Timer::Settled));
            }
            return Ok(());
        }
        let settled: Vec<(Key, Round)> = (self.reaper.rounds.iter())
            .filter(|(_, round)| Reaper::is_agreed(config, round))
            .map(|(key, round)| (key.clone(), *round))
            .collect();
        for (key, Round { held, is_second, .. }) in settled {
            self.reaper.rounds.remove(&key);
            if !is_second {
                self.ask_again(config, store, key, held, step)?;
                continue;
            }
            for home in config.other_homes(&key) {
                step.send(home, Message::Reap { key: key.clone(), held });
            }
            shrink(store, key, held, step)?;
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
            self.reaper.begin(config, &key, &entry.state, true, step);
        }
        Ok(())
    }

    /// Forgets a key, or a part of its context, if it still holds what all agreed about.
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
            shrink(store, key, held, step)?;
        }
        Ok(())
    }

    /// The rounds about tombstones that this node has begun and not given up.
    pub fn reap_rounds(&self) -> impl Iterator<Item = ReapRound> + '_ {
        self.reaper.rounds.values().map(|round| round.number)
    }

    /// The round about tombstones that it begins next.
    #[must_use]
    pub fn next_reap_round(&self) -> ReapRound {
        self.reaper.next
    }

    /// Gives rounds other numbers. Only for the model, which knows all numbers that anybody still
    /// names, and would otherwise tell states apart by how many rounds there were before.
    pub fn renumber_reap_rounds(&mut self, renumbered: impl Fn(ReapRound) -> ReapRound) {
        for round in self.reaper.rounds.values_mut() {
            round.number = renumbered(round.number);
        }
        self.reaper.next = renumbered(self.reaper.next);
    }

    /// Whether a request here holds, or may yet hold, an older state of the key.
    fn is_busy_with(&self, key: &Key) -> bool {
        self.puts_to(key)
            || self.gets_of(key)
            || self.probes_for(key)
            || self.naming.waits_about(key)
    }
}

/// The keys of a store whose contexts are wide, by reading all of it.
///
/// # Errors
/// When the store cannot be read.
pub fn found_wide<S: Store + ?Sized>(
    config: &NodeConfig,
    store: &S,
) -> Result<BTreeSet<Key>, S::Error> {
    let (mut wide, mut after) = (BTreeSet::new(), None);
    loop {
        let page = store.entries_in(0..=u64::MAX, after.as_ref(), READ_AHEAD)?;
        let is_last = page.len() < READ_AHEAD;
        for (key, entry) in page {
            if config.cluster.is_wide(&entry.state) {
                wide.insert(key.clone());
            }
            after = Some(key);
        }
        if is_last {
            return Ok(wide);
        }
    }
}

/// Forgets what nothing is left of: a key with tombstones alone, entries of a context otherwise.
fn shrink<S: Store>(
    store: &S,
    key: Key,
    held: RecordDigest,
    step: &mut Step,
) -> Result<(), S::Error> {
    let Some(entry) = store.entry(&key)?.filter(|entry| entry.state.digest() == held) else {
        return Ok(());
    };
    if entry.state.is_deleted() {
        step.changes.push(Change::RemoveEntry { key });
    } else if let Some(pruned) = entry.state.pruned() {
        let entry = Entry { state: Arc::new(pruned), ..entry };
        step.changes.push(Change::Entry { key, entry });
    }
    Ok(())
}
