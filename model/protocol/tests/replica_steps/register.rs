//! Keeping an incarnation over a restart: who is asked, who agrees, and what waits meanwhile.

use std::sync::Arc;

use quorate_protocol::deviation::Deviation;
use quorate_protocol::protocol::{
    Change, Effect, Identity, Input, MemoryStore, Message, PutRequest, Registration, Step, Timer,
};
use quorate_protocol::versions::{ActorId, Dot, Epoch, Incarnation, Life, VersionVector};

use crate::bench::*;

/// What tells the second start of a node from the first.
const TOKEN: Incarnation = Incarnation(9);

/// A home that has written twice and starts again.
fn restarted() -> Bench {
    let mut bench = Bench::new(A, &spec(4, 3, 2, 2));
    for sequence in 0..2 {
        bench.put(PutRequest { w: Some(1), ..put(sequence) });
    }
    bench.restart(TOKEN);
    bench
}

fn register(life: u32, token: Incarnation, minted: u64) -> Message {
    Message::Register { incarnation: INCARNATION, life: Life(life), token, minted }
}

fn registered(agrees: bool) -> Message {
    Message::Registered { token: TOKEN, agrees }
}

fn expire_register(bench: &mut Bench) -> Step {
    bench.take(Input::Expire(Timer::Register))
}

/// The dot of the first write of a life.
fn dot_of_life(life: u32) -> Dot {
    dot(A, Life(life).counter(1))
}

fn under_candidate(counter: u64) -> Dot {
    let (node, incarnation, epoch) = (A, TOKEN, Epoch(0));
    Dot { actor: ActorId::Node { node, incarnation, epoch }, counter }
}

/// The versions that a bench holds, by dot.
fn dots(bench: &Bench) -> Vec<Dot> {
    bench.held().expect("something is held").versions().map(|(dot, _)| dot).collect()
}

#[test]
fn a_node_that_has_started_again_asks_everybody_before_its_first_put_and_not_earlier() {
    let mut bench = restarted();
    bench.get(get(7));
    let asked = register(1, TOKEN, 2);
    let step = bench.put(put(2));
    assert_eq!(step.changes, []);
    let asks = [B, C, D].map(|other| send(other, asked.clone()));
    assert_eq!(step.effects[..3], asks);
    assert_eq!(step.effects[3..], [Effect::SetTimer(Timer::Register)]);
    assert!(bench.replica.is_pending(request(2)));
    assert_eq!(bench.put(put(3)), nothing(), "a second put asks nobody again");
    assert_eq!(bench.put(put(2)), nothing(), "nor does a retry, which waits once");
    assert_eq!(bench.replica.waiting_to_mint().count(), 2);
}

#[test]
fn when_all_agree_the_incarnation_is_kept_and_the_run_goes_on_in_the_new_life() {
    let mut bench = restarted();
    let before = bench.held().unwrap().clone();
    bench.put(put(2));
    assert_eq!(bench.receive(B, registered(true)), nothing());
    assert_eq!(bench.receive(B, registered(true)), nothing(), "a copy counts once");
    assert_eq!(bench.receive(C, registered(true)), nothing());
    let step = bench.receive(D, registered(true));
    let after = wrote_after(&before, VersionVector::new(), dot_of_life(1), "v");
    let counter = dot_of_life(1).counter;
    let identity = Identity { life: Life(1), minted: counter, ..fresh_identity(INCARNATION) };
    let registration = Registration::next(None, Life(1), TOKEN, 2);
    assert_eq!(
        step.changes,
        [
            Change::Registration { node: A, incarnation: INCARNATION, registration },
            Change::Identity(identity),
            holds_and_may_continue(&after, 0, counter, [0, 1, 2]),
        ]
    );
    assert_eq!(step.effects[0], Effect::CancelTimer(Timer::Register));
    assert_eq!(after.context().iter().count(), 1, "one entry for the two lives");
    assert_eq!(bench.put(PutRequest { w: Some(1), ..put(3) }).effects.len(), 3, "nobody is asked");
}

#[test]
fn one_that_does_not_agree_makes_a_node_take_a_fresh_incarnation() {
    let mut bench = restarted();
    bench.put(put(2));
    bench.receive(B, registered(true));
    let step = bench.receive(C, registered(false));
    let identity = Identity { minted: 1, ..fresh_identity(TOKEN) };
    assert!(step.changes.contains(&Change::Identity(identity)));
    assert!(dots(&bench).contains(&under_candidate(1)));
    assert_eq!(bench.receive(D, registered(true)), nothing(), "the rest comes too late");
}

#[test]
fn too_few_answers_make_a_node_take_a_fresh_incarnation() {
    let mut bench = restarted();
    bench.put(put(2));
    bench.receive(B, registered(true));
    expire_register(&mut bench);
    assert!(dots(&bench).contains(&under_candidate(1)));
    assert_eq!(expire_register(&mut bench), nothing());
}

#[test]
fn an_answer_to_an_earlier_start_counts_for_nothing() {
    let mut bench = restarted();
    bench.put(put(2));
    let late = Message::Registered { token: INCARNATION, agrees: false };
    assert_eq!(bench.receive(B, late), nothing());
    assert!(bench.replica.waits_to_mint(request(2)));
}

#[test]
fn a_crash_while_it_asks_leaves_the_life_used() {
    let mut bench = restarted();
    bench.put(put(2));
    bench.restart(Incarnation(10));
    let step = bench.put(put(3));
    assert_eq!(step.effects[0], send(B, register(2, Incarnation(10), 2)));
}

#[test]
fn puts_that_waited_are_taken_one_a_step_in_the_order_in_which_they_came() {
    let mut bench = restarted();
    for sequence in 2..5 {
        bench.put(put(sequence));
    }
    let step = expire_register(&mut bench);
    assert_eq!(step.effects.last(), Some(&Effect::SetTimer(Timer::Waiting)));
    let waiting = |bench: &Bench| -> Vec<_> {
        bench.replica.waiting_to_mint().map(|put| put.request.sequence).collect()
    };
    assert_eq!(waiting(&bench), [3, 4]);
    let step = bench.take(Input::Expire(Timer::Waiting));
    assert_eq!(step.effects.last(), Some(&Effect::SetTimer(Timer::Waiting)));
    bench.take(Input::Expire(Timer::Waiting));
    assert!(waiting(&bench).is_empty());
    assert_eq!(bench.take(Input::Expire(Timer::Waiting)), nothing());
    assert!([1, 2, 3].iter().all(|counter| dots(&bench).contains(&under_candidate(*counter))));
}

#[test]
fn a_node_that_has_nobody_to_ask_takes_a_fresh_incarnation() {
    let mut bench = Bench::new(A, &spec(1, 1, 1, 1));
    bench.put(put(0));
    bench.restart(TOKEN);
    let step = bench.put(put(1));
    assert_eq!(step.effects.len(), 1, "an answer to the client, and nothing else");
    assert!(dots(&bench).contains(&under_candidate(1)));
}

#[test]
fn a_node_that_is_sent_back_what_it_forgot_takes_a_fresh_incarnation_unasked() {
    let mut bench = restarted();
    bench.receive(B, repair(&wrote(dot(A, 5), "forgotten")));
    let step = bench.put(PutRequest { w: Some(1), ..put(2) });
    assert!(step.effects.iter().all(|effect| match effect {
        Effect::Send { message, .. } => message.kind() == "Store",
        _ => true,
    }));
    assert!(dots(&bench).contains(&under_candidate(1)));
}

#[test]
fn a_node_that_catches_up_agrees_to_nothing() {
    let mut bench = Bench::new(B, &spec(3, 3, 2, 2));
    bench.store = MemoryStore::default();
    bench.take(Input::Start { incarnation: INCARNATION, founding: false });
    assert_eq!(bench.receive(A, register(1, TOKEN, 0)), nothing());
}

/// What B answers, and whether it made a note.
fn asked(bench: &mut Bench, message: Message) -> (bool, bool) {
    let step = bench.receive(A, message);
    let [Effect::Send { to, message: Message::Registered { agrees, .. } }] = &step.effects[..]
    else {
        panic!("one answer: {step:?}");
    };
    assert_eq!(*to, A.into());
    (*agrees, !step.changes.is_empty())
}

#[test]
fn a_life_is_agreed_to_once_and_no_earlier_one_after_it() {
    let mut bench = Bench::new(B, &spec(3, 3, 2, 2));
    assert_eq!(asked(&mut bench, register(2, TOKEN, 0)), (true, true));
    assert_eq!(asked(&mut bench, register(2, TOKEN, 0)), (true, false), "a copy of the question");
    assert_eq!(asked(&mut bench, register(2, Incarnation(10), 0)), (false, false));
    assert_eq!(asked(&mut bench, register(1, Incarnation(10), 0)), (false, false));
    bench.restart(INCARNATION);
    assert_eq!(asked(&mut bench, register(2, Incarnation(10), 0)), (false, false), "it is durable");
    assert_eq!(asked(&mut bench, register(3, Incarnation(10), 0)), (true, true));
}

#[test]
fn a_node_that_has_seen_more_than_the_asker_knows_of_does_not_agree() {
    let mut bench = Bench::new(B, &spec(4, 3, 2, 2)).holding(&wrote(dot(A, 3), "later"));
    assert_eq!(asked(&mut bench, register(1, TOKEN, 2)), (false, false));
    assert_eq!(asked(&mut bench, register(1, TOKEN, 3)), (true, true));
    let mut fallback = Bench::new(D, &spec(4, 3, 2, 2));
    let state = wrote(dot_in(A, 4, 3), "later, in another epoch");
    let hint = Message::StoreHint { request: request(0), home: C, key: key(), state };
    fallback.receive(A, hint);
    assert_eq!(asked(&mut fallback, register(1, TOKEN, 2)), (false, false));
}

#[test]
fn what_a_former_life_left_under_way_and_nobody_held_is_turned_away_once_all_have_agreed() {
    let mut bench = Bench::new(B, &spec(3, 3, 2, 2));
    let known = wrote(dot(A, 2), "known");
    let lost = wrote_after(&known, context([dot(A, 2)]), dot(A, 3), "lost");
    bench.receive(A, register(1, TOKEN, 2));
    for message in [
        store(0, &lost),
        repair(&lost),
        Message::Handoff { key: key(), state: Arc::clone(&lost) },
        Message::SyncStates { states: vec![(key(), Arc::clone(&lost))], wanted: Vec::new() },
    ] {
        assert_eq!(bench.receive(A, message), nothing());
    }
    bench.receive(A, store(0, &known));
    assert_eq!(bench.held(), Some(&known), "what the disk knew of is taken in");
    let later = wrote_after(&known, VersionVector::new(), dot_of_life(1), "later");
    bench.receive(A, store(1, &later));
    assert_eq!(bench.held(), Some(&later), "and so is what the new life writes");
}

#[test]
fn counters_stay_void_over_later_lives_up_to_a_limit() {
    let mut registration = Registration::next(None, Life(1), TOKEN, 2);
    assert!(!registration.is_void(2) && registration.is_void(3));
    assert!(!registration.is_void(Life(1).counter(1)));
    for life in 2..=100 {
        let minted = Life(life - 1).counter(1);
        registration = Registration::next(Some(&registration), Life(life), TOKEN, minted);
        assert!(!registration.is_void(minted) && registration.is_void(minted + 1));
    }
    assert_eq!(registration.void.len(), 64);
    assert!(!registration.is_void(3), "the oldest is forgotten first");
    let idle = Registration::next(Some(&registration), Life(200), TOKEN, Life(99).counter(1));
    assert_eq!(idle.void.len(), 64, "lives that minted nothing take no room");
}

#[test]
fn a_fallback_that_finds_no_home_takes_a_fresh_incarnation_at_once() {
    let mut bench = Bench::new(D, &spec(4, 3, 2, 2));
    bench.restart(TOKEN);
    bench.put(PutRequest { sloppy: Some(true), ..put(0) });
    let step = bench.expire(0);
    let is_hint = |change: &Change| {
        match change {
        Change::Hint { kept, .. } => kept.state.versions().all(|(dot, _)| {
            matches!(dot.actor, ActorId::Node { incarnation, .. } if incarnation == TOKEN)
        }),
        _ => false,
    }
    };
    assert!(step.changes.iter().any(is_hint));
}

#[test]
fn a_node_that_names_writes_by_itself_alone_asks_nobody() {
    let mut spec = spec(3, 3, 2, 2);
    spec.deviations.push(Deviation::OneActorPerNode);
    let mut bench = Bench::new(A, &spec);
    bench.restart(TOKEN);
    bench.put(put(0));
    assert_eq!(bench.replica.waiting_to_mint().count(), 0);
}
