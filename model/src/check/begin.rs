//! Which client may begin its next operation, and which requests may come late.

use super::action::Envelope;
use super::history::Watch;
use super::instant;
use super::state::ClusterState;
use crate::ids::{ClientId, Peer};
use crate::protocol::FanOut;
use crate::scenario::{PlannedOperation, Scenario};

/// Whether this client may begin its next operation now: anyone may, unless the scenario keeps turns.
pub(crate) fn may_begin(scenario: &Scenario, state: &ClusterState, client: usize) -> bool {
    let Some(length) = scenario.turn_length else { return true };
    // All operations before this client's next one, in the order of turns, must be done.
    let next = |position: usize, next: usize| (next / length, position, next % length);
    let mine = state.clients().nth(client).map(|state| state.next).unwrap_or_default();
    state.clients().enumerate().all(|(position, other)| {
        let program = &scenario.clients[position].operations;
        other.client.pending().is_none()
            && (position == client
                || other.next >= program.len()
                || next(position, other.next) > next(client, mine))
    })
}

/// The operation that a client begins next, if its program has one left.
pub(crate) fn next_operation<'a>(
    scenario: &'a Scenario,
    state: &ClusterState,
    client: ClientId,
) -> Option<&'a PlannedOperation> {
    let next = state.client(client)?.next;
    scenario.clients[client.0 as usize].operations.get(next)
}

/// Whether this is the request of a client that has given it up: it arrives whenever.
pub(crate) fn is_late_request(state: &ClusterState, sent: &Envelope) -> bool {
    let (Peer::Client(client), Some(request)) = (sent.from, sent.message.request()) else {
        return false;
    };
    let pending = state.client(client).and_then(|client| client.client.pending());
    pending != Some(request)
}

/// Whether a client may begin and give up before its request arrives: an action of its own where
/// client hops take no time, and elsewhere a start followed by the expiry of the client's timer.
pub(crate) fn may_be_late(scenario: &Scenario, watch: Watch, state: &ClusterState) -> bool {
    state.faults.timeouts > 0
        && scenario.fan_out == FanOut::NodeDriven
        && instant::are_hops_instant(scenario, watch, state)
        && !forgets!(scenario, HopsWithoutGivingUp)
}
