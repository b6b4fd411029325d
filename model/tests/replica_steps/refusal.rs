//! Requests a node will not serve: answered at once, with nothing stored, sent or remembered.

use quorate_model::cluster::Limits;
use quorate_model::ids::Value;
use quorate_model::protocol::{FanOut, GetOutcome, GetRequest, PutOutcome, PutRequest, Refusal};

use crate::bench::*;

#[test]
fn a_quorum_out_of_range_is_refused_to_puts_and_gets() {
    for asked in [0, 4] {
        let refusal = Refusal::QuorumOutOfRange { asked, n: 3 };
        let mut bench = Bench::new(A, &spec(4, 3, 2, 2));
        let answer = put_reply(0, PutOutcome::Refused(refusal.clone()));
        let step = bench.put(PutRequest { w: Some(asked), ..put(0) });
        assert_eq!(step, effects([reply(X, answer)]));
        let answer = get_reply(1, GetOutcome::Refused(refusal));
        let step = bench.get(GetRequest { r: Some(asked), ..get(1) });
        assert_eq!(step, effects([reply(X, answer)]));
    }
}

#[test]
fn a_quorum_out_of_range_is_refused_before_it_is_forwarded() {
    let refusal = Refusal::QuorumOutOfRange { asked: 4, n: 3 };
    let step = Bench::new(D, &spec(4, 3, 2, 2)).put(PutRequest { w: Some(4), ..put(0) });
    assert_eq!(step, effects([reply(X, put_reply(0, PutOutcome::Refused(refusal)))]));
}

#[test]
fn a_record_too_large_is_refused_and_the_next_put_still_takes_the_first_epoch() {
    // One version of 10 bytes and one clock entry, at 40 bytes each.
    let limits = Limits { record_bytes_max: 90, ..Limits::default() };
    let mut bench = Bench::with_limits(A, &spec(3, 3, 2, 2), limits);
    let eleven = PutRequest { value: Some(Value::from("eleven chrs")), ..put(0) };
    let refusal = Refusal::RecordTooLarge { bytes: 91, bytes_max: 90 };
    let answer = put_reply(0, PutOutcome::Refused(refusal));
    assert_eq!(bench.put(eleven), effects([reply(X, answer)]));
    let ten = PutRequest { value: Some(Value::from("ten chars!")), ..put(1) };
    let state = wrote(dot(A, 1), "ten chars!");
    assert_eq!(bench.put(ten).changes, [next_epoch(1), holds_and_may_continue(&state, 0, 1, [1])]);
}

#[test]
fn a_node_that_carries_as_many_requests_as_it_may_refuses_the_next() {
    let limits = Limits { pending_max: 2, ..Limits::default() };
    let mut bench = Bench::with_limits(A, &spec(4, 3, 2, 2), limits);
    bench.put(put(0));
    bench.get(get(1));
    let refusal = Refusal::Overloaded { pending_max: 2 };
    let answer = put_reply(2, PutOutcome::Refused(refusal.clone()));
    assert_eq!(bench.put(put(2)), effects([reply(X, answer)]));
    let answer = get_reply(3, GetOutcome::Refused(refusal));
    assert_eq!(bench.get(get(3)), effects([reply(X, answer)]));
}

#[test]
fn a_forward_counts_among_the_requests_a_node_carries() {
    let limits = Limits { pending_max: 1, ..Limits::default() };
    let mut bench = Bench::with_limits(D, &spec(4, 3, 2, 2), limits);
    bench.put(put(0));
    let refusal = Refusal::Overloaded { pending_max: 1 };
    let answer = put_reply(1, PutOutcome::Refused(refusal));
    assert_eq!(bench.put(put(1)), effects([reply(X, answer)]));
}

#[test]
fn an_overloaded_node_still_serves_retries_and_serves_anew_once_one_is_answered() {
    let limits = Limits { pending_max: 1, ..Limits::default() };
    let mut bench = Bench::with_limits(A, &spec(3, 3, 2, 2), limits);
    let state = wrote(dot(A, 1), "v");
    bench.put(put(0));
    assert_eq!(bench.put(put(0)), effects([send(B, store(0, &state)), send(C, store(0, &state))]));
    bench.receive(B, ack(0));
    assert_eq!(bench.get(get(1)).effects, [send(B, fetch(1)), send(C, fetch(1)), set_timer(1)]);
}

#[test]
fn a_client_driven_put_at_a_node_that_is_no_home_is_refused_with_the_homes() {
    let step = Bench::new(D, &spec(4, 3, 2, 2))
        .put(PutRequest { fan_out: FanOut::ClientDriven, ..put(0) });
    let refusal = Refusal::NotHome { homes: set([A, B, C]) };
    assert_eq!(step, effects([reply(X, put_reply(0, PutOutcome::Refused(refusal)))]));
}
