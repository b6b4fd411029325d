//! Rounds about tombstones under the least numbers that tell them apart.
//!
//! A node numbers the rounds that it begins, and may begin any number of them, so that no two states
//! of a run would be the same. But numbers are only compared, with each other and with the one that
//! comes next. So two states that differ by numbers alone do the same for ever, if the same numbers
//! are equal in both and the next one is above all others in both. This is part of the model and no
//! reduction: without it the model would have no end.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use quorate_checker::Shared;

use super::action::Envelope;
use super::state::{ActorState, ClusterState};
use crate::cluster::Reaping;
use crate::ids::{NodeId, Peer};
use crate::protocol::{Message, Part, ReapRound};
use crate::scenario::Scenario;

/// Gives the rounds of every node the least numbers.
pub(crate) fn renumber(scenario: &Scenario, state: &mut ClusterState) {
    if scenario.cluster.background().reaping != Reaping::Agreed {
        return;
    }
    for node in scenario.cluster.nodes() {
        renumber_of(*node, state);
    }
}

fn renumber_of(node: NodeId, state: &mut ClusterState) {
    let replica = &state.node(node).replica;
    let named = state.network.iter().filter_map(|sent| round_of(node, sent));
    let used: BTreeSet<ReapRound> = replica.reap_rounds().chain(named).collect();
    let next = replica.next_reap_round();
    // A node that started again counts from zero, while others may still answer what it asked
    // before: the next number is then not above all others, and says something.
    if used.last().is_some_and(|last| *last >= next) {
        return;
    }
    let used: Vec<ReapRound> = used.into_iter().collect();
    if next.0 == used.len() as u64 {
        return;
    }
    // The next one is above all others, and stays so.
    let least = |round: ReapRound| ReapRound(used.partition_point(|known| *known < round) as u64);
    state.network.replace(|sent| {
        let round = round_of(node, sent).filter(|round| least(*round) != *round)?;
        let Envelope { from, to, message } = (**sent).clone();
        let message = match message {
            Message::ReapAsk { key, state, .. } => {
                Message::ReapAsk { round: least(round), key, state }
            }
            Message::ReapAgree { key, held, .. } => {
                Message::ReapAgree { round: least(round), key, held }
            }
            other => other,
        };
        Some(Shared::new(Envelope { from, to, message }))
    });
    let mut seat = (*state.seats[node.index()]).clone();
    if let ActorState::Node(node) = &mut seat.state {
        node.replica.renumber_reap_rounds(least);
    }
    state.seats[node.index()] = Shared::new(seat);
}

/// Which of this node's rounds a message is part of, if it is of one.
pub(crate) fn round_of(node: NodeId, sent: &Envelope) -> Option<ReapRound> {
    let Part::ReapRound { round, is_answer } = sent.message.part() else { return None };
    let asker = if is_answer { sent.to } else { sent.from };
    (asker == Peer::Node(node)).then_some(round)
}
