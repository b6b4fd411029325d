//! The laws of versions: merges are joins, contexts are exact, and what each of the alternatives
//! to dotted version vectors loses.

mod support;

use core::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use itertools::{Itertools, iproduct};
use quickcheck::{Arbitrary, Gen, QuickCheck, TestResult, Testable, quickcheck};
use quorate_protocol::ids::{ClientId, Key, Timestamp, Value};
use quorate_protocol::versions::{ActorId, Dot, Epoch, Record, VersionVector, Versioning, Write};

use support::history::{CLIENTS, History, Op, REPLICAS, World, actor, states_of};
use support::reference::{Past, Reference, WriteId};

const ALL: [Versioning; 5] = [
    Versioning::Dotted,
    Versioning::ServerClock,
    Versioning::ClientClock,
    Versioning::Scalar,
    Versioning::LastWriteWins,
];

/// Those whose merge is a join. Server clocks are not among them: see
/// [`merging_server_clocks_is_not_associative`].
const JOINS: [Versioning; 4] =
    [Versioning::Dotted, Versioning::ClientClock, Versioning::Scalar, Versioning::LastWriteWins];

/// The states of a history under each of these versionings, clocks disagreeing.
fn reached<const N: usize>(
    versionings: [Versioning; N],
    history: &History,
) -> impl Iterator<Item = Vec<Record>> {
    versionings.into_iter().map(|versioning| states_of(World::skewed(versioning), history))
}

/// Looks harder than the default hundred cases.
fn check<P: Testable>(property: P) {
    QuickCheck::new().tests(500).quickcheck(property);
}

/// A write by a client at a replica, named as that replica's `counter`-th.
fn write(replica: usize, counter: u64, client: u64, context: VersionVector, text: &str) -> Write {
    Write {
        dot: Dot { actor: actor(replica, Epoch(0)), counter },
        client: ClientId(client),
        context,
        timestamp: Timestamp(counter),
        value: Some(text.into()),
    }
}

/// The state after these writes at one replica.
fn written<const N: usize>(versioning: Versioning, writes: [Write; N]) -> Record {
    let mut state = Record::empty(versioning);
    for write in &writes {
        state.put(write);
    }
    state
}

fn texts(state: &Record) -> Vec<String> {
    state.live().map(|(_, value)| value.to_string()).collect()
}

// Merging.

#[test]
fn merge_is_commutative_and_idempotent() {
    fn law(history: History, a: usize, b: usize) {
        for states in reached(ALL, &history) {
            let (a, b) = (&states[a % states.len()], &states[b % states.len()]);
            assert_eq!(a.merged(b), b.merged(a));
            assert_eq!(a.merged(a), *a);
        }
    }
    check(law as fn(History, usize, usize));
}

#[test]
fn merge_is_associative() {
    fn law(history: History, a: usize, b: usize) {
        for states in reached(JOINS, &history) {
            let (a, b) = (&states[a % states.len()], &states[b % states.len()]);
            for c in &states {
                assert_eq!(a.merged(b).merged(c), a.merged(&b.merged(c)), "of {a}; {b}; {c}");
            }
        }
    }
    check(law as fn(History, usize, usize));
}

#[test]
fn a_state_dominates_another_exactly_when_merging_that_in_changes_nothing() {
    fn law(history: History, a: usize) {
        for states in reached(ALL, &history) {
            let a = &states[a % states.len()];
            for b in &states {
                assert_eq!(a.dominates(b), a.merged(b) == *a, "of {a}; {b}");
            }
        }
    }
    check(law as fn(History, usize));
}

#[test]
fn a_merge_dominates_both_of_its_sides() {
    fn law(history: History, a: usize) {
        for states in reached(ALL, &history) {
            let a = &states[a % states.len()];
            for b in &states {
                let merged = a.merged(b);
                assert!(merged.dominates(a) && merged.dominates(b), "of {a}; {b}");
            }
        }
    }
    check(law as fn(History, usize));
}

#[test]
fn whatever_dominates_both_sides_dominates_their_merge() {
    fn law(history: History, a: usize, b: usize) {
        for states in reached(JOINS, &history) {
            let (a, b) = (&states[a % states.len()], &states[b % states.len()]);
            let merged = a.merged(b);
            for upper in states.iter().filter(|upper| upper.dominates(a) && upper.dominates(b)) {
                assert!(upper.dominates(&merged), "of {a}; {b}; under {upper}");
            }
        }
    }
    check(law as fn(History, usize, usize));
}

#[test]
fn two_states_that_dominate_each_other_are_one() {
    fn law(history: History, a: usize) {
        for states in reached(ALL, &history) {
            let a = &states[a % states.len()];
            for b in states.iter().filter(|b| a.dominates(b) && b.dominates(a)) {
                assert_eq!(a, b);
            }
        }
    }
    check(law as fn(History, usize));
}

#[test]
fn two_states_with_one_context_are_one() {
    fn law(history: History, a: usize) {
        for states in reached([Versioning::Dotted, Versioning::ClientClock], &history) {
            let a = &states[a % states.len()];
            for b in states.iter().filter(|b| a.context() == b.context()) {
                assert_eq!(a, b);
            }
        }
    }
    check(law as fn(History, usize));
}

#[test]
fn merging_server_clocks_is_not_associative() {
    let old = written(Versioning::ServerClock, [write(0, 1, 0, VersionVector::new(), "old")]);
    let mut new = old.clone();
    new.put(&write(0, 2, 0, old.context(), "new"));
    let other = written(Versioning::ServerClock, [write(1, 1, 1, VersionVector::new(), "other")]);
    assert_eq!(texts(&other.merged(&old.merged(&new))), ["new", "other"]);
    assert_eq!(texts(&other.merged(&old).merged(&new)), ["old", "new", "other"]);
}

// Putting.

/// The states before and after every put of a history.
fn puts_of(mut world: World, history: &History) -> Vec<(Record, Record)> {
    let mut puts = Vec::new();
    for op in &history.0 {
        let before = match *op {
            Op::Put { replica, .. } => Some((replica, world.state(replica).clone())),
            _ => None,
        };
        world.apply(*op);
        puts.extend(before.map(|(replica, before)| (before, world.state(replica).clone())));
    }
    puts
}

#[test]
fn a_put_inflates_the_state() {
    fn law(history: History) {
        for versioning in ALL {
            for (before, after) in puts_of(World::new(versioning), &history) {
                assert!(after.dominates(&before), "{before} became {after}");
                assert!(!before.dominates(&after), "{before} became {after}");
            }
        }
    }
    check(law as fn(History));
}

#[test]
fn a_put_never_lowers_the_state_however_clocks_disagree() {
    fn law(history: History) {
        for versioning in ALL {
            for (before, after) in puts_of(World::skewed(versioning), &history) {
                assert!(after.dominates(&before), "{before} became {after}");
            }
        }
    }
    check(law as fn(History));
}

#[test]
fn every_version_is_covered_by_the_context_and_versions_are_sorted() {
    fn law(history: History) {
        for states in reached([Versioning::Dotted, Versioning::ServerClock], &history) {
            for state in &states {
                let context = state.context();
                assert!(state.versions().all(|(dot, _)| context.covers(dot)), "{state}");
                assert!(state.versions().tuple_windows().all(|(a, b)| a.0 < b.0), "{state}");
            }
        }
    }
    check(law as fn(History));
}

// Against explicit causal pasts.

/// Runs a history beside the reference and has `judge` compare them after every operation, at
/// the replica it changed.
fn beside_reference(
    versioning: Versioning,
    history: &History,
    judge: impl Fn(&World, &Reference, usize),
) {
    let mut world = World::new(versioning);
    let mut reference = Reference::new(versioning == Versioning::ClientClock);
    for op in &history.0 {
        world.apply(*op);
        reference.apply(*op);
        let (Op::Get { replica, .. }
        | Op::Put { replica, .. }
        | Op::Merge { into: replica, .. }
        | Op::Lose { replica }) = *op;
        judge(&world, &reference, replica);
    }
}

/// The writes whose dots and values a replica lists.
fn held(world: &World, replica: usize) -> BTreeSet<WriteId> {
    let of_dot: BTreeMap<Dot, WriteId> =
        world.writes.iter().enumerate().map(|(id, write)| (write.dot, id)).collect();
    world
        .state(replica)
        .versions()
        .map(|(dot, value)| {
            let id = of_dot[&dot];
            assert_eq!(value, world.writes[id].value.as_ref(), "{dot} names another value");
            id
        })
        .collect()
}

/// The writes that a context covers.
fn covered(world: &World, context: &VersionVector) -> Past {
    let is_covered = |id: &WriteId| context.covers(world.writes[*id].counted_as);
    (0..world.writes.len()).filter(is_covered).collect()
}

#[test]
fn the_versions_held_are_exactly_those_that_no_write_at_the_replica_had_seen() {
    fn law(history: History) {
        for versioning in [Versioning::Dotted, Versioning::ClientClock] {
            beside_reference(versioning, &history, |world, reference, replica| {
                assert_eq!(held(world, replica), reference.maximal(replica), "{versioning}");
            });
        }
    }
    check(law as fn(History));
}

#[test]
fn contexts_cover_exactly_the_writes_that_were_seen() {
    fn law(history: History) {
        for versioning in [Versioning::Dotted, Versioning::ServerClock, Versioning::ClientClock] {
            beside_reference(versioning, &history, |world, reference, replica| {
                let context = world.state(replica).context();
                assert_eq!(covered(world, &context), *reference.known(replica), "{versioning}");
                for client in 0..CLIENTS {
                    assert_eq!(covered(world, world.got(client)), *reference.got(client));
                }
            });
        }
    }
    check(law as fn(History));
}

#[test]
fn server_clocks_keep_more_than_is_needed_but_never_less() {
    fn law(history: History) {
        beside_reference(Versioning::ServerClock, &history, |world, reference, replica| {
            assert!(held(world, replica).is_superset(&reference.maximal(replica)));
        });
    }
    check(law as fn(History));
}

#[test]
fn replicas_that_have_heard_of_each_other_agree() {
    fn law(history: History) {
        for versioning in ALL {
            let mut world = World::skewed(versioning);
            let all_pairs = iproduct!(0..REPLICAS, 0..REPLICAS);
            // Twice around, so that the first to hear also hears what the last one knew.
            let gossip = all_pairs.clone().chain(all_pairs);
            let gossip = gossip.map(|(from, into)| Op::Merge { from, into });
            for op in history.0.iter().copied().chain(gossip) {
                world.apply(op);
            }
            assert!((0..REPLICAS).map(|replica| world.state(replica)).all_equal(), "{versioning}");
        }
    }
    check(law as fn(History));
}

// What each alternative does wrong.

/// The siblings after two clients took turns at one replica, each turn a put with the context of
/// the client's previous get, then a get.
fn siblings_after_turns(versioning: Versioning, turns: usize) -> usize {
    let mut world = World::new(versioning);
    for turn in 0..turns {
        let client = turn % 2;
        world.apply(Op::Put { client, replica: 0, blind: false, delete: false });
        world.apply(Op::Get { client, replica: 0 });
    }
    world.state(0).versions().count()
}

#[test]
fn two_clients_that_take_turns_have_two_siblings_however_often_they_write() {
    assert_eq!(siblings_after_turns(Versioning::Dotted, 99), 2);
    assert_eq!(siblings_after_turns(Versioning::ClientClock, 99), 2);
}

#[test]
fn under_server_clocks_two_clients_that_take_turns_have_a_sibling_for_every_write() {
    assert_eq!(siblings_after_turns(Versioning::ServerClock, 99), 99);
}

#[test]
fn under_client_clocks_a_shared_client_identity_loses_a_write() {
    let blind = VersionVector::new;
    let one = written(Versioning::ClientClock, [write(0, 1, 7, blind(), "one")]);
    let two = written(Versioning::ClientClock, [write(1, 1, 7, blind(), "two")]);
    assert_eq!(one.context(), two.context(), "both writes carry one clock");
    assert_eq!(texts(&one.merged(&two)), ["one"]);
    assert_eq!(texts(&two.merged(&one)), ["two"], "whichever is there first stays");
}

#[test]
fn under_client_clocks_a_shared_client_identity_can_lose_a_write_as_it_is_made() {
    let blind = VersionVector::new;
    let state = written(
        Versioning::ClientClock,
        [write(0, 1, 7, blind(), "one"), write(0, 2, 7, blind(), "two")],
    );
    assert_eq!(texts(&state), ["one"]);
}

#[test]
fn two_coordinators_hand_out_one_scalar_number_and_a_write_is_lost() {
    let blind = VersionVector::new;
    let one = written(Versioning::Scalar, [write(0, 1, 0, blind(), "one")]);
    let two = written(Versioning::Scalar, [write(1, 1, 1, blind(), "two")]);
    assert_eq!(one.context(), two.context(), "both writes carry one number");
    assert_eq!(texts(&one.merged(&two)), ["two"]);
    assert_eq!(texts(&two.merged(&one)), ["two"]);
}

#[test]
fn a_scalar_number_goes_on_from_what_the_client_has_seen() {
    let first = written(
        Versioning::Scalar,
        [
            write(0, 1, 0, VersionVector::new(), "first"),
            write(0, 2, 0, VersionVector::new(), "second"),
        ],
    );
    // The other coordinator has never heard of the key.
    let third = written(Versioning::Scalar, [write(1, 1, 1, first.context(), "third")]);
    assert_eq!(texts(&first.merged(&third)), ["third"]);
}

#[test]
fn under_last_write_wins_a_clock_that_is_ahead_loses_the_later_write() {
    let at = |time, write| Write { timestamp: Timestamp(time), ..write };
    let mut state = written(
        Versioning::LastWriteWins,
        [at(1_000, write(0, 1, 0, VersionVector::new(), "earlier, by the clock that is ahead"))],
    );
    let before = state.clone();
    // The client has read the earlier write, and writes at a coordinator whose clock is right.
    state.put(&at(10, write(1, 1, 0, before.context(), "later")));
    assert_eq!(state, before);
}

#[test]
fn under_last_write_wins_of_concurrent_writes_one_is_lost() {
    let blind = VersionVector::new;
    let one = written(Versioning::LastWriteWins, [write(0, 2, 0, blind(), "one")]);
    let two = written(Versioning::LastWriteWins, [write(1, 1, 1, blind(), "two")]);
    assert_eq!(texts(&one.merged(&two)), ["one"]);
    assert_eq!(texts(&two.merged(&one)), ["one"]);
}

#[test]
fn a_dot_that_is_minted_twice_destroys_a_write() {
    let blind = VersionVector::new;
    let before = written(Versioning::Dotted, [write(0, 1, 0, blind(), "before the disk was lost")]);
    let after = written(Versioning::Dotted, [write(0, 1, 1, blind(), "after")]);
    assert_eq!(before.merged(&after).versions().count(), 1);
}

#[test]
fn a_bare_new_version_makes_its_receiver_claim_writes_it_never_saw() {
    let blind = VersionVector::new;
    let coordinator = written(
        Versioning::Dotted,
        [write(0, 1, 0, blind(), "first"), write(0, 2, 1, blind(), "second")],
    );
    let bare = written(Versioning::Dotted, [write(0, 2, 1, blind(), "second")]);
    // A client that reads the receiver and writes back destroys the first write unseen.
    let mut receiver = bare.clone();
    receiver.put(&write(1, 1, 2, bare.context(), "third"));
    assert_eq!(texts(&receiver.merged(&coordinator)), ["third"]);
}

// Version vectors.

/// A vector over few actors, so that two of them are often comparable.
#[derive(Clone, Debug)]
struct Few(Vec<Dot>);

impl Few {
    fn vector(&self) -> VersionVector {
        self.0.iter().copied().collect()
    }
}

fn few_actors() -> [ActorId; 4] {
    [actor(0, Epoch(0)), actor(0, Epoch(1)), ActorId::Client(ClientId(0)), ActorId::Record]
}

impl Arbitrary for Few {
    fn arbitrary(g: &mut Gen) -> Self {
        let actors = few_actors();
        let mut below = |bound: usize| usize::arbitrary(g) % bound;
        let count = below(2 * actors.len());
        let dot = |_| Dot { actor: actors[below(actors.len())], counter: below(4) as u64 };
        Few((0..count).map(dot).collect())
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let shorter = self.clone();
        let lower = self.clone();
        Box::new(
            (0..self.0.len())
                .map(move |at| {
                    let mut dots = shorter.0.clone();
                    dots.remove(at);
                    Few(dots)
                })
                .chain((0..self.0.len()).filter_map(move |at| {
                    let mut dots = lower.0.clone();
                    dots[at].counter = dots[at].counter.checked_sub(1)?;
                    Some(Few(dots))
                })),
        )
    }
}

fn joined(a: &VersionVector, b: &VersionVector) -> VersionVector {
    let mut joined = a.clone();
    joined.join(b);
    joined
}

quickcheck! {
    fn a_vector_stands_for_each_actor_at_the_highest_counter_observed(few: Few) -> () {
        let vector = few.vector();
        for actor in few_actors() {
            let counters = few.0.iter().filter(|dot| dot.actor == actor).map(|dot| dot.counter);
            let highest = counters.max().unwrap_or(0);
            assert_eq!(vector.get(actor), highest);
            for counter in 1..6 {
                assert_eq!(vector.covers(Dot { actor, counter }), counter <= highest);
            }
        }
    }

    fn equal_vectors_are_equal_in_memory(few: Few) -> () {
        let vector = few.vector();
        let backwards: VersionVector = few.0.iter().rev().copied().collect();
        assert_eq!(vector, backwards);
        assert_eq!(vector, vector.iter().collect());
        assert!(vector.iter().tuple_windows().all(|(a, b)| a.actor < b.actor));
        assert!(vector.iter().all(|dot| dot.counter > 0));
        assert_eq!(vector.is_empty(), vector == VersionVector::new());
    }

    fn a_join_is_the_entrywise_maximum(a: Few, b: Few) -> () {
        let (a, b) = (a.vector(), b.vector());
        let joined = joined(&a, &b);
        for actor in few_actors() {
            assert_eq!(joined.get(actor), a.get(actor).max(b.get(actor)));
        }
    }

    fn a_join_is_the_least_vector_that_dominates_both(a: Few, b: Few, upper: Few) -> TestResult {
        let (a, b, upper) = (a.vector(), b.vector(), upper.vector());
        let join = joined(&a, &b);
        assert!(join.dominates(&a) && join.dominates(&b));
        if !(upper.dominates(&a) && upper.dominates(&b)) {
            return TestResult::discard();
        }
        TestResult::from_bool(upper.dominates(&join))
    }

    fn joining_is_commutative_associative_and_idempotent(a: Few, b: Few, c: Few) -> () {
        let (a, b, c) = (a.vector(), b.vector(), c.vector());
        assert_eq!(joined(&a, &b), joined(&b, &a));
        assert_eq!(joined(&joined(&a, &b), &c), joined(&a, &joined(&b, &c)));
        assert_eq!(joined(&a, &a), a);
    }

    fn a_vector_dominates_another_exactly_when_joining_that_changes_nothing(a: Few, b: Few) -> () {
        let (a, b) = (a.vector(), b.vector());
        assert_eq!(a.dominates(&b), joined(&a, &b) == a);
    }

    fn causal_order_is_antisymmetric(a: Few, b: Few) -> () {
        let (a, b) = (a.vector(), b.vector());
        assert_eq!(a.causal_order(&b), b.causal_order(&a).map(Ordering::reverse));
        assert_eq!(a.causal_order(&b) == Some(Ordering::Equal), a == b);
    }

    fn causal_order_is_transitive(a: Few, b: Few, c: Few) -> TestResult {
        let (a, b, c) = (a.vector(), b.vector(), c.vector());
        let (Some(first), Some(second)) = (a.causal_order(&b), b.causal_order(&c)) else {
            return TestResult::discard();
        };
        if first != second {
            return TestResult::discard();
        }
        TestResult::from_bool(a.causal_order(&c) == Some(first))
    }

    fn two_vectors_are_concurrent_exactly_when_each_covers_a_dot_that_the_other_does_not(
        a: Few,
        b: Few
    ) -> () {
        let (a, b) = (a.vector(), b.vector());
        let exceeds = |a: &VersionVector, b: &VersionVector| a.iter().any(|dot| !b.covers(dot));
        assert_eq!(a.causal_order(&b).is_none(), exceeds(&a, &b) && exceeds(&b, &a));
    }
}

// Bytes and text.

#[test]
fn a_record_survives_json_and_postcard() {
    fn law(history: History) {
        for states in reached(ALL, &history) {
            for state in &states {
                let text = serde_json::to_string(state).expect("a record is JSON");
                assert_eq!(serde_json::from_str::<Record>(&text).expect(&text), *state);
                let bytes = postcard::to_allocvec(state).expect("a record is postcard");
                assert_eq!(postcard::from_bytes::<Record>(&bytes).expect("its bytes"), *state);
            }
        }
    }
    QuickCheck::new().quickcheck(law as fn(History));
}

/// Bytes as people and programs confuse them: text, text that looks encoded, and anything else.
#[derive(Clone, Debug)]
struct Bytes(Vec<u8>);

impl Arbitrary for Bytes {
    fn arbitrary(g: &mut Gen) -> Self {
        Bytes(match u8::arbitrary(g) % 4 {
            0 => String::arbitrary(g).into_bytes(),
            1 => format!("0x{}", String::arbitrary(g)).into_bytes(),
            2 => format!("0x{:x}", u64::arbitrary(g)).into_bytes(),
            _ => Vec::arbitrary(g),
        })
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(Bytes))
    }
}

/// Checks that a key and a value of these bytes survive text and postcard.
fn assert_survives(bytes: &[u8]) {
    let (key, value) = (Key(bytes.into()), Value(bytes.into()));
    let text = serde_json::to_string(&key).expect("a key is JSON");
    assert_eq!(serde_json::from_str::<Key>(&text).expect(&text), key);
    assert_eq!(serde_json::to_string(&value).expect("a value is JSON"), text);
    assert_eq!(serde_json::from_str::<Value>(&text).expect(&text), value);
    assert_eq!(serde_json::to_value(&key).expect("a key is JSON"), key.to_string());
    let packed = postcard::to_allocvec(&key).expect("a key is postcard");
    assert_eq!(postcard::from_bytes::<Key>(&packed).expect("its bytes"), key);
    let packed = postcard::to_allocvec(&value).expect("a value is postcard");
    assert_eq!(postcard::from_bytes::<Value>(&packed).expect("its bytes"), value);
}

#[test]
fn keys_and_values_survive_text_and_postcard() {
    fn law(bytes: Bytes) {
        assert_survives(&bytes.0);
    }
    check(law as fn(Bytes));
}

#[test]
fn awkward_keys_and_values_survive_text_and_postcard() {
    let cases: [&[u8]; 9] = [
        b"",
        b"0x",
        b"0x6162",
        b"0xnot hexadecimal",
        b"0X41",
        b"\xff\x00\xfe",
        b"tab\tand newline\n",
        b"\"quoted\" \\ slashed",
        "größer als ∅".as_bytes(),
    ];
    for bytes in cases {
        assert_survives(bytes);
    }
}

#[test]
fn bytes_are_shown_as_the_text_they_are_and_as_hexadecimal_otherwise() {
    let shown = |bytes: &[u8]| Key(bytes.into()).to_string();
    assert_eq!(shown(b"cart:42"), "cart:42");
    assert_eq!(shown(b"\xff\x00"), "0xff00");
    assert_eq!(shown(b"0x41"), "0x30783431");
    assert_eq!(shown(b"a\nb"), "0x610a62");
}

#[test]
fn text_after_0x_that_is_no_bytes_is_refused() {
    for text in ["\"0x1\"", "\"0xzz\"", "\"0x+1\"", "\"0x é\""] {
        assert!(serde_json::from_str::<Key>(text).is_err(), "{text}");
    }
    let upper: Key = serde_json::from_str("\"0xFF\"").expect("either case of digits is read");
    assert_eq!(upper, Key([0xff].as_slice().into()));
}

#[test]
fn a_pruned_state_has_the_same_versions_and_merging_gives_the_whole_back() {
    fn law(history: History) -> bool {
        reached([Versioning::Dotted], &history).flatten().all(|state| {
            let Some(pruned) = state.pruned() else { return true };
            pruned.versions().eq(state.versions())
                && pruned.context_entries() < state.context_entries()
                && state.dominates(&pruned)
                && pruned.merged(&state) == state
                && pruned.pruned().is_none()
        })
    }
    check(law as fn(History) -> bool);
}

#[test]
fn what_a_writer_that_saw_the_whole_adds_to_a_pruned_state_is_what_it_adds_to_the_whole() {
    let first = write(0, 1, 1, VersionVector::new(), "old");
    let whole = written(Versioning::Dotted, [first.clone()]);
    let whole = {
        let mut state = whole.clone();
        state.put(&write(1, 1, 1, whole.context(), "new"));
        state
    };
    let mut pruned = whole.pruned().expect("the first writer has no version left");
    let next = write(1, 2, 2, whole.context(), "next");
    let mut expected = whole.clone();
    expected.put(&next);
    pruned.put(&next);
    assert_eq!(pruned, expected);
}
