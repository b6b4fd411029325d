//! Starting, restarting, and naming writes so that no dot is minted twice.

use std::sync::Arc;

use quorate_protocol::cluster::{ClusterSpec, Limits};
use quorate_protocol::ids::{NodeId, Timestamp};
use quorate_protocol::protocol::{
    Change, Entry, FanOut, Identity, Input, MemoryStore, Message, PutOutcome, PutRequest, Step,
};
use quorate_protocol::versions::{
    ActorId, Dot, Epoch, Incarnation, Life, Record, VersionVector, Write,
};

use crate::bench::*;

fn home() -> Bench {
    Bench::new(A, &spec(4, 3, 2, 2))
}

/// A blind put that is answered at once: the state shows every dot that was minted.
fn minted(bench: &mut Bench, sequence: u64) -> Step {
    bench.put(PutRequest { w: Some(1), ..put(sequence) })
}

#[test]
fn a_start_on_a_fresh_store_takes_the_offered_incarnation() {
    let mut bench = home();
    bench.store = MemoryStore::default();
    let step = bench.restart(Incarnation(9));
    assert_eq!(step, changes([Change::Identity(fresh_identity(Incarnation(9)))]));
}

#[test]
fn a_start_on_an_old_store_keeps_its_incarnation_for_now_and_begins_a_life() {
    let mut bench = home();
    minted(&mut bench, 0);
    let identity = Identity { life: Life(1), minted: 1, ..fresh_identity(INCARNATION) };
    assert_eq!(bench.restart(Incarnation(9)), changes([Change::Identity(identity)]));
    let identity = Identity { life: Life(2), ..identity };
    assert_eq!(bench.restart(Incarnation(10)), changes([Change::Identity(identity)]));
}

#[test]
fn after_the_last_life_of_an_incarnation_a_start_takes_a_fresh_one() {
    let mut bench = home();
    let last = Identity { life: Life::MAX, ..fresh_identity(INCARNATION) };
    bench.store.apply([Change::Identity(last)]);
    let step = bench.restart(Incarnation(9));
    assert_eq!(step, changes([Change::Identity(fresh_identity(Incarnation(9)))]));
}

#[test]
fn a_start_forgets_the_requests_in_flight_and_keeps_what_was_stored() {
    let mut bench = home();
    bench.put(put(0));
    bench.get(get(1));
    bench.restart(Incarnation(9));
    assert_eq!(bench.replica.pending_count(), 0);
    assert_eq!(bench.replica.finished().count(), 0);
    assert_eq!(bench.held(), Some(&wrote(dot(A, 1), "v")));
    assert_eq!(bench.receive(B, ack(0)), nothing());
    assert_eq!(bench.receive(B, fetched(1, None)), nothing());
    assert_eq!(bench.expire(0), nothing());
}

#[test]
fn the_first_write_of_a_key_begins_its_first_run_and_the_next_one_counts_on() {
    let mut bench = home();
    let one = wrote(dot(A, 1), "v");
    assert_eq!(
        minted(&mut bench, 0).changes,
        [has_minted(1), holds_and_may_continue(&one, 0, 1, [0])]
    );
    let two = wrote_after(&one, VersionVector::new(), dot(A, 2), "v");
    assert_eq!(
        minted(&mut bench, 1).changes,
        [has_minted(2), holds_and_may_continue(&two, 0, 2, [0, 1])]
    );
}

#[test]
fn counters_are_of_all_keys_together() {
    let mut bench = home();
    minted(&mut bench, 0);
    let other = PutRequest { key: "other".into(), ..put(1) };
    assert_eq!(bench.put(other).changes[0], has_minted(2));
}

#[test]
fn a_node_that_takes_in_more_from_its_peers_continues_its_run() {
    let mut bench = home();
    minted(&mut bench, 0);
    let theirs = wrote(dot(B, 1), "theirs");
    let both = Arc::new(wrote(dot(A, 1), "v").merged(&theirs));
    let step = bench.receive(B, repair(&theirs));
    assert_eq!(step, changes([holds_and_may_continue(&both, 0, 1, [0])]));
}

#[test]
fn a_peer_that_knows_a_later_counter_of_this_node_makes_it_take_a_fresh_epoch() {
    let mut bench = home();
    minted(&mut bench, 0);
    // The node once minted a second dot, then came back with an older disk.
    let later = wrote_after(&wrote(dot(A, 1), "v"), context([dot(A, 1)]), dot(A, 2), "forgotten");
    let entry =
        Entry { requests: [request(0)].into_iter().collect(), ..Entry::received(later.clone()) };
    let ended = Change::Entry { key: key(), entry };
    assert_eq!(bench.receive(B, repair(&later)), changes([ended]));
    let next = wrote_after(&later, VersionVector::new(), dot_in(A, 1, 2), "v");
    assert_eq!(
        minted(&mut bench, 1).changes,
        [has_minted_in_fresh_epoch(2, 2), holds_and_may_continue(&next, 1, 2, [0, 1])]
    );
}

#[test]
fn a_client_that_has_seen_a_later_counter_of_this_node_makes_it_take_a_fresh_epoch() {
    let mut bench = home();
    minted(&mut bench, 0);
    // As above, but it is the client's context that knows of the forgotten dot.
    let seen = context([dot(A, 2)]);
    let next = wrote_after(&wrote(dot(A, 1), "v"), seen.clone(), dot_in(A, 1, 2), "v");
    let step = bench.put(PutRequest { context: seen, ..put(1) });
    let expected = [has_minted_in_fresh_epoch(2, 2), holds_and_may_continue(&next, 1, 2, [0, 1])];
    assert_eq!(step.changes, expected);
}

/// What a client claims to have seen of a node's writes, though the node never made them.
fn claims_of(node: NodeId) -> [VersionVector; 3] {
    [
        context([dot(node, u64::MAX)]),
        context([dot(node, 5), dot_in(node, 1, 7), dot_in(node, 2, 1)]),
        (0..100).map(|epoch| dot_in(node, epoch, 9)).collect(),
    ]
}

#[test]
fn no_version_is_minted_that_its_own_context_covers_whatever_its_client_claims_to_have_seen() {
    for claim in claims_of(A) {
        for earlier in [0, 1, 2] {
            let mut bench = home();
            for sequence in 0..earlier {
                minted(&mut bench, sequence);
            }
            bench.put(PutRequest { w: Some(1), context: claim.clone(), ..put(7) });
            bench.put(PutRequest { w: Some(1), context: claim.clone(), ..put(8) });
            let held = bench.held().expect("two puts were acknowledged").clone();
            let dots: Vec<Dot> = held.versions().map(|(dot, _)| dot).collect();
            assert!(dots.len() >= 2, "{claim}: {held}");
            assert!(dots.iter().rev().take(2).all(|dot| !claim.covers(*dot)), "{claim}: {held}");
            // Another home that was told the same and has seen nothing of it keeps it all.
            let mut other = Record::empty(held.versioning());
            let write = Write {
                dot: dot(B, 1),
                client: Y,
                context: claim.clone(),
                timestamp: Timestamp(0),
                value: None,
            };
            other.put(&write);
            other.merge(&held);
            assert!(
                dots.iter()
                    .rev()
                    .take(2)
                    .all(|dot| { other.versions().any(|(kept, _)| kept == *dot) })
            );
        }
    }
}

#[test]
fn a_fallback_mints_no_version_that_its_clients_context_covers() {
    for claim in claims_of(D) {
        let cluster = ClusterSpec { sloppy: true, ..spec(4, 3, 2, 1) };
        let mut bench = Bench::new(D, &cluster);
        bench.put(PutRequest { context: claim.clone(), ..put(0) });
        bench.expire(0);
        let kept = bench.kept_for(A).expect("the put is kept");
        assert!(kept.versions().all(|(dot, _)| !claim.covers(dot)), "{claim}: {kept}");
    }
}

#[test]
fn a_node_that_lost_its_disk_mints_under_its_fresh_incarnation_whatever_it_is_sent_back() {
    let once = wrote(dot(A, 5), "once");
    let mut bench = home();
    bench.store = MemoryStore::default();
    bench.restart(Incarnation(9));
    bench.receive(B, repair(&once));
    minted(&mut bench, 0);
    let (node, incarnation, epoch) = (A, Incarnation(9), Epoch(0));
    let fresh = Dot { actor: ActorId::Node { node, incarnation, epoch }, counter: 1 };
    assert_eq!(bench.held(), Some(&wrote_after(&once, VersionVector::new(), fresh, "v")));
}

#[test]
fn a_node_that_took_a_key_in_before_it_ever_wrote_it_begins_its_first_run() {
    let theirs = wrote(dot(B, 5), "theirs");
    let mut bench = home().holding(&theirs);
    let next = wrote_after(&theirs, VersionVector::new(), dot(A, 1), "v");
    let changes = [has_minted(1), holds_and_may_continue(&next, 0, 1, [0])];
    assert_eq!(minted(&mut bench, 0).changes, changes);
}

#[test]
fn finished_puts_are_remembered_up_to_their_limit_oldest_forgotten_first() {
    let limits = Limits { finished_max: 2, ..Limits::default() };
    let mut bench = Bench::with_limits(A, &spec(3, 3, 2, 2), limits);
    for sequence in 0..3 {
        bench.put(put(sequence));
        bench.receive(B, ack(sequence));
    }
    assert!(bench.replica.finished().eq([request(1), request(2)]));
    assert_eq!(bench.put(put(1)), effects([reply(X, put_ok(1, [A, B]))]));
}

#[test]
fn finished_puts_are_weighed_with_their_keys_and_the_oldest_forgotten_first() {
    let limits = Limits { finished_bytes_max: 4_096, ..Limits::default() };
    let mut bench = Bench::with_limits(A, &spec(3, 3, 2, 1), limits);
    let long = |sequence| PutRequest { key: "k".repeat(1_500).as_str().into(), ..put(sequence) };
    bench.put(long(0));
    bench.put(long(1));
    assert!(bench.replica.finished().eq([request(0), request(1)]));
    bench.put(long(2));
    assert!(bench.replica.finished().eq([request(1), request(2)]));
    bench.put(put(3));
    assert!(bench.replica.finished().eq([request(1), request(2), request(3)]));
}

#[test]
fn a_retry_that_is_answered_becomes_the_newest_of_the_finished_puts() {
    let limits = Limits { finished_max: 2, ..Limits::default() };
    let mut bench = Bench::with_limits(A, &spec(3, 3, 2, 1), limits);
    bench.put(put(0));
    bench.put(put(1));
    bench.put(put(0));
    bench.put(put(2));
    assert!(bench.replica.finished().eq([request(0), request(2)]));
}

#[test]
fn forwarded_and_client_driven_puts_are_bounded_too() {
    let limits = Limits { finished_max: 1, ..Limits::default() };
    let mut bench = Bench::with_limits(D, &spec(4, 3, 2, 2), limits);
    for sequence in 0..3 {
        bench.put(put(sequence));
        bench.receive(A, Message::ProbeReply { request: request(sequence) });
        bench.expire(sequence);
    }
    assert!(bench.replica.finished().eq([request(2)]));
    let mut bench = Bench::with_limits(A, &fanning_out(spec(4, 3, 2, 2)), limits);
    for sequence in 0..3 {
        bench.put(PutRequest { fan_out: FanOut::ClientDriven, ..put(sequence) });
    }
    assert!(bench.replica.finished().eq([request(2)]));
}

#[test]
fn a_start_is_the_only_input_that_writes_a_fresh_identity() {
    let mut bench = home();
    let inputs = [
        Input::Receive { from: B.into(), message: ack(0) },
        Input::Receive {
            from: B.into(),
            message: put_reply(0, PutOutcome::Ok { acked: set([B]) }),
        },
        Input::Receive { from: B.into(), message: fetch(0) },
    ];
    for input in inputs {
        assert_eq!(bench.take(input).changes, []);
    }
}
