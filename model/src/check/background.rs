//! When nodes do what they do of their own accord: at any time, within bounds.
//!
//! Without bounds the state space would be infinite: a timer that starts anew with every expiry
//! would send its messages again and again. So a scenario has budgets of what may be under way at a
//! time ([`Rounds`]), by default as small as they can be: each node
//! has at most one round of each kind under way, there is one round about tombstones and one exchange
//! between homes at a time in the whole cluster. Two homes exchange what they hold only where it
//! differs. These are bounds and not reductions: runs in which more rounds overlap are not visited.
//!
//! An exchange is over once both homes have sent what they were asked for: another may begin, and
//! what is still under way of the one before then never comes, as if it were lost, unless the
//! scenario lets some of it be overtaken.
//!
//! [`Timer::Settled`] is different: it runs for one lifetime of a datagram. When it expires,
//! nothing is under way that was sent before it was set; that is what the protocol *assumes* of
//! datagrams, and all that the model grants it. What was sent since may well be under way. A message
//! for a node that is down does not wait for it longer than it lives: it is lost by the end of the
//! wait, as if the receiver had been down all the time, and costs nothing of the budget of losses.
//! It also runs for as long as clients try the same request again, so that no retry comes after what
//! nodes remember of its put is gone with a tombstone. The model takes that for every put that
//! may be tried again, one that began since the wait did among them: a bound, where clients retry.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use quorate_checker::Shared;
use quorate_protocol::planted;

use super::action::Envelope;
use super::client::ScriptedClient;
use super::numbering::round_of;
use super::reduce;
use super::state::{ClusterState, NodeState};
use crate::ids::{ClientId, NodeId, Peer};
use crate::protocol::{Message, Part, Timer};
use crate::scenario::{PlannedAction, Rounds, Scenario};
use crate::versions::Record;

/// Whether a message is part of an exchange between two homes that is not over: somebody is to
/// answer it.
fn is_exchange_under_way(message: &Message) -> bool {
    message.part() == Part::Exchange { awaits_answer: true }
}

/// Takes answers of earlier exchanges out of the network that never come, now that this timer expires.
pub(crate) fn forget_overtaken(scenario: &Scenario, state: &mut ClusterState, timer: Timer) {
    let Timer::Sync(_) = timer else { return };
    let is_answer =
        |sent: &Envelope| sent.message.part() == Part::Exchange { awaits_answer: false };
    // One that would change nothing is as good as gone.
    let counts =
        |sent: &&Shared<Envelope>| is_answer(sent) && !reduce::is_dead(scenario, state, sent);
    let answers = state.network.iter().filter(counts).count();
    if answers > scenario.rounds.overtaken.into() {
        state.network.retain(|sent| !is_answer(sent));
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
    let Rounds { exchanges, handoffs, catch_ups, reaps, .. } = scenario.rounds;
    let me = Peer::Node(node);
    match timer {
        Timer::Request(_) | Timer::Speculate(_) => false,
        // Its time has come when it is set.
        Timer::Waiting => true,
        Timer::Register => cannot_all_agree(scenario, state, node),
        Timer::Handoff => {
            let offer = |sent: &Envelope| {
                let Part::Handoff { key, is_answer } = sent.message.part() else { return None };
                Some((asked_by(me, sent, is_answer)?, key.clone()))
            };
            actor.store.hints().next().is_some() && most_alike(state, offer) < handoffs.into()
        }
        Timer::CatchUp => {
            let question = |sent: &Envelope| {
                let Part::CatchUp { is_answer } = sent.message.part() else { return None };
                asked_by(me, sent, is_answer)
            };
            most_alike(state, question) < catch_ups.into()
        }
        Timer::Reap => {
            let may_shrink = |state: &Record| state.is_deleted() || scenario.cluster.is_wide(state);
            actor.store.entries().any(|(_, entry)| may_shrink(&entry.state))
                && rounds_about_tombstones(scenario, state) < reaps.into()
        }
        Timer::Settled => state.has_outlasted(node) && !may_put_again(scenario, state),
        Timer::Sync(other) => {
            let unanswered = state.network.iter();
            unanswered.filter(|sent| is_exchange_under_way(&sent.message)).count()
                < exchanges.into()
                && !state.down.contains(other)
                && differ(scenario, actor, state, other)
        }
    }
}

/// Whether a put may come that is not the first try: its client waits and has tries left, which it
/// comes to if its timer expires, or such a put is under way.
fn may_put_again(scenario: &Scenario, state: &ClusterState) -> bool {
    if planted!(scenario.cluster, ReapWhileRetried) {
        return false;
    }
    let retries = |client: ClientId| {
        scenario.clients.get(client.0 as usize).is_some_and(|of| of.attempts > 1)
    };
    let is_retried = |sent: &Envelope| {
        let Message::Put(put) = &sent.message else { return false };
        retries(put.request.client)
    };
    let may_retry = |client: &ScriptedClient| {
        let program = &scenario.clients[client.client.id().0 as usize].operations;
        let pending = client.next.checked_sub(1).and_then(|last| program.get(last));
        pending.is_some_and(|last| matches!(last.action, PlannedAction::Put { .. }))
            && client.client.has_tries_left()
            && client.client.asks().is_some_and(|coordinator| {
                let has_stopped =
                    state.node(coordinator).lives > 0 || state.is_down(coordinator.into());
                has_stopped || state.faults.timeouts > 0 || state.faults.crashes > 0
            })
    };
    state.network.iter().any(|sent| is_retried(sent))
        || state.clients().any(may_retry)
        || state.nodes().any(|node| node.replica.probing().any(|put| retries(put.request.client)))
}

/// Whom this peer asks with a message, or is answered by; `None` if it is neither.
fn asked_by(me: Peer, sent: &Envelope, is_answer: bool) -> Option<Peer> {
    let (asker, asked) = if is_answer { (sent.to, sent.from) } else { (sent.from, sent.to) };
    (asker == me).then_some(asked)
}

/// Of messages under way that are alike in this respect, how many there are of the most frequent.
fn most_alike<T: Ord>(state: &ClusterState, respect: impl Fn(&Envelope) -> Option<T>) -> usize {
    let mut alike: Vec<T> = state.network.iter().filter_map(|sent| respect(sent)).collect();
    alike.sort();
    alike.chunk_by(|one, other| one == other).map(<[T]>::len).max().unwrap_or(0)
}

/// How many rounds about tombstones have messages under way. One that ends has told each home once.
fn rounds_about_tombstones(scenario: &Scenario, state: &ClusterState) -> usize {
    let of_node = |node: NodeId| {
        let asked: BTreeSet<_> =
            state.network.iter().filter_map(|sent| round_of(node, sent)).collect();
        let ended = |sent: &Envelope| {
            let is_mine = sent.from == Peer::Node(node);
            (is_mine && sent.message.part() == Part::ReapEnd).then_some(sent.to)
        };
        asked.len() + most_alike(state, ended)
    };
    scenario.cluster.nodes().iter().map(|node| of_node(*node)).sum()
}

/// Whether an answer that this node waits for, to know whether it may keep its incarnation, will
/// never come: then it is not wrong to wait no longer.
fn cannot_all_agree(scenario: &Scenario, state: &ClusterState, node: NodeId) -> bool {
    let me = Peer::Node(node);
    let is_silent = |other: NodeId| {
        let is_under_way = state.network.iter().any(|sent| {
            let Part::Registration { is_answer } = sent.message.part() else { return false };
            asked_by(me, sent, is_answer) == Some(Peer::Node(other))
        });
        state.down.contains(other) || !is_under_way
    };
    state.node(node).replica.awaits_agreement_of(&scenario.cluster, node).iter().any(is_silent)
}

fn differ(scenario: &Scenario, actor: &NodeState, state: &ClusterState, other: NodeId) -> bool {
    let other_actor = state.node(other);
    scenario.keys().iter().any(|key| {
        scenario.cluster.homes(key).contains(other)
            && actor.store.held(key) != other_actor.store.held(key)
    })
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::sync::Arc;

    use stateright::{Checker, Model};

    use crate::check::ClusterModel;
    use crate::scenario::Scenario;
    use crate::scenario::file::parse;

    const ANTI_ENTROPY: &str = r#"
        title = "Two homes, one of which misses a write"
        [cluster]
        nodes = ["A", "B"]
        n = 2
        r = 1
        w = 1
        anti-entropy = true
        [[client]]
        name = "x"
        via = ["A"]
        program = [{ put = "k" }, { put = "k", context = "blind" }]
        [faults]
        drops = 1
        [expect]
        unique-dots = "holds"
    "#;

    const HANDOFF: &str = r#"
        title = "A hint for a home that returns"
        down = ["B"]
        down-returns = true
        [cluster]
        nodes = ["A", "B", "C"]
        n = 2
        r = 1
        w = 2
        sloppy = true
        handoff = true
        [[client]]
        name = "x"
        via = ["A"]
        program = [{ put = "k" }]
        [faults]
        timeouts = 1
        [expect]
        unique-dots = "holds"
    "#;

    const CATCH_UP: &str = r#"
        title = "A disk that is lost"
        [cluster]
        nodes = ["A", "B"]
        n = 2
        r = 1
        w = 1
        [[client]]
        name = "x"
        via = ["A"]
        program = [{ put = "k" }]
        [faults]
        crashes = 1
        wipes = 1
        [expect]
        unique-dots = "holds"
    "#;

    const REAPING: &str = r#"
        title = "A tombstone"
        [cluster]
        nodes = ["A", "B"]
        n = 2
        r = 1
        w = 1
        reaping = "agreed"
        [[client]]
        name = "x"
        via = ["A"]
        program = [{ delete = "k" }]
        [expect]
        unique-dots = "holds"
    "#;

    const UNREDUCED: &str = "[reductions]\nsync-walks = false\nlate-exchanges = false\n";

    /// A scenario with these budgets, and whatever else follows them.
    fn with_rounds(scenario: &str, rounds: &str) -> Scenario {
        let text = format!("{scenario}\n[rounds]\n{rounds}\n");
        parse("test.toml", "test", &text).expect("a scenario")
    }

    /// How many states it has.
    fn states(scenario: &str, rounds: &str) -> usize {
        let model = ClusterModel::new(Arc::new(with_rounds(scenario, rounds)));
        model.checker().spawn_dfs().join().unique_state_count()
    }

    #[test]
    fn each_budget_of_background_rounds_that_is_raised_makes_more_states() {
        for (scenario, raised) in [
            (ANTI_ENTROPY, "overtaken = 1"),
            (ANTI_ENTROPY, "exchanges = 2"),
            (HANDOFF, "handoffs = 2"),
            (CATCH_UP, "catch-ups = 2"),
            (REAPING, "reaps = 2"),
        ] {
            let fewest = states(scenario, UNREDUCED);
            let more = states(scenario, &format!("{raised}\n{UNREDUCED}"));
            assert!(more > fewest, "{raised}: {more} states, and {fewest} without");
        }
    }

    #[test]
    fn a_budget_that_is_said_and_not_raised_changes_nothing() {
        let said = "exchanges = 1\novertaken = 0\nhandoffs = 1\ncatch-ups = 1\nreaps = 1";
        for scenario in [ANTI_ENTROPY, HANDOFF, CATCH_UP, REAPING] {
            assert_eq!(states(scenario, said), states(scenario, ""));
        }
    }

    #[test]
    fn reductions_of_exchanges_do_not_apply_where_exchanges_overlap() {
        for raised in ["exchanges = 2", "overtaken = 1"] {
            let applied = with_rounds(ANTI_ENTROPY, raised).reductions_that_apply();
            assert_eq!((applied.sync_walks, applied.late_exchanges), (false, false));
            let switched_off = format!("{raised}\n{UNREDUCED}");
            assert_eq!(states(ANTI_ENTROPY, raised), states(ANTI_ENTROPY, &switched_off));
        }
    }
}
