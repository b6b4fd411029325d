//! What happens to a node's disk or process.

use quorate_checker::Shared;

use super::ClusterModel;
use crate::check::actor::{ActorState, NodeState};
use crate::check::state::ClusterState;
use crate::ids::NodeId;

impl ClusterModel {
    /// Applies what happens to a node's disk or process, which no protocol has a say in.
    pub(super) fn disturb(
        &self,
        state: &mut ClusterState,
        node: NodeId,
        how: impl FnOnce(&mut NodeState),
    ) {
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

    /// No disk is replaced any more: the copies that are left tell apart states that behave alike.
    pub(super) fn discard_copies(&self, state: &mut ClusterState) {
        for index in 0..self.nodes {
            let node = NodeId(index as u16);
            if !state.node(node).copies.is_empty() {
                self.disturb(state, node, |node| node.copies.clear());
            }
        }
    }

    /// The same, where what the node held before is gone: it owes nothing for it any more.
    pub(super) fn replace_disk(
        &self,
        state: &mut ClusterState,
        node: NodeId,
        how: impl FnOnce(&mut NodeState),
    ) {
        self.disturb(state, node, how);
        self.ghost.on_disk_lost(state, node);
    }
}
