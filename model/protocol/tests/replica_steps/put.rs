//! Puts at a home: mint, store, replicate the whole state, count distinct homes.

use std::sync::Arc;

use quorate_protocol::ids::{Timestamp, Value};
use quorate_protocol::protocol::{Effect, FanOut, Message, PutOutcome, PutRequest, Step};
use quorate_protocol::versions::{Record, VersionVector, Versioning, Write};

use crate::bench::*;

fn home() -> Bench {
    Bench::new(A, &spec(4, 3, 2, 2))
}

#[test]
fn a_put_at_a_home_is_stored_sent_whole_to_the_other_homes_and_counted_once() {
    let state = wrote(dot(A, 1), "v");
    let step = home().put(put(0));
    assert_eq!(
        step,
        Step {
            changes: vec![has_minted(1), holds_and_may_continue(&state, 0, 1, [0])],
            effects: vec![send(B, store(0, &state)), send(C, store(0, &state)), set_timer(0)],
        }
    );
}

#[test]
fn what_is_sent_is_the_whole_merged_state_and_never_the_bare_new_version() {
    let others = wrote(dot(B, 1), "other");
    let both = wrote_after(&others, VersionVector::new(), dot(A, 1), "v");
    let step = home().holding(&others).put(put(0));
    assert_eq!(both.versions().count(), 2);
    assert_eq!(step.effects, [send(B, store(0, &both)), send(C, store(0, &both)), set_timer(0)]);
}

#[test]
fn a_put_replaces_what_its_context_covers_and_nothing_else() {
    let (one, two) = (wrote(dot(B, 1), "one"), wrote(dot(C, 1), "two"));
    let mut bench = home().holding(&one).holding(&two);
    let seen = context([dot(B, 1)]);
    let after = wrote_after(&one.merged(&two), seen.clone(), dot(A, 1), "v");
    let step = bench.put(PutRequest { context: seen, ..put(0) });
    assert_eq!(step.changes, [has_minted(1), holds_and_may_continue(&after, 0, 1, [0])]);
    let values: Vec<String> = after.live().map(|(_, value)| value.to_string()).collect();
    assert_eq!(values, ["v", "two"]);
}

#[test]
fn a_delete_is_a_put_of_a_tombstone() {
    let before = wrote(dot(B, 1), "old");
    let mut bench = home().holding(&before);
    let step = bench.put(PutRequest { value: None, context: before.context(), ..put(0) });
    let held = bench.held().expect("a tombstone is held").clone();
    assert_eq!(held.versions().collect::<Vec<_>>(), [(dot(A, 1), None)]);
    assert_eq!(step.effects, [send(B, store(0, &held)), send(C, store(0, &held)), set_timer(0)]);
}

#[test]
fn a_put_that_needs_one_acknowledgement_is_answered_at_once_and_replicated_all_the_same() {
    let state = wrote(dot(A, 1), "v");
    let step = home().put(PutRequest { w: Some(1), ..put(0) });
    assert_eq!(
        step.effects,
        [send(B, store(0, &state)), send(C, store(0, &state)), reply(X, put_ok(0, [A]))]
    );
}

#[test]
fn the_acknowledgement_that_completes_w_stops_the_timer_and_answers() {
    let mut bench = home();
    bench.put(put(0));
    assert_eq!(bench.receive(B, ack(0)), effects([cancel_timer(0), reply(X, put_ok(0, [A, B]))]));
    assert!(!bench.replica.is_pending(request(0)));
}

#[test]
fn a_put_may_ask_for_more_acknowledgements_than_the_cluster_does() {
    let mut bench = home();
    bench.put(PutRequest { w: Some(3), ..put(0) });
    assert_eq!(bench.receive(B, ack(0)), nothing());
    let answer = reply(X, put_ok(0, [A, B, C]));
    assert_eq!(bench.receive(C, ack(0)), effects([cancel_timer(0), answer]));
}

#[test]
fn a_second_acknowledgement_of_the_same_home_counts_once() {
    let mut bench = Bench::new(A, &spec(3, 3, 1, 3));
    bench.put(put(0));
    assert_eq!(bench.receive(B, ack(0)), nothing());
    assert_eq!(bench.receive(B, ack(0)), nothing());
    assert!(bench.replica.is_pending(request(0)));
    assert!(!bench.replica.awaits_ack(request(0), B));
    assert!(bench.replica.awaits_ack(request(0), C));
}

#[test]
fn the_acknowledgement_of_a_node_that_is_no_home_is_not_counted() {
    let mut bench = home();
    bench.put(put(0));
    assert_eq!(bench.receive(D, ack(0)), nothing());
    assert_eq!(bench.expire(0), effects([reply(X, put_unavailable(0, [A]))]));
}

#[test]
fn the_acknowledgement_of_a_client_is_not_counted() {
    let mut bench = home();
    bench.put(put(0));
    assert_eq!(bench.receive(Y, ack(0)), nothing());
}

#[test]
fn a_timeout_answers_unavailable_with_who_acknowledged_and_rolls_nothing_back() {
    let mut bench = Bench::new(A, &spec(3, 3, 1, 3));
    bench.put(put(0));
    bench.receive(C, ack(0));
    assert_eq!(bench.expire(0), effects([reply(X, put_unavailable(0, [A, C]))]));
    assert_eq!(bench.held(), Some(&wrote(dot(A, 1), "v")));
}

#[test]
fn an_acknowledgement_of_a_later_state_counts_because_it_holds_the_write() {
    let mut bench = home();
    bench.put(put(0));
    let later = wrote_after(&wrote(dot(A, 1), "v"), VersionVector::new(), dot(B, 1), "later");
    let answer = reply(X, put_ok(0, [A, B]));
    assert_eq!(bench.receive(B, ack_of(0, &later)), effects([cancel_timer(0), answer]));
}

#[test]
fn an_acknowledgement_after_the_answer_does_nothing() {
    let mut bench = home();
    bench.put(put(0));
    bench.receive(B, ack(0));
    assert_eq!(bench.receive(C, ack(0)), nothing());
    bench.put(put(1));
    bench.expire(1);
    assert_eq!(bench.receive(B, ack(1)), nothing());
}

#[test]
fn a_timer_that_expires_after_the_answer_does_nothing() {
    let mut bench = home();
    bench.put(put(0));
    bench.receive(B, ack(0));
    assert_eq!(bench.expire(0), nothing());
    assert_eq!(bench.expire(9), nothing());
}

#[test]
fn a_retry_of_a_pending_put_asks_the_missing_homes_again_and_no_other() {
    let mut bench = Bench::new(A, &spec(3, 3, 1, 3));
    bench.put(put(0));
    bench.receive(B, ack(0));
    assert_eq!(bench.put(put(0)), effects([send(C, store(0, &wrote(dot(A, 1), "v")))]));
}

#[test]
fn a_retry_that_comes_another_way_is_answered_where_it_came_from() {
    let mut bench = home();
    bench.receive(D, Message::Put(put(0)));
    bench.put(put(0));
    assert_eq!(bench.receive(B, ack(0)), effects([cancel_timer(0), reply(X, put_ok(0, [A, B]))]));
}

#[test]
fn a_retry_sends_the_state_as_it_has_become_since() {
    let mut bench = home();
    bench.put(put(0));
    let newer = wrote_after(
        &wrote(dot(A, 1), "v"),
        context([dot(A, 1)]),
        dot(B, 1),
        "seen and overwritten",
    );
    bench.receive(B, repair(&newer));
    assert_eq!(bench.put(put(0)), effects([send(B, store(0, &newer)), send(C, store(0, &newer))]));
}

#[test]
fn a_retry_of_an_answered_put_is_answered_from_what_was_done_under_the_same_dot() {
    let mut bench = home();
    bench.put(put(0));
    bench.receive(B, ack(0));
    assert_eq!(bench.put(put(0)), effects([reply(X, put_ok(0, [A, B]))]));
    assert_eq!(bench.put(put(0)), effects([reply(X, put_ok(0, [A, B]))]));
    assert_eq!(bench.held(), Some(&wrote(dot(A, 1), "v")));
}

#[test]
fn a_retry_of_an_unavailable_put_resumes_it_under_the_same_dot() {
    let mut bench = Bench::new(A, &spec(3, 3, 1, 3));
    let state = wrote(dot(A, 1), "v");
    bench.put(put(0));
    bench.receive(B, ack(0));
    bench.expire(0);
    assert_eq!(bench.put(put(0)), effects([send(C, store(0, &state)), set_timer(0)]));
    let answer = reply(X, put_ok(0, [A, B, C]));
    assert_eq!(bench.receive(C, ack(0)), effects([cancel_timer(0), answer]));
    assert_eq!(bench.held(), Some(&state));
}

#[test]
fn a_home_takes_in_a_state_and_then_acknowledges() {
    let state = wrote(dot(B, 1), "theirs");
    let step = home().receive(B, store(0, &state));
    assert_eq!(
        step,
        Step { changes: vec![holds(&state)], effects: vec![send(B, ack_of(0, &state))] }
    );
}

#[test]
fn a_state_that_is_held_already_is_acknowledged_and_not_written_again() {
    let state = wrote(dot(B, 1), "theirs");
    assert_eq!(
        home().holding(&state).receive(B, store(0, &state)),
        effects([send(B, ack_of(0, &state))])
    );
}

#[test]
fn a_repair_is_taken_in_and_nobody_is_told() {
    let state = wrote(dot(B, 1), "theirs");
    let mut bench = home();
    assert_eq!(bench.receive(B, repair(&state)), changes([holds(&state)]));
    assert_eq!(bench.receive(B, repair(&state)), nothing());
}

#[test]
fn an_old_state_never_takes_a_newer_one_back() {
    let old = wrote(dot(B, 1), "old");
    let new = wrote_after(&old, old.context(), dot(B, 2), "new");
    let mut bench = home().holding(&new);
    assert_eq!(bench.receive(C, repair(&old)), nothing());
    assert_eq!(bench.receive(C, store(0, &old)), effects([send(C, ack_of(0, &old))]));
    assert_eq!(bench.held(), Some(&new));
}

#[test]
fn a_concurrent_state_is_merged_and_both_versions_stay() {
    let (mine, theirs) = (wrote(dot(B, 1), "mine"), wrote(dot(C, 1), "theirs"));
    let merged = Arc::new(mine.merged(&theirs));
    assert_eq!(home().holding(&mine).receive(C, repair(&theirs)), changes([holds(&merged)]));
    assert_eq!(merged.versions().count(), 2);
}

#[test]
fn a_node_that_is_no_home_neither_stores_nor_acknowledges_nor_shows_a_key() {
    let state = wrote(dot(B, 1), "theirs");
    let mut bench = Bench::new(D, &spec(4, 3, 2, 2));
    assert_eq!(bench.receive(B, store(0, &state)), nothing());
    assert_eq!(bench.receive(B, repair(&state)), nothing());
    assert_eq!(bench.receive(B, fetch(0)), nothing());
}

#[test]
fn a_record_of_another_versioning_is_neither_stored_nor_acknowledged() {
    let mut foreign = Record::empty(Versioning::LastWriteWins);
    foreign.put(&Write {
        dot: dot(B, 1),
        client: Y,
        context: VersionVector::new(),
        timestamp: Timestamp(1),
        value: Some(Value::from("theirs")),
    });
    let foreign = Arc::new(foreign);
    let mut bench = home();
    assert_eq!(bench.receive(B, store(0, &foreign)), nothing());
    assert_eq!(bench.receive(B, repair(&foreign)), nothing());
    assert_eq!(bench.held(), None);
}

#[test]
fn a_client_driven_put_is_minted_stored_and_handed_out_without_being_sent_on() {
    let state = wrote(dot(A, 1), "v");
    let minted = put_reply(0, PutOutcome::Minted { state: state.clone() });
    let mut bench = Bench::new(A, &fanning_out(spec(3, 3, 2, 2)));
    let step = bench.put(PutRequest { fan_out: FanOut::ClientDriven, ..put(0) });
    assert_eq!(
        step,
        Step {
            changes: vec![has_minted(1), holds_and_may_continue(&state, 0, 1, [0])],
            effects: vec![reply(X, minted)],
        }
    );
    assert!(!bench.replica.is_pending(request(0)));
}

#[test]
fn a_retry_of_a_client_driven_put_hands_out_the_present_state_without_a_second_dot() {
    let wish = PutRequest { fan_out: FanOut::ClientDriven, ..put(0) };
    let mut bench = Bench::new(A, &fanning_out(spec(3, 3, 2, 2)));
    bench.put(wish.clone());
    let theirs = wrote(dot(B, 1), "theirs");
    bench.receive(B, repair(&theirs));
    let state = Arc::new(wrote(dot(A, 1), "v").merged(&theirs));
    for _ in 0..2 {
        let minted = put_reply(0, PutOutcome::Minted { state: state.clone() });
        assert_eq!(bench.put(wish.clone()), effects([reply(X, minted)]));
    }
}

#[test]
fn a_home_acknowledges_to_a_client_that_fans_out_itself() {
    let state = wrote(dot(B, 1), "theirs");
    let step = Bench::new(A, &fanning_out(spec(3, 3, 2, 2))).receive(X, store(0, &state));
    let acknowledged = Effect::Send { to: X.into(), message: ack_of(0, &state) };
    assert_eq!(step, Step { changes: vec![holds(&state)], effects: vec![acknowledged] });
}

#[test]
fn with_one_home_a_put_is_answered_at_once_and_sent_nowhere() {
    let step = Bench::new(A, &spec(2, 1, 1, 1)).put(put(0));
    assert_eq!(step.effects, [reply(X, put_ok(0, [A]))]);
}
