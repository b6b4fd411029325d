//! Retries of puts that a node has minted and no longer carries: each is minted once.

use std::sync::Arc;

use quorate_protocol::cluster::{ClusterSpec, Limits};
use quorate_protocol::ids::{NodeId, RequestId};
use quorate_protocol::protocol::{Effect, FanOut, Message, PutOutcome, PutRequest, Step};
use quorate_protocol::versions::{Incarnation, Record, VersionVector};

use crate::bench::*;

/// Of the start after a crash.
const NEXT_LIFE: Incarnation = Incarnation(8);

fn home() -> Bench {
    Bench::new(A, &spec(4, 3, 2, 2))
}

/// D, which is no home, once it has given the homes up and coordinates the put itself. Gives
/// what it keeps.
fn fallback(cluster: &ClusterSpec) -> (Bench, Arc<Record>) {
    let mut bench = Bench::new(D, cluster);
    bench.put(put(0));
    bench.expire(0);
    // What a fallback mints belongs to an epoch of its own.
    let kept = wrote(dot_in(D, 1, 1), "v");
    assert_eq!(bench.kept_for(A), Some(&kept));
    (bench, kept)
}

fn sloppy(nodes: usize) -> ClusterSpec {
    ClusterSpec { sloppy: true, ..spec(nodes, 3, 2, 2) }
}

fn hint(home: NodeId, state: &Arc<Record>) -> Message {
    Message::StoreHint { request: request(0), home, key: key(), state: Arc::clone(state) }
}

/// Whether a node that has started again asks others under which identity it may mint: it does so
/// before its first new write, and at no retry that it recognises.
fn is_to_be_minted(step: &Step) -> bool {
    let asks =
        |effect: &Effect| matches!(effect, Effect::Send { message: Message::Register { .. }, .. });
    step.effects.iter().any(asks)
}

#[test]
fn a_put_whose_coordinator_restarted_is_sent_out_again_and_not_minted_again() {
    let mut bench = home();
    bench.put(put(0));
    bench.restart(NEXT_LIFE);
    let state = wrote(dot(A, 1), "v");
    let again = [send(B, store(0, &state)), send(C, store(0, &state)), set_timer(0)];
    assert_eq!(bench.put(put(0)), effects(again));
    assert_eq!(bench.receive(C, ack(0)), effects([cancel_timer(0), reply(X, put_ok(0, [A, C]))]));
}

#[test]
fn what_is_sent_out_again_is_what_the_coordinator_holds_by_then() {
    let mut bench = home();
    bench.put(put(0));
    let minted = wrote(dot(A, 1), "v");
    let later = wrote_after(&minted, minted.context(), dot(B, 1), "later");
    bench.receive(B, repair(&later));
    bench.restart(NEXT_LIFE);
    let again = [send(B, store(0, &later)), send(C, store(0, &later)), set_timer(0)];
    assert_eq!(bench.put(put(0)), effects(again));
}

#[test]
fn a_put_that_is_resumed_needs_as_many_acknowledgements_as_it_asks_for() {
    let mut bench = home();
    let wish = PutRequest { w: Some(1), ..put(0) };
    bench.put(wish.clone());
    bench.restart(NEXT_LIFE);
    let state = wrote(dot(A, 1), "v");
    let again = [send(B, store(0, &state)), send(C, store(0, &state)), reply(X, put_ok(0, [A]))];
    assert_eq!(bench.put(wish), effects(again));
}

#[test]
fn a_put_that_was_forgotten_among_the_finished_is_not_minted_again() {
    let limits = Limits { finished_max: 1, ..Limits::default() };
    let mut bench = Bench::with_limits(A, &spec(3, 3, 2, 1), limits);
    bench.put(put(0));
    bench.put(put(1));
    assert!(bench.replica.finished().eq([request(1)]));
    assert_eq!(bench.put(put(0)).changes, []);
}

#[test]
fn a_client_driven_put_whose_home_restarted_is_handed_out_again_and_not_minted_again() {
    let wish = PutRequest { fan_out: FanOut::ClientDriven, ..put(0) };
    let mut bench = Bench::new(A, &fanning_out(spec(3, 3, 2, 2)));
    bench.put(wish.clone());
    bench.restart(NEXT_LIFE);
    let minted = put_reply(0, PutOutcome::Minted { state: wrote(dot(A, 1), "v") });
    assert_eq!(bench.put(wish), effects([reply(X, minted)]));
}

#[test]
fn a_fallback_that_restarted_resumes_what_it_coordinated_and_asks_no_home_for_another_dot() {
    let (mut bench, kept) = fallback(&sloppy(4));
    bench.restart(NEXT_LIFE);
    let homes = [A, B, C].map(|home| send(home, store(0, &kept)));
    let again: Vec<_> = homes.into_iter().chain([set_timer(0)]).collect();
    assert_eq!(bench.put(put(0)), effects(again));
    assert_eq!(bench.receive(B, ack(0)), effects([cancel_timer(0), reply(X, put_ok(0, [D, B]))]));
}

#[test]
fn a_fallback_that_restarted_asks_the_further_fallbacks_again() {
    let (mut bench, kept) = fallback(&sloppy(5));
    let further = NodeId(4);
    bench.restart(NEXT_LIFE);
    let step = bench.put(put(0));
    assert!(step.effects.contains(&send(further, hint(B, &kept))), "{step:?}");
    assert_eq!(step.changes, []);
}

#[test]
fn what_a_fallback_minted_is_recognised_while_more_is_merged_into_its_hint() {
    let (mut bench, kept) = fallback(&sloppy(4));
    let theirs = wrote(dot(B, 1), "theirs");
    bench.receive(B, hint(A, &theirs));
    bench.restart(NEXT_LIFE);
    let both = Arc::new(kept.merged(&theirs));
    let step = bench.put(put(0));
    assert_eq!(step.changes, []);
    assert!(step.effects.contains(&send(A, store(0, &both))), "{step:?}");
}

#[test]
fn as_many_minted_requests_of_a_key_are_kept_as_the_limit_says_and_survive_merges() {
    let limits = Limits { requests_max: 2, ..Limits::default() };
    let mut bench = Bench::with_limits(A, &spec(3, 3, 2, 1), limits);
    for sequence in 0..3 {
        bench.put(put(sequence));
    }
    bench.receive(B, repair(&wrote(dot(B, 1), "theirs")));
    let entry = bench.store.get(&key()).expect("the key was written");
    assert!(entry.requests.iter().eq([request(1), request(2)]));
    bench.restart(NEXT_LIFE);
    assert!(!is_to_be_minted(&bench.put(put(1))));
    assert!(is_to_be_minted(&bench.put(put(0))), "what is forgotten is a new write");
}

#[test]
fn a_request_of_another_client_or_key_is_a_new_write() {
    let mut bench = home();
    bench.put(put(0));
    bench.restart(NEXT_LIFE);
    let of_another = RequestId { client: Y, sequence: 0 };
    assert!(is_to_be_minted(&bench.put(PutRequest { request: of_another, ..put(0) })));
    let mut bench = home();
    bench.put(put(0));
    bench.restart(NEXT_LIFE);
    assert!(is_to_be_minted(&bench.put(PutRequest { key: "other".into(), ..put(0) })));
}

#[test]
fn a_home_that_was_only_sent_a_write_has_not_minted_it() {
    let theirs = wrote(dot(B, 1), "theirs");
    let mut bench = home();
    bench.receive(B, store(0, &theirs));
    let after = wrote_after(&theirs, VersionVector::new(), dot(A, 1), "v");
    assert_eq!(bench.put(put(0)).changes[1], holds_and_may_continue(&after, 0, 1, [0]));
}

#[test]
fn an_overloaded_node_is_silent_about_a_put_it_minted_in_an_earlier_life() {
    let limits = Limits { pending_max: 1, ..Limits::default() };
    let mut bench = Bench::with_limits(A, &spec(3, 3, 2, 2), limits);
    bench.put(put(0));
    bench.restart(NEXT_LIFE);
    bench.put(put(1));
    // A refusal would say that nothing was stored.
    assert_eq!(bench.put(put(0)), nothing());
}
