//! Forgetting entries of a context once all homes agree.

use std::sync::Arc;

use quorate_protocol::cluster::{Background, ClusterSpec, Limits, Reaping};
use quorate_protocol::ids::Value;
use quorate_protocol::protocol::{Change, Effect, Entry, Input, Message, ReapRound, Step, Timer};
use quorate_protocol::versions::Record;

use crate::bench::*;

fn pruning() -> ClusterSpec {
    let background = Background { reaping: Reaping::Agreed, ..Background::OFF };
    ClusterSpec { background, ..spec(2, 2, 1, 1) }
}

/// B wrote what A then replaced: the context has an entry of B, and B no version.
fn replaced() -> Arc<Record> {
    let before = wrote(dot(B, 1), "old");
    wrote_after(&before, before.context(), dot(A, 1), "new")
}

/// The same without the entry of B.
fn pruned() -> Arc<Record> {
    wrote(dot(A, 1), "new")
}

fn home(context_entries_max: usize) -> Bench {
    let context_entries_max = Some(context_entries_max);
    let limits = Limits { context_entries_max, ..Limits::default() };
    Bench::with_limits(A, &pruning(), limits).holding(&replaced())
}

fn ask(round: u64) -> Message {
    Message::ReapAsk { round: ReapRound(round), key: key(), state: replaced() }
}

fn agree(round: u64) -> Message {
    Message::ReapAgree { round: ReapRound(round), key: key(), held: replaced().digest() }
}

fn reap() -> Message {
    Message::Reap { key: key(), held: replaced().digest() }
}

fn expire(bench: &mut Bench, timer: Timer) -> Step {
    bench.take(Input::Expire(timer))
}

#[test]
fn a_context_with_too_many_entries_is_pruned_after_two_rounds_and_a_wait_after_each() {
    let mut bench = home(1);
    let asked = expire(&mut bench, Timer::Reap);
    assert_eq!(asked, effects([Effect::SetTimer(Timer::Reap), send(B, ask(0))]));
    bench.receive(B, agree(0));
    assert_eq!(expire(&mut bench, Timer::Settled), effects([send(B, ask(1))]));
    bench.receive(B, agree(1));
    let settled = expire(&mut bench, Timer::Settled);
    let changes = [holds(&pruned())].into();
    assert_eq!(settled, Step { changes, effects: [send(B, reap())].into() });
}

#[test]
fn nobody_asks_about_a_context_with_as_many_entries_as_it_may_have_or_that_is_pruned_already() {
    let looks = effects([Effect::SetTimer(Timer::Reap)]);
    assert_eq!(expire(&mut home(2), Timer::Reap), looks);
    let mut bench = home(1);
    bench.receive(B, reap());
    assert_eq!(bench.held(), Some(&pruned()));
    assert_eq!(expire(&mut bench, Timer::Reap), looks);
}

#[test]
fn a_restart_finds_the_contexts_that_have_too_many_entries() {
    let mut bench = home(1);
    bench.restart(INCARNATION);
    expire(&mut bench, Timer::Settled);
    expire(&mut bench, Timer::Settled);
    let asked = expire(&mut bench, Timer::Reap);
    assert_eq!(asked, effects([Effect::SetTimer(Timer::Reap), send(B, ask(0))]));
}

#[test]
fn a_context_is_pruned_only_of_the_very_state_that_all_agreed_about() {
    let mut bench = home(1);
    let later = wrote_after(&replaced(), replaced().context(), dot(A, 2), "later");
    bench.receive(B, repair(&later));
    assert_eq!(bench.receive(B, reap()), nothing());
    assert_eq!(bench.held(), Some(&later));
}

#[test]
fn a_run_goes_on_though_its_entry_is_gone() {
    let mut bench = Bench::with_limits(
        B,
        &pruning(),
        Limits { context_entries_max: Some(1), ..Limits::default() },
    );
    bench.put(put(0));
    let mine = bench.held().expect("it is held").clone();
    let replaced = wrote_after(&mine, mine.context(), dot(A, 1), "new");
    bench.receive(A, repair(&replaced));
    let reap = Message::Reap { key: key(), held: replaced.digest() };
    bench.receive(A, reap);
    let before = bench.store.get(&key()).expect("it is held").clone();
    assert_eq!(before.state.context(), context([dot(A, 1)]));
    let run = before.run.expect("the run goes on");
    let step = bench.put(put(1));
    let minted = step.changes.iter().find_map(|change| match change {
        Change::Entry { entry: Entry { run, .. }, .. } => *run,
        _ => None,
    });
    let minted = minted.expect("it mints");
    assert_eq!((minted.epoch, minted.counter > run.counter), (run.epoch, true));
    let state = bench.held().expect("it is held");
    let values: Vec<_> = state.versions().map(|(_, value)| value.cloned()).collect();
    assert_eq!(values.len(), 2, "the blind put is a sibling: {values:?}");
    assert!(values.contains(&Some(Value::from("new"))));
}
