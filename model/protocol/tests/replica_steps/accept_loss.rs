//! An operator accepts that what some homes held is lost.

use quorate_protocol::protocol::{Change, Effect, Input, Message, Step, Timer};
use quorate_protocol::versions::Incarnation;

use crate::bench::*;

/// A home of three that starts on an empty disk: it asks B and C what they hold.
fn emptied() -> Bench {
    let mut bench = Bench::new(A, &spec(3, 3, 2, 2));
    bench.store = Default::default();
    bench.take(Input::Start { incarnation: Incarnation(9), founding: false });
    assert!(!bench.replica.serves());
    bench
}

fn accept(
    bench: &mut Bench,
    lost: impl IntoIterator<Item = quorate_protocol::ids::NodeId>,
) -> Step {
    bench.take(Input::AcceptLoss { lost: lost.into_iter().collect() })
}

fn page() -> Message {
    let token = Incarnation(9);
    let (entries, is_caught_up) = (Vec::new(), true);
    Message::CatchUpPage { token, after: None, entries, next: None, is_caught_up }
}

#[test]
fn a_node_that_has_heard_the_others_serves_once_the_loss_of_the_last_is_accepted() {
    let mut bench = emptied();
    bench.receive(C, page());
    assert!(!bench.replica.serves());
    let step = accept(&mut bench, [B]);
    assert!(bench.replica.serves());
    assert!(
        matches!(&step.changes[..], [Change::Identity(identity)] if identity.is_caught_up),
        "{step:?}"
    );
    assert_eq!(step.effects, [Effect::CancelTimer(Timer::CatchUp)]);
}

#[test]
fn a_node_goes_on_waiting_for_those_whose_loss_was_not_accepted() {
    let mut bench = emptied();
    assert_eq!(accept(&mut bench, [B]), nothing());
    assert!(!bench.replica.serves());
    bench.receive(C, page());
    assert!(bench.replica.serves());
}

#[test]
fn to_a_node_that_serves_it_means_nothing() {
    let mut bench = Bench::new(A, &spec(3, 3, 2, 2));
    assert_eq!(accept(&mut bench, [B, C]), nothing());
}
