//! Messages that take no time: they reach their receivers within the step that sends them.
//!
//! In the words of Lipton (*Reduction*, CACM 1975) and of Cohen and Lamport (*Reduction in TLA*, CONCUR 1998) such
//! a message is a mover, and its arrival is fused with the step that sends it.
//!
//! Each rule is a reduction of the state space, switched by
//! [`Reductions`](crate::scenario::Reductions). A run of the reduced model *is* a run of the full
//! one, in which these messages happen to be fast: a rule invents no counterexample. It could miss
//! one. For each rule it is said here why it should not: why for every run of the full model there
//! is one of the reduced model that shows the same. These are arguments, and arguments have
//! forgotten things before; tests compare reduced and full models, and `docs/claims.md` says how far.
//!
//! **Client hops** ([`Reductions::client_hops`](crate::scenario::Reductions::client_hops)). A
//! node-driven request and its answer take no time between client and coordinator. Take any run of
//! the full model. Between its start and its end an operation is all that its client does, so its
//! start may be moved to the moment the coordinator takes the request in, and its end to the moment
//! the answer is sent. Nodes see the same messages in the same order. A read now starts later and a
//! write is acknowledged earlier, so each read is obliged to at least as much as before, and returns
//! the same: what was violated is violated still. Three cases are left. The client's timer expires
//! after the answer was sent: it may as well have expired just before. It expires before the request
//! arrives: it may as well have expired at once, and that is an action of its own
//! ([`Action::InvokeLate`](super::action::Action::InvokeLate)). A message is lost or duplicated. The
//! rule does not apply while such a fault is left; nor while a timeout is left where clients try
//! again; nor where a property asks which writes were under way while a read was, since starts and
//! ends are what it looks at; nor where tombstones go by age and a property asks who still held a delete when
//! a read ended; nor with last-write-wins, since clocks tick with every start.
//!
//! **Replies** ([`Reductions::replies`](crate::scenario::Reductions::replies)). The answer to a probe
//! takes no time; nor does that to a fetch, if reads repair nothing. Whoever answers changes nothing
//! to do so. Take any run of the full model, leave out the delivery of every fetch whose reply is not
//! counted, for it had no effect, and move every reply that is counted to the moment it is sent. The
//! coordinator counts the same replies with the same contents, in another order, at which it does not
//! look. It is complete no later than before, and neither times out nor stops before that, as it did
//! not before the last of them came. The read ends earlier with the same result, which obliges others
//! to no less. Where reads repair, a late reply has an effect of its own. Where clients try again, a
//! reply may count for a later round under the same request id. Where tombstones are reaped, a node
//! that is busy with a key does not agree, so it matters for how long it is. The rule applies in none
//! of these. Where it applies, the loss of a fetch at a node that is down is not looked at either:
//! nobody can tell it from a delay that never ends.
//!
//! **Answers** ([`Reductions::answers`](crate::scenario::Reductions::answers)). Once no request can
//! time out any more, an acknowledgement takes no time, nor does the answer of a home to the node that
//! forwarded a put. Both change only what a client is told; nothing that is stored. If it is counted
//! in the full model it is counted earlier in the reduced one, and a put is acknowledged earlier, as
//! with client hops. If it is not, because its receiver stopped before it came, a client is told that
//! its put is stored where it would have learned nothing: which promises more, and its program goes on
//! the same way. So the rule does not apply where a client would try again after a crash, nor where a
//! property asks who acknowledged a write or which were not, nor where tombstones are reaped, since
//! then it matters for how long a coordinator is busy.
//!
//! **Forwards** ([`Reductions::answers`](crate::scenario::Reductions::answers) too). Once nothing at
//! all can go wrong any more, a put takes no time from the node that forwards it to the home, if that
//! is up. It is moved *later*, with the probe's answer that caused it, to when the home takes it in:
//! the node that forwards it does nothing meanwhile that anybody sees.
//!
//! **Walks** ([`Reductions::sync_walks`](crate::scenario::Reductions::sync_walks)). Two homes find out at one moment what they hold
//! differently; the states that they then send take time. In the full model what is compared may
//! have changed since it was told. If two homes differ in a key at the end of a walk, the walk that
//! takes place at that moment finds the same, and maybe asks for a state in return that the full
//! one did not ask for: the answer to that may never come (see [`super::background`]). If they do
//! not differ then, what is sent has no effect, now or later.

use alloc::vec::Vec;

use quorate_checker::Shared;
use quorate_ids::KindOf;

use super::action::{Envelope, is_client_hop};
use super::history::Watch;
use super::state::ClusterState;
use crate::cluster::Reaping;
use crate::ids::Peer;
use crate::protocol::{Message, MessageKind, ReadRepair};
use crate::scenario::{Faults, Rule, Scenario};
use crate::versions::Versioning;

/// The rule by which a message that is sent in this state reaches its receiver at once, if it does.
pub(crate) fn takes_no_time(
    scenario: &Scenario,
    watch: Watch,
    state: &ClusterState,
    envelope: &Envelope,
) -> Option<Rule> {
    let (rule, applies) = match &envelope.message {
        _ if is_client_hop(envelope) => {
            (Rule::ClientHops, are_hops_instant(scenario, watch, state))
        }
        Message::FetchReply { .. } => {
            let repairs_nothing = scenario.cluster.read_repair() == ReadRepair::Off
                || forgets!(scenario, RepliesDespiteRepair);
            (Rule::Replies, are_replies_instant(scenario) && repairs_nothing)
        }
        Message::ProbeReply { .. } => (Rule::Replies, are_replies_instant(scenario)),
        Message::SyncHashes { .. } | Message::SyncKeys { .. } => {
            let though_overlapping =
                scenario.reductions.sync_walks && forgets!(scenario, WalksThoughOverlapping);
            (Rule::SyncWalks, scenario.reductions_that_apply().sync_walks || though_overlapping)
        }
        Message::StoreAck { .. } | Message::PutReply { .. } => {
            (Rule::Answers, is_answer(envelope) && is_patient(scenario, watch, state))
        }
        // To a home that is down it is under way until that is up.
        Message::Put(_) => {
            let is_calm = is_calm(scenario, watch, state)
                || forgets!(scenario, ForwardsDespiteFaults) && is_patient(scenario, watch, state);
            let between_nodes = matches!(envelope.from, Peer::Node(_));
            (Rule::Answers, between_nodes && is_calm && !state.is_down(envelope.to))
        }
        Message::Get(_)
        | Message::GetReply { .. }
        | Message::Store { .. }
        | Message::Fetch { .. }
        | Message::Repair { .. }
        | Message::Probe { .. }
        | Message::StoreHint { .. }
        | Message::Handoff { .. }
        | Message::HandoffAck { .. }
        | Message::CatchUp { .. }
        | Message::CatchUpPage { .. }
        | Message::Register { .. }
        | Message::Registered { .. }
        | Message::ReapAsk { .. }
        | Message::ReapAgree { .. }
        | Message::Reap { .. }
        | Message::SyncStates { .. } => return None,
    };
    applies.then_some(rule)
}

/// Whether requests and answers of node-driven operations take no time between client and
/// coordinator in this state. A script is one run, and says itself whether they do.
pub(crate) fn are_hops_instant(scenario: &Scenario, watch: Watch, state: &ClusterState) -> bool {
    let Faults { timeouts, drops, duplicates, lies, .. } = state.faults;
    scenario.reductions.client_hops
        && (scenario.script.is_some()
            || (lies == 0
                && (drops == 0 && duplicates == 0 || forgets!(scenario, HopsDespiteLoss))
                && (timeouts == 0
                    || tries_once(scenario)
                    || forgets!(scenario, HopsDespiteRetries))
                && (scenario.spec.versioning != Versioning::LastWriteWins
                    || forgets!(scenario, HopsDespiteClocks))
                && (!watch.overlapping || forgets!(scenario, HopsDespiteOverlap))
                && (!(watch.deletes && scenario.cluster.background().reaping == Reaping::ByAge)
                    || forgets!(scenario, HopsThoughTombstonesAge))))
}

fn are_replies_instant(scenario: &Scenario) -> bool {
    scenario.reductions.replies
        && (tries_once(scenario) || forgets!(scenario, RepliesDespiteRetries))
        && (keeps_tombstones(scenario) || forgets!(scenario, RepliesDespiteReaping))
}

/// Whether nobody can tell the loss of this message from a delay that never ends: a fetch that
/// causes no repair changes nothing that is stored, and no background round waits for it.
pub(crate) fn is_loss_like_delay(scenario: &Scenario, envelope: &Envelope) -> bool {
    scenario.reductions.replies
        && scenario.cluster.read_repair() == ReadRepair::Off
        && keeps_tombstones(scenario)
        && matches!(envelope.message, Message::Fetch { .. })
}

/// Whether no client tries an operation again: no request id comes back after a crash.
pub(crate) fn tries_once(scenario: &Scenario) -> bool {
    scenario.clients.iter().all(|client| client.attempts == 1)
}

/// Whether no node asks whether others are busy with a key, so that it makes no difference for how
/// long they are.
pub(crate) fn keeps_tombstones(scenario: &Scenario) -> bool {
    scenario.cluster.background().reaping == Reaping::Off
}

/// Whether answers may be under way when they begin to take no time. Those that are arrive in some order then, and of two nodes
/// that nothing else tells apart one is counted: so in the reduced model nodes are not alike.
pub(crate) fn may_answers_be_overdue(scenario: &Scenario) -> bool {
    scenario.reductions.answers && (scenario.faults.timeouts > 0 || !tries_once(scenario))
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
    state.network.extract(is_answer)
}

/// Whether it only tells its receiver how a put gets on.
pub(crate) fn is_answer(envelope: &Envelope) -> bool {
    let between_nodes = matches!((envelope.from, envelope.to), (Peer::Node(_), Peer::Node(_)));
    match MessageKind::of(&envelope.message) {
        MessageKind::StoreAck => true,
        kind => kind == MessageKind::PutReply && between_nodes,
    }
}

/// Whether answers take no time any more.
pub(crate) fn is_patient(scenario: &Scenario, watch: Watch, state: &ClusterState) -> bool {
    scenario.reductions.answers
        && (state.faults.timeouts == 0 || forgets!(scenario, AnswersDespiteTimeouts))
        && (state.faults.crashes == 0 && state.down.is_empty()
            || tries_once(scenario)
            || forgets!(scenario, AnswersDespiteRetries))
        && (keeps_tombstones(scenario) || forgets!(scenario, AnswersDespiteReaping))
        && (!watch.asks_who_acknowledged() || forgets!(scenario, AnswersDespiteWhoIsAsked))
}

/// Whether nothing can go wrong any more: the rest is the order of things.
fn is_calm(scenario: &Scenario, watch: Watch, state: &ClusterState) -> bool {
    is_patient(scenario, watch, state)
        && state.faults == Faults::default()
        && state.groups.is_empty()
}
