//! What a protocol with reductions says of them, so that its reduced search can be compared with the unreduced one.

use super::action::{Action, Envelope};
use super::protocol::Protocol;
use super::state::State;
use crate::shared::Shared;

/// A protocol whose reductions can be compared with what they leave out: state by state by
/// [`certify`](super::certify::certify), and in whole searches.
///
/// What nodes and clients do, and which facts are seen of it, does not depend on reductions.
pub trait Reduces: Protocol {
    /// The same protocol without any reduction.
    #[must_use]
    fn unreduced(&self) -> Self;

    /// The same protocol without those reductions that bring states into another form
    /// ([`Protocol::canonicalise`]).
    #[must_use]
    fn without_canonical_forms(&self) -> Self;

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
