//! When nodes do what they do of their own accord: at any time, within bounds.
//!
//! Without bounds the state space would be infinite: a timer that starts anew with every expiry
//! would send its messages again and again. So each node has at most one round of each kind under
//! way, and two homes exchange what they hold only where it differs. These are bounds and not
//! reductions: runs in which two rounds of one kind overlap are not visited.
//!
//! Of exchanges there is one at a time in the whole cluster. It is over once both homes have sent
//! what they were asked for: another may begin, and what is still under way of the one before then
//! never comes, as if it were lost.
//!
//! The one exception is [`Timer::Settled`]: that nothing older is under way when it expires is what
//! the protocol *assumes* of datagrams, and the model grants it.

use super::actor::NodeState;
use super::state::ClusterState;
use crate::ids::{NodeId, Peer};
use crate::protocol::{Message, Timer};
use crate::scenario::Scenario;

/// Whether a message is part of an exchange between two homes that is not over: somebody is to
/// answer it.
fn is_exchange_under_way(message: &Message) -> bool {
    match message {
        Message::SyncHashes { .. } | Message::SyncKeys { .. } => true,
        Message::SyncStates { wanted, .. } => !wanted.is_empty(),
        _ => false,
    }
}

/// Takes out of the network what never comes, now that this timer has expired.
pub(crate) fn forget_overtaken(state: &mut ClusterState, timer: Timer) {
    if let Timer::Sync(_) = timer {
        state.network.retain(|sent| !matches!(sent.message, Message::SyncStates { .. }));
    }
}

/// Whether a background timer of this node, which is set, may expire in this state.
pub(crate) fn may_expire(
    scenario: &Scenario,
    state: &ClusterState,
    node: NodeId,
    timer: Timer,
) -> bool {
    let actor = state.node(node);
    let any = |wanted: &dyn Fn(&Message, Peer, Peer) -> bool| {
        state.network.iter().any(|sent| wanted(&sent.message, sent.from, sent.to))
    };
    let me = Peer::Node(node);
    match timer {
        Timer::Request(_) => false,
        Timer::Handoff => {
            actor.store.hints().next().is_some()
                && !any(&|message, from, to| match message {
                    Message::Handoff { .. } => from == me,
                    Message::HandoffAck { .. } => to == me,
                    _ => false,
                })
        }
        Timer::CatchUp => !any(&|message, from, to| match message {
            Message::CatchUp { .. } => from == me,
            Message::CatchUpPage { .. } => to == me,
            _ => false,
        }),
        Timer::Reap => {
            let has_tombstone = actor.store.entries().any(|(_, entry)| entry.state.is_deleted());
            has_tombstone
                && !any(&|message, _, _| {
                    matches!(
                        message,
                        Message::ReapAsk { .. } | Message::ReapAgree { .. } | Message::Reap { .. }
                    )
                })
        }
        Timer::Settled => !any(&|message, _, _| {
            message.carried().next().is_some() || matches!(message, Message::ReapAgree { .. })
        }),
        Timer::Sync(other) => {
            !any(&|message, _, _| is_exchange_under_way(message))
                && !state.down.contains(other)
                && differ(scenario, actor, state, other)
        }
    }
}

fn differ(scenario: &Scenario, actor: &NodeState, state: &ClusterState, other: NodeId) -> bool {
    let other_actor = state.node(other);
    scenario.keys().iter().any(|key| {
        scenario.cluster.homes(key).contains(other) && actor.held(key) != other_actor.held(key)
    })
}
