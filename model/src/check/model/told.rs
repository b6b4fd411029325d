//! Actions and what they change, told to people.

use alloc::string::String;
use alloc::vec::Vec;

use quorate_checker::world::{Step, Words};

use super::ClusterModel;
use crate::check::action::Action;
use crate::check::facts::Fact;
use crate::check::leaderless::Leaderless;
use crate::check::state::ClusterState;
use crate::ids::ClientId;
use crate::protocol::Outcome;

impl ClusterModel {
    /// Lets one action happen and says which operations ended with it, and how.
    pub(crate) fn apply_noting_ends(
        &self,
        last: &ClusterState,
        action: Action,
    ) -> Option<(ClusterState, Vec<(ClientId, Outcome)>)> {
        let mut ended = Vec::new();
        let end = |fact: &Fact| {
            let Fact::Outcome { client, outcome, .. } = fact else { return None };
            Some((ClientId(*client as u64), outcome.clone()))
        };
        let note = |facts: &[Fact]| ended.extend(facts.iter().filter_map(end));
        let next = self.apply_telling(last, action, |_| {}, note)?;
        Some((next, ended))
    }

    /// An action as one line, told with what the client starts if it is a start.
    #[must_use]
    pub fn tell(&self, before: &ClusterState, action: &Action) -> String {
        self.names().tell(before, action)
    }

    /// Lets one action happen and tells it, with what it changed.
    #[must_use]
    pub fn step(&self, last: &ClusterState, action: &Action) -> Option<Step<Leaderless>> {
        self.step_in_words(self.names(), last, action)
    }
}
