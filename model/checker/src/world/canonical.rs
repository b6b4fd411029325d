//! The form in which the reduced search visits a state of the unreduced one.

use super::World;
use super::action::{Action, Envelope};
use super::reduces::Reduces;
use super::state::State;
use crate::shared::Shared;

impl<P: Reduces> World<P> {
    /// Something under way in a state of the unreduced search that takes no time in the reduced one.
    pub(super) fn overdue(
        &self,
        since: &State<P>,
        state: &State<P>,
    ) -> Option<Shared<Envelope<P>>> {
        let is_overdue = |sent: &&Shared<Envelope<P>>| self.protocol.is_overdue(since, state, sent);
        state.network.iter().find(is_overdue).cloned()
    }

    /// The form in which the reduced search visits a state of the unreduced one: what takes no time has
    /// arrived, and what nothing can read again is left out.
    #[must_use]
    pub fn canonical(&self, since: &State<P>, state: &State<P>) -> State<P> {
        let mut state = state.clone();
        while let Some(envelope) = self.overdue(since, &state) {
            self.let_arrive_now(&mut state, &envelope);
        }
        self.protocol.canonicalise(&mut state, &self.counters);
        state
    }

    /// By the unreduced model: a state once everything has arrived, or was lost for want of a receiver, that its
    /// canonical form leaves out; and in how many steps.
    #[must_use]
    pub fn let_arrive_what_was_left_out(
        &self,
        state: &State<P>,
        form: &State<P>,
    ) -> (State<P>, usize) {
        let (mut state, mut steps) = (state.clone(), 0);
        loop {
            let is_left_out = |sent: &&Shared<Envelope<P>>| {
                state.network.copies(sent) > form.network.copies(sent)
            };
            let Some(sent) = state.network.iter().find(is_left_out).cloned() else {
                return (state, steps);
            };
            let action = match state.is_down(sent.to) {
                true => Action::Drop(sent),
                false => Action::Deliver(sent),
            };
            let Some(next) = self.apply(&state, action) else { return (state, steps) };
            (state, steps) = (next, steps + 1);
        }
    }
}
