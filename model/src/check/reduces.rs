//! What the reductions of this protocol are, for whoever compares reduced searches with unreduced ones.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::BuildHasher;

use foldhash::quality::FixedState;
use quorate_checker::Shared;
use quorate_checker::world::{Protocol, Reduces};

use super::action::{Action, Envelope};
use super::client::ScriptedClient;
use super::history::History;
use super::leaderless::Leaderless;
use super::state::ClusterState;
use super::wrong_rule::WrongRule;
use super::{begin, instant};
use crate::protocol::{MemoryStore, Message};
use crate::scenario::{Reductions, Rule, Scenario};

impl Leaderless {
    /// The same with these reductions.
    #[must_use]
    pub fn with_reductions(&self, reductions: Reductions) -> Self {
        self.with_scenario(Arc::new(Scenario { reductions, ..(**self.scenario()).clone() }))
    }
}

impl Reduces for Leaderless {
    fn reduces(&self, rule: Rule) -> bool {
        self.scenario().reductions.has(rule)
    }

    /// Wrong in the same way, if a rule that is on is.
    fn with_rules(&self, rules: &[Rule]) -> Self {
        let is_on = |wrong: &WrongRule| rules.contains(&wrong.rule());
        let wrong = self.scenario().reductions.wrong.filter(is_on);
        let none = Reductions { wrong, ..Reductions::NONE };
        self.with_reductions(rules.iter().fold(none, |reductions, rule| reductions.with(*rule)))
    }

    fn without_canonical_forms(&self) -> Self {
        self.with_reductions(self.scenario().reductions.without_canonical_forms())
    }

    fn keeps_lengths(rule: Rule) -> bool {
        matches!(
            rule,
            Rule::ClientSymmetry | Rule::NodeSymmetry | Rule::DeadMessages | Rule::FinishedRequests
        )
    }

    fn takes_disks_for_the_same(rule: Rule) -> bool {
        matches!(rule, Rule::ClientSymmetry | Rule::NodeSymmetry)
    }

    fn takes_a_step_to_forget(rule: Rule) -> bool {
        matches!(rule, Rule::FinishedRequests)
    }

    /// One less, where all that are usual are on and there are few states; and stubborn sets in the place of all.
    fn alternatives(&self, left_out: &[Rule], is_small: bool) -> Vec<(Rule, Vec<Rule>)> {
        let all_usual = Rule::ALL.iter().all(|rule| self.reduces(*rule) || !rule.is_usual());
        let one_less = left_out.iter().filter(|_| is_small && all_usual);
        let mut all: Vec<_> = one_less.map(|rule| (*rule, self.rules_without(*rule))).collect();
        if !self.reduces(Rule::StubbornSets) {
            all.push((Rule::StubbornSets, Vec::from([Rule::StubbornSets])));
        }
        all
    }

    /// Records and hints.
    fn hash_of_disk(&self, store: &MemoryStore) -> u64 {
        let entries: Vec<_> = store.entries().map(|(key, entry)| (key, &entry.state)).collect();
        FixedState::default().hash_one((entries, store.hints().collect::<Vec<_>>()))
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
