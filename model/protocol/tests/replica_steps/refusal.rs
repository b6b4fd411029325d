//! Requests a node will not serve: answered at once, with nothing stored, sent or remembered.

use std::sync::Arc;

use quorate_protocol::cluster::{ClusterError, ClusterSpec, Limits, Reaping};
use quorate_protocol::ids::{NodeSet, Value};
use quorate_protocol::protocol::{
    Effect, FanOut, GetOutcome, GetRequest, LoadLimit, Message, PutOutcome, PutRequest, Refusal,
    Step,
};
use quorate_protocol::versions::Record;

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
fn a_value_too_large_is_refused_and_the_next_put_still_takes_the_first_counter() {
    let limits = Limits { value_bytes_max: 10, ..Limits::default() };
    let mut bench = Bench::with_limits(A, &spec(3, 3, 2, 2), limits);
    let eleven = PutRequest { value: Some(Value::from("eleven chrs")), ..put(0) };
    let refusal = Refusal::ValueTooLarge { bytes: 11, bytes_max: 10 };
    let answer = put_reply(0, PutOutcome::Refused(refusal));
    assert_eq!(bench.put(eleven), effects([reply(X, answer)]));
    let ten = PutRequest { value: Some(Value::from("ten chars!")), ..put(1) };
    let state = wrote(dot(A, 1), "ten chars!");
    assert_eq!(bench.put(ten).changes, [has_minted(1), holds_and_may_continue(&state, 0, 1, [1])]);
}

#[test]
fn a_key_too_long_is_refused_to_puts_and_gets_wherever_they_arrive() {
    let limits = Limits { key_bytes_max: 3, ..Limits::default() };
    for node in [A, D] {
        let mut bench = Bench::with_limits(node, &spec(4, 3, 2, 2), limits);
        let refusal = Refusal::KeyTooLong { bytes: 4, bytes_max: 3 };
        let answer = put_reply(0, PutOutcome::Refused(refusal.clone()));
        let step = bench.put(PutRequest { key: "long".into(), ..put(0) });
        assert_eq!(step, effects([reply(X, answer)]));
        let answer = get_reply(1, GetOutcome::Refused(refusal));
        let step = bench.get(GetRequest { key: "long".into(), ..get(1) });
        assert_eq!(step, effects([reply(X, answer)]));
    }
}

/// A home that holds two versions of the key, which is as many as a key may gain.
fn at_its_limit() -> (Bench, Arc<Record>) {
    let limits = Limits { siblings_max: 2, ..Limits::default() };
    let theirs = Arc::new(wrote(dot(B, 1), "one").merged(&wrote(dot(C, 1), "two")));
    let bench = Bench::with_limits(A, &spec(4, 3, 2, 1), limits).holding(&theirs);
    (bench, theirs)
}

#[test]
fn a_put_or_delete_that_would_add_a_version_beyond_the_limit_is_refused() {
    let (mut bench, theirs) = at_its_limit();
    let refusal = Refusal::TooManySiblings { siblings: 2, siblings_max: 2 };
    for (sequence, value) in [(0, Some(Value::from("three"))), (1, None)] {
        let answer = put_reply(sequence, PutOutcome::Refused(refusal.clone()));
        let step = bench.put(PutRequest { value, ..put(sequence) });
        assert_eq!(step, effects([reply(X, answer)]));
    }
    assert_eq!(bench.held(), Some(&theirs));
}

#[test]
fn a_put_or_delete_that_replaces_a_version_is_never_refused_for_their_number() {
    for seen in [context([dot(B, 1)]), context([dot(B, 1), dot(C, 1)])] {
        for value in [Some(Value::from("three")), None] {
            let (mut bench, _) = at_its_limit();
            let step = bench.put(PutRequest { value, context: seen.clone(), ..put(0) });
            assert!(step.effects.contains(&reply(X, put_ok(0, [A]))), "{step:?}");
        }
    }
}

#[test]
fn what_other_nodes_send_is_taken_in_beyond_every_limit_and_can_then_be_resolved() {
    let limits =
        Limits { siblings_max: 1, value_bytes_max: 1, key_bytes_max: 1, ..Limits::default() };
    let theirs = Arc::new(wrote(dot(B, 1), "one").merged(&wrote(dot(C, 1), "two")));
    let mut bench = Bench::with_limits(A, &spec(4, 3, 2, 1), limits);
    assert_eq!(
        bench.receive(B, store(0, &theirs)),
        Step { changes: vec![holds(&theirs)], effects: vec![send(B, ack_of(0, &theirs))] }
    );
    bench.put(PutRequest { value: None, context: theirs.context(), ..put(0) });
    assert!(bench.held().is_some_and(|held| held.is_deleted()));
}

#[test]
fn a_fallback_refuses_to_add_a_version_beyond_the_limit_to_what_it_keeps() {
    let limits = Limits { siblings_max: 1, ..Limits::default() };
    let cluster = ClusterSpec { sloppy: true, ..spec(4, 3, 2, 1) };
    let mut bench = Bench::with_limits(D, &cluster, limits);
    bench.put(put(0));
    bench.expire(0);
    bench.put(put(1));
    let refusal = Refusal::TooManySiblings { siblings: 1, siblings_max: 1 };
    let answer = put_reply(1, PutOutcome::Refused(refusal));
    assert_eq!(bench.expire(1), effects([reply(X, answer)]));
    let kept = bench.kept_for(A).expect("the first put is kept").context();
    bench.put(PutRequest { context: kept, ..put(2) });
    let step = bench.expire(2);
    assert!(step.effects.contains(&reply(X, put_ok(2, [D]))), "{step:?}");
}

#[test]
fn a_node_takes_nothing_from_a_client_that_fans_out_itself_unless_the_cluster_says_so() {
    let state = wrote(dot(B, 1), "theirs");
    let messages = [store(0, &state), repair(&state), fetch(0)];
    let own = |sequence| PutRequest { fan_out: FanOut::ClientDriven, ..put(sequence) };
    for reaping in [Reaping::Off, Reaping::ByAge, Reaping::Agreed] {
        let mut cluster = spec(4, 3, 2, 2);
        cluster.background.reaping = reaping;
        let mut bench = Bench::new(A, &cluster);
        let answer = put_reply(0, PutOutcome::Refused(Refusal::ClientFanOutOff));
        assert_eq!(bench.put(own(0)), effects([reply(X, answer)]));
        for message in messages.clone() {
            assert_eq!(bench.receive(X, message), nothing());
        }
        // Nodes are served all the same.
        for message in messages.clone() {
            assert_ne!(Bench::new(A, &cluster).receive(B, message), nothing());
        }
    }
    let served = || Bench::new(A, &fanning_out(spec(4, 3, 2, 2)));
    assert!(matches!(
        served().put(own(0)).effects[..],
        [Effect::Reply {
            message: Message::PutReply { outcome: PutOutcome::Minted { .. }, .. },
            ..
        }]
    ));
    for message in messages {
        assert_ne!(served().receive(X, message), nothing());
    }
}

#[test]
fn no_cluster_reaps_by_agreement_and_lets_clients_fan_out_themselves() {
    let mut cluster = fanning_out(spec(3, 3, 2, 2));
    cluster.background.reaping = Reaping::Agreed;
    assert_eq!(cluster.build().map(|_| ()), Err(ClusterError::ClientFanOutReaped));
    cluster.background.reaping = Reaping::ByAge;
    assert!(cluster.build().is_ok());
}

#[test]
fn a_hint_is_taken_from_nodes_only() {
    let cluster = ClusterSpec { sloppy: true, ..spec(4, 3, 2, 1) };
    let mut bench = Bench::new(D, &cluster);
    let state = wrote(dot(B, 1), "theirs");
    let hint =
        Message::StoreHint { request: request(0), home: A, key: key(), state: state.clone() };
    assert_eq!(bench.receive(X, hint.clone()), nothing());
    assert_ne!(bench.receive(B, hint), nothing());
}

#[test]
fn a_node_that_carries_as_many_requests_as_it_may_refuses_the_next() {
    let limits = Limits { pending_max: 2, ..Limits::default() };
    let mut bench = Bench::with_limits(A, &spec(4, 3, 2, 2), limits);
    bench.put(put(0));
    bench.get(get(1));
    let refusal = Refusal::Overloaded { limit: LoadLimit::Requests { pending_max: 2 } };
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
    let refusal = Refusal::Overloaded { limit: LoadLimit::Requests { pending_max: 1 } };
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
    let step = Bench::new(D, &fanning_out(spec(4, 3, 2, 2)))
        .put(PutRequest { fan_out: FanOut::ClientDriven, ..put(0) });
    let refusal = Refusal::NotHome { homes: set([A, B, C]) };
    assert_eq!(step, effects([reply(X, put_reply(0, PutOutcome::Refused(refusal)))]));
}

#[test]
fn a_refusal_leaves_open_what_became_of_earlier_attempts_unless_no_node_ever_takes_such_a_write() {
    let of_the_node = [
        Refusal::TooManySiblings { siblings: 64, siblings_max: 64 },
        Refusal::ContextNotGiven,
        Refusal::TooManyHints { hints_max: 1 },
        Refusal::HintsTooLarge { hints_bytes_max: 1 },
        Refusal::CatchingUp,
        Refusal::Overloaded { limit: LoadLimit::Requests { pending_max: 1 } },
    ];
    for refusal in of_the_node {
        assert!(refusal.leaves_open(true), "{refusal}");
        assert!(!refusal.leaves_open(false), "{refusal}: it was the only attempt");
    }
    let of_the_request = [
        Refusal::QuorumOutOfRange { asked: 9, n: 3 },
        Refusal::NotHome { homes: NodeSet::EMPTY },
        Refusal::KeyTooLong { bytes: 2, bytes_max: 1 },
        Refusal::ValueTooLarge { bytes: 2, bytes_max: 1 },
        Refusal::ClientFanOutOff,
    ];
    for refusal in of_the_request {
        assert!(!refusal.leaves_open(true), "{refusal}");
    }
}
