//! What clients and nodes send each other, where it takes no time: a reduction.
//!
//! In the words of Lipton (*Reduction*, CACM 1975) such a message is a mover, and its arrival is fused with the step that
//! sends it. A run of the reduced search is a run of the full model, in which these messages happen to be fast: nothing is
//! invented. Why nothing is missed: take any run of the full model.
//!
//! - *The first request* of an operation. Between its start and its request's arrival all that its client does is wait,
//!   so the start may be moved to the arrival. If it was given up before, which takes a wrong timeout, it may as well
//!   have been given up at once: an action of its own ([`Action::InvokeLate`](quorate_checker::world::Action)).
//! - *An answer* that ends an operation may be moved to when it is sent: the operation ends earlier with the same answer,
//!   which obliges others to no less. If the client gave up meanwhile, it may as well have done so just before, as long
//!   as it does not ask again then.
//! - *A redirection* may not: whoever it leads to may have come to lead by the time the client gets there. It is moved
//!   later, to when the request arrives that it causes. So it takes time itself, and that request none.
//! - *A request* that is not its operation's first takes no time if it cannot be given up by mistake, and nobody else can
//!   answer while it is under way.
//! - *An answer that its client has no session* is as a redirection: it is moved to when the request arrives that it
//!   causes; or it ends the operation, and takes time.
//! - *A refusal* takes time, as a redirection.
//!
//! Nothing of this holds where messages may be lost or doubled: an answer that is lost makes its client ask again for what
//! was done, and a request that is doubled is made twice. Nor where a client that would ask again may yet give up by
//! mistake: two answers of one request overtake each other then. A script says itself what is slow: all of it takes no
//! time there.

use quorate_checker::world::{Envelope, Faults};
use quorate_ids::{ClientId, Peer};
use quorate_leader::message::{Message, Outcome};
use quorate_leader::names::RequestId;

use crate::kinds::Rule;
use crate::leader_based::{ClusterState, LeaderBased};

/// Whether some messages between clients and nodes take no time in this scenario.
pub(crate) fn apply(protocol: &LeaderBased) -> bool {
    let Faults { drops, duplicates, .. } = protocol.surroundings().faults;
    let is_certain = drops == 0 && duplicates == 0 || forgets!(protocol, HopsDespiteLoss);
    protocol.reduces(Rule::ClientHops) && (is_certain || protocol.scenario().is_script())
}

/// Whether a client may give up before its first request arrives by an action of its own.
pub(crate) fn may_be_late(protocol: &LeaderBased, state: &ClusterState) -> bool {
    apply(protocol) && state.faults.timeouts > 0 && !forgets!(protocol, HopsWithoutGivingUp)
}

/// Whether a client may yet give up by mistake.
fn may_give_up(protocol: &LeaderBased, state: &ClusterState, client: ClientId) -> bool {
    state.faults.timeouts > 0 && protocol.setting().is_impatient(client)
}

/// Whether a client may yet give up by mistake, and would ask again then: whatever it asks and is answered takes time.
pub(crate) fn may_ask_again(
    protocol: &LeaderBased,
    state: &ClusterState,
    client: ClientId,
) -> bool {
    may_give_up(protocol, state, client)
        && protocol.client_config().attempts > 1
        && !forgets!(protocol, HopsDespiteRetries)
}

/// Whether a message that is not under way yet takes no time in this state.
pub(crate) fn takes_no_time(
    protocol: &LeaderBased,
    state: &ClusterState,
    sent: &Envelope<LeaderBased>,
) -> bool {
    let ((Peer::Client(client), _) | (_, Peer::Client(client))) = (sent.from, sent.to) else {
        return false;
    };
    if !apply(protocol) {
        return false;
    }
    if protocol.scenario().is_script() {
        return true;
    }
    if may_ask_again(protocol, state, client) {
        return false;
    }
    match &sent.message.message {
        Message::Request { request, .. } => {
            let asks = state.client(client).map(|asking| &asking.client);
            asks.is_some_and(|asks| asks.asks_first(protocol.client_config()))
                || !may_give_up(protocol, state, client) && is_alone(protocol, state, *request)
        }
        Message::Reply { request, outcome } => {
            let asks = state.client(client).and_then(|asking| asking.client.asks());
            let is_over = asks.is_none_or(|(asked, ..)| asked != *request);
            is_over
                || match outcome {
                    Outcome::Written { .. } | Outcome::Found { .. } => {
                        is_alone(protocol, state, *request)
                    }
                    Outcome::Redirect { .. }
                    | Outcome::Behind { .. }
                    | Outcome::NoSession { .. }
                    | Outcome::Refused(_) => forgets!(protocol, HopsOfRedirections),
                }
        }
        _ => false,
    }
}

/// Whether nothing of this request is under way, and nobody owes it an answer.
fn is_alone(protocol: &LeaderBased, state: &ClusterState, of: RequestId) -> bool {
    if forgets!(protocol, HopsThoughOthersAnswer) {
        return true;
    }
    let is_of = |sent: &Message| match sent {
        Message::Request { request, .. } | Message::Reply { request, .. } => *request == of,
        _ => false,
    };
    let owes = |log: &quorate_leader::replica::Replica| {
        log.leadership().is_some_and(|known| known.owes(of))
    };
    !state.network.iter().any(|sent| is_of(&sent.message.message))
        && !state.nodes().any(|node| node.replica.iter().any(owes))
}
