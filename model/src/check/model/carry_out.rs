//! One action and all that follows from it in the same step.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use quorate_checker::Shared;

use super::ClusterModel;
use super::told::Ended;
use crate::check::action::{Action, Envelope};
use crate::check::actor::{ClusterActor, NodeState};
use crate::check::expiry::{Expiry, expiry};
use crate::check::instruments::Kind;
use crate::check::local::{self, Event, Wait};
use crate::check::state::ClusterState;
use crate::check::{background, instant};
use crate::ids::{NodeId, Peer};
use crate::protocol::MemoryStore;
use crate::scenario::Rule;

/// What follows from an action in the same step.
#[derive(Default)]
pub(super) struct Hops {
    /// Messages that take no time, until they reach their receivers.
    pub(super) queue: VecDeque<Shared<Envelope>>,
    /// The operations that ended, where somebody asks.
    pub(super) ended: Option<Vec<Ended>>,
}

impl ClusterModel {
    /// Lets one action happen. `None` if it is not possible in this state.
    #[must_use]
    pub fn apply(&self, last: &ClusterState, action: Action) -> Option<ClusterState> {
        self.apply_telling(last, action, |_| {})
    }

    /// Lets one action happen; `on_hop` is shown what reaches its receiver in the same step.
    pub(crate) fn apply_telling(
        &self,
        last: &ClusterState,
        action: Action,
        on_hop: impl FnMut(&Envelope),
    ) -> Option<ClusterState> {
        self.carry_out(last, action, &mut Hops::default(), on_hop)
    }

    /// Lets one action happen and says which operations ended with it.
    pub(crate) fn apply_noting_ends(
        &self,
        last: &ClusterState,
        action: Action,
    ) -> Option<(ClusterState, Vec<Ended>)> {
        let mut hops = Hops { ended: Some(Vec::new()), ..Hops::default() };
        let next = self.carry_out(last, action, &mut hops, |_| {})?;
        Some((next, hops.ended.unwrap_or_default()))
    }

    /// Lets one action happen: applies it, lets arrive what takes no time, brings the result into its
    /// canonical form, and counts what happened. History is observed with every step of an actor.
    pub(super) fn carry_out(
        &self,
        last: &ClusterState,
        action: Action,
        hops: &mut Hops,
        on_hop: impl FnMut(&Envelope),
    ) -> Option<ClusterState> {
        let mut state = last.clone();
        let kind = self.kind(last, &action);
        self.take_effect(&mut state, action, hops)?;
        self.let_arrive(last, &mut state, hops, on_hop);
        self.canonicalise(&mut state);
        kind.into_iter().for_each(|kind| self.instruments.count(kind));
        Some(state)
    }

    /// What an action does, by the rules of the model. `None` if it is not possible.
    fn take_effect(&self, state: &mut ClusterState, action: Action, hops: &mut Hops) -> Option<()> {
        match action {
            Action::Invoke { client, coordinator } => {
                let index = self.index(Peer::Client(client));
                if !self.may_invoke(state, index, coordinator) {
                    return None;
                }
                self.invoke(state, index, coordinator, hops);
            }
            Action::InvokeLate { client, coordinator } => {
                let index = self.index(Peer::Client(client));
                if !self.may_invoke(state, index, coordinator) {
                    return None;
                }
                state.faults.timeouts = state.faults.timeouts.checked_sub(1)?;
                self.invoke(state, index, coordinator, hops);
                self.give_up(state, index, hops);
            }
            Action::Deliver(envelope) => {
                if state.is_down(envelope.to) || !state.network.take(&envelope) {
                    return None;
                }
                self.deliver(state, envelope, hops);
            }
            Action::Drop(envelope) => {
                if !state.is_down(envelope.to) {
                    state.faults.drops = state.faults.drops.checked_sub(1)?;
                }
                if !state.network.take(&envelope) {
                    return None;
                }
            }
            Action::Duplicate(envelope) => {
                state.faults.duplicates = state.faults.duplicates.checked_sub(1)?;
                if !state.network.duplicate(&envelope) {
                    return None;
                }
            }
            Action::Expire { peer, timer } => {
                let index = self.index(peer);
                if !state.seats.get(index)?.timers.contains(&timer) {
                    return None;
                }
                match expiry(&self.scenario, state, index, timer) {
                    Expiry::Never => return None,
                    Expiry::AFault => {
                        state.faults.timeouts = state.faults.timeouts.checked_sub(1)?;
                    }
                    Expiry::Free => {}
                }
                background::forget_lost(&self.scenario, state, peer, timer);
                self.step(state, index, &Event::Expire(peer, timer), hops);
            }
            Action::Crash { node } => {
                state.faults.crashes = state.faults.crashes.checked_sub(1)?;
                if node.index() >= self.nodes || !state.down.insert(node) {
                    return None;
                }
                self.disturb(state, node, NodeState::crash);
            }
            Action::Recover { node } => {
                if !state.down.contains(node) {
                    return None;
                }
                state.down = state.down.without(node);
                self.step(state, node.index(), &Event::Restart(node), hops);
            }
            Action::AcceptLoss { node, lost } => {
                if node.index() >= self.nodes || state.down.contains(node) {
                    return None;
                }
                self.step(state, node.index(), &Event::AcceptLoss(node, lost), hops);
            }
            Action::Wipe { node } => {
                state.faults.wipes = state.faults.wipes.checked_sub(1)?;
                if !state.down.contains(node) {
                    return None;
                }
                self.replace_disk(state, node, |node| node.store = MemoryStore::default());
            }
            Action::Snapshot { node } => {
                if node.index() >= self.nodes {
                    return None;
                }
                self.disturb(state, node, |node| node.copies.push(node.durable().clone()));
            }
            Action::Restore { node, copy } => {
                state.faults.rollbacks = state.faults.rollbacks.checked_sub(1)?;
                let has_copy = state.nodes().nth(node.index())?.copies.len() > copy;
                if !state.down.contains(node) || !has_copy {
                    return None;
                }
                self.replace_disk(state, node, |node| node.store = node.copies.remove(copy));
                if state.faults.rollbacks == 0 {
                    self.discard_copies(state);
                }
            }
            Action::Partition { groups } => {
                state.faults.partitions = state.faults.partitions.checked_sub(1)?;
                state.groups = groups;
            }
            Action::Heal => {
                if state.groups.is_empty() {
                    return None;
                }
                state.groups = Vec::new();
            }
            Action::SetClock { node, to } => {
                if node.index() >= self.nodes {
                    return None;
                }
                self.disturb(state, node, |node| node.clock = to);
            }
        }
        Some(())
    }

    /// Lets arrive what takes no time.
    fn let_arrive(
        &self,
        last: &ClusterState,
        state: &mut ClusterState,
        hops: &mut Hops,
        mut on_hop: impl FnMut(&Envelope),
    ) {
        let overdue = instant::take_overdue(&self.scenario, self.watch, last, state);
        self.instruments.left_out(Rule::Answers, overdue.len());
        hops.queue.extend(overdue);
        while let Some(envelope) = hops.queue.pop_front() {
            on_hop(&envelope);
            self.deliver(state, envelope, hops);
        }
    }

    /// What is counted of an action itself: what it causes is counted as it happens.
    fn kind(&self, last: &ClusterState, action: &Action) -> Option<Kind> {
        match action {
            Action::Invoke { client, .. } | Action::InvokeLate { client, .. } => {
                self.kind_of_start(last, *client)
            }
            Action::Drop(envelope) => (!last.is_down(envelope.to)).then_some(Kind::Drop),
            Action::Duplicate(_) => Some(Kind::Duplicate),
            Action::Expire { peer, timer } => Some(Kind::of_expiry(*peer, *timer)),
            Action::Crash { .. } => Some(Kind::Crash),
            Action::Recover { .. } => Some(Kind::Recover),
            Action::Wipe { .. } => Some(Kind::Wipe),
            Action::Snapshot { .. } => Some(Kind::Snapshot),
            Action::Restore { .. } => Some(Kind::Restore),
            Action::Partition { .. } => Some(Kind::Partition),
            Action::Heal => Some(Kind::Heal),
            // A delivery is counted where it takes place, and what scripts alone do is not.
            Action::Deliver(_) | Action::AcceptLoss { .. } | Action::SetClock { .. } => None,
        }
    }

    pub(super) fn deliver(
        &self,
        state: &mut ClusterState,
        envelope: Shared<Envelope>,
        hops: &mut Hops,
    ) {
        if state.is_down(envelope.to) {
            return;
        }
        self.instruments.count(Kind::of_delivery(&envelope.message));
        let index = self.index(envelope.to);
        self.step(state, index, &Event::Receive(envelope), hops);
    }

    /// Lets something reach an actor, with all that follows in the same step: its messages are
    /// under way, its timers set, the ghost has seen what happened.
    pub(super) fn step(
        &self,
        state: &mut ClusterState,
        index: usize,
        event: &Event,
        hops: &mut Hops,
    ) {
        let seat = state.seats[index].clone();
        let take = || local::step(&self.scenario, &self.actors, index, &seat, event);
        self.steps.with(&seat, event, take, |step| {
            state.seats[index] = step.seat.clone();
            match step.wait {
                Some(Wait::Begins) => state.network.begin_wait(NodeId(index as u16)),
                Some(Wait::Ends) => state.network.end_wait(NodeId(index as u16)),
                None => {}
            }
            for envelope in &step.sent {
                if !state.connected(envelope.from, envelope.to) {
                    continue;
                }
                match instant::takes_no_time(&self.scenario, self.watch, state, envelope) {
                    Some(rule) => {
                        self.instruments.left_out(rule, 1);
                        hops.queue.push_back(envelope.clone());
                    }
                    None => state.network.send(envelope.clone()),
                }
            }
            if let Some(facts) = &step.facts {
                if let Some(ended) = &mut hops.ended {
                    ended.extend(facts.iter().filter_map(Ended::of));
                }
                self.ghost.note(state, facts, &self.instruments);
            }
        });
    }

    pub(super) fn index(&self, peer: Peer) -> usize {
        usize::from(ClusterActor::id(self.nodes, peer))
    }
}
