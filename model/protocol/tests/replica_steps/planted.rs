//! What a planted fault makes of a step: what its statement says, and nothing else.

use std::sync::Arc;

use quorate_protocol::cluster::{Background, ClusterSpec, Reaping};
use quorate_protocol::deviation::Deviation;
use quorate_protocol::protocol::{
    Change, Effect, GetRequest, Input, MemoryStore, Message, PutRequest, ReadRepair, ReapRound,
    Step, Timer,
};
use quorate_protocol::versions::{Incarnation, Life, Record, VersionVector, Versioning, Write};

use crate::bench::*;

/// A home of a cluster that is wrong in these ways.
fn home<const COUNT: usize>(faults: [Deviation; COUNT], spec: ClusterSpec) -> Bench {
    Bench::new(A, &ClusterSpec { deviations: faults.into(), ..spec })
}

/// A home of a cluster in which it is noted which faults matter.
fn noting(spec: &ClusterSpec) -> Bench {
    let mut bench = Bench::new(A, spec);
    bench.config.cluster = Arc::new(bench.config.cluster.noting_what_matters());
    bench
}

fn concurrent() -> Arc<Record> {
    wrote(dot(B, 1), "theirs")
}

fn stored_by(step: &Step) -> Arc<Record> {
    let mut entries = step.changes.iter().filter_map(|change| match change {
        Change::Entry { entry, .. } => Some(Arc::clone(&entry.state)),
        _ => None,
    });
    entries.next().expect("the step stores a state")
}

fn sent_by(step: &Step) -> Vec<Arc<Record>> {
    let mut states = Vec::new();
    for effect in &step.effects {
        if let Effect::Send { message: Message::Store { state, .. }, .. } = effect {
            states.push(Arc::clone(state));
        }
    }
    states
}

#[test]
fn no_fault_matters_until_a_step_would_have_been_different() {
    let mut bench = noting(&spec(3, 3, 2, 2));
    let cluster = Arc::clone(&bench.config.cluster);
    bench.put(PutRequest { w: Some(1), ..put(0) });
    let lowered = Deviation::WriteQuorumOneLess;
    assert!(!cluster.what_mattered().contains(lowered), "there is no fewer than one");
    bench.put(put(1));
    assert!(cluster.what_mattered().contains(lowered));
    assert!(cluster.what_mattered().contains(Deviation::CounterRepeats));
    for other in [Deviation::ReadQuorumOneLess, Deviation::ArrivalsOverwrite] {
        assert!(!cluster.what_mattered().contains(other), "{other}");
    }
}

#[test]
fn what_is_noted_alters_no_step() {
    let mut noting = noting(&spec(3, 3, 2, 2));
    let mut plain = Bench::new(A, &spec(3, 3, 2, 2));
    for bench in [&mut noting, &mut plain] {
        bench.receive(B, repair(&concurrent()));
        bench.put(put(0));
        bench.get(get(1));
        bench.receive(C, ack(0));
    }
    assert_eq!((&noting.replica, &noting.store), (&plain.replica, &plain.store));
}

#[test]
fn two_faults_are_both_done() {
    let faults = [Deviation::WriteQuorumOneLess, Deviation::BareDeltaReplicated];
    let mut bench = home(faults, spec(3, 3, 2, 2)).holding(&concurrent());
    let step = bench.put(put(0));
    assert!(step.effects.contains(&reply(X, put_ok(0, [A]))));
    assert_eq!(sent_by(&step), [wrote(dot(A, 1), "v"), wrote(dot(A, 1), "v")]);
}

#[test]
fn a_write_quorum_of_one_less_holds_for_a_put_that_asks_for_its_own_too() {
    let mut bench = home([Deviation::WriteQuorumOneLess], spec(3, 3, 2, 2));
    let step = bench.put(PutRequest { w: Some(3), ..put(0) });
    assert!(!step.effects.contains(&reply(X, put_ok(0, [A]))));
    let step = bench.receive(B, ack(0));
    assert!(step.effects.contains(&reply(X, put_ok(0, [A, B]))));
}

#[test]
fn a_strict_put_turns_to_fallbacks_too() {
    let mut bench = home([Deviation::FallbackCountedUnderStrict], spec(4, 3, 2, 3));
    let state = stored_by(&bench.put(put(0)));
    let kept = Message::StoreHint { request: request(0), home: B, key: key(), state };
    assert_eq!(bench.expire(0), effects([send(D, kept), set_timer(0)]));
}

#[test]
fn a_second_acknowledgement_counts_again_and_names_nobody_who_has_not_acknowledged() {
    let mut bench = home([Deviation::DuplicateAcksCounted], spec(4, 3, 2, 3));
    bench.put(put(0));
    bench.receive(B, ack(0));
    let step = bench.receive(B, ack(0));
    assert_eq!(step.effects, [cancel_timer(0), reply(X, put_ok(0, [A, B]))]);
}

#[test]
fn a_read_returns_the_reply_that_came_last() {
    let spec = ClusterSpec { read_repair: ReadRepair::Async, ..spec(3, 3, 2, 2) };
    let mut bench = home([Deviation::LastReplyReturned], spec).holding(&wrote(dot(C, 1), "mine"));
    bench.get(get(0));
    let step = bench.receive(B, fetched(0, Some(&concurrent())));
    assert!(step.effects.contains(&reply(X, get_ok(0, Some(&concurrent()), [A, B]))));
}

#[test]
fn a_read_whose_first_home_is_late_asks_nobody_else() {
    let spec = ClusterSpec { speculative_retry: true, ..spec(3, 3, 2, 2) };
    let mut bench = home([Deviation::SpeculationAsksNobody], spec);
    bench.get(get(0));
    assert_eq!(bench.take(Input::Expire(Timer::Speculate(request(0)))), nothing());
}

#[test]
fn a_home_that_a_speculative_retry_asks_again_counts_twice() {
    let spec = ClusterSpec { speculative_retry: true, ..spec(4, 4, 3, 2) };
    let mut bench = home([Deviation::SpeculationCountsTwice], spec);
    bench.get(get(0));
    let again = bench.take(Input::Expire(Timer::Speculate(request(0))));
    assert_eq!(again, effects([send(D, fetch(0)), send(B, fetch(0)), send(C, fetch(0))]));
    bench.receive(B, fetched(0, None));
    let step = bench.receive(B, fetched(0, None));
    assert!(step.effects.contains(&reply(X, get_ok(0, None, [A, B, C]))), "{step:?}");
}

#[test]
fn a_reply_that_comes_after_the_answer_repairs_nothing() {
    let spec = ClusterSpec { read_repair: ReadRepair::Async, ..spec(3, 3, 2, 2) };
    let mut bench = home([Deviation::LateRepliesIgnored], spec).holding(&concurrent());
    bench.get(get(0));
    bench.receive(B, fetched(0, Some(&concurrent())));
    assert_eq!(bench.receive(C, fetched(0, None)), nothing());
}

#[test]
fn a_read_quorum_of_one_less_holds_for_a_get_that_asks_for_its_own_too() {
    let mut bench = home([Deviation::ReadQuorumOneLess], spec(3, 3, 2, 2));
    bench.get(GetRequest { r: Some(3), ..get(0) });
    let step = bench.receive(B, fetched(0, None));
    assert!(step.effects.contains(&reply(X, get_ok(0, None, [A, B]))));
}

#[test]
fn what_arrives_replaces_what_is_held_though_it_is_older() {
    let mut bench = home([Deviation::ArrivalsOverwrite], spec(3, 3, 2, 2));
    let (old, new) = (wrote(dot(B, 1), "old"), wrote(dot(B, 2), "new"));
    bench.receive(B, store(0, &old.merged(&new).into()));
    let step = bench.receive(C, store(0, &old));
    assert_eq!(step.changes, [holds(&old)]);
    assert_eq!(step.effects, [send(C, ack_of(0, &old))]);
}

#[test]
fn what_a_node_mints_is_no_arrival() {
    let mut bench = home([Deviation::ArrivalsOverwrite], spec(3, 3, 2, 2)).holding(&concurrent());
    assert_eq!(stored_by(&bench.put(put(0))).versions().count(), 2);
}

#[test]
fn a_put_replaces_nothing_or_everything() {
    let seen = PutRequest { context: context([dot(B, 1)]), ..put(0) };
    let mut ignoring = home([Deviation::ContextIgnored], spec(3, 3, 2, 2)).holding(&concurrent());
    assert_eq!(stored_by(&ignoring.put(seen)).versions().count(), 2);
    let mut dropping = home([Deviation::SiblingsDropped], spec(3, 3, 2, 2)).holding(&concurrent());
    assert_eq!(stored_by(&dropping.put(put(0))).versions().count(), 1);
}

#[test]
fn a_counter_that_repeats_names_two_writes_alike_at_home_and_in_what_is_sent() {
    let mut bench = home([Deviation::CounterRepeats], spec(3, 3, 2, 2));
    let first = stored_by(&bench.put(put(0)));
    let again = PutRequest { value: None, context: first.context(), ..put(1) };
    let step = bench.put(again);
    let mut second = (*first).clone();
    let (dot, client, timestamp) = (dot(A, 1), X, Default::default());
    second.put(&Write { dot, client, context: first.context(), timestamp, value: None });
    assert_eq!(*stored_by(&step), second);
    assert!(sent_by(&step).iter().all(|state| **state == second));
}

#[test]
fn a_run_goes_on_though_somebody_knows_more_of_it() {
    let mut bench = home([Deviation::EpochNotRenewed], spec(3, 3, 2, 2));
    bench.put(put(0));
    bench.receive(B, repair(&wrote(dot(A, 5), "forgotten")));
    let state = stored_by(&bench.put(put(1)));
    assert!(state.versions().all(|(dot, _)| dot.actor == self::dot(A, 1).actor), "{state:?}");
}

#[test]
fn a_retry_mints_again_although_the_node_remembers_and_has_stored_that_it_minted() {
    for restarts in [false, true] {
        let mut bench = home([Deviation::RetryMintsAgain], spec(1, 1, 1, 1));
        bench.put(put(0));
        if restarts {
            bench.restart(Incarnation(9));
        }
        let step = bench.put(put(0));
        assert_eq!(stored_by(&step).versions().count(), 2, "{restarts}");
    }
}

#[test]
fn a_restart_forgets_which_requests_were_minted_and_nothing_else() {
    let mut bench = home([Deviation::MintedRequestsForgotten], spec(1, 1, 1, 1));
    let state = stored_by(&bench.put(put(0)));
    assert_eq!(bench.put(put(0)).changes, [], "before, it knows");
    bench.restart(Incarnation(9));
    assert_eq!((bench.store.minted_requests().count(), bench.held()), (0, Some(&state)));
    assert_eq!(stored_by(&bench.put(put(0))).versions().count(), 2);
}

/// A home that has written once, starts again, and is asked to write.
fn started_again(fault: Deviation) -> (Bench, Step) {
    let mut bench = home([fault], spec(3, 3, 2, 1));
    bench.put(put(0));
    bench.restart(Incarnation(9));
    let step = bench.put(put(1));
    (bench, step)
}

fn registered(agrees: bool) -> Message {
    Message::Registered { token: Incarnation(9), agrees }
}

#[test]
fn a_start_keeps_its_incarnation_unasked_or_when_one_agrees_or_though_denied() {
    let second = Life(1).counter(1);
    let is_kept = |state: &Record| state.versions().any(|(named, _)| named == dot(A, second));
    let (_, step) = started_again(Deviation::KeepsUnasked);
    assert!(is_kept(&stored_by(&step)));
    let (mut bench, step) = started_again(Deviation::KeepsWhenOneAgrees);
    assert_eq!(step.changes, []);
    assert!(is_kept(&stored_by(&bench.receive(C, registered(true)))));
    let (mut bench, _) = started_again(Deviation::KeepsThoughDenied);
    assert_eq!(bench.receive(B, registered(false)), nothing());
    assert!(is_kept(&stored_by(&bench.receive(C, registered(false)))));
}

#[test]
fn a_life_that_is_not_raised_goes_on_with_the_counters_of_the_one_before() {
    let (mut bench, _) = started_again(Deviation::LifeNotRaised);
    bench.receive(B, registered(true));
    let state = stored_by(&bench.receive(C, registered(true)));
    assert!(state.versions().any(|(named, _)| named == dot(A, 2)), "{state:?}");
}

#[test]
fn who_agreed_to_a_life_remembers_nothing_or_no_void() {
    let ask = || Message::Register {
        incarnation: Incarnation(9),
        life: Life(1),
        token: Incarnation(10),
        minted: 3,
    };
    let step = home([Deviation::AgreedNotDurable], spec(3, 3, 2, 2)).receive(B, ask());
    assert_eq!((step.changes.len(), step.effects.len()), (0, 1));
    let step = home([Deviation::VoidTakenIn], spec(3, 3, 2, 2)).receive(B, ask());
    let [Change::Registration { registration, .. }] = &step.changes[..] else { panic!("{step:?}") };
    assert!(registration.void.is_empty() && registration.life == Life(1));
}

fn sloppy() -> ClusterSpec {
    let background = Background { handoff: true, ..Background::OFF };
    ClusterSpec { sloppy: true, background, ..spec(4, 3, 2, 2) }
}

/// D, keeping a state for A.
fn keeper<const COUNT: usize>(faults: [Deviation; COUNT], state: &Arc<Record>) -> Bench {
    let mut bench = Bench::new(D, &ClusterSpec { deviations: faults.into(), ..sloppy() });
    bench.receive(B, keep(0, state));
    bench
}

fn keep(sequence: u64, state: &Arc<Record>) -> Message {
    let state = Arc::clone(state);
    Message::StoreHint { request: request(sequence), home: A, key: key(), state }
}

#[test]
fn a_hint_is_dropped_when_it_is_offered_or_whatever_is_acknowledged_or_replaced() {
    let (old, new) = (wrote(dot(B, 1), "old"), wrote(dot(C, 1), "new"));
    let mut bench = keeper([Deviation::HintDroppedOnSend], &old);
    let step = bench.take(Input::Expire(Timer::Handoff));
    assert_eq!(step.changes, [Change::RemoveHint { home: A, key: key() }]);
    assert!(step.effects.contains(&send(A, Message::Handoff { key: key(), state: old.clone() })));

    let mut bench = keeper([Deviation::NewerHintDropped], &old);
    bench.receive(A, Message::HandoffAck { key: key(), held: new.digest() });
    assert_eq!(bench.kept_for(A), None);

    let mut bench = keeper([Deviation::HintOverwritten], &old);
    let step = bench.receive(B, keep(1, &new));
    assert_eq!(step.effects, [send(B, ack_of(1, &new))]);
    assert_eq!(bench.kept_for(A), Some(&new));
}

#[test]
fn a_handoff_is_acknowledged_and_not_stored() {
    let mut bench = home([Deviation::HandoffAckedUnstored], sloppy());
    let state = concurrent();
    let step = bench.receive(D, Message::Handoff { key: key(), state: Arc::clone(&state) });
    let acked = Message::HandoffAck { key: key(), held: state.digest() };
    assert_eq!(step, effects([send(D, acked)]));
}

fn tombstone() -> Arc<Record> {
    let mut state = Record::empty(Versioning::Dotted);
    let (dot, client, context) = (dot(B, 1), X, VersionVector::new());
    let timestamp = Default::default();
    state.put(&Write { dot, client, context, timestamp, value: None });
    Arc::new(state)
}

fn reaping() -> ClusterSpec {
    let background = Background { reaping: Reaping::Agreed, ..Background::OFF };
    ClusterSpec { background, ..spec(3, 3, 2, 2) }
}

#[test]
fn a_tombstone_is_not_sent_to_who_wants_it() {
    let spec = spec(3, 3, 2, 2);
    let mut bench = home([Deviation::TombstoneSkippedBySync], spec).holding(&tombstone());
    let wants = Message::SyncStates { states: Vec::new(), wanted: vec![key()] };
    assert_eq!(bench.receive(B, wants), nothing());
}

#[test]
fn a_node_that_lost_its_disk_sets_no_timer_to_ask_again() {
    let mut bench = home([Deviation::CatchUpAskedOnce], spec(3, 3, 2, 2));
    bench.store = MemoryStore::default();
    let token = Incarnation(9);
    let step = bench.take(Input::Start { incarnation: token, founding: false });
    let asks = [B, C].map(|other| send(other, Message::CatchUp { token, after: None }));
    assert_eq!(step.effects, asks);
}

#[test]
fn a_node_that_keeps_a_hint_agrees_that_a_tombstone_goes() {
    let background = Background { reaping: Reaping::Agreed, ..Background::OFF };
    let deviations = vec![Deviation::ReapDespiteHints];
    let spec = ClusterSpec { background, deviations, ..sloppy() };
    let mut bench = Bench::new(D, &spec);
    bench.receive(B, keep(0, &concurrent()));
    let asked = Message::ReapAsk { round: ReapRound(3), key: key(), state: tombstone() };
    assert_eq!(bench.receive(A, asked), effects([send(A, agree(3))]));
}

/// A, which asks about a tombstone for the first time.
fn asking(fault: Deviation) -> Bench {
    let mut bench = home([fault], reaping()).holding(&tombstone());
    bench.take(Input::Expire(Timer::Reap));
    bench
}

fn agree(round: u64) -> Message {
    Message::ReapAgree { round: ReapRound(round), key: key(), held: tombstone().digest() }
}

fn settle(bench: &mut Bench) -> Step {
    bench.take(Input::Expire(Timer::Settled))
}

#[test]
fn a_tombstone_goes_when_one_agrees_or_after_one_round_or_without_a_wait() {
    let waits = effects([Effect::SetTimer(Timer::Settled)]);
    let is_gone = |step: &Step| step.changes == [Change::RemoveEntry { key: key() }];

    let mut bench = asking(Deviation::ReapWithoutAll);
    assert_eq!(bench.receive(C, agree(0)), waits);
    settle(&mut bench);
    assert_eq!(bench.receive(B, agree(1)), waits);
    assert!(is_gone(&settle(&mut bench)));

    let mut bench = asking(Deviation::ReapAskedOnce);
    bench.receive(B, agree(0));
    assert_eq!(bench.receive(C, agree(0)), waits);
    assert!(is_gone(&settle(&mut bench)));

    let mut bench = asking(Deviation::ReapUnsettled);
    bench.receive(B, agree(0));
    bench.receive(C, agree(0));
    bench.receive(B, agree(1));
    assert!(is_gone(&bench.receive(C, agree(1))));
}

#[test]
fn an_agreement_of_any_round_counts_for_the_present_one() {
    let mut bench = asking(Deviation::ReapRoundsUnnamed);
    bench.receive(B, agree(7));
    assert_eq!(bench.receive(C, agree(8)), effects([Effect::SetTimer(Timer::Settled)]));
}

#[test]
fn a_node_that_starts_again_asks_at_once() {
    let mut bench = home([Deviation::ReapAtOnceAfterRestart], reaping()).holding(&tombstone());
    let step = bench.restart(Incarnation(9));
    assert!(!step.effects.contains(&Effect::SetTimer(Timer::Settled)));
    let step = bench.take(Input::Expire(Timer::Reap));
    assert!(step.effects.iter().any(|effect| matches!(effect, Effect::Send { .. })), "{step:?}");
}
