//! What the reductions of this protocol are, for whoever compares reduced searches with unreduced ones.

use std::sync::Arc;

use quorate_checker::Shared;
use quorate_checker::world::{Envelope, Protocol, Reduces};
use quorate_ids::{Enumerated, Peer};
use quorate_leader::message::Message;

use crate::client::ScriptedClient;
use crate::history::History;
use crate::kinds::{Packet, Rule};
use crate::leader_based::{ClusterState, LeaderBased};
use crate::setting::LeaderFile;
use crate::wrong_rule::WrongRule;

impl LeaderBased {
    /// The same without these reductions, and with all others.
    #[must_use]
    pub fn with_all_but(&self, without: Vec<Rule>) -> Self {
        let mut scenario: LeaderFile = (**self.scenario()).clone();
        scenario.protocol.without = without;
        self.with_scenario(Arc::new(scenario))
    }

    /// The same, one of whose reductions is wrong on purpose.
    #[must_use]
    pub fn with_wrong_rule(&self, wrong: Option<WrongRule>) -> Self {
        let mut scenario: LeaderFile = (**self.scenario()).clone();
        scenario.protocol.wrong = wrong;
        self.with_scenario(Arc::new(scenario))
    }
}

/// Whether this is the request of a client that asks another node by now, or something else: it arrives whenever.
fn is_late_request(state: &ClusterState, sent: &Envelope<LeaderBased>) -> bool {
    let (Peer::Client(client), Message::Request { request, .. }) =
        (sent.from, &sent.message.message)
    else {
        return false;
    };
    let asks = state.client(client).and_then(|client| client.client.asks());
    asks.is_none_or(|(asked, node, _)| (asked, node.into()) != (*request, sent.to))
}

impl Reduces for LeaderBased {
    fn reduces(&self, rule: Rule) -> bool {
        LeaderBased::reduces(self, rule)
    }

    fn with_rules(&self, rules: &[Rule]) -> Self {
        let is_off = |rule: &&Rule| !rules.contains(rule);
        self.with_all_but(Rule::ALL.iter().filter(is_off).copied().collect())
    }

    fn keeps_lengths(rule: Rule) -> bool {
        matches!(rule, Rule::DeadMessages)
    }

    /// Each rule alone, however many states there are: there are two.
    fn alternatives(&self, left_out: &[Rule], _: bool) -> Vec<(Rule, Vec<Rule>)> {
        left_out.iter().map(|rule| (*rule, self.rules_without(*rule))).collect()
    }

    fn without_canonical_forms(&self) -> Self {
        let mut without = self.setting().without.clone();
        without.push(Rule::DeadMessages);
        self.with_all_but(without)
    }

    /// It was sent since an earlier state, and is no request of a client that has given it up.
    fn is_overdue(
        &self,
        since: &ClusterState,
        state: &ClusterState,
        sent: &Shared<Envelope<Self>>,
    ) -> bool {
        if state.network.copies(sent) <= since.network.copies(sent) || is_late_request(state, sent)
        {
            return false;
        }
        let mut before = state.clone();
        before.network.take(sent);
        self.takes_no_time(&before, sent).is_some()
    }

    fn waits(&self, client: &ScriptedClient) -> bool {
        client.client.asks().is_some()
    }

    /// Entries and rows, and what a client asks for.
    fn carries_data(&self, packet: &Packet) -> bool {
        matches!(
            packet.message,
            Message::Append(_)
                | Message::Coordinator(_)
                | Message::Snapshot(_)
                | Message::Request { .. }
        )
    }

    fn obliges_as_much_as(&self, history: &History, other: &History) -> bool {
        history.obliges_as_much_as(other)
    }
}
