//! Which client may begin its next operation.
//!
//! Beside turns, which are part of a scenario, one reduction of the state space decides here.
//!
//! **Clients alike** ([`Reductions::alike_clients`](crate::scenario::Reductions::alike_clients)). A client whose program is the same as that
//! of the client before it begins after it. Of any run in which it begins first, exchanging the two
//! names throughout makes another run, in which it does not, and which shows the same: nothing but
//! names tells the two apart, and neither the protocol nor any property asks for names: that needs
//! dotted versions, each dot naming one write. Other versionings break ties by values or by clients.

use super::action::Envelope;
use super::history::Watch;
use super::instant;
use super::state::ClusterState;
use crate::ids::{ClientId, Peer};
use crate::protocol::FanOut;
use crate::scenario::{PlannedAction, PlannedOperation, Scenario};

/// Whether this client may begin its next operation now.
pub(crate) fn may_begin(scenario: &Scenario, state: &ClusterState, client: usize) -> bool {
    has_turn(scenario, state, client) && !is_early(scenario, state, client)
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

/// Whether it is this client's turn: anyone's, unless the scenario keeps turns.
fn has_turn(scenario: &Scenario, state: &ClusterState, client: usize) -> bool {
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

/// Whether a client that does the same as this one, and begins before it, has not begun.
pub(crate) fn is_early(scenario: &Scenario, state: &ClusterState, client: usize) -> bool {
    let Some(before) = client.checked_sub(1).filter(|_| scenario.reductions.alike_clients) else {
        return false;
    };
    let has_not_begun = state.clients().skip(before).take(2).all(|client| client.next == 0);
    has_not_begun
        && scenario.turn_length.is_none()
        && (scenario.names_writes_once() || forgets!(scenario, AlikeThoughTiesBreak))
        && are_alike(scenario, before, client)
}

fn are_alike(scenario: &Scenario, one: usize, other: usize) -> bool {
    let (one, other) = (&scenario.clients[one], &scenario.clients[other]);
    let what = |operation: &PlannedOperation| match operation.action {
        PlannedAction::Get => None,
        PlannedAction::Put { write, with_context } => {
            Some((with_context, scenario.writes[write].value.is_none()))
        }
    };
    let all = |operation: &PlannedOperation| {
        let PlannedOperation { key, quorum, sloppy, via, .. } = operation.clone();
        (what(operation), key, quorum, sloppy, via)
    };
    one.attempts == other.attempts
        && (one.operations.iter().map(all).eq(other.operations.iter().map(all))
            || forgets!(scenario, AlikeWhateverTheyDo)
                && one.operations.len() == other.operations.len())
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
