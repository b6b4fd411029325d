//! Exchanges between homes that begin as late as they can
//! ([`Reductions::late_exchanges`](crate::scenario::Reductions::late_exchanges)), a reduction of the state space.
//!
//! To send what it holds, a node reads its store and changes nothing. So in any run the sending may
//! be moved later, past everything that happens before the delivery, until something changes what the
//! sender holds: what is sent stays the same. What is left to look at are the runs in which nothing
//! happens between the two, and those in which the first thing that does is such a change. That is:
//! while states are under way that are still what their sender holds, they are delivered, or their
//! sender comes to hold something else. Once it has, the message tells of the past and may come at
//! any time.
//!
//! In detail. If the two homes have come to hold the same by the time to which the sending is moved,
//! what is sent has no effect and is not missed; and if the receiver has come to hold something
//! where it held nothing, it is asked for it in return, and the answer to that need not come (see
//! [`super::background`]). The states that answer others were sent when these arrived; if that
//! changed nothing at their sender, it may be moved later for the same reason. Faults are not moved
//! past: they may happen meanwhile, and while one of the two is down, or the network split between
//! them, the rule says nothing.
//!
//! It speaks of one key: with several, what is sent later may be about more of them.

use super::action::{Action, Envelope};
use super::begin;
use super::shared::Shared;
use super::state::ClusterState;
use crate::ids::{Key, NodeId, Peer};
use crate::protocol::{Message, Timer};
use crate::scenario::{PlannedAction, Scenario};

/// States under way that are what their sender holds.
pub(crate) struct Current<'a> {
    message: &'a Shared<Envelope>,
    from: NodeId,
    key: &'a Key,
}

/// The exchange, if there is one, that has to go on before anything else happens.
pub(crate) fn current_exchange<'a>(
    scenario: &Scenario,
    state: &'a ClusterState,
) -> Option<Current<'a>> {
    if !scenario.reductions.late_exchanges
        || !scenario.records_only_grow()
        || !scenario.has_one_key()
    {
        return None;
    }
    state.network.iter().find_map(|sent| {
        let Message::SyncStates { states, wanted } = &sent.message else { return None };
        let (Peer::Node(from), Peer::Node(to)) = (sent.from, sent.to) else { return None };
        let is_interrupted = state.down.contains(from)
            || state.down.contains(to)
            || !state.connected(sent.from, sent.to);
        let (key, said) = match (&states[..], &wanted[..]) {
            ([(key, said)], _) => (key, Some(said)),
            ([], [key]) => (key, None),
            _ => return None,
        };
        let is_current = !is_interrupted && state.node(from).held(key) == said;
        is_current.then_some(Current { message: sent, from, key })
    })
}

impl Current<'_> {
    /// Whether an action delivers this message, may change what its sender holds, or is a fault.
    pub(crate) fn allows(
        &self,
        scenario: &Scenario,
        state: &ClusterState,
        action: &Action,
    ) -> bool {
        let homes = scenario.cluster.homes(self.key);
        match action {
            Action::Deliver(envelope) if envelope == self.message => true,
            Action::Deliver(envelope) => {
                let held = state.node(self.from).held(self.key);
                let is_new = |carried| held.is_none_or(|held| !held.dominates(carried));
                let may_change = match envelope.message {
                    Message::Put(_) | Message::Probe { .. } => true,
                    _ => envelope.message.carried().any(|(_, carried)| is_new(carried)),
                };
                envelope.to == Peer::Node(self.from) && may_change
            }
            Action::Invoke { client, coordinator } => {
                // A node that is no home may forward the put at once.
                let next = begin::next_operation(scenario, state, *client);
                next.is_some_and(|next| next.action != PlannedAction::Get)
                    && (*coordinator == self.from || !homes.contains(*coordinator))
            }
            // Hints whose home has left are taken in by one that is there.
            Action::Expire { peer, timer } => {
                *timer == Timer::Handoff && *peer == Peer::Node(self.from)
            }
            Action::Recover { .. } => false,
            _ => true,
        }
    }
}
