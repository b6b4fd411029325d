//! Puts at a node that is no home of the key.

use quorate_protocol::ids::NodeId;
use quorate_protocol::protocol::{LoadLimit, Message, PutOutcome, Refusal, Step};

use crate::bench::*;

fn no_home() -> Bench {
    Bench::new(D, &spec(4, 3, 2, 2))
}

/// Every home is asked whether it is there.
fn probed(sequence: u64) -> Step {
    let probe = |home| send(home, Message::Probe { request: request(sequence) });
    effects([probe(A), probe(B), probe(C), set_timer(sequence)])
}

fn forwarded(to: NodeId, sequence: u64) -> Step {
    effects([send(to, Message::Put(put(sequence))), set_timer(sequence)])
}

fn is_there(sequence: u64) -> Message {
    Message::ProbeReply { request: request(sequence) }
}

/// A node that is no home, which has forwarded a put to a home that answered.
fn forwarded_to(home: NodeId, sequence: u64) -> Bench {
    let mut bench = no_home();
    bench.put(put(sequence));
    bench.receive(home, is_there(sequence));
    bench
}

#[test]
fn a_put_at_a_node_that_is_no_home_goes_to_the_first_home_that_is_there_and_is_not_stored() {
    let mut bench = no_home();
    assert_eq!(bench.put(put(0)), probed(0));
    assert_eq!(bench.receive(B, is_there(0)), forwarded(B, 0));
    assert_eq!(bench.receive(A, is_there(0)), nothing());
    assert_eq!(bench.held(), None);
    assert!(bench.replica.awaits_forwarded(request(0)));
}

#[test]
fn the_answer_of_the_home_is_passed_on_to_the_client_once() {
    let mut bench = forwarded_to(A, 0);
    let relayed = effects([cancel_timer(0), reply(X, put_ok(0, [A, B]))]);
    assert_eq!(bench.receive(A, put_ok(0, [A, B])), relayed);
    assert_eq!(bench.receive(A, put_ok(0, [A, B])), nothing());
}

#[test]
fn an_unavailable_and_a_refusal_of_the_home_are_passed_on_as_they_are() {
    let mut bench = forwarded_to(A, 0);
    let relayed = effects([cancel_timer(0), reply(X, put_unavailable(0, [A]))]);
    assert_eq!(bench.receive(A, put_unavailable(0, [A])), relayed);
    bench.put(put(1));
    bench.receive(A, is_there(1));
    let refused =
        PutOutcome::Refused(Refusal::Overloaded { limit: LoadLimit::Requests { pending_max: 1 } });
    let relayed = effects([cancel_timer(1), reply(X, put_reply(1, refused.clone()))]);
    assert_eq!(bench.receive(A, put_reply(1, refused)), relayed);
}

#[test]
fn the_answer_of_a_node_that_was_not_asked_is_ignored() {
    let mut bench = forwarded_to(A, 0);
    assert_eq!(bench.receive(B, put_ok(0, [A, B])), nothing());
    assert_eq!(bench.receive(Y, put_ok(0, [A, B])), nothing());
    assert!(bench.replica.awaits_forwarded(request(0)));
}

#[test]
fn a_forward_that_times_out_is_answered_unavailable_with_nobody_known_to_hold_it() {
    let mut bench = forwarded_to(A, 0);
    assert_eq!(bench.expire(0), effects([reply(X, put_unavailable(0, []))]));
    assert_eq!(bench.receive(A, put_ok(0, [A, B])), nothing());
}

#[test]
fn a_put_for_which_no_home_is_there_in_time_is_answered_unavailable_and_forgotten() {
    let mut bench = no_home();
    bench.put(put(0));
    assert_eq!(bench.expire(0), effects([reply(X, put_unavailable(0, []))]));
    assert_eq!(bench.receive(A, is_there(0)), nothing());
    assert_eq!(bench.put(put(0)), probed(0));
}

#[test]
fn after_a_timeout_a_retry_goes_to_the_same_home_and_the_next_put_to_whoever_is_there() {
    let mut bench = forwarded_to(A, 0);
    bench.expire(0);
    assert_eq!(bench.put(put(1)), probed(1));
    assert_eq!(bench.receive(B, is_there(1)), forwarded(B, 1));
    assert_eq!(bench.put(put(0)), forwarded(A, 0));
}

#[test]
fn a_retry_of_a_forward_under_way_goes_to_the_same_home() {
    let mut bench = forwarded_to(B, 1);
    assert_eq!(bench.put(put(1)), forwarded(B, 1));
}

#[test]
fn a_retry_of_an_answered_forward_is_sent_on_for_the_home_to_answer() {
    let mut bench = forwarded_to(A, 0);
    bench.receive(A, put_ok(0, [A, B]));
    assert_eq!(bench.put(put(0)), forwarded(A, 0));
}

#[test]
fn a_home_answers_a_forwarded_put_to_the_node_that_forwarded_it() {
    let mut bench = Bench::new(A, &spec(4, 3, 2, 2));
    bench.receive(D, Message::Put(put(0)));
    assert_eq!(bench.receive(B, ack(0)), effects([cancel_timer(0), reply(D, put_ok(0, [A, B]))]));
}
