//! What a protocol with reductions says of them, so that its reduced search can be compared with the unreduced one.

use super::action::{Action, Envelope};
use super::campaign::hash_of_store;
use super::counters::Enumerated;
use super::protocol::Protocol;
use super::state::State;
use crate::shared::Shared;

/// A protocol whose reductions can be compared with what they leave out: state by state by
/// [`certify`](super::certify::certify), and in whole searches.
///
/// What nodes and clients do, and which facts are seen of it, does not depend on reductions.
pub trait Reduces: Protocol + Clone {
    /// Whether a reduction is on.
    fn reduces(&self, rule: Self::Rule) -> bool;

    /// The same protocol by these reductions, and no others.
    #[must_use]
    fn with_rules(&self, rules: &[Self::Rule]) -> Self;

    /// The same protocol without any reduction.
    #[must_use]
    fn unreduced(&self) -> Self {
        self.with_rules(&[])
    }

    /// The same protocol without those reductions that bring states into another form
    /// ([`Protocol::canonicalise`]).
    #[must_use]
    fn without_canonical_forms(&self) -> Self;

    /// Whether a reduction fuses no steps into one and puts none off, so that shortest runs are as long as without it.
    fn keeps_lengths(rule: Self::Rule) -> bool {
        let _ = rule;
        false
    }

    /// Whether states pass for the same by this reduction whose disks differ.
    fn takes_disks_for_the_same(rule: Self::Rule) -> bool {
        let _ = rule;
        false
    }

    /// Whether what this reduction leaves out takes a step of its own in the full model to be gone.
    fn takes_a_step_to_forget(rule: Self::Rule) -> bool {
        let _ = rule;
        false
    }

    /// By which reductions whole searches are compared beside those that are on, given which of them left something out: each
    /// time the one that is switched, and all that are on then. With one of them less, where there are few states:
    /// what one takes away may hide what another one misses.
    fn alternatives(
        &self,
        left_out: &[Self::Rule],
        is_small: bool,
    ) -> Vec<(Self::Rule, Vec<Self::Rule>)> {
        if !is_small {
            return Vec::new();
        }
        left_out.iter().map(|rule| (*rule, self.rules_without(*rule))).collect()
    }

    /// The reductions that are on, without this one.
    fn rules_without(&self, rule: Self::Rule) -> Vec<Self::Rule> {
        let is_left = |other: &Self::Rule| *other != rule && self.reduces(*other);
        Self::Rule::ALL.iter().copied().filter(is_left).collect()
    }

    /// A hash of what is compared of a node's disk: all that it holds, unless the protocol says less.
    fn hash_of_disk(&self, store: &Self::Store) -> u64 {
        hash_of_store::<Self>(store)
    }

    /// Whether a message that is under way in a state of the unreduced search takes no time in the reduced one: it was
    /// sent since an earlier state, unless the protocol says more.
    fn is_overdue(
        &self,
        since: &State<Self>,
        state: &State<Self>,
        sent: &Shared<Envelope<Self>>,
    ) -> bool {
        self.takes_no_time(state, sent).is_some()
            && state.network.copies(sent) > since.network.copies(sent)
    }

    /// Whether a client waits for an answer.
    fn waits(&self, client: &Self::Client) -> bool;

    /// Whether a message carries what its receiver may store: its loss is no delay then where it is asked where runs
    /// end.
    fn carries_data(&self, message: &Self::Message) -> bool;

    /// Whether whatever is violated after the other history is violated after this one, too: it is the same, or more was
    /// promised in it.
    fn obliges_as_much_as(&self, history: &Self::History, other: &Self::History) -> bool {
        history == other
    }

    /// Whether the reduced search takes a part of what may happen in a state, and puts off all the rest.
    fn puts_off(&self) -> bool {
        false
    }

    /// In how many ways clients may be exchanged, that of exchanging nobody among them, which is the first: states that
    /// differ by one pass for the same.
    fn exchanges(&self) -> usize {
        1
    }

    /// A state once clients were exchanged in the way of this number. `None` where nobody can say what that is.
    fn image(&self, exchange: usize, state: &State<Self>) -> Option<State<Self>> {
        let _ = exchange;
        Some(state.clone())
    }

    /// An action once clients were exchanged in the way of this number.
    fn image_of_action(&self, exchange: usize, action: &Action<Self>) -> Option<Action<Self>> {
        let _ = exchange;
        Some(action.clone())
    }
}
