//! What happens to a node's disk, process or clock, in which no protocol has a say.

use quorate_ids::NodeId;

use super::World;
use super::action::Action;
use super::protocol::Protocol;
use super::state::{ActorState, NodeState, State};
use crate::shared::Shared;

impl<P: Protocol> World<P> {
    /// What such an action does. `None` if it is not possible, or is none of these.
    pub(super) fn strike(&self, state: &mut State<P>, action: &Action<P>) -> Option<()> {
        match *action {
            Action::Crash { node } => {
                state.faults.crashes = state.faults.crashes.checked_sub(1)?;
                if node.index() >= self.environment.nodes || !state.down.insert(node) {
                    return None;
                }
                disturb(state, node, NodeState::crash);
            }
            Action::Wipe { node } => {
                state.faults.wipes = state.faults.wipes.checked_sub(1)?;
                if !state.down.contains(node) {
                    return None;
                }
                self.replace_disk(state, node, |node| node.store = P::Store::default());
            }
            Action::Snapshot { node } => {
                if node.index() >= self.environment.nodes {
                    return None;
                }
                disturb(state, node, |node| node.copies.push(node.durable().clone()));
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
            Action::SetClock { node, to } => {
                if node.index() >= self.environment.nodes {
                    return None;
                }
                disturb(state, node, |node| node.clock = to);
            }
            _ => return None,
        }
        Some(())
    }

    /// No disk is replaced any more: the copies that are left tell apart states that behave alike.
    fn discard_copies(&self, state: &mut State<P>) {
        for node in self.environment.node_ids() {
            if !state.node(node).copies.is_empty() {
                disturb(state, node, |node| node.copies.clear());
            }
        }
    }

    /// What the node held before is gone: it owes nothing for it any more.
    fn replace_disk(
        &self,
        state: &mut State<P>,
        node: NodeId,
        how: impl FnOnce(&mut NodeState<P>),
    ) {
        disturb(state, node, how);
        self.protocol.on_disk_replaced(state, node);
    }
}

/// Changes a node from outside. One that is down has no timers, and waits for nothing.
fn disturb<P: Protocol>(state: &mut State<P>, node: NodeId, how: impl FnOnce(&mut NodeState<P>)) {
    let mut seat = (*state.seats[node.index()]).clone();
    if let ActorState::Node(node) = &mut seat.state {
        how(node);
    }
    if state.down.contains(node) {
        seat.timers.clear();
        state.network.end_wait(node);
    }
    state.seats[node.index()] = Shared::new(seat);
}
