//! What the client library does with one input: the exact effects, and how the operation ended.

use std::sync::Arc;

use quorate_protocol::cluster::{ClusterConfig, ClusterSpec};
use quorate_protocol::ids::{NodeId, RequestId};
use quorate_protocol::protocol::{
    Client, ClientStep, Effect, FanOut, GetOutcome, LoadLimit, Message, Operation, Outcome,
    PutOutcome, PutRequest, ReadRepair, Refusal, Session, Standing, Timer,
};
use quorate_protocol::versions::{Record, VersionVector};

#[path = "support/bench.rs"]
mod bench;
use bench::*;

/// A client on its own, of a cluster with N = 3, R = 2, W = 2 and one node that is no home.
struct Alone {
    client: Client,
    cluster: ClusterConfig,
    fan_out: FanOut,
    attempts: u32,
}

impl Alone {
    fn new(fan_out: FanOut) -> Self {
        Self::repairing(fan_out, ReadRepair::Off)
    }

    fn repairing(fan_out: FanOut, read_repair: ReadRepair) -> Self {
        let client_fan_out = fan_out == FanOut::ClientDriven;
        let spec = ClusterSpec { read_repair, client_fan_out, ..spec(4, 3, 2, 2) };
        let cluster = spec.build().expect("the tests' clusters can be");
        Alone { client: Client::new(X), cluster, fan_out, attempts: 1 }
    }

    fn trying(self, attempts: u32) -> Self {
        Alone { attempts, ..self }
    }

    fn put(&mut self, w: Option<usize>) -> ClientStep {
        let (value, context) = (put(0).value, VersionVector::new());
        self.invoke(Operation::Put { key: key(), value, context, w, sloppy: None })
    }

    fn get(&mut self, r: Option<usize>) -> ClientStep {
        self.invoke(Operation::Get { key: key(), r })
    }

    fn invoke(&mut self, operation: Operation) -> ClientStep {
        self.client.invoke(&self.cluster, operation, A, self.fan_out, self.attempts)
    }

    fn receive(&mut self, from: NodeId, message: Message) -> ClientStep {
        self.client.receive(&self.cluster, from, message)
    }

    fn expire(&mut self, sequence: u64) -> ClientStep {
        self.client.expire(&self.cluster, Timer::Request(request(sequence)))
    }
}

fn does(effects: impl Into<Vec<Effect>>) -> ClientStep {
    ClientStep { effects: effects.into(), outcome: None }
}

fn ends(effects: impl Into<Vec<Effect>>, outcome: Outcome) -> ClientStep {
    ClientStep { effects: effects.into(), outcome: Some(outcome) }
}

fn idle() -> ClientStep {
    ClientStep::default()
}

fn old() -> Arc<Record> {
    wrote(dot(B, 1), "old")
}

fn new() -> Arc<Record> {
    wrote_after(&old(), old().context(), dot(B, 2), "new")
}

fn found<const COUNT: usize>(state: &Arc<Record>, replied: [NodeId; COUNT]) -> Outcome {
    Outcome::GetOk { state: Some(state.clone()), replied: set(replied) }
}

// Requests that a node fans out.

#[test]
fn a_put_goes_to_the_chosen_coordinator_under_a_timer() {
    let mut alone = Alone::new(FanOut::NodeDriven);
    let wish = Message::Put(PutRequest { w: Some(3), ..put(0) });
    assert_eq!(alone.put(Some(3)), does([send(A, wish), set_timer(0)]));
    assert_eq!(alone.client.pending(), Some(request(0)));
}

#[test]
fn the_coordinator_s_answer_to_a_put_ends_it() {
    let refusal = Refusal::Overloaded { limit: LoadLimit::Requests { pending_max: 1 } };
    let endings = [
        (PutOutcome::Ok { acked: set([A, B]) }, Outcome::PutOk { acked: set([A, B]) }),
        (PutOutcome::Unavailable { acked: set([A]) }, Outcome::PutUnavailable { acked: set([A]) }),
        (PutOutcome::Refused(refusal.clone()), Outcome::Refused(refusal)),
    ];
    for (answer, outcome) in endings {
        let mut alone = Alone::new(FanOut::NodeDriven);
        alone.put(None);
        assert_eq!(alone.receive(A, put_reply(0, answer)), ends([cancel_timer(0)], outcome));
        assert_eq!(alone.client.pending(), None);
    }
}

#[test]
fn the_coordinator_s_answer_to_a_get_ends_it() {
    let refusal = Refusal::Overloaded { limit: LoadLimit::Requests { pending_max: 1 } };
    let endings = [
        (GetOutcome::Ok { state: Some(new()), replied: set([A, B]) }, found(&new(), [A, B])),
        (
            GetOutcome::Unavailable { replied: set([A]) },
            Outcome::GetUnavailable { replied: set([A]) },
        ),
        (GetOutcome::Refused(refusal.clone()), Outcome::Refused(refusal)),
    ];
    for (answer, outcome) in endings {
        let mut alone = Alone::new(FanOut::NodeDriven);
        assert_eq!(alone.get(None), does([send(A, Message::Get(get(0))), set_timer(0)]));
        assert_eq!(alone.receive(A, get_reply(0, answer)), ends([cancel_timer(0)], outcome));
        assert_eq!(alone.client.pending(), None);
    }
}

#[test]
fn an_answer_of_another_node_to_another_request_or_of_another_kind_is_ignored() {
    let mut alone = Alone::new(FanOut::NodeDriven);
    alone.put(None);
    assert_eq!(alone.receive(B, put_ok(0, [A, B])), idle());
    assert_eq!(alone.receive(A, put_ok(1, [A, B])), idle());
    assert_eq!(alone.receive(A, get_ok(0, None, [A, B])), idle());
    assert_eq!(alone.client.pending(), Some(request(0)));
}

#[test]
fn a_second_answer_is_ignored() {
    let mut alone = Alone::new(FanOut::NodeDriven);
    alone.put(None);
    alone.receive(A, put_ok(0, [A, B]));
    assert_eq!(alone.receive(A, put_ok(0, [A, B])), idle());
}

#[test]
fn every_operation_has_a_request_of_its_own() {
    let mut alone = Alone::new(FanOut::NodeDriven);
    alone.put(None);
    alone.receive(A, put_ok(0, [A, B]));
    assert_eq!(alone.put(None), does([send(A, Message::Put(put(1))), set_timer(1)]));
    assert_eq!(alone.client.id(), X);
}

#[test]
#[should_panic(expected = "c0 already waits for an answer")]
fn a_client_does_one_thing_at_a_time() {
    let mut alone = Alone::new(FanOut::NodeDriven);
    alone.put(None);
    alone.put(None);
}

#[test]
fn a_client_that_may_not_fan_out_itself_is_told_so_without_asking_anyone() {
    let mut alone = Alone::new(FanOut::NodeDriven);
    alone.fan_out = FanOut::ClientDriven;
    let refused = ends([], Outcome::Refused(Refusal::ClientFanOutOff));
    assert_eq!(alone.put(None), refused);
    assert_eq!(alone.get(None), refused);
    let told = Refusal::ClientFanOutOff.to_string();
    assert!(told.contains("set client_fan_out = true in cluster.toml"), "{told}");
}

#[test]
fn a_quorum_out_of_range_is_refused_without_asking_anyone() {
    for asked in [0, 4] {
        let refused = ends([], Outcome::Refused(Refusal::QuorumOutOfRange { asked, n: 3 }));
        for fan_out in [FanOut::NodeDriven, FanOut::ClientDriven] {
            assert_eq!(Alone::new(fan_out).put(Some(asked)), refused);
            assert_eq!(Alone::new(fan_out).get(Some(asked)), refused);
        }
    }
}

#[test]
fn without_an_answer_in_time_the_operation_ends_unanswered() {
    let mut alone = Alone::new(FanOut::NodeDriven);
    alone.put(None);
    assert_eq!(alone.expire(0), ends([], Outcome::NoAnswer));
    assert_eq!(alone.receive(A, put_ok(0, [A, B])), idle());
    assert_eq!(alone.expire(0), idle());
}

#[test]
fn a_retry_asks_the_same_coordinator_under_the_same_request_until_attempts_run_out() {
    let mut alone = Alone::new(FanOut::NodeDriven).trying(3);
    alone.put(None);
    for _ in 0..2 {
        assert_eq!(alone.expire(0), does([send(A, Message::Put(put(0))), set_timer(0)]));
    }
    assert_eq!(alone.expire(0), ends([], Outcome::NoAnswer));
}

#[test]
fn an_unavailable_answer_is_not_retried() {
    let mut alone = Alone::new(FanOut::NodeDriven).trying(3);
    alone.put(None);
    let ended = ends([cancel_timer(0)], Outcome::PutUnavailable { acked: set([A]) });
    assert_eq!(alone.receive(A, put_unavailable(0, [A])), ended);
}

#[test]
fn the_timer_of_another_request_is_ignored() {
    let mut alone = Alone::new(FanOut::NodeDriven);
    alone.put(None);
    assert_eq!(alone.expire(1), idle());
    let of_another = Timer::Request(RequestId { client: Y, sequence: 0 });
    assert_eq!(alone.client.expire(&alone.cluster, of_another), idle());
    assert_eq!(alone.client.pending(), Some(request(0)));
}

// Puts that the client fans out.

fn minted(state: &Arc<Record>) -> Message {
    put_reply(0, PutOutcome::Minted { state: state.clone() })
}

fn wish() -> Message {
    Message::Put(PutRequest { fan_out: FanOut::ClientDriven, ..put(0) })
}

#[test]
fn a_client_driven_put_asks_one_home_to_mint_then_sends_its_state_to_the_others() {
    let mut alone = Alone::new(FanOut::ClientDriven);
    let state = wrote(dot(A, 1), "v");
    assert_eq!(alone.put(None), does([send(A, wish()), set_timer(0)]));
    let sent = [send(B, store(0, &state)), send(C, store(0, &state))];
    assert_eq!(alone.receive(A, minted(&state)), does(sent));
    let ended = ends([cancel_timer(0)], Outcome::PutOk { acked: set([A, C]) });
    assert_eq!(alone.receive(C, ack(0)), ended);
    assert_eq!(alone.receive(B, ack(0)), idle());
}

#[test]
fn a_client_driven_put_that_needs_one_holder_ends_when_minted_and_is_replicated_all_the_same() {
    let mut alone = Alone::new(FanOut::ClientDriven);
    let state = wrote(dot(A, 1), "v");
    alone.put(Some(1));
    let effects = [send(B, store(0, &state)), send(C, store(0, &state)), cancel_timer(0)];
    assert_eq!(alone.receive(A, minted(&state)), ends(effects, Outcome::PutOk { acked: set([A]) }));
}

#[test]
fn a_holder_counts_once_and_a_node_that_is_no_home_never() {
    let mut alone = Alone::new(FanOut::ClientDriven);
    alone.put(Some(3));
    alone.receive(A, minted(&wrote(dot(A, 1), "v")));
    for node in [A, B, B, D] {
        assert_eq!(alone.receive(node, ack(0)), idle());
    }
    assert!(!alone.client.awaits(request(0), B) && alone.client.awaits(request(0), C));
    let ended = ends([], Outcome::PutUnavailable { acked: set([A, B]) });
    assert_eq!(alone.expire(0), ended);
}

#[test]
fn a_second_minting_of_the_same_put_changes_nothing() {
    let mut alone = Alone::new(FanOut::ClientDriven);
    let state = wrote(dot(A, 1), "v");
    alone.put(None);
    alone.receive(A, minted(&state));
    assert_eq!(alone.receive(A, minted(&state)), idle());
}

#[test]
fn a_client_driven_put_that_no_home_minted_ends_unanswered() {
    let mut alone = Alone::new(FanOut::ClientDriven).trying(2);
    alone.put(None);
    assert_eq!(alone.expire(0), does([send(A, wish()), set_timer(0)]));
    assert_eq!(alone.expire(0), ends([], Outcome::NoAnswer));
}

#[test]
fn a_retry_of_a_minted_put_asks_only_the_homes_that_have_not_acknowledged() {
    let mut alone = Alone::new(FanOut::ClientDriven).trying(2);
    let state = wrote(dot(A, 1), "v");
    alone.put(Some(3));
    alone.receive(A, minted(&state));
    alone.receive(C, ack(0));
    assert_eq!(alone.expire(0), does([send(B, store(0, &state)), set_timer(0)]));
    assert_eq!(alone.expire(0), ends([], Outcome::PutUnavailable { acked: set([A, C]) }));
}

#[test]
fn a_node_that_may_not_mint_ends_a_client_driven_put() {
    let mut alone = Alone::new(FanOut::ClientDriven);
    alone.put(None);
    let refusal = Refusal::NotHome { homes: set([B, C, D]) };
    let ended = ends([cancel_timer(0)], Outcome::Refused(refusal.clone()));
    assert_eq!(alone.receive(A, put_reply(0, PutOutcome::Refused(refusal))), ended);
}

// Gets that the client fans out.

#[test]
fn a_client_driven_get_asks_every_home_and_answers_from_r_distinct_ones() {
    let mut alone = Alone::new(FanOut::ClientDriven);
    let asked = [send(A, fetch(0)), send(B, fetch(0)), send(C, fetch(0)), set_timer(0)];
    assert_eq!(alone.get(None), does(asked));
    assert_eq!(alone.receive(B, fetched(0, Some(&old()))), idle());
    assert_eq!(alone.receive(B, fetched(0, Some(&new()))), idle());
    assert_eq!(alone.receive(D, fetched(0, Some(&new()))), idle());
    let ended = ends([cancel_timer(0)], found(&new(), [B, C]));
    assert_eq!(alone.receive(C, fetched(0, Some(&new()))), ended);
    assert_eq!(alone.receive(A, fetched(0, None)), idle());
}

#[test]
fn a_client_driven_get_of_a_key_that_nobody_has_finds_nothing() {
    let mut alone = Alone::new(FanOut::ClientDriven);
    alone.get(Some(1));
    let outcome = Outcome::GetOk { state: None, replied: set([C]) };
    assert_eq!(alone.receive(C, fetched(0, None)), ends([cancel_timer(0)], outcome));
}

#[test]
fn a_retry_of_a_client_driven_get_asks_only_the_homes_that_have_not_replied() {
    let mut alone = Alone::new(FanOut::ClientDriven).trying(2);
    alone.get(None);
    alone.receive(B, fetched(0, None));
    let asked = [send(A, fetch(0)), send(C, fetch(0)), set_timer(0)];
    assert_eq!(alone.expire(0), does(asked));
    assert_eq!(alone.expire(0), ends([], Outcome::GetUnavailable { replied: set([B]) }));
    assert_eq!(alone.receive(A, fetched(0, None)), idle());
}

#[test]
fn a_get_that_trails_repairs_late_replies_until_the_last_one() {
    let mut alone = Alone::repairing(FanOut::ClientDriven, ReadRepair::Async);
    alone.get(None);
    alone.receive(A, fetched(0, Some(&new())));
    let ended = ends([send(B, repair(&new()))], found(&new(), [A, B]));
    assert_eq!(alone.receive(B, fetched(0, Some(&old()))), ended);
    assert_eq!(alone.client.pending(), None);
    assert!(alone.client.awaits(request(0), C));
    let repaired = does([send(C, repair(&new())), cancel_timer(0)]);
    assert_eq!(alone.receive(C, fetched(0, None)), repaired);
    assert!(!alone.client.awaits(request(0), C));
}

#[test]
fn a_get_that_trails_ends_without_a_word_when_its_timer_expires() {
    let mut alone = Alone::repairing(FanOut::ClientDriven, ReadRepair::Async).trying(5);
    alone.get(None);
    alone.receive(A, fetched(0, Some(&new())));
    alone.receive(B, fetched(0, Some(&new())));
    assert_eq!(alone.expire(0), idle());
    assert_eq!(alone.receive(C, fetched(0, None)), idle());
}

#[test]
fn the_next_operation_gives_up_a_get_that_trails() {
    let mut alone = Alone::repairing(FanOut::ClientDriven, ReadRepair::Async);
    alone.get(None);
    alone.receive(A, fetched(0, Some(&new())));
    alone.receive(B, fetched(0, Some(&new())));
    let asked = [send(A, fetch(1)), send(B, fetch(1)), send(C, fetch(1)), set_timer(1)];
    let effects: Vec<Effect> = [cancel_timer(0)].into_iter().chain(asked).collect();
    assert_eq!(alone.get(None), does(effects));
    assert_eq!(alone.receive(C, fetched(0, None)), idle());
}

#[test]
fn a_blocking_get_ends_only_after_enough_homes_hold_what_it_found() {
    let mut alone = Alone::repairing(FanOut::ClientDriven, ReadRepair::Blocking);
    alone.get(None);
    alone.receive(A, fetched(0, Some(&new())));
    let repaired = does([send(B, store(0, &new()))]);
    assert_eq!(alone.receive(B, fetched(0, Some(&old()))), repaired);
    assert_eq!(alone.receive(B, ack_of(0, &old())), idle());
    assert_eq!(alone.receive(D, ack_of(0, &new())), idle());
    let ended = ends([cancel_timer(0)], found(&new(), [A, B]));
    assert_eq!(alone.receive(B, ack_of(0, &new())), ended);
}

#[test]
fn a_retry_of_a_blocking_get_repairs_again_what_it_waits_for() {
    let mut alone = Alone::repairing(FanOut::ClientDriven, ReadRepair::Blocking).trying(2);
    alone.get(None);
    alone.receive(A, fetched(0, Some(&new())));
    alone.receive(B, fetched(0, None));
    let again = [send(C, fetch(0)), send(B, store(0, &new())), set_timer(0)];
    assert_eq!(alone.expire(0), does(again));
    assert_eq!(alone.expire(0), ends([], Outcome::GetUnavailable { replied: set([A, B]) }));
}

// Sessions.

/// A session of a cluster with N = 3, and what two homes hold: the second has seen what the first has.
fn session() -> (Session, ClusterConfig, [Arc<Record>; 2]) {
    let one = wrote(dot(A, 1), "one");
    let two = wrote_after(&one, one.context(), dot(B, 1), "two");
    (Session::default(), spec(4, 3, 2, 2).build().expect("the tests' clusters can be"), [one, two])
}

#[test]
fn a_session_takes_what_covers_its_last_read_and_turns_away_what_does_not() {
    let (mut session, cluster, [one, two]) = session();
    let mut take = |state: Option<&Arc<Record>>| {
        session.take(&cluster, &key(), state.map(|state| &**state), set([A, B]))
    };
    assert_eq!(take(None), Standing::Current);
    assert_eq!(take(Some(&one)), Standing::Current);
    assert_eq!(take(Some(&two)), Standing::Current);
    assert_eq!(take(Some(&one)), Standing::Behind);
    assert_eq!(take(None), Standing::Behind);
    assert_eq!(take(Some(&two)), Standing::Current);
    assert_eq!(session.context(&key()), two.context());
    session.forget(&key());
    assert_eq!(session, Session::default());
}

#[test]
fn a_session_takes_no_answer_without_a_home_that_acknowledged_its_write() {
    let (mut session, cluster, [one, two]) = session();
    assert_eq!(session.take(&cluster, &key(), Some(&one), set([A, B])), Standing::Current);
    assert!(session.wrote(&cluster, &key(), set([A, C, D])));
    assert!(session.has_unread_writes(&key()));
    // However much the answer has that the session had not seen.
    assert_eq!(session.take(&cluster, &key(), Some(&two), set([B])), Standing::Behind);
    assert_eq!(session.take(&cluster, &key(), Some(&two), set([B, C])), Standing::Current);
    assert!(!session.has_unread_writes(&key()));
    // What it wrote is in what it has read now.
    assert_eq!(session.take(&cluster, &key(), Some(&one), set([A])), Standing::Behind);
}

#[test]
fn each_write_of_a_session_wants_one_of_its_own_homes() {
    let (mut session, cluster, [one, _]) = session();
    for acked in [set([A, B]), set([A, B]), set([B, C])] {
        assert!(session.wrote(&cluster, &key(), acked));
    }
    for (replied, standing) in
        [(set([A]), Standing::Behind), (set([C]), Standing::Behind), (set([B]), Standing::Current)]
    {
        let mut session = session.clone();
        assert_eq!(session.take(&cluster, &key(), Some(&one), replied), standing, "{replied:?}");
    }
    // One that A alone has asks for more than one that A or B has.
    assert!(session.wrote(&cluster, &key(), set([A])));
    assert_eq!(session.take(&cluster, &key(), Some(&one), set([B])), Standing::Behind);
    assert_eq!(session.take(&cluster, &key(), Some(&one), set([A, C])), Standing::Current);
}

#[test]
fn what_all_homes_replied_is_all_there_is() {
    let (mut session, cluster, [one, two]) = session();
    assert_eq!(session.take(&cluster, &key(), Some(&two), set([A, B])), Standing::Current);
    session.wrote(&cluster, &key(), set([A]));
    assert_eq!(session.take(&cluster, &key(), Some(&one), set([A, B])), Standing::Behind);
    assert_eq!(session.take(&cluster, &key(), None, set([A, B, C])), Standing::Current);
    assert_eq!(session, Session::default(), "there is nothing left to fall behind");
}

#[test]
fn a_session_does_not_follow_what_no_home_acknowledged() {
    let (mut session, cluster, _) = session();
    assert!(!session.wrote(&cluster, &key(), set([D])));
    assert_eq!(session, Session::default());
}
