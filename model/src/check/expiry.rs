//! When timers may expire, and what that costs.

use quorate_checker::Shared;
use quorate_checker::world::Expiry;

use super::action::Envelope;
use super::background;
use super::state::{ClusterState, NodeState};
use crate::ids::{ClientId, NodeId, Peer};
use crate::protocol::Timer;
use crate::scenario::Scenario;

/// What it takes for a timer that is set to expire now.
///
/// A timer that may be wrong spends the budget of timeouts. Two are never wrong, and cost nothing: a
/// client's, when its coordinator has forgotten the request in a crash and no message of it is under
/// way; and a coordinator's, when the read is answered and only listens for late replies, which it
/// never does for longer than a timeout.
///
/// That a read asks further homes costs nothing: a home is late as soon as anybody finds it so, and to
/// have found so without need is no fault.
///
/// Background rounds cost nothing either, and may happen at any time but for bounds: see
/// [`super::background`].
pub(crate) fn expiry(
    scenario: &Scenario,
    state: &ClusterState,
    peer: Peer,
    timer: Timer,
) -> Expiry {
    match peer {
        Peer::Node(node) => expiry_at_node(scenario, state, node, timer),
        Peer::Client(client) => expiry_at_client(state, client),
    }
}

fn expiry_at_node(scenario: &Scenario, state: &ClusterState, node: NodeId, timer: Timer) -> Expiry {
    let may_expire = || background::may_expire(scenario, state, node, timer);
    match timer {
        Timer::Request(request)
            if state.node(node).replica.trailing().any(|get| get == request) =>
        {
            Expiry::Free
        }
        Timer::Request(_) if state.faults.timeouts > 0 => Expiry::AFault,
        Timer::Request(_) => Expiry::Never,
        Timer::Speculate(_) => Expiry::Free,
        // Too early, while all may still answer.
        Timer::Register if state.faults.timeouts > 0 && !may_expire() => Expiry::AFault,
        _ if may_expire() => Expiry::Free,
        _ => Expiry::Never,
    }
}

fn expiry_at_client(state: &ClusterState, client: ClientId) -> Expiry {
    let client = state.client(client).map(|client| &client.client);
    let asked = client.and_then(|client| Some((client.pending()?, client.asks()?)));
    // Told by the coordinator's having stopped since it began, so that nothing changes for
    // scenarios without crashes; and not while its answer may still come.
    let is_forgotten = asked.is_some_and(|(request, coordinator)| {
        let peer = Peer::Client(request.client);
        let under_way = |sent: &Shared<Envelope>| {
            sent.message.request() == Some(request) && (sent.to == peer || sent.from == peer)
        };
        let forgets = |node: &NodeState| {
            let has_stopped = node.lives > 0 || state.down.contains(coordinator);
            has_stopped && !node.replica.is_pending(request)
        };
        forgets(state.node(coordinator)) && !state.network.iter().any(under_way)
    });
    match is_forgotten {
        true => Expiry::Free,
        false if state.faults.timeouts > 0 => Expiry::AFault,
        false => Expiry::Never,
    }
}
