//! What a node holds for requests in progress, and keeps for others, is weighed: at the limit it is
//! refused, and what is let go is given back. That the sum is the one over what is held, the bench
//! asserts after every step of every test.

use std::sync::Arc;

use quorate_protocol::cluster::{ClusterSpec, Limits};
use quorate_protocol::ids::{NodeId, Value};
use quorate_protocol::protocol::weight::{SHARE_BYTES, key_bytes, put_bytes};
use quorate_protocol::protocol::{
    GetOutcome, Input, KeptHint, LoadLimit, Message, PutOutcome, PutRequest, ReadRepair, Refusal,
    Step, Store, Timer,
};
use quorate_protocol::versions::{Incarnation, Record};

use crate::bench::*;

// Requests in progress.

fn with_pending_bytes(node: NodeId, spec: &ClusterSpec, pending_bytes_max: usize) -> Bench {
    Bench::with_limits(node, spec, Limits { pending_bytes_max, ..Limits::default() })
}

/// What the refusal says of a request of so many bytes.
fn overloaded(bytes: usize, pending_bytes: usize, pending_bytes_max: usize) -> Refusal {
    Refusal::Overloaded { limit: LoadLimit::Bytes { bytes, pending_bytes, pending_bytes_max } }
}

fn large(sequence: u64) -> PutRequest {
    PutRequest { value: Some(Value(vec![7; 1_000].into())), ..put(sequence) }
}

#[test]
fn a_node_whose_requests_hold_as_many_bytes_as_they_may_refuses_the_next_and_stores_nothing() {
    let (held, more) = (key_bytes(&key()), put_bytes(&large(1)));
    let mut bench = with_pending_bytes(A, &spec(3, 3, 2, 2), held + more - 1);
    bench.put(put(0));
    assert_eq!(bench.replica.pending_bytes(), held);
    let before = bench.held().cloned();
    let refusal = overloaded(more, held, held + more - 1);
    let answer = put_reply(1, PutOutcome::Refused(refusal));
    assert_eq!(bench.put(large(1)), effects([reply(X, answer)]));
    assert_eq!(bench.held().cloned(), before);
    assert!(!bench.replica.is_pending(request(1)));
    // One byte more, and it is served.
    let mut bench = with_pending_bytes(A, &spec(3, 3, 2, 2), held + more);
    bench.put(put(0));
    assert!(!bench.put(large(1)).changes.is_empty());
}

#[test]
fn the_refusal_says_which_limit_it_was_and_what_to_do() {
    let text = overloaded(1_258, 500, 1_600).to_string();
    assert_eq!(
        text,
        "a request of 1258 bytes, but those in flight at this node may take 1600 in all, and take \
         500; retry later"
    );
}

#[test]
fn what_a_client_has_seen_weighs_with_its_put() {
    let seen = context([dot(B, 1), dot(C, 1)]);
    let with_context = PutRequest { context: seen.clone(), ..put(0) };
    assert_eq!(put_bytes(&with_context), put_bytes(&put(0)) + seen.size_estimate());
    let mut bench = with_pending_bytes(A, &spec(3, 3, 2, 2), put_bytes(&with_context) - 1);
    let refusal = overloaded(put_bytes(&with_context), 0, put_bytes(&with_context) - 1);
    let answer = put_reply(0, PutOutcome::Refused(refusal));
    assert_eq!(bench.put(with_context), effects([reply(X, answer)]));
}

#[test]
fn a_put_gives_back_what_it_held_when_it_is_answered_or_times_out_and_a_retry_weighs_once() {
    let end = |end: fn(&mut Bench) -> Step| {
        let mut bench = with_pending_bytes(A, &spec(3, 3, 2, 2), put_bytes(&large(0)));
        bench.put(large(0));
        bench.put(large(0));
        assert_eq!(bench.replica.pending_bytes(), key_bytes(&key()));
        end(&mut bench);
        assert_eq!(bench.replica.pending_bytes(), 0);
        bench.put(large(1));
        assert!(bench.replica.is_pending(request(1)), "the next is served");
    };
    end(|bench| bench.receive(B, ack(0)));
    end(|bench| bench.expire(0));
    end(|bench| bench.restart(Incarnation(8)));
}

#[test]
fn a_put_that_looks_for_a_home_holds_its_value_until_it_is_passed_on() {
    let sloppy = ClusterSpec { sloppy: true, ..spec(4, 3, 2, 2) };
    for cluster in [spec(4, 3, 2, 2), sloppy] {
        let bytes = put_bytes(&large(0));
        let mut bench = with_pending_bytes(D, &cluster, bytes);
        bench.put(large(0));
        bench.put(large(0));
        assert_eq!(bench.replica.pending_bytes(), bytes);
        let refusal = overloaded(key_bytes(&key()), bytes, bytes);
        let answer = get_reply(1, GetOutcome::Refused(refusal));
        assert_eq!(bench.get(get(1)), effects([reply(X, answer)]));
        bench.receive(A, Message::ProbeReply { request: request(0) });
        assert_eq!(bench.replica.pending_bytes(), SHARE_BYTES);
        bench.receive(A, put_ok(0, [A, B]));
        assert_eq!(bench.replica.pending_bytes(), 0);
        // Another one finds no home: a fallback keeps it, or it is given up.
        bench.put(large(2));
        bench.expire(2);
        let kept = if cluster.sloppy { key_bytes(&key()) } else { 0 };
        assert_eq!(bench.replica.pending_bytes(), kept);
    }
}

#[test]
fn a_put_that_waits_until_its_node_may_mint_holds_its_value_meanwhile() {
    let mut bench = with_pending_bytes(A, &spec(3, 3, 2, 2), 2 * put_bytes(&large(0)));
    bench.restart(Incarnation(8));
    bench.put(large(0));
    bench.put(large(1));
    bench.put(large(0));
    assert!(bench.replica.waits_to_mint(request(0)) && bench.replica.waits_to_mint(request(1)));
    assert_eq!(bench.replica.pending_bytes(), 2 * put_bytes(&large(0)));
    bench.take(Input::Expire(Timer::Register));
    assert_eq!(bench.replica.pending_bytes(), key_bytes(&key()) + put_bytes(&large(1)));
    bench.take(Input::Expire(Timer::Waiting));
    assert_eq!(bench.replica.pending_bytes(), 2 * key_bytes(&key()));
}

#[test]
fn what_was_fetched_for_a_get_weighs_until_it_is_answered_and_is_never_refused_itself() {
    for read_repair in [ReadRepair::Off, ReadRepair::Async] {
        let cluster = ClusterSpec { read_repair, ..spec(4, 3, 2, 2) };
        let theirs = wrote(dot(B, 1), &"x".repeat(5_000));
        let empty = key_bytes(&key());
        // Room for a second get, as long as nothing large was fetched for the first.
        let mut bench = with_pending_bytes(D, &cluster, 2 * empty);
        bench.get(get(0));
        assert_eq!(bench.replica.pending_bytes(), empty);
        bench.receive(B, fetched(0, Some(&theirs)));
        // The reply, and the merge of all replies.
        let held = empty + 2 * theirs.size_estimate();
        assert_eq!(bench.replica.pending_bytes(), held);
        let refusal = overloaded(empty, held, 2 * empty);
        let answer = get_reply(1, GetOutcome::Refused(refusal));
        assert_eq!(bench.get(get(1)), effects([reply(X, answer)]));
        // No size of record stops the read that was admitted.
        let step = bench.receive(C, fetched(0, Some(&theirs)));
        assert!(step.effects.contains(&reply(X, get_ok(0, Some(&theirs), [B, C]))), "{step:?}");
        bench.receive(A, fetched(0, Some(&theirs)));
        assert_eq!(bench.replica.pending_bytes(), 0, "{read_repair}");
        assert!(bench.get(get(2)).effects.len() > 1, "the next is served");
    }
}

#[test]
fn a_get_gives_back_what_it_held_when_it_times_out() {
    let mut bench = Bench::new(D, &spec(4, 3, 2, 2));
    bench.get(get(0));
    bench.receive(B, fetched(0, Some(&wrote(dot(B, 1), "theirs"))));
    assert!(bench.replica.pending_bytes() > key_bytes(&key()));
    bench.expire(0);
    assert_eq!(bench.replica.pending_bytes(), 0);
}

#[test]
fn a_cluster_that_would_admit_no_put_of_the_largest_value_cannot_be() {
    let mut cluster = spec(3, 3, 2, 2);
    let least = Limits::default().request_bytes_least();
    cluster.limits.pending = least;
    assert!(cluster.build().is_ok());
    cluster.limits.pending = least - 1;
    let problem = cluster.build().expect_err("it is too little").to_string();
    assert!(problem.starts_with("limits.pending_bytes_max = "), "{problem}");
}

// Hints.

fn hint_for(home: NodeId, sequence: u64, state: &Arc<Record>) -> Message {
    Message::StoreHint { request: request(sequence), home, key: key(), state: Arc::clone(state) }
}

fn hint_bytes(state: &Arc<Record>) -> u64 {
    KeptHint::received(Arc::clone(state)).bytes(&key())
}

fn keeping_at_most(hints_bytes_max: u64) -> Bench {
    let cluster = ClusterSpec { sloppy: true, ..spec(5, 3, 2, 1) };
    Bench::with_limits(D, &cluster, Limits { hints_bytes_max, ..Limits::default() })
}

fn kept_bytes(bench: &Bench) -> u64 {
    let Ok(bytes) = bench.store.hint_bytes();
    bytes
}

#[test]
fn a_hint_beyond_the_limit_in_bytes_is_not_kept_and_nobody_is_told_it_was() {
    let state = wrote(dot(B, 1), "theirs");
    let mut bench = keeping_at_most(2 * hint_bytes(&state) - 1);
    bench.receive(C, hint_for(A, 0, &state));
    assert_eq!(kept_bytes(&bench), hint_bytes(&state));
    assert_eq!(bench.receive(C, hint_for(B, 0, &state)), nothing());
    // What it keeps already, it acknowledges again.
    assert_eq!(bench.receive(C, hint_for(A, 0, &state)), effects([send(C, ack_of(0, &state))]));
    // One byte more, and both are kept.
    let mut bench = keeping_at_most(2 * hint_bytes(&state));
    bench.receive(C, hint_for(A, 0, &state));
    assert_ne!(bench.receive(C, hint_for(B, 0, &state)), nothing());
    assert_eq!(kept_bytes(&bench), 2 * hint_bytes(&state));
}

#[test]
fn a_hint_may_not_grow_beyond_the_limit_and_may_shrink_whatever_the_hints_have_come_to() {
    let (one, two) = (wrote(dot(B, 1), "one"), wrote(dot(C, 1), "two"));
    let mut bench = keeping_at_most(hint_bytes(&one));
    bench.receive(C, hint_for(A, 0, &one));
    assert_eq!(bench.receive(C, hint_for(A, 1, &two)), nothing());
    assert_eq!(bench.kept_for(A), Some(&one));
    // The same hint in a node that may keep less.
    let limits = Limits { hints_bytes_max: 1, ..Limits::default() };
    let cluster = (*bench.config.cluster).clone().with_limits(limits);
    bench.config.cluster = Arc::new(cluster);
    let smaller = wrote_after(&one, one.context(), dot(B, 2), "");
    assert!(hint_bytes(&smaller) < hint_bytes(&one));
    assert_ne!(bench.receive(C, hint_for(A, 2, &smaller)), nothing());
    assert_eq!(bench.kept_for(A), Some(&smaller));
}

#[test]
fn what_was_handed_off_is_given_back() {
    let state = wrote(dot(B, 1), "theirs");
    let mut bench = keeping_at_most(hint_bytes(&state));
    bench.receive(C, hint_for(A, 0, &state));
    bench.receive(A, Message::HandoffAck { key: key(), held: state.digest() });
    assert_eq!(kept_bytes(&bench), 0);
    assert_ne!(bench.receive(C, hint_for(B, 0, &state)), nothing());
}

#[test]
fn a_fallback_that_coordinates_refuses_a_put_that_its_hints_have_no_room_for() {
    let mut bench = keeping_at_most(10);
    bench.put(put(0));
    let refusal = Refusal::HintsTooLarge { hints_bytes_max: 10 };
    let answer = put_reply(0, PutOutcome::Refused(refusal));
    assert_eq!(bench.expire(0), effects([reply(X, answer)]));
    assert_eq!(kept_bytes(&bench), 0);
}

#[test]
fn a_hint_whose_home_has_left_goes_to_those_that_are_there_whatever_that_takes() {
    let state = wrote(dot(B, 1), "theirs");
    let mut bench = keeping_at_most(hint_bytes(&state));
    bench.receive(C, hint_for(A, 0, &state));
    let cluster = ClusterSpec { sloppy: true, left: vec!["A".into()], ..spec(5, 3, 2, 1) };
    let limits = bench.config.cluster.limits();
    bench.config.cluster = Arc::new(cluster.build().expect("it can be").with_limits(limits));
    bench.take(Input::Expire(Timer::Handoff));
    // D is a home now; B and C are to have it.
    assert_eq!(bench.held(), Some(&state));
    assert_eq!((bench.kept_for(B), bench.kept_for(C)), (Some(&state), Some(&state)));
    assert_eq!(kept_bytes(&bench), 2 * hint_bytes(&state));
    for home in [B, C] {
        bench.receive(home, Message::HandoffAck { key: key(), held: state.digest() });
    }
    assert_eq!(kept_bytes(&bench), 0);
}
