//! What the reductions of this protocol are, for whoever compares reduced searches with unreduced ones.

use alloc::sync::Arc;

use quorate_checker::Shared;
use quorate_checker::world::{Protocol, Reduces};

use super::action::{Action, Envelope};
use super::client::ScriptedClient;
use super::history::History;
use super::leaderless::Leaderless;
use super::state::ClusterState;
use super::{begin, instant};
use crate::protocol::Message;
use crate::scenario::{Reductions, Scenario};

impl Leaderless {
    /// The same with these reductions.
    pub(crate) fn with_reductions(&self, reductions: Reductions) -> Self {
        self.with_scenario(Arc::new(Scenario { reductions, ..(**self.scenario()).clone() }))
    }
}

impl Reduces for Leaderless {
    fn unreduced(&self) -> Self {
        self.with_reductions(Reductions::NONE)
    }

    fn without_canonical_forms(&self) -> Self {
        self.with_reductions(self.scenario().reductions.without_canonical_forms())
    }

    /// It was sent since an earlier state, or it only tells how a put gets on, which takes no time whenever it was
    /// sent; and it is no request of a client that has given it up.
    fn is_overdue(
        &self,
        since: &ClusterState,
        state: &ClusterState,
        sent: &Shared<Envelope>,
    ) -> bool {
        self.takes_no_time(state, sent).is_some()
            && !begin::is_late_request(state, sent)
            && (instant::is_answer(sent) || state.network.copies(sent) > since.network.copies(sent))
    }

    fn waits(&self, client: &ScriptedClient) -> bool {
        client.client.pending().is_some()
    }

    fn carries_data(&self, message: &Message) -> bool {
        message.carried().next().is_some()
    }

    fn obliges_as_much_as(&self, history: &History, other: &History) -> bool {
        history.obliges_as_much_as(other)
    }

    fn puts_off(&self) -> bool {
        self.scenario().reductions.stubborn_sets
    }

    fn exchanges(&self) -> usize {
        self.symmetry().on().len()
    }

    fn image(&self, exchange: usize, state: &ClusterState) -> Option<ClusterState> {
        let symmetry = self.symmetry();
        symmetry.image(self.nodes(), symmetry.on()[exchange], state)
    }

    fn image_of_action(&self, exchange: usize, action: &Action) -> Option<Action> {
        let symmetry = self.symmetry();
        symmetry.action(symmetry.on()[exchange], action)
    }
}
