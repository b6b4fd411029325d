//! Gets: ask the homes, merge R distinct replies, answer, repair.

use std::sync::Arc;

use quorate_protocol::cluster::ClusterSpec;
use quorate_protocol::ids::{NodeId, Timestamp, Value};
use quorate_protocol::protocol::{
    Effect, GetOutcome, GetRequest, Input, Message, PutRequest, ReadRepair, Step, Timer,
};
use quorate_protocol::versions::{Record, VersionVector, Versioning, Write};

use crate::bench::*;

fn old() -> Arc<Record> {
    wrote(dot(B, 1), "old")
}

fn new() -> Arc<Record> {
    wrote_after(&old(), old().context(), dot(B, 2), "new")
}

/// N = 3, R = 2, W = 2 and one node that is no home.
fn repairing(read_repair: ReadRepair) -> ClusterSpec {
    ClusterSpec { read_repair, ..spec(4, 3, 2, 2) }
}

fn home(read_repair: ReadRepair) -> Bench {
    Bench::new(A, &repairing(read_repair))
}

fn unavailable<const COUNT: usize>(sequence: u64, replied: [NodeId; COUNT]) -> Step {
    let outcome = GetOutcome::Unavailable { replied: set(replied) };
    effects([reply(X, get_reply(sequence, outcome))])
}

// Asking.

#[test]
fn a_get_at_a_home_asks_the_other_homes_and_counts_its_own_reply() {
    let mut bench = home(ReadRepair::Off).holding(&old());
    assert_eq!(bench.get(get(0)), effects([send(B, fetch(0)), send(C, fetch(0)), set_timer(0)]));
    let answer = reply(X, get_ok(0, Some(&new()), [A, B]));
    assert_eq!(bench.receive(B, fetched(0, Some(&new()))), effects([answer, cancel_timer(0)]));
}

#[test]
fn a_get_at_a_node_that_is_no_home_asks_every_home_and_counts_none_yet() {
    let mut bench = Bench::new(D, &repairing(ReadRepair::Off));
    let asked = [send(A, fetch(0)), send(B, fetch(0)), send(C, fetch(0)), set_timer(0)];
    assert_eq!(bench.get(get(0)), effects(asked));
    assert_eq!(bench.receive(C, fetched(0, None)), nothing());
    let answer = reply(X, get_ok(0, Some(&old()), [A, C]));
    assert_eq!(bench.receive(A, fetched(0, Some(&old()))), effects([answer, cancel_timer(0)]));
}

#[test]
fn a_get_that_needs_one_reply_is_answered_at_a_home_in_the_same_step() {
    let step = home(ReadRepair::Off).holding(&old()).get(GetRequest { r: Some(1), ..get(0) });
    let answer = reply(X, get_ok(0, Some(&old()), [A]));
    let asked = [send(B, fetch(0)), send(C, fetch(0)), set_timer(0), answer, cancel_timer(0)];
    assert_eq!(step, effects(asked));
}

#[test]
fn a_key_that_nobody_has_is_found_empty() {
    for repair in [ReadRepair::Off, ReadRepair::Blocking] {
        let mut bench = home(repair);
        bench.get(get(0));
        let answer = reply(X, get_ok(0, None, [A, C]));
        assert_eq!(bench.receive(C, fetched(0, None)), effects([answer, cancel_timer(0)]));
    }
}

#[test]
fn concurrent_versions_are_all_answered() {
    let (one, two) = (wrote(dot(B, 1), "one"), wrote(dot(C, 1), "two"));
    let mut bench = home(ReadRepair::Off).holding(&one);
    bench.get(get(0));
    let both = Arc::new(one.merged(&two));
    let answer = reply(X, get_ok(0, Some(&both), [A, C]));
    assert_eq!(bench.receive(C, fetched(0, Some(&two))), effects([answer, cancel_timer(0)]));
    assert_eq!(both.live().count(), 2);
}

#[test]
fn a_second_reply_of_the_same_home_counts_once() {
    let mut bench = home(ReadRepair::Off);
    bench.get(GetRequest { r: Some(3), ..get(0) });
    bench.receive(B, fetched(0, None));
    assert_eq!(bench.receive(B, fetched(0, Some(&old()))), nothing());
    let answer = reply(X, get_ok(0, None, [A, B, C]));
    assert_eq!(bench.receive(C, fetched(0, None)), effects([answer, cancel_timer(0)]));
}

#[test]
fn the_reply_of_a_node_that_is_no_home_or_of_a_client_is_not_counted() {
    let mut bench = home(ReadRepair::Off);
    bench.get(get(0));
    assert_eq!(bench.receive(D, fetched(0, Some(&old()))), nothing());
    assert_eq!(bench.receive(Y, fetched(0, Some(&old()))), nothing());
    assert_eq!(bench.expire(0), unavailable(0, [A]));
}

#[test]
fn a_reply_of_another_versioning_is_not_counted() {
    let mut foreign = Record::empty(Versioning::Scalar);
    foreign.put(&Write {
        dot: dot(B, 1),
        client: Y,
        context: VersionVector::new(),
        timestamp: Timestamp(0),
        value: Some(Value::from("theirs")),
    });
    let mut bench = home(ReadRepair::Off);
    bench.get(get(0));
    assert_eq!(bench.receive(B, fetched(0, Some(&Arc::new(foreign)))), nothing());
    assert_eq!(bench.expire(0), unavailable(0, [A]));
}

#[test]
fn a_timeout_answers_unavailable_with_who_replied_and_a_late_reply_does_nothing() {
    let mut bench = home(ReadRepair::Async);
    bench.get(GetRequest { r: Some(3), ..get(0) });
    bench.receive(C, fetched(0, None));
    assert_eq!(bench.expire(0), unavailable(0, [A, C]));
    assert_eq!(bench.receive(B, fetched(0, Some(&old()))), nothing());
    assert_eq!(bench.expire(0), nothing());
}

#[test]
fn a_retry_of_a_pending_get_asks_those_again_that_have_not_replied() {
    let mut bench = home(ReadRepair::Off);
    bench.get(GetRequest { r: Some(3), ..get(0) });
    bench.receive(B, fetched(0, None));
    assert_eq!(bench.get(GetRequest { r: Some(3), ..get(0) }), effects([send(C, fetch(0))]));
}

#[test]
fn a_retry_of_an_answered_get_reads_anew() {
    let mut bench = home(ReadRepair::Off);
    bench.get(get(0));
    bench.receive(B, fetched(0, None));
    assert_eq!(bench.get(get(0)), effects([send(B, fetch(0)), send(C, fetch(0)), set_timer(0)]));
}

#[test]
fn a_home_shows_what_it_holds_and_changes_nothing() {
    let mut bench = home(ReadRepair::Off);
    assert_eq!(bench.receive(B, fetch(0)), effects([send(B, fetched(0, None))]));
    let mut bench = bench.holding(&old());
    assert_eq!(bench.receive(B, fetch(0)), effects([send(B, fetched(0, Some(&old())))]));
}

#[test]
fn a_get_reply_means_nothing_to_a_node() {
    assert_eq!(home(ReadRepair::Off).receive(B, get_ok(0, Some(&old()), [B])), nothing());
}

#[test]
fn a_deleted_key_is_answered_with_its_context_and_no_live_version() {
    let mut bench = home(ReadRepair::Off).holding(&old());
    let delete = PutRequest { value: None, context: old().context(), w: Some(1), ..put(0) };
    bench.put(delete);
    let step = bench.get(GetRequest { r: Some(1), ..get(1) });
    let [.., Effect::Reply { message, .. }, _] = &step.effects[..] else {
        panic!("answered at once: {step:?}");
    };
    let Message::GetReply { outcome: GetOutcome::Ok { state: Some(state), .. }, .. } = message
    else {
        panic!("found: {message:?}");
    };
    assert_eq!(state.live().count(), 0);
    assert!(state.context().covers(dot(B, 1)) && state.context().covers(dot(A, 1)));
}

// Repair off.

#[test]
fn without_repair_nobody_is_sent_anything_and_late_replies_do_nothing() {
    let mut bench = home(ReadRepair::Off).holding(&new());
    bench.get(get(0));
    let answer = reply(X, get_ok(0, Some(&new()), [A, B]));
    assert_eq!(bench.receive(B, fetched(0, Some(&old()))), effects([answer, cancel_timer(0)]));
    assert_eq!(bench.receive(C, fetched(0, None)), nothing());
}

// Asynchronous repair.

#[test]
fn asynchronous_repair_answers_first_then_sends_the_merge_to_who_lacks_some_of_it() {
    let mut bench = home(ReadRepair::Async).holding(&new());
    bench.get(get(0));
    let answer = reply(X, get_ok(0, Some(&new()), [A, B]));
    assert_eq!(
        bench.receive(B, fetched(0, Some(&old()))),
        effects([answer, send(B, repair(&new()))])
    );
    assert!(bench.replica.trailing().eq([request(0)]));
}

#[test]
fn a_late_reply_that_is_behind_is_repaired_and_the_last_one_ends_the_get() {
    let mut bench = home(ReadRepair::Async).holding(&new());
    bench.get(get(0));
    bench.receive(B, fetched(0, Some(&new())));
    assert_eq!(
        bench.receive(C, fetched(0, Some(&old()))),
        effects([send(C, repair(&new())), cancel_timer(0)])
    );
    assert!(!bench.replica.is_pending(request(0)));
}

#[test]
fn a_late_reply_that_is_ahead_repairs_everyone_else_and_the_coordinator_without_a_message() {
    let mut bench = home(ReadRepair::Async).holding(&old());
    bench.get(get(0));
    bench.receive(B, fetched(0, Some(&old())));
    assert_eq!(
        bench.receive(C, fetched(0, Some(&new()))),
        Step {
            changes: vec![holds(&new())],
            effects: vec![send(B, repair(&new())), cancel_timer(0)],
        }
    );
}

#[test]
fn when_all_replies_agree_asynchronous_repair_sends_nothing() {
    let mut bench = home(ReadRepair::Async).holding(&old());
    bench.get(GetRequest { r: Some(3), ..get(0) });
    bench.receive(B, fetched(0, Some(&old())));
    let answer = reply(X, get_ok(0, Some(&old()), [A, B, C]));
    assert_eq!(bench.receive(C, fetched(0, Some(&old()))), effects([answer, cancel_timer(0)]));
}

#[test]
fn the_coordinator_repairs_itself_in_the_same_step_and_without_a_message() {
    let mut bench = home(ReadRepair::Async);
    bench.get(get(0));
    let answer = reply(X, get_ok(0, Some(&new()), [A, B]));
    assert_eq!(
        bench.receive(B, fetched(0, Some(&new()))),
        Step { changes: vec![holds(&new())], effects: vec![answer] }
    );
}

#[test]
fn the_timer_of_a_get_that_only_listens_ends_it_without_a_word() {
    let mut bench = home(ReadRepair::Async).holding(&new());
    bench.get(get(0));
    bench.receive(B, fetched(0, Some(&new())));
    assert_eq!(bench.expire(0), nothing());
    assert_eq!(bench.receive(C, fetched(0, None)), nothing());
}

// Blocking repair: with N = 3 and R = 2, two homes must hold what is answered.

#[test]
fn blocking_repair_answers_at_once_when_enough_homes_hold_the_merge() {
    let mut bench = home(ReadRepair::Blocking).holding(&new());
    bench.get(get(0));
    let answer = reply(X, get_ok(0, Some(&new()), [A, B]));
    assert_eq!(bench.receive(B, fetched(0, Some(&new()))), effects([answer, cancel_timer(0)]));
}

#[test]
fn blocking_repair_answers_only_after_the_home_that_was_behind_acknowledges() {
    let mut bench = home(ReadRepair::Blocking).holding(&new());
    bench.get(get(0));
    assert_eq!(bench.receive(B, fetched(0, Some(&old()))), effects([send(B, store(0, &new()))]));
    assert!(bench.replica.awaits_ack(request(0), B));
    let answer = reply(X, get_ok(0, Some(&new()), [A, B]));
    assert_eq!(bench.receive(B, ack_of(0, &new())), effects([answer, cancel_timer(0)]));
}

#[test]
fn a_coordinator_that_is_behind_repairs_itself_and_counts_as_a_holder_at_once() {
    let mut bench = home(ReadRepair::Blocking).holding(&old());
    bench.get(get(0));
    let answer = reply(X, get_ok(0, Some(&new()), [A, B]));
    assert_eq!(
        bench.receive(B, fetched(0, Some(&new()))),
        Step { changes: vec![holds(&new())], effects: vec![answer, cancel_timer(0)] }
    );
}

#[test]
fn a_late_reply_that_holds_the_merge_lets_a_blocking_get_answer() {
    let mut bench = home(ReadRepair::Blocking).holding(&new());
    bench.get(get(0));
    bench.receive(B, fetched(0, None));
    let answer = reply(X, get_ok(0, Some(&new()), [A, B]));
    assert_eq!(bench.receive(C, fetched(0, Some(&new()))), effects([answer, cancel_timer(0)]));
}

#[test]
fn a_late_reply_that_is_behind_is_repaired_to_what_a_blocking_get_will_answer() {
    let mut bench = home(ReadRepair::Blocking).holding(&new());
    bench.get(get(0));
    bench.receive(B, fetched(0, Some(&old())));
    assert_eq!(bench.receive(C, fetched(0, None)), effects([send(C, store(0, &new()))]));
    let answer = reply(X, get_ok(0, Some(&new()), [A, B]));
    assert_eq!(bench.receive(C, ack_of(0, &new())), effects([answer, cancel_timer(0)]));
    assert_eq!(bench.receive(B, ack_of(0, &new())), nothing());
}

#[test]
fn a_late_reply_that_is_ahead_does_not_change_what_a_blocking_get_answers() {
    let ahead = wrote_after(&new(), new().context(), dot(C, 1), "ahead");
    let mut bench = home(ReadRepair::Blocking).holding(&new());
    bench.get(get(0));
    bench.receive(B, fetched(0, None));
    let answer = reply(X, get_ok(0, Some(&new()), [A, B]));
    assert_eq!(bench.receive(C, fetched(0, Some(&ahead))), effects([answer, cancel_timer(0)]));
}

#[test]
fn an_acknowledgement_of_a_node_that_is_no_home_does_not_let_a_blocking_get_answer() {
    let mut bench = home(ReadRepair::Blocking).holding(&new());
    bench.get(get(0));
    bench.receive(B, fetched(0, None));
    assert_eq!(bench.receive(D, ack_of(0, &new())), nothing());
    assert_eq!(bench.expire(0), unavailable(0, [A, B]));
}

#[test]
fn a_blocking_get_whose_repair_is_not_acknowledged_in_time_is_unavailable() {
    let mut bench = home(ReadRepair::Blocking).holding(&new());
    bench.get(get(0));
    bench.receive(B, fetched(0, None));
    assert_eq!(bench.expire(0), unavailable(0, [A, B]));
    assert_eq!(bench.receive(B, ack_of(0, &new())), nothing());
}

#[test]
fn an_acknowledgement_of_another_state_than_the_merge_does_not_let_a_blocking_get_answer() {
    let mut bench = home(ReadRepair::Blocking).holding(&new());
    bench.get(get(0));
    bench.receive(B, fetched(0, None));
    // Of an earlier try of this get, when only the old version was known.
    assert_eq!(bench.receive(B, ack_of(0, &old())), nothing());
    assert!(bench.replica.awaits_ack(request(0), B));
}

#[test]
fn a_retry_of_a_blocking_get_asks_the_silent_and_repairs_those_again_it_waits_for() {
    let mut bench = home(ReadRepair::Blocking).holding(&new());
    bench.get(get(0));
    bench.receive(B, fetched(0, None));
    assert_eq!(bench.get(get(0)), effects([send(C, fetch(0)), send(B, store(0, &new()))]));
}

#[test]
fn with_r_of_one_a_blocking_get_waits_until_every_home_holds_what_it_answers() {
    let mut bench =
        Bench::new(A, &ClusterSpec { read_repair: ReadRepair::Blocking, ..spec(3, 3, 1, 3) })
            .holding(&new());
    bench.get(get(0));
    assert_eq!(bench.receive(B, fetched(0, Some(&new()))), nothing());
    bench.receive(C, fetched(0, None));
    let answer = reply(X, get_ok(0, Some(&new()), [A]));
    assert_eq!(bench.receive(C, ack_of(0, &new())), effects([answer, cancel_timer(0)]));
}

// Speculative retry: R homes first, the others when one is late.

fn speculating(node: NodeId, read_repair: ReadRepair) -> Bench {
    Bench::new(node, &ClusterSpec { speculative_retry: true, ..repairing(read_repair) })
}

fn set_speculation(sequence: u64) -> Effect {
    Effect::SetTimer(Timer::Speculate(request(sequence)))
}

fn stop_speculation(sequence: u64) -> Effect {
    Effect::CancelTimer(Timer::Speculate(request(sequence)))
}

fn speculate(bench: &mut Bench, sequence: u64) -> Step {
    bench.take(Input::Expire(Timer::Speculate(request(sequence))))
}

#[test]
fn a_home_that_need_not_ask_all_asks_the_one_behind_it_and_the_last_asks_the_first() {
    for (node, first) in [(A, B), (B, C), (C, A)] {
        let mut bench = speculating(node, ReadRepair::Off);
        let asked = [send(first, fetch(0)), set_timer(0), set_speculation(0)];
        assert_eq!(bench.get(get(0)), effects(asked), "{node}");
        let answer = reply(X, get_ok(0, Some(&old()), [node, first]));
        let told = [stop_speculation(0), answer, cancel_timer(0)];
        assert_eq!(bench.receive(first, fetched(0, Some(&old()))), effects(told), "{node}");
        assert_eq!(speculate(&mut bench, 0), nothing(), "{node}");
    }
}

#[test]
fn a_node_that_is_no_home_asks_the_first_homes_and_the_rest_when_one_is_late() {
    let mut bench = speculating(D, ReadRepair::Off);
    let asked = [send(A, fetch(0)), send(B, fetch(0)), set_timer(0), set_speculation(0)];
    assert_eq!(bench.get(get(0)), effects(asked));
    assert_eq!(bench.receive(A, fetched(0, None)), nothing());
    assert_eq!(speculate(&mut bench, 0), effects([send(C, fetch(0))]));
    assert_eq!(speculate(&mut bench, 0), nothing(), "all are asked");
    assert_eq!(bench.receive(A, fetched(0, None)), nothing(), "one home is one reply");
    let answer = reply(X, get_ok(0, Some(&old()), [A, C]));
    assert_eq!(bench.receive(C, fetched(0, Some(&old()))), effects([answer, cancel_timer(0)]));
}

#[test]
fn a_home_that_was_not_asked_is_not_waited_for_and_not_repaired() {
    let mut bench = speculating(A, ReadRepair::Async).holding(&new());
    bench.get(get(0));
    let answer = reply(X, get_ok(0, Some(&new()), [A, B]));
    let told = [stop_speculation(0), answer, send(B, repair(&new())), cancel_timer(0)];
    assert_eq!(bench.receive(B, fetched(0, Some(&old()))), effects(told));
    assert!(!bench.replica.is_pending(request(0)));
}

#[test]
fn a_read_that_asked_all_in_the_end_repairs_late_replies_of_all() {
    let mut bench = speculating(A, ReadRepair::Async).holding(&new());
    bench.get(get(0));
    assert_eq!(speculate(&mut bench, 0), effects([send(C, fetch(0))]));
    let answer = reply(X, get_ok(0, Some(&new()), [A, C]));
    assert_eq!(bench.receive(C, fetched(0, Some(&new()))), effects([answer]));
    let repaired = [send(B, repair(&new())), cancel_timer(0)];
    assert_eq!(bench.receive(B, fetched(0, None)), effects(repaired));
}

#[test]
fn a_read_with_blocking_repair_asks_as_many_as_have_to_hold_what_it_returns() {
    let mut bench = speculating(D, ReadRepair::Blocking);
    // One reply would do; but two homes must hold it, that later reads of two meet one.
    let step = bench.get(GetRequest { r: Some(1), ..get(0) });
    let asked = [send(A, fetch(0)), send(B, fetch(0)), set_timer(0), set_speculation(0)];
    assert_eq!(step, effects(asked));
    assert_eq!(bench.receive(A, fetched(0, Some(&new()))), nothing());
    // B is late: C may hold it instead.
    assert_eq!(speculate(&mut bench, 0), effects([send(C, fetch(0))]));
    let answer = reply(X, get_ok(0, Some(&new()), [A]));
    assert_eq!(bench.receive(C, fetched(0, Some(&new()))), effects([answer, cancel_timer(0)]));
}

#[test]
fn a_retry_of_a_read_asks_all_that_have_not_replied() {
    let mut bench = speculating(D, ReadRepair::Off);
    bench.get(get(0));
    bench.receive(A, fetched(0, None));
    let asked = [send(B, fetch(0)), send(C, fetch(0)), stop_speculation(0)];
    assert_eq!(bench.get(get(0)), effects(asked));
    assert_eq!(speculate(&mut bench, 0), nothing());
}

#[test]
fn a_read_that_is_given_up_asks_nobody_any_more() {
    let mut bench = speculating(D, ReadRepair::Off);
    bench.get(get(0));
    bench.receive(A, fetched(0, None));
    let outcome = GetOutcome::Unavailable { replied: set([A]) };
    let told = [stop_speculation(0), reply(X, get_reply(0, outcome))];
    assert_eq!(bench.expire(0), effects(told));
    assert_eq!(speculate(&mut bench, 0), nothing());
}

#[test]
fn a_read_that_needs_all_homes_asks_them_at_once() {
    let mut bench = speculating(A, ReadRepair::Off);
    let step = bench.get(GetRequest { r: Some(3), ..get(0) });
    assert_eq!(step, effects([send(B, fetch(0)), send(C, fetch(0)), set_timer(0)]));
}
