//! Which client may begin its next operation, and through which node.
//!
//! Beside turns, which are part of a scenario, two reductions of the state space decide here.
//!
//! **Clients alike** ([`Reductions::alike_clients`](crate::scenario::Reductions::alike_clients)). A client whose program is the same as that
//! of the client before it begins after it. Of any run in which it begins first, exchanging the two
//! names throughout makes another run, in which it does not, and which shows the same: nothing but
//! names tells the two apart, and neither the protocol nor any property asks for names: that needs
//! dotted versions, each dot naming one write. Other versionings break ties by values or by clients.
//!
//! **Coordinators** ([`Reductions::coordinators`](crate::scenario::Reductions::coordinators)). Where nothing more can go wrong
//! ([`instant::is_calm`]), reads go through one node that is no home, if there is one to choose and
//! reads repair nothing: it asks any homes in any order and at any time, so it reads whatever a read
//! through another node would.
//!
//! A put through a node that is no home comes to one of three ends. A home takes it in: then it may
//! as well have begun there at that moment, as far as its client is not told too early that it
//! failed, or has nothing left to do and need not be told. Its node coordinates it itself, since no
//! home answered in time: then it may as well have begun just before, for until then nothing is seen
//! of it. Or neither, and it need not have begun, or begins at a home where its request never arrives. So if a put could begin at every home, it begins
//! at a node that is no home only to time out in the same step. (Not where a property asks who acknowledged a
//! write or which were not, nor where clients try again or anybody looks at clocks.)

use super::action::Envelope;
use super::history::Watch;
use super::instant;
use super::state::ClusterState;
use crate::ids::{ClientId, NodeId, NodeSet, Peer};
use crate::protocol::{FanOut, ReadRepair};
use crate::scenario::{Faults, PlannedAction, PlannedOperation, Scenario};
use crate::versions::Versioning;

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

/// The nodes through which an operation may begin now.
pub(crate) fn coordinators<'a>(
    scenario: &'a Scenario,
    watch: Watch,
    state: &'a ClusterState,
    operation: &'a PlannedOperation,
) -> impl Iterator<Item = NodeId> + use<'a> {
    let homes = scenario.cluster.homes(&operation.key);
    // Nobody tells a client that a node is down: it may ask that one, and get no answer.
    let via = operation.via.iter().copied();
    let only = match operation.action {
        PlannedAction::Get if reads_through_one(scenario, watch, state) => {
            let stranger = via.clone().find(|node| !homes.contains(*node));
            stranger.map(|stranger| [stranger].into_iter().collect::<NodeSet>())
        }
        PlannedAction::Put { .. } if is_put_through_homes(scenario, watch, state, operation) => {
            (!may_find_no_home(scenario, state, operation)).then_some(homes)
        }
        _ => None,
    };
    via.filter(move |node| only.is_none_or(|only| only.contains(*node)))
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

fn reads_through_one(scenario: &Scenario, watch: Watch, state: &ClusterState) -> bool {
    scenario.reductions.coordinators
        && instant::keeps_tombstones(scenario)
        && scenario.fan_out == FanOut::NodeDriven
        && scenario.cluster.read_repair() == ReadRepair::Off
        && state.down.is_empty()
        && instant::is_calm(scenario, watch, state)
}

/// Whether a put that a home is to take in begins at that home.
fn is_put_through_homes(
    scenario: &Scenario,
    watch: Watch,
    state: &ClusterState,
    operation: &PlannedOperation,
) -> bool {
    let PlannedAction::Put { write, .. } = operation.action else { return false };
    let Faults { timeouts, crashes, drops, duplicates, partitions, .. } = state.faults;
    // A sloppy put gives the home that it was forwarded to two timeouts.
    let is_answered = timeouts <= u8::from(scenario.cluster.sloppy())
        && crashes == 0
        && (state.down.is_empty() || forgets!(scenario, CoordinatorsDespiteDown))
        && drops == 0
        && partitions == 0
        && state.groups.is_empty();
    let is_as_usual =
        |operation: &PlannedOperation| is_sloppy(scenario, operation) == scenario.cluster.sloppy();
    let operations = || scenario.clients.iter().flat_map(|client| &client.operations);
    scenario.reductions.coordinators
        && scenario.fan_out == FanOut::NodeDriven
        && (instant::are_hops_instant(scenario, watch, state)
            || forgets!(scenario, CoordinatorsDespiteHops))
        && instant::keeps_tombstones(scenario)
        // Whoever waits for a home that never comes back waits for ever.
        && (scenario.down_returns || scenario.down.is_empty())
        && scenario.clients.iter().all(|client| client.attempts == 1)
        && operations().all(is_as_usual)
        && duplicates == 0
        && scenario.spec.versioning != Versioning::LastWriteWins
        && !watch.asks_who_acknowledged()
        && (is_answered
            || is_last(scenario, write)
            || forgets!(scenario, CoordinatorsDespiteTimeouts))
        && (scenario.cluster.homes(&operation.key).iter().all(|home| operation.via.contains(&home))
            || forgets!(scenario, CoordinatorsWithoutAllHomes))
}

fn is_sloppy(scenario: &Scenario, operation: &PlannedOperation) -> bool {
    operation.sloppy.unwrap_or(scenario.cluster.sloppy())
}

/// Whether a put through a node that is no home may time out before a home answers, and be
/// coordinated there.
fn may_find_no_home(scenario: &Scenario, state: &ClusterState, put: &PlannedOperation) -> bool {
    state.faults.timeouts > 0
        && is_sloppy(scenario, put)
        && !forgets!(scenario, CoordinatorsStandInNever)
}

/// Whether a write is the last that its client does.
fn is_last(scenario: &Scenario, write: usize) -> bool {
    let planned = &scenario.writes[write];
    planned.operation + 1 == scenario.clients[planned.client.0 as usize].operations.len()
}

/// Whether a put that begins through this node times out there in the same step.
pub(crate) fn times_out_at_once(
    scenario: &Scenario,
    watch: Watch,
    state: &ClusterState,
    operation: &PlannedOperation,
    coordinator: NodeId,
) -> bool {
    may_find_no_home(scenario, state, operation)
        && !scenario.cluster.homes(&operation.key).contains(coordinator)
        && is_put_through_homes(scenario, watch, state, operation)
}
