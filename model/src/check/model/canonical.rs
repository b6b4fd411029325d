//! The form in which the reduced search visits a state of the unreduced one.

use quorate_checker::Shared;
use quorate_checker::world::Protocol;

use super::ClusterModel;
use crate::check::action::{Action, Envelope};
use crate::check::state::ClusterState;
use crate::check::{begin, instant};

impl ClusterModel {
    /// Something under way in a state of the unreduced search that takes no time in the reduced one: it was
    /// sent since an earlier state, or it only tells how a put gets on, which takes no time whenever it was
    /// sent.
    pub(crate) fn overdue(
        &self,
        since: &ClusterState,
        state: &ClusterState,
    ) -> Option<Shared<Envelope>> {
        let takes_no_time = |sent: &&Shared<Envelope>| {
            self.protocol().takes_no_time(state, sent).is_some()
                && !begin::is_late_request(state, sent)
                && (instant::is_answer(sent)
                    || state.network.copies(sent) > since.network.copies(sent))
        };
        state.network.iter().find(takes_no_time).cloned()
    }

    /// The form in which the reduced search visits a state of the unreduced one: what takes no time has
    /// arrived, and what nothing can read again is left out.
    pub(crate) fn canonical(&self, since: &ClusterState, state: &ClusterState) -> ClusterState {
        let mut state = state.clone();
        while let Some(envelope) = self.overdue(since, &state) {
            self.let_arrive_now(&mut state, &envelope);
        }
        self.protocol().canonicalise(&mut state, self.counters());
        state
    }

    /// By the unreduced model: a state once everything has arrived, or was lost for want of a receiver, that its
    /// canonical form leaves out; and in how many steps.
    pub(crate) fn let_arrive_what_was_left_out(
        &self,
        state: &ClusterState,
        form: &ClusterState,
    ) -> (ClusterState, usize) {
        let (mut state, mut steps) = (state.clone(), 0);
        loop {
            let is_left_out =
                |sent: &&Shared<Envelope>| state.network.copies(sent) > form.network.copies(sent);
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
