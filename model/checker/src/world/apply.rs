//! One action and all that follows from it in the same step.

use std::collections::VecDeque;

use quorate_ids::{NodeId, Peer};

use super::World;
use super::action::{Action, Envelope};
use super::counters::{Kind, KindOf};
use super::local::{Event, Wait};
use super::protocol::{Expiry, Protocol};
use super::state::State;
use crate::shared::Shared;

/// Is told what an observer sees.
type OnFacts<'a, P> = &'a mut dyn FnMut(&[<P as Protocol>::Fact]);

/// What follows from an action in the same step.
pub(super) struct Hops<'a, P: Protocol> {
    /// Messages that take no time, until they reach their receivers.
    pub(super) queue: VecDeque<Shared<Envelope<P>>>,
    /// Who is told what an observer sees, where somebody asks.
    pub(super) on_facts: Option<OnFacts<'a, P>>,
}

impl<P: Protocol> Default for Hops<'_, P> {
    fn default() -> Self {
        Hops { queue: VecDeque::new(), on_facts: None }
    }
}

impl<P: Protocol> World<P> {
    /// Lets one action happen. `None` if it is not possible in this state.
    #[must_use]
    pub fn apply(&self, last: &State<P>, action: Action<P>) -> Option<State<P>> {
        self.carry_out(last, action, &mut Hops::default(), |_| {})
    }

    /// Lets one action happen; `on_hop` is shown what reaches its receiver in the same step, `on_facts` what an
    /// observer sees.
    pub fn apply_telling(
        &self,
        last: &State<P>,
        action: Action<P>,
        on_hop: impl FnMut(&Envelope<P>),
        mut on_facts: impl FnMut(&[P::Fact]),
    ) -> Option<State<P>> {
        let mut hops = Hops { on_facts: Some(&mut on_facts), ..Hops::default() };
        self.carry_out(last, action, &mut hops, on_hop)
    }

    /// Lets one action happen: applies it, lets arrive what takes no time, brings the result into its
    /// canonical form, and counts what happened. History is observed with every step of an actor.
    fn carry_out(
        &self,
        last: &State<P>,
        action: Action<P>,
        hops: &mut Hops<'_, P>,
        on_hop: impl FnMut(&Envelope<P>),
    ) -> Option<State<P>> {
        let mut state = last.clone();
        self.take_effect(&mut state, &action, hops)?;
        self.let_arrive(last, &mut state, hops, on_hop);
        self.protocol.canonicalise(&mut state, &self.counters);
        self.kind(last, &action).into_iter().for_each(|kind| self.counters.count(kind));
        Some(state)
    }

    /// What an action does, by the rules of the model. `None` if it is not possible.
    fn take_effect(
        &self,
        state: &mut State<P>,
        action: &Action<P>,
        hops: &mut Hops<'_, P>,
    ) -> Option<()> {
        match *action {
            Action::Invoke { client, coordinator } => {
                if !self.may_invoke(state, client, coordinator) {
                    return None;
                }
                self.invoke(state, client, coordinator, hops);
            }
            Action::InvokeLate { client, coordinator } => {
                if !self.may_invoke(state, client, coordinator) {
                    return None;
                }
                state.faults.timeouts = state.faults.timeouts.checked_sub(1)?;
                self.invoke(state, client, coordinator, hops);
                self.give_up(state, client, hops);
            }
            Action::Deliver(ref envelope) => {
                if state.is_down(envelope.to) || !state.network.take(envelope) {
                    return None;
                }
                self.deliver(state, envelope.clone(), hops);
            }
            Action::Drop(ref envelope) => {
                if !state.is_down(envelope.to) {
                    state.faults.drops = state.faults.drops.checked_sub(1)?;
                }
                if !state.network.take(envelope) {
                    return None;
                }
            }
            Action::Duplicate(ref envelope) => {
                state.faults.duplicates = state.faults.duplicates.checked_sub(1)?;
                if !state.network.duplicate(envelope) {
                    return None;
                }
            }
            Action::Lie(ref envelope) => {
                state.faults.lies = state.faults.lies.checked_sub(1)?;
                let lie = self.lie(envelope)?;
                if !state.network.take(envelope) {
                    return None;
                }
                state.network.send(Shared::new(lie));
            }
            Action::Expire { peer, timer } => {
                let index = self.index(peer);
                if !state.seats.get(index)?.timers.contains(&timer) {
                    return None;
                }
                match self.protocol.expiry(state, peer, timer) {
                    Expiry::Never => return None,
                    Expiry::AFault => {
                        state.faults.timeouts = state.faults.timeouts.checked_sub(1)?;
                    }
                    Expiry::Free => {}
                }
                self.lose_outlasted(state, peer, timer);
                self.protocol.before_expiry(state, peer, timer);
                self.step(state, index, &Event::Expire(peer, timer), hops);
            }
            Action::Recover { node } => {
                if !state.down.contains(node) {
                    return None;
                }
                state.down = state.down.without(node);
                self.step(state, node.index(), &Event::Restart(node), hops);
            }
            Action::Command { node, ref command } => {
                if node.index() >= self.environment.nodes || state.down.contains(node) {
                    return None;
                }
                self.step(state, node.index(), &Event::Command(node, command.clone()), hops);
            }
            Action::Crash { .. }
            | Action::Wipe { .. }
            | Action::Snapshot { .. }
            | Action::Restore { .. }
            | Action::SetClock { .. } => self.strike(state, action)?,
            Action::Partition { ref groups } => {
                state.faults.partitions = state.faults.partitions.checked_sub(1)?;
                state.groups.clone_from(groups);
            }
            Action::Heal => {
                if state.groups.is_empty() {
                    return None;
                }
                state.groups = Vec::new();
            }
        }
        Some(())
    }

    /// What is older than a wait that ends, and for nodes that are down, is older than a datagram lives.
    fn lose_outlasted(&self, state: &mut State<P>, peer: Peer, timer: P::Timer) {
        if let Peer::Node(node) = peer
            && self.protocol.outlasts_messages(timer)
        {
            for lost in state.network.older_than_wait_of(node).to_vec() {
                state.network.take(&lost);
            }
        }
    }

    /// Lets arrive what takes no time.
    fn let_arrive(
        &self,
        last: &State<P>,
        state: &mut State<P>,
        hops: &mut Hops<'_, P>,
        mut on_hop: impl FnMut(&Envelope<P>),
    ) {
        hops.queue.extend(self.protocol.overdue(last, state, &self.counters));
        while let Some(envelope) = hops.queue.pop_front() {
            on_hop(&envelope);
            self.deliver(state, envelope, hops);
        }
    }

    /// Lets a message that takes no time reach its receiver now, with all that follows from it in no time:
    /// takes it out of the network first.
    pub fn let_arrive_now(&self, state: &mut State<P>, envelope: &Shared<Envelope<P>>) {
        let mut hops = Hops::default();
        state.network.take(envelope);
        self.deliver(state, envelope.clone(), &mut hops);
        while let Some(envelope) = hops.queue.pop_front() {
            self.deliver(state, envelope, &mut hops);
        }
    }

    /// What is counted of an action itself, which was possible: what it causes is counted as it happens.
    fn kind(&self, last: &State<P>, action: &Action<P>) -> Option<Kind<P>> {
        match action {
            Action::Invoke { client, .. } | Action::InvokeLate { client, .. } => {
                let state = last.client(*client)?;
                Some(Kind::Invoke(self.protocol.operation_kind(*client, state)))
            }
            Action::Drop(envelope) => (!last.is_down(envelope.to)).then_some(Kind::Drop),
            Action::Duplicate(_) => Some(Kind::Duplicate),
            Action::Lie(_) => Some(Kind::Lie),
            Action::Expire { peer: Peer::Client(_), .. } => Some(Kind::ClientTimeout),
            Action::Expire { timer, .. } => Some(Kind::Expire(P::TimerKind::of(timer))),
            Action::Crash { .. } => Some(Kind::Crash),
            Action::Recover { .. } => Some(Kind::Recover),
            Action::Wipe { .. } => Some(Kind::Wipe),
            Action::Snapshot { .. } => Some(Kind::Snapshot),
            Action::Restore { .. } => Some(Kind::Restore),
            Action::Partition { .. } => Some(Kind::Partition),
            Action::Heal => Some(Kind::Heal),
            // A delivery is counted where it takes place, and what scripts alone do is not.
            Action::Deliver(_) | Action::Command { .. } | Action::SetClock { .. } => None,
        }
    }

    pub(super) fn deliver(
        &self,
        state: &mut State<P>,
        envelope: Shared<Envelope<P>>,
        hops: &mut Hops<'_, P>,
    ) {
        if state.is_down(envelope.to) {
            return;
        }
        self.counters.count(Kind::Deliver(P::MessageKind::of(&envelope.message)));
        let index = self.index(envelope.to);
        self.step(state, index, &Event::Receive(envelope), hops);
    }

    /// Lets something reach an actor, with all that follows in the same step: its messages are
    /// under way, its timers set, the observer has seen what happened.
    pub(super) fn step(
        &self,
        state: &mut State<P>,
        index: usize,
        event: &Event<P>,
        hops: &mut Hops<'_, P>,
    ) {
        let seat = state.seats[index].clone();
        let take = || self.local_step(index, &seat, event);
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
                match self.protocol.takes_no_time(state, envelope) {
                    Some(rule) => {
                        self.counters.left_out(rule, 1);
                        hops.queue.push_back(envelope.clone());
                    }
                    None => state.network.send(envelope.clone()),
                }
            }
            if let Some(facts) = &step.facts {
                if let Some(on_facts) = &mut hops.on_facts {
                    on_facts(facts);
                }
                self.protocol.note(state, facts, &self.counters);
            }
        });
    }
}
