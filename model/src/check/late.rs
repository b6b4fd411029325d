//! Exchanges between homes that begin as late as they can
//! ([`Reductions::late_exchanges`](crate::scenario::Reductions::late_exchanges)), a reduction of the state space:
//! an exchange that nothing else depends on yet is left out of the persistent set (Godefroid 1996) of a state.
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
//! States that also ask for something in return are not put off: what the receiver then answers would come of
//! nothing that is left.
//!
//! It speaks of one key: with several, what is sent later may be about more of them.
//!
//! It rests on dead messages ([`Reductions::dead_messages`](crate::scenario::Reductions::dead_messages)): exchanges that are
//! left out may leave messages under way that can have no effect any more, and what becomes of those is the
//! same only where they are forgotten. Without that rule this one would not be certified, so it does not apply.

use quorate_checker::Shared;

use super::action::{Action, Envelope};
use super::begin;
use super::state::ClusterState;
use crate::ids::{Key, NodeId, Peer};
use crate::protocol::{Message, ReadRepair, Timer};
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
    if !scenario.reductions_that_apply().late_exchanges
        || !(scenario.records_only_grow() || forgets!(scenario, LateThoughShrinking))
        || !(scenario.has_one_key() || forgets!(scenario, LateWithSeveralKeys))
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
            ([(key, said)], wanted)
                if wanted.is_empty() || forgets!(scenario, LateThoughAskingBack) =>
            {
                (key, Some(said))
            }
            ([], [key]) => (key, None),
            _ => return None,
        };
        let is_current = !is_interrupted && state.node(from).store.held(key) == said;
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
                let from = Peer::Node(self.from);
                envelope.to == from && self.may_change(scenario, state, &envelope.message)
                    // Its receiver may forward a put in the same step, to whom this is from.
                    || envelope.from == from
                        && matches!(envelope.message, Message::ProbeReply { .. })
            }
            Action::Invoke { client, coordinator } => {
                // A node that is no home may forward the put at once.
                let next = begin::next_operation(scenario, state, *client);
                next.is_some_and(|next| next.action != PlannedAction::Get)
                    && (*coordinator == self.from || !homes.contains(*coordinator))
            }
            // Hints whose home has left are merged by one that is there, and a put that waited may
            // be minted when the wait ends.
            Action::Expire { peer, timer } => {
                matches!(
                    timer,
                    Timer::Handoff | Timer::Request(_) | Timer::Register | Timer::Waiting
                ) && *peer == Peer::Node(self.from)
            }
            Action::Recover { .. } => false,
            Action::InvokeLate { .. }
            | Action::Drop(_)
            | Action::Duplicate(_)
            | Action::Lie(_)
            | Action::Crash { .. }
            | Action::Wipe { .. }
            | Action::Command { .. }
            | Action::Snapshot { .. }
            | Action::Restore { .. }
            | Action::Partition { .. }
            | Action::Heal
            | Action::SetClock { .. } => true,
        }
    }

    /// Whether the delivery of a message to the sender of this one may change what that holds.
    fn may_change(&self, scenario: &Scenario, state: &ClusterState, message: &Message) -> bool {
        let held = state.node(self.from).store.held(self.key);
        let is_new = |carried| held.is_none_or(|held| !held.dominates(carried));
        match message {
            // A put that is forwarded in return for the probe may arrive in the same step.
            Message::Put(_) | Message::Probe { .. } => !forgets!(scenario, LateThoughPutsCome),
            // A put that waited for it is minted in the same step.
            Message::Registered { .. } => true,
            // A coordinator repairs itself when a reply shows that it is behind.
            Message::FetchReply { .. } => scenario.cluster.read_repair() != ReadRepair::Off,
            Message::Store { .. }
            | Message::Repair { .. }
            | Message::StoreHint { .. }
            | Message::Handoff { .. }
            | Message::CatchUpPage { .. }
            | Message::ReapAsk { .. }
            | Message::SyncStates { .. } => message.carried().any(|(_, carried)| is_new(carried)),
            Message::PutReply { .. }
            | Message::Get(_)
            | Message::GetReply { .. }
            | Message::StoreAck { .. }
            | Message::Fetch { .. }
            | Message::ProbeReply { .. }
            | Message::HandoffAck { .. }
            | Message::CatchUp { .. }
            | Message::Register { .. }
            | Message::ReapAgree { .. }
            | Message::Reap { .. }
            | Message::SyncHashes { .. }
            | Message::SyncKeys { .. } => false,
        }
    }
}
