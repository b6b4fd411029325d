//! What a stubborn set puts off, looked at where it is put off.
//!
//! Only what is possible in the state itself: what comes later is looked at in the states in which it comes, and
//! only if it is put off there.

use alloc::vec::Vec;

use stateright::Model;

use super::{Certifier, Discharge, Obligation, Place};
use crate::check::action::Action;
use crate::check::state::ClusterState;

impl Certifier {
    /// What is chosen in a visited state, where stubborn sets are.
    pub(super) fn choose(&self, visited: &ClusterState) -> Option<Vec<Action>> {
        if !self.reduced.scenario().reductions.stubborn_sets {
            return None;
        }
        let mut chosen = Vec::new();
        self.reduced.actions(visited, &mut chosen);
        Some(chosen)
    }

    /// Compares both orders of a step that is put off and of each that is chosen.
    pub(super) fn put_off(&self, visited: &ClusterState, chosen: &[Action], other: &Action) {
        let place = Place { visited, step: Some((&self.unreduced, other)) };
        for first in chosen {
            let is_met =
                self.is_independent(visited, first, other) && self.is_unseen(visited, first);
            let discharge = is_met.then_some(Discharge::Exactly);
            self.note(Obligation::Independence, discharge, place, Some((visited, first)));
        }
    }

    fn is_independent(&self, visited: &ClusterState, first: &Action, other: &Action) -> bool {
        let both = |one: &Action, then: &Action| {
            let between = self.unreduced.apply(visited, one.clone())?;
            let mut offered = Vec::new();
            self.unreduced.actions(&between, &mut offered);
            offered.contains(then).then(|| self.unreduced.apply(&between, then.clone())).flatten()
        };
        let (in_order, in_reverse) = (both(first, other), both(other, first));
        in_order.is_some() && in_order == in_reverse
    }

    fn is_unseen(&self, visited: &ClusterState, first: &Action) -> bool {
        let Some(after) = self.unreduced.apply(visited, first.clone()) else { return false };
        let disks = |state: &ClusterState| {
            state.nodes().map(|node| (node.store.clone(), node.copies.clone())).collect::<Vec<_>>()
        };
        after.history == visited.history
            && disks(&after) == disks(visited)
            && (self.reduced.conditions().iter()).all(|shown| {
                shown.is_met(&self.reduced, &after) == shown.is_met(&self.reduced, visited)
            })
    }
}
