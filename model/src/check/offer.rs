//! What may happen next in a state.

use alloc::vec::Vec;

use stateright::actor::Id;

use super::action::Action;
use super::actor::{ActorState, ClusterActor};
use super::expiry::{Expiry, expiry};
use super::history::Watch;
use super::instruments::Instruments;
use super::state::ClusterState;
use super::{begin, instant, late};
use crate::ids::NodeId;
use crate::protocol::{MemoryStore, Timer};
use crate::scenario::{Faults, Rule, Scenario};

/// What reductions look at beside the state, and where it is counted what they leave out.
#[derive(Clone, Copy)]
pub(crate) struct Reduced<'a> {
    /// What is watched.
    pub(crate) watch: Watch,
    /// Who counts.
    pub(crate) instruments: &'a Instruments,
}

/// Adds every action that is possible in this state and is not left out by a reduction.
pub(crate) fn offer(
    scenario: &Scenario,
    Reduced { watch, instruments }: Reduced<'_>,
    actors: &[ClusterActor],
    state: &ClusterState,
    actions: &mut Vec<Action>,
) {
    let nodes = scenario.cluster.nodes().len();
    for (index, (actor, seat)) in actors.iter().zip(&state.seats).enumerate() {
        if let (ClusterActor::Client(config), ActorState::Client(client)) = (actor, &seat.state)
            && let Some(operation) = config.ready(client)
        {
            if !begin::may_begin(scenario, state, index - nodes) {
                if begin::is_early(scenario, state, index - nodes) {
                    instruments.left_out(Rule::AlikeClients, 1);
                }
                continue;
            }
            let via = || operation.via.iter().copied();
            let client = client.client.id();
            let invoke = |coordinator| Action::Invoke { client, coordinator };
            actions.extend(via().map(invoke));
            if begin::may_be_late(scenario, watch, state) {
                let invoke_late = |coordinator| Action::InvokeLate { client, coordinator };
                actions.extend(via().map(invoke_late));
            }
        }
    }
    let Faults { drops, duplicates, crashes, wipes, rollbacks, partitions, .. } = state.faults;
    for (position, envelope) in state.network.iter().enumerate() {
        // Copies of one message lead to one state.
        if position > 0 && state.network[position - 1] == *envelope {
            continue;
        }
        if !state.is_down(envelope.to) {
            actions.push(Action::Deliver(envelope.clone()));
        }
        // What arrives at a node that is down is lost, and that is no fault of its own.
        if drops > 0 {
            actions.push(Action::Drop(envelope.clone()));
        } else if state.is_down(envelope.to) {
            if instant::is_loss_like_delay(scenario, envelope) {
                instruments.left_out(Rule::Replies, 1);
            } else {
                actions.push(Action::Drop(envelope.clone()));
            }
        }
        if duplicates > 0 {
            actions.push(Action::Duplicate(envelope.clone()));
        }
    }
    for (index, seat) in state.seats.iter().enumerate() {
        let peer = ClusterActor::peer(nodes, Id::from(index));
        let may = |timer: &&Timer| expiry(scenario, state, index, **timer) != Expiry::Never;
        let expire = |timer: &Timer| Action::Expire { peer, timer: *timer };
        actions.extend(seat.timers.iter().filter(may).map(expire));
    }
    for (node, seat) in (0..nodes).map(|index| NodeId(index as u16)).zip(state.nodes()) {
        let is_faulty = scenario.faulty.contains(node);
        if !state.down.contains(node) {
            if crashes > 0 && is_faulty {
                actions.push(Action::Crash { node });
            }
        } else {
            if scenario.down_returns || !scenario.down.contains(node) {
                actions.push(Action::Recover { node });
            }
            if wipes > 0 && is_faulty && seat.store != MemoryStore::default() {
                actions.push(Action::Wipe { node });
            }
            if rollbacks > 0 {
                let restore = |copy| Action::Restore { node, copy };
                actions.extend((0..seat.copies.len()).map(restore));
            }
        }
        // A copy may be made at any moment, of a disk that holds nothing yet as well; no more are
        // made than can still be used.
        if seat.copies.len() < usize::from(rollbacks)
            && is_faulty
            && !seat.copies.contains(seat.durable())
        {
            actions.push(Action::Snapshot { node });
        }
    }
    if partitions > 0 && state.groups.is_empty() && !scenario.partition.is_empty() {
        actions.push(Action::Partition { groups: scenario.partition.clone() });
    }
    if scenario.heals && !state.groups.is_empty() {
        actions.push(Action::Heal);
    }
    if let Some(current) = late::current_exchange(scenario, state) {
        let all = actions.len();
        actions.retain(|action| current.allows(scenario, state, action));
        instruments.left_out(Rule::LateExchanges, all - actions.len());
    }
}
