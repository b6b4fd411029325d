//! A node that lost its disk asks the other homes what they hold, and serves once they have told.

use std::sync::Arc;

use quorate_protocol::cluster::ClusterSpec;
use quorate_protocol::deviation::Deviation;
use quorate_protocol::ids::{Key, NodeId};
use quorate_protocol::protocol::{Awaited, Input, MemoryStore, Message, Step, Timer};
use quorate_protocol::versions::{Incarnation, Record};

use crate::bench::*;

/// Another home, of five.
const E: NodeId = NodeId(4);

const FIRST: Incarnation = Incarnation(8);
const SECOND: Incarnation = Incarnation(9);

/// A home of three that starts on an empty disk.
fn emptied(spec: &ClusterSpec, token: Incarnation) -> (Bench, Step) {
    let mut bench = Bench::new(A, spec);
    let step = lose_disk(&mut bench, token);
    (bench, step)
}

fn lose_disk(bench: &mut Bench, token: Incarnation) -> Step {
    bench.store = MemoryStore::default();
    bench.take(Input::Start { incarnation: token, founding: false })
}

fn asks(token: Incarnation, after: Option<Key>) -> Message {
    Message::CatchUp { token, after }
}

/// Everything that a home holds.
fn all(token: Incarnation, state: Option<&Arc<Record>>) -> Message {
    let entries = state.map(|state| (key(), Arc::clone(state))).into_iter().collect();
    Message::CatchUpPage { token, after: None, entries, next: None, is_caught_up: true }
}

/// That a home has nothing to tell.
fn catches_up_itself(token: Incarnation) -> Message {
    let (after, entries, next, is_caught_up) = (None, Vec::new(), None, false);
    Message::CatchUpPage { token, after, entries, next, is_caught_up }
}

#[test]
fn each_start_asks_under_its_own_token_and_is_answered_under_it() {
    let (mut bench, step) = emptied(&spec(3, 3, 2, 2), FIRST);
    assert_eq!(&step.effects[..2], [B, C].map(|other| send(other, asks(FIRST, None))));
    let step = lose_disk(&mut bench, SECOND);
    assert_eq!(&step.effects[..2], [B, C].map(|other| send(other, asks(SECOND, None))));

    let state = wrote(dot(B, 1), "v");
    let mut other = Bench::new(B, &spec(3, 3, 2, 2)).holding(&state);
    let answered = other.receive(A, asks(SECOND, None));
    assert_eq!(answered, effects([send(A, all(SECOND, Some(&state)))]));
}

#[test]
fn what_an_earlier_start_was_told_is_not_taken_in() {
    let (mut bench, _) = emptied(&spec(3, 3, 2, 2), SECOND);
    let state = wrote(dot(B, 1), "v");
    for other in [B, C] {
        assert_eq!(bench.receive(other, all(FIRST, Some(&state))), nothing());
    }
    assert!(!bench.replica.serves());
    bench.receive(B, all(SECOND, None));
    bench.receive(C, all(SECOND, None));
    assert!(bench.replica.serves());
}

#[test]
fn it_is_taken_in_by_one_that_does_not_look_whom_a_page_is_for() {
    let deviations = vec![Deviation::CatchUpUnnamed];
    let spec = ClusterSpec { deviations, ..spec(3, 3, 2, 2) };
    let (mut bench, _) = emptied(&spec, SECOND);
    bench.receive(B, all(FIRST, None));
    bench.receive(C, all(FIRST, None));
    assert!(bench.replica.serves());
}

#[test]
fn the_next_page_is_asked_for_under_the_same_token() {
    let (mut bench, _) = emptied(&spec(3, 3, 2, 2), FIRST);
    let entries = vec![(key(), wrote(dot(B, 1), "v"))];
    let (token, next) = (FIRST, Some(key()));
    let page = Message::CatchUpPage { token, after: None, entries, next, is_caught_up: true };
    let step = bench.receive(B, page);
    assert_eq!(step.effects, [send(B, asks(FIRST, Some(key())))]);
}

/// Five homes, N - W + 1 = 3.
fn five() -> ClusterSpec {
    spec(5, 5, 3, 3)
}

#[test]
fn a_home_that_has_been_told_enough_waits_for_an_answer_of_all_others() {
    let (mut bench, _) = emptied(&five(), FIRST);
    for (other, missing, unanswered) in
        [(C, 2, set([B, D, E])), (D, 1, set([B, E])), (E, 0, set([B]))]
    {
        bench.receive(other, all(FIRST, None));
        let awaited = bench.replica.awaited(&bench.config);
        let [Awaited { missing: found, unanswered: silent, .. }] = awaited[..] else {
            panic!("{awaited:?}")
        };
        assert_eq!((found, silent), (missing, unanswered));
    }
    bench.receive(B, catches_up_itself(FIRST));
    assert!(bench.replica.serves());
}

#[test]
fn who_catches_up_itself_answers_and_is_none_of_those_who_told_enough() {
    let (mut bench, _) = emptied(&five(), FIRST);
    for (other, page) in [
        (B, catches_up_itself(FIRST)),
        (C, catches_up_itself(FIRST)),
        (D, all(FIRST, None)),
        (E, all(FIRST, None)),
    ] {
        bench.receive(other, page);
        assert!(!bench.replica.serves());
    }
    // It is asked again.
    let step = bench.take(Input::Expire(Timer::CatchUp));
    assert_eq!(&step.effects[..2], [B, C].map(|other| send(other, asks(FIRST, None))));
    bench.receive(B, all(FIRST, None));
    assert!(bench.replica.serves());
}

#[test]
fn what_a_home_told_before_it_lost_its_disk_is_asked_for_again_from_the_beginning() {
    let (mut bench, _) = emptied(&five(), FIRST);
    let (token, next, entries) = (FIRST, Some(key()), vec![(key(), wrote(dot(B, 1), "v"))]);
    let page = Message::CatchUpPage { token, after: None, entries, next, is_caught_up: true };
    bench.receive(B, page);
    let (after, entries) = (Some(key()), Vec::new());
    let lost = Message::CatchUpPage { token, after, entries, next: None, is_caught_up: false };
    bench.receive(B, lost);
    let step = bench.take(Input::Expire(Timer::CatchUp));
    assert_eq!(step.effects[0], send(B, asks(FIRST, None)));
}

#[test]
fn a_node_that_catches_up_says_so_where_it_is_waited_for_without_being_taken_in() {
    let (mut bench, _) = emptied(&five(), FIRST);
    assert_eq!(bench.receive(B, asks(SECOND, None)), effects([send(B, catches_up_itself(SECOND))]));
    let (mut bench, _) = emptied(&spec(3, 3, 2, 2), FIRST);
    assert_eq!(bench.receive(B, asks(SECOND, None)), nothing());
}
