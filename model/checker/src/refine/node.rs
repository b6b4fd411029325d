//! One node's trace, replayed through the code that running nodes take their steps by.

use std::collections::BTreeSet;
use std::time::Duration;

use super::refusal::{Reason, compare_effects};
use super::trace::{NodeHeader, NodeStep};
use super::traced::{Asks, Reaches, Traced};
use super::validated::{Replayed, ReplayedNode, SeenOf, TimerOf, Validated};

/// A node as far as it has been replayed.
pub(super) struct NodeReplay<V: Validated> {
    node: V::Node,
    /// The same on an empty disk.
    empty: V::Node,
    timers: BTreeSet<TimerOf<V>>,
    /// For how long a datagram is under way at most, if the node relies on it.
    datagram_lifetime_us: Option<u64>,
    /// When the node began to wait for older datagrams to be gone.
    waits_since_us: u64,
    /// What survives the crash that ends this life: the step after which it was durable, and what the node was
    /// then, once the replay has come past it.
    survives: Option<(u64, Option<DurableOf<V>>)>,
    /// Whether the next step starts the node with its disk lost.
    lost_disk: bool,
}

type DurableOf<V> = <<V as Validated>::Node as ReplayedNode<<V as Validated>::Protocol>>::Durable;

/// A replayed step.
pub(super) struct Taken<V: Validated> {
    pub(super) effects: Vec<<V::Protocol as Traced>::Effect>,
    pub(super) seen: SeenOf<V>,
    /// Whether a crash cut the step off: nothing of it is durable, none of it was sent.
    pub(super) is_cut_off: bool,
    /// Whether it starts the node with its disk lost.
    pub(super) lost_disk: bool,
}

impl<V: Validated> NodeReplay<V> {
    /// Both are the node on an empty disk before it ever started.
    pub(super) fn new(node: V::Node, empty: V::Node) -> Self {
        NodeReplay {
            node,
            empty,
            timers: BTreeSet::new(),
            datagram_lifetime_us: None,
            waits_since_us: 0,
            survives: None,
            lost_disk: false,
        }
    }

    /// For how long a datagram is under way at most, if the node relies on it.
    pub(super) fn datagram_lifetime_us(&self) -> Option<u64> {
        self.datagram_lifetime_us
    }

    /// Starts a life on what the one before left durable, or on nothing. `next` is the header that ends it.
    ///
    /// Nobody knows which of the last steps a disk held that is lost. They all count: a step that was never durable has
    /// said nothing, and what was not said may as well have been lost on the way.
    pub(super) fn begin(
        &mut self,
        header: &NodeHeader<V::Protocol>,
        next: Option<&NodeHeader<V::Protocol>>,
    ) {
        self.datagram_lifetime_us = header.datagram_lifetime_us;
        let survived = self.survives.take().and_then(|(_, durable)| durable);
        self.node.restart(if header.lost_disk { Some(self.empty.durable()) } else { survived });
        self.timers.clear();
        self.survives = next.filter(|next| !next.lost_disk).map(|next| (next.durable_step, None));
        self.lost_disk = header.lost_disk;
    }

    /// Replays a step and compares. Its place among the others and the message it takes, if any,
    /// have been looked at already.
    pub(super) fn take(
        &mut self,
        recorded: &NodeStep<V::Protocol>,
    ) -> Result<Taken<V>, Reason<V::Protocol>> {
        if let Reaches::Expire(timer) = V::Protocol::reaches_node(&recorded.input) {
            if !self.timers.remove(&timer) {
                return Err(Reason::NotRunning(timer));
            }
            self.check_wait(timer, recorded.at_us)?;
        }
        let mut is_cut_off = false;
        if let Some((durable_step, durable)) = &mut self.survives
            && recorded.number > *durable_step
        {
            is_cut_off = true;
            durable.get_or_insert_with(|| self.node.durable());
        }
        let Replayed { effects, digest, seen } = self.node.step(recorded.now, &recorded.input);
        compare_effects(&effects, &recorded.effects)?;
        if digest != recorded.digest {
            return Err(Reason::Digest { expected: digest, recorded: recorded.digest });
        }
        follow_timers::<V::Protocol>(&mut self.timers, &effects);
        if effects.iter().any(begins_to_wait::<V>) {
            self.waits_since_us = recorded.at_us;
        }
        let lost_disk = std::mem::take(&mut self.lost_disk);
        Ok(Taken { effects, seen, is_cut_off, lost_disk })
    }

    /// Whether a wait for older datagrams, if it ends with this timer, took as long as anybody may
    /// believe one.
    fn check_wait(&self, timer: TimerOf<V>, at_us: u64) -> Result<(), Reason<V::Protocol>> {
        let Some(lifetime_us) = self.datagram_lifetime_us.filter(|_| V::waits_for_older(timer))
        else {
            return Ok(());
        };
        let least = V::least_wait(Duration::from_micros(lifetime_us));
        let least_us = u64::try_from(least.as_micros()).unwrap_or(u64::MAX);
        let waited_us = at_us.saturating_sub(self.waits_since_us);
        if waited_us < least_us {
            return Err(Reason::SettledEarly { waited_us, least_us });
        }
        Ok(())
    }
}

fn begins_to_wait<V: Validated>(effect: &<V::Protocol as Traced>::Effect) -> bool {
    matches!(V::Protocol::asks(effect), Asks::SetTimer(timer) if V::waits_for_older(timer))
}

/// Starts and stops timers as a step asks for.
pub(super) fn follow_timers<P: Traced>(timers: &mut BTreeSet<P::Timer>, effects: &[P::Effect]) {
    for effect in effects {
        match P::asks(effect) {
            Asks::SetTimer(timer) => {
                timers.insert(timer);
            }
            Asks::CancelTimer(timer) => {
                timers.remove(&timer);
            }
            Asks::Send { .. } => {}
        }
    }
}
