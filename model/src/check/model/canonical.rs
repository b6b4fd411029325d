//! The form in which a reduced search visits states.

use quorate_checker::Shared;

use super::ClusterModel;
use super::carry_out::Hops;
use crate::check::action::Envelope;
use crate::check::state::ClusterState;
use crate::check::{begin, instant, numbering, reduce};

impl ClusterModel {
    /// Leaves out what nothing can read again, and gives rounds their least numbers.
    pub(super) fn canonicalise(&self, state: &mut ClusterState) {
        reduce::normalise(&self.scenario, &self.forgotten, &self.instruments, state);
        numbering::renumber(&self.scenario, state);
    }

    /// Something under way in a state of the unreduced search that takes no time in the reduced one: it was
    /// sent since an earlier state, or it only tells how a put gets on, which takes no time whenever it was
    /// sent.
    pub(crate) fn overdue(
        &self,
        since: &ClusterState,
        state: &ClusterState,
    ) -> Option<Shared<Envelope>> {
        let takes_no_time = |sent: &&Shared<Envelope>| {
            instant::takes_no_time(&self.scenario, self.watch, state, sent).is_some()
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
        let mut hops = Hops::default();
        while let Some(envelope) = self.overdue(since, &state) {
            state.network.take(&envelope);
            self.deliver(&mut state, envelope, &mut hops);
            while let Some(envelope) = hops.queue.pop_front() {
                self.deliver(&mut state, envelope, &mut hops);
            }
        }
        self.canonicalise(&mut state);
        state
    }
}
