//! Rounds of questions about a tombstone.

use std::sync::Arc;

use quorate_protocol::cluster::{Background, ClusterSpec, Reaping};
use quorate_protocol::protocol::{Change, Effect, Input, Message, ReapRound, Step, Timer};
use quorate_protocol::versions::{Record, VersionVector, Write};

use crate::bench::*;

fn reaping() -> ClusterSpec {
    let background = Background { reaping: Reaping::Agreed, ..Background::OFF };
    ClusterSpec { background, ..spec(2, 2, 1, 1) }
}

/// A tombstone that has seen nothing.
fn tombstone() -> Arc<Record> {
    let mut state = Record::empty(Default::default());
    state.put(&Write {
        dot: dot(B, 1),
        client: X,
        context: VersionVector::new(),
        timestamp: Default::default(),
        value: None,
    });
    Arc::new(state)
}

/// A, holding the tombstone.
fn home() -> Bench {
    Bench::new(A, &reaping()).holding(&tombstone())
}

fn look(bench: &mut Bench) -> Step {
    bench.take(Input::Expire(Timer::Reap))
}

fn settle(bench: &mut Bench) -> Step {
    bench.take(Input::Expire(Timer::Settled))
}

fn ask(round: u64) -> Message {
    Message::ReapAsk { round: ReapRound(round), key: key(), state: tombstone() }
}

fn agree(round: u64) -> Message {
    Message::ReapAgree { round: ReapRound(round), key: key(), held: tombstone().digest() }
}

fn looks_again() -> Effect {
    Effect::SetTimer(Timer::Reap)
}

fn waits() -> Step {
    effects([Effect::SetTimer(Timer::Settled)])
}

#[test]
fn an_answer_names_the_round_in_which_it_was_asked_for() {
    assert_eq!(home().receive(B, ask(5)), effects([send(B, agree(5))]));
}

#[test]
fn a_tombstone_goes_after_two_rounds_and_a_wait_after_each() {
    let mut bench = home();
    assert_eq!(look(&mut bench), effects([looks_again(), send(B, ask(0))]));
    assert_eq!(bench.receive(B, agree(0)), waits());
    assert_eq!(settle(&mut bench), effects([send(B, ask(1))]));
    assert_eq!(bench.receive(B, agree(1)), waits());
    let reap = Message::Reap { key: key(), held: tombstone().digest() };
    let changes = [Change::RemoveEntry { key: key() }].into();
    assert_eq!(settle(&mut bench), Step { changes, effects: [send(B, reap)].into() });
}

#[test]
fn a_late_agreement_of_the_first_round_does_not_count_for_the_second() {
    let mut bench = home();
    look(&mut bench);
    bench.receive(B, agree(0));
    settle(&mut bench);
    assert_eq!(bench.receive(B, agree(0)), nothing());
    assert_eq!(settle(&mut bench), nothing());
    assert_eq!(bench.held(), Some(&tombstone()));
}

#[test]
fn an_agreement_of_a_round_that_was_given_up_does_not_count() {
    let mut bench = home();
    look(&mut bench);
    assert_eq!(look(&mut bench), effects([looks_again(), send(B, ask(1))]));
    assert_eq!(bench.receive(B, agree(0)), nothing());
    assert_eq!(bench.receive(B, agree(1)), waits());
}

#[test]
fn a_node_that_starts_again_asks_nothing_for_two_waits() {
    let mut bench = home();
    look(&mut bench);
    let started = bench.restart(INCARNATION);
    assert_eq!(started.effects, [looks_again(), Effect::SetTimer(Timer::Settled)]);
    for rest in [waits(), nothing()] {
        assert_eq!(look(&mut bench), effects([looks_again()]));
        assert_eq!(bench.receive(B, agree(0)), nothing());
        assert_eq!(settle(&mut bench), rest);
    }
    assert_eq!(look(&mut bench), effects([looks_again(), send(B, ask(0))]));
}
