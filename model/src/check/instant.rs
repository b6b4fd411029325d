//! Messages that take no time: they reach their receivers within the step that sends them.
//!
//! Each rule is a reduction of the state space, switched by [`Reductions`], with the reason why it
//! changes no verdict. Half of the reason is the same for all: a run of the reduced model *is* a run
//! of the full one, in which these messages happen to be fast. The other half says why, for every
//! run of the full model, there is one of the reduced model that shows the same. A test compares.
//!
//! **Client hops** ([`Reductions::client_hops`]). A node-driven request and its answer take no time
//! between client and coordinator. Take any run of the full model and move every request's start to
//! the moment its coordinator takes it in, and every answer's arrival to the moment it is sent.
//! Nodes see the same messages in the same order. A read now starts later and a write is
//! acknowledged earlier, so each read is obliged to at least as much as before, and returns the
//! same: what was violated is violated still. What the rule removes is the loss and duplication of
//! such messages and the client's own timeout: a scenario about retries switches it off.
//!
//! **Replies** ([`Reductions::replies`]). The answer to a fetch or to a probe takes no time, if
//! reads repair nothing. Whoever answers changes nothing to do so. Take any run of the full model,
//! leave out the delivery of every fetch whose reply is not counted, for it had no effect, and move
//! every reply that is counted to the moment it is sent. The coordinator counts the same replies
//! with the same contents, in another order, at which it does not look. It is complete no later than
//! before, and neither times out nor stops before that, as it did not before the last of them came.
//! The read ends earlier with the same result, which obliges others to no less. Where reads repair,
//! a late reply has an effect of its own, and the rule does not apply.
//!
//! **Answers** ([`Reductions::answers`]). Once no request can time out any more, an acknowledgement
//! takes no time, nor does the answer of the home that a put was forwarded to. Take any run from
//! there on. Such a message changes what its receiver has counted, and in the end what a client is
//! told; nothing that is stored. If it is counted in the full model it is counted earlier in the
//! reduced one, and a put is acknowledged earlier, as with client hops. If it is not, because its
//! receiver stopped before it came, a client is told that its put is stored where it would have
//! learned nothing: which promises more, and its program goes on the same way. So the rule does not
//! apply where a client would try again, nor where a property asks who acknowledged a write or
//! which were not.
//!
//! **Forwards** ([`Reductions::answers`] too). Once nothing at all can go wrong any more, a put takes
//! no time from the node that forwards it to the home, if that is up. It is moved *later*, with the
//! probe's answer or the client's request that caused it, to when the home takes it in: the node
//! that forwards it does nothing meanwhile that anybody sees.
//!
//! **Walks** ([`Reductions::sync_walks`]). Two homes find out at one moment what they hold
//! differently; the states that they then send take time. In the full model what is compared may
//! have changed since it was told. If two homes differ in a key at the end of a walk, the walk that
//! takes place at that moment finds the same, and maybe asks for a state in return that the full
//! one did not ask for: the answer to that may never come (see [`super::background`]). If they do
//! not differ then, what is sent has no effect, now or later.

use alloc::vec::Vec;

use super::action::Envelope;
use super::history::Watch;
use super::shared::Shared;
use super::state::ClusterState;
use crate::ids::Peer;
use crate::protocol::{Message, ReadRepair};
use crate::scenario::{Faults, Reductions, Scenario};

/// Whether a message that is sent in this state reaches its receiver at once.
pub(crate) fn takes_no_time(
    scenario: &Scenario,
    watch: Watch,
    state: &ClusterState,
    envelope: &Envelope,
) -> bool {
    let Reductions { client_hops, replies, sync_walks, .. } = scenario.reductions;
    match &envelope.message {
        _ if envelope.is_client_hop() => client_hops,
        Message::FetchReply { .. } => replies && scenario.cluster.read_repair() == ReadRepair::Off,
        Message::ProbeReply { .. } => replies,
        Message::SyncHashes { .. } | Message::SyncKeys { .. } => sync_walks,
        Message::StoreAck { .. } | Message::PutReply { .. } => {
            is_answer(envelope) && is_patient(scenario, watch, state)
        }
        // To a home that is down it is under way until that is up.
        Message::Put(_) => is_calm(scenario, watch, state) && !state.is_down(envelope.to),
        _ => false,
    }
}

/// Takes messages out of the network that are to arrive now, since from this step on they take no
/// time.
pub(crate) fn take_overdue(
    scenario: &Scenario,
    watch: Watch,
    before: &ClusterState,
    state: &mut ClusterState,
) -> Vec<Shared<Envelope>> {
    if is_patient(scenario, watch, before) || !is_patient(scenario, watch, state) {
        return Vec::new();
    }
    let network = core::mem::take(&mut state.network);
    let (overdue, under_way) = network.into_iter().partition(|sent| is_answer(sent));
    state.network = under_way;
    overdue
}

/// Whether it only tells its receiver how a put gets on.
fn is_answer(envelope: &Envelope) -> bool {
    let between_nodes = matches!((envelope.from, envelope.to), (Peer::Node(_), Peer::Node(_)));
    match envelope.message {
        Message::StoreAck { .. } => true,
        Message::PutReply { .. } => between_nodes,
        _ => false,
    }
}

/// Whether answers take no time any more.
pub(crate) fn is_patient(scenario: &Scenario, watch: Watch, state: &ClusterState) -> bool {
    let tries_once = || scenario.clients.iter().all(|client| client.attempts == 1);
    scenario.reductions.answers
        && state.faults.timeouts == 0
        && (state.faults.crashes == 0 && state.down.is_empty() || tries_once())
        && !watch.asks_who_acknowledged()
}

/// Whether nothing can go wrong any more: the rest is the order of things.
pub(crate) fn is_calm(scenario: &Scenario, watch: Watch, state: &ClusterState) -> bool {
    is_patient(scenario, watch, state)
        && state.faults == Faults::default()
        && state.groups.is_empty()
}
