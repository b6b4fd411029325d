//! What may happen next in a state.

use quorate_ids::{ClientId, Peer};

use super::World;
use super::action::{Action, Envelope};
use super::environment::Faults;
use super::protocol::{Expiry, Protocol};
use super::state::{ActorState, State};

impl<P: Protocol> World<P> {
    /// Adds every action that is possible in this state and is not left out by a reduction.
    pub fn offer(&self, state: &State<P>, actions: &mut Vec<Action<P>>) {
        self.offer_operations(state, actions);
        self.offer_messages(state, actions);
        self.offer_timers(state, actions);
        self.offer_disturbances(state, actions);
        self.protocol.restrict(state, actions, &self.counters);
    }

    /// What clients can start.
    fn offer_operations(&self, state: &State<P>, actions: &mut Vec<Action<P>>) {
        for (index, actor) in state.clients().enumerate() {
            let client = ClientId(index as u64);
            let via = || self.protocol.coordinators(client, actor);
            if via().next().is_none() || !self.protocol.may_begin(state, client) {
                continue;
            }
            actions.extend(via().map(|coordinator| Action::Invoke { client, coordinator }));
            if self.protocol.may_be_late(state) {
                let invoke_late = |coordinator| Action::InvokeLate { client, coordinator };
                actions.extend(via().map(invoke_late));
            }
        }
    }

    /// What can become of messages.
    fn offer_messages(&self, state: &State<P>, actions: &mut Vec<Action<P>>) {
        let Faults { drops, duplicates, lies, .. } = state.faults;
        for (position, envelope) in state.network.iter().enumerate() {
            // Copies of one message lead to one state.
            if position > 0 && state.network[position - 1] == *envelope {
                continue;
            }
            if !state.is_down(envelope.to) {
                actions.push(Action::Deliver(envelope.clone()));
            }
            // What arrives at a node that is down is lost, and that is no fault of its own.
            if drops > 0 {
                actions.push(Action::Drop(envelope.clone()));
            } else if state.is_down(envelope.to) {
                match self.protocol.is_loss_like_delay(envelope) {
                    Some(rule) => self.counters.left_out(rule, 1),
                    None => actions.push(Action::Drop(envelope.clone())),
                }
            }
            if duplicates > 0 {
                actions.push(Action::Duplicate(envelope.clone()));
            }
            if lies > 0 && self.lie(envelope).is_some() {
                actions.push(Action::Lie(envelope.clone()));
            }
        }
    }

    /// What a client can send in the place of what it sends: somebody who lies does so once.
    pub(super) fn lie(&self, envelope: &Envelope<P>) -> Option<Envelope<P>> {
        let Peer::Client(_) = envelope.from else { return None };
        let message = self.protocol.lie(&envelope.message)?;
        Some(Envelope { message, ..envelope.clone() })
    }

    /// What can expire.
    fn offer_timers(&self, state: &State<P>, actions: &mut Vec<Action<P>>) {
        for (index, seat) in state.seats.iter().enumerate() {
            let peer = self.peer(index);
            let may =
                |timer: &&P::Timer| self.protocol.expiry(state, peer, **timer) != Expiry::Never;
            let expire = |timer: &P::Timer| Action::Expire { peer, timer: *timer };
            actions.extend(seat.timers.iter().filter(may).map(expire));
        }
    }

    /// What can happen to nodes and to the network.
    fn offer_disturbances(&self, state: &State<P>, actions: &mut Vec<Action<P>>) {
        let environment = &*self.environment;
        let Faults { crashes, wipes, rollbacks, partitions, .. } = state.faults;
        for (node, seat) in environment.node_ids().zip(&state.seats) {
            let ActorState::Node(seat) = &seat.state else { continue };
            let is_faulty = environment.faulty.contains(node);
            if !state.down.contains(node) {
                if crashes > 0 && is_faulty {
                    actions.push(Action::Crash { node });
                }
            } else {
                if environment.down_returns || !environment.down.contains(node) {
                    actions.push(Action::Recover { node });
                }
                if wipes > 0 && is_faulty && seat.store != P::Store::default() {
                    actions.push(Action::Wipe { node });
                }
                if rollbacks > 0 {
                    let restore = |copy| Action::Restore { node, copy };
                    actions.extend((0..seat.copies.len()).map(restore));
                }
            }
            // A copy may be made at any moment, of a disk that holds nothing yet as well; no more are
            // made than can still be used.
            if seat.copies.len() < usize::from(rollbacks)
                && is_faulty
                && !seat.copies.contains(seat.durable())
            {
                actions.push(Action::Snapshot { node });
            }
        }
        if partitions > 0 && state.groups.is_empty() && !environment.partition.is_empty() {
            actions.push(Action::Partition { groups: environment.partition.clone() });
        }
        if environment.heals && !state.groups.is_empty() {
            actions.push(Action::Heal);
        }
    }
}
