//! What a stubborn set puts off, looked at where it is put off.
//!
//! Only what is possible in the state itself: what comes later is looked at in the states in which it comes, and
//! only if it is put off there.

use super::super::action::Action;
use super::super::reduces::Reduces;
use super::super::state::State;
use super::super::words::Words;
use super::{Certifier, Discharge, Obligation, Place};

impl<P: Reduces, W: Words<P> + Sync> Certifier<'_, P, W> {
    /// What is chosen in a visited state, where stubborn sets are.
    pub(super) fn choose(&self, visited: &State<P>) -> Option<Vec<Action<P>>> {
        if !self.reduced.protocol().puts_off() {
            return None;
        }
        let mut chosen = Vec::new();
        self.reduced.offer(visited, &mut chosen);
        Some(chosen)
    }

    /// Compares both orders of a step that is put off and of each that is chosen.
    pub(super) fn put_off(&self, visited: &State<P>, chosen: &[Action<P>], other: &Action<P>) {
        let place = Place { visited, step: Some(other) };
        for first in chosen {
            let is_met =
                self.is_independent(visited, first, other) && self.is_unseen(visited, first);
            let discharge = is_met.then_some(Discharge::Exactly);
            self.note(Obligation::Independence, discharge, place, Some((visited, first)));
        }
    }

    fn is_independent(&self, visited: &State<P>, first: &Action<P>, other: &Action<P>) -> bool {
        let both = |one: &Action<P>, then: &Action<P>| {
            let between = self.unreduced.apply(visited, one.clone())?;
            let mut offered = Vec::new();
            self.unreduced.offer(&between, &mut offered);
            offered.contains(then).then(|| self.unreduced.apply(&between, then.clone())).flatten()
        };
        let (in_order, in_reverse) = (both(first, other), both(other, first));
        in_order.is_some() && in_order == in_reverse
    }

    fn is_unseen(&self, visited: &State<P>, first: &Action<P>) -> bool {
        let Some(after) = self.unreduced.apply(visited, first.clone()) else { return false };
        let disks = |state: &State<P>| {
            state.nodes().map(|node| (node.store.clone(), node.copies.clone())).collect::<Vec<_>>()
        };
        after.history == visited.history
            && disks(&after) == disks(visited)
            && self.shows_as(&after, visited)
    }
}
