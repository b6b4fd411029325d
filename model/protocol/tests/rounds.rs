//! The rounds that gather replies and acknowledgements, under any order, loss and duplication.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use quorate_protocol::cluster::{ClusterConfig, Placement};
use quorate_protocol::ids::{ClientId, Key, NodeId, NodeSet, Peer, RequestId, Timestamp};
use quorate_protocol::protocol::{
    Effect, GetRequest, Input, MemoryStore, Message, NodeConfig, ReadRepair, ReadRound, ReadStep,
    Replica, WriteRound,
};
use quorate_protocol::quorum::Quorum;
use quorate_protocol::versions::{
    ActorId, Dot, Epoch, Incarnation, Record, VersionVector, Versioning, Write,
};

const HOMES_MAX: usize = 5;

type Held = Option<Arc<Record>>;

/// One thing that reaches the round, or a home, while the round is open.
#[derive(Clone, Debug)]
enum Event {
    /// A home's reply arrives, for the first time or again.
    Reply(Index),
    /// One of the repairs sent so far arrives, for the first time or again, and its
    /// acknowledgement comes back at once.
    Repair(Index),
    /// Another write reaches a home, so that its next reply differs from its last.
    Write(Index),
}

#[derive(Clone, Debug)]
struct Scenario {
    repair: ReadRepair,
    homes: usize,
    needed: usize,
    later_r: usize,
    /// What each home holds before the read.
    held: Vec<Held>,
    events: Vec<Event>,
    /// In which order everything outstanding arrives in the end.
    last: Vec<usize>,
}

/// What was written and merged before the read: states that writes at homes can reach.
fn history() -> impl Strategy<Value = Vec<(Index, Index, bool)>> {
    vec((any::<Index>(), any::<Index>(), any::<bool>()), 0..12)
}

fn scenario(repairs: &'static [ReadRepair]) -> impl Strategy<Value = Scenario> {
    (1..=HOMES_MAX).prop_flat_map(move |homes| {
        let event = prop_oneof![
            4 => any::<Index>().prop_map(Event::Reply),
            2 => any::<Index>().prop_map(Event::Repair),
            1 => any::<Index>().prop_map(Event::Write),
        ];
        (
            select(repairs),
            1..=homes,
            1..=homes,
            history().prop_map(move |history| states(homes, &history)),
            vec(event, 0..20),
            Just((0..homes).collect::<Vec<_>>()).prop_shuffle(),
        )
            .prop_map(move |(repair, needed, later_r, held, events, last)| Scenario {
                repair,
                homes,
                needed,
                later_r,
                held,
                events,
                last,
            })
    })
}

fn node(home: usize) -> NodeId {
    NodeId(u16::try_from(home).expect("homes are few"))
}

/// Puts at a home, overwriting what `context` covers.
fn put(held: &mut Held, home: usize, counter: u64, context: VersionVector) {
    let actor = ActorId::Node { node: node(home), incarnation: Incarnation(0), epoch: Epoch(0) };
    let mut state = held.as_deref().cloned().unwrap_or_else(|| Record::empty(Versioning::Dotted));
    state.put(&Write {
        dot: Dot { actor, counter },
        client: ClientId(0),
        context,
        timestamp: Timestamp(0),
        value: Some("v".into()),
    });
    *held = Some(Arc::new(state));
}

/// Merges an incoming state into what a home holds.
fn take_in(held: &mut Held, incoming: &Held) {
    let merged = match (&*held, incoming) {
        (Some(held), Some(incoming)) => Some(Arc::new(held.merged(incoming))),
        (held, incoming) => held.clone().or_else(|| incoming.clone()),
    };
    *held = merged;
}

fn states(homes: usize, history: &[(Index, Index, bool)]) -> Vec<Held> {
    let mut held: Vec<Held> = vec![None; homes];
    for (counter, (home, other, is_put)) in (1..).zip(history) {
        let (home, other) = (home.index(homes), other.index(homes));
        if *is_put {
            let context = held[other].as_ref().map(|state| state.context()).unwrap_or_default();
            put(&mut held[home], home, counter, context);
        } else {
            let sent = held[other].clone();
            take_in(&mut held[home], &sent);
        }
    }
    held
}

/// Whether one state has all of another; a home that has nothing lacks everything but nothing.
fn has_all_of(held: &Held, wanted: &Held) -> bool {
    match (held, wanted) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(held), Some(wanted)) => held.dominates(wanted),
    }
}

/// A round, the homes around it, and what a watcher knows of both.
struct Watched {
    scenario: Scenario,
    round: ReadRound,
    held: Vec<Held>,
    /// First replies, in order of arrival: who, and what.
    replies: Vec<(usize, Held)>,
    /// Repairs sent: to whom, what, and whether the answer waits for them.
    sent: Vec<(usize, Arc<Record>, bool)>,
    /// Which of the repairs sent have arrived.
    delivered: BTreeSet<usize>,
    answers: Vec<Held>,
    writes: u64,
}

impl Watched {
    fn new(scenario: Scenario) -> Self {
        let Scenario { repair, homes, needed, later_r, .. } = scenario;
        Watched {
            round: ReadRound::new(repair, (0..homes).map(node).collect(), needed, later_r),
            held: scenario.held.clone(),
            scenario,
            replies: Vec::new(),
            sent: Vec::new(),
            delivered: BTreeSet::new(),
            answers: Vec::new(),
            writes: 0,
        }
    }

    /// Lets everything happen, then lets everything outstanding arrive.
    fn run(mut self) -> Result<Self, TestCaseError> {
        self.judge()?;
        let events = self.scenario.events.clone();
        for event in &events {
            match event {
                Event::Reply(home) => self.reply(home.index(self.scenario.homes))?,
                Event::Repair(at) if !self.sent.is_empty() => {
                    self.deliver(at.index(self.sent.len()))?;
                }
                Event::Repair(_) => {}
                Event::Write(home) => self.write(home.index(self.scenario.homes)),
            }
        }
        for home in self.scenario.last.clone() {
            self.reply(home)?;
        }
        let mut delivered = 0;
        while delivered < self.sent.len() {
            self.deliver(delivered)?;
            delivered += 1;
        }
        Ok(self)
    }

    fn has_replied(&self, home: usize) -> bool {
        self.replies.iter().any(|(replied, _)| *replied == home)
    }

    fn reply(&mut self, home: usize) -> Result<(), TestCaseError> {
        let is_first = !self.has_replied(home);
        let awaited = self.round.awaits_reply(node(home));
        let before = self.round.clone();
        if is_first {
            self.replies.push((home, self.held[home].clone()));
        }
        let steps = self.round.on_reply(node(home), self.held[home].clone());
        if !awaited {
            prop_assert!(steps.is_empty(), "a reply that was not awaited led to {steps:?}");
            prop_assert_eq!(&before, &self.round);
        }
        if !is_first {
            prop_assert!(!awaited, "a second reply is awaited");
        }
        self.note(steps)
    }

    /// The home merges the repair before it says that it holds it.
    fn deliver(&mut self, at: usize) -> Result<(), TestCaseError> {
        let (home, state, awaited) = self.sent[at].clone();
        let digest = state.digest();
        take_in(&mut self.held[home], &Some(state));
        self.delivered.insert(at);
        if awaited {
            let matters = self.round.awaits_holder(node(home));
            let before = self.round.clone();
            let steps = self.round.on_holder(node(home), digest);
            if !matters {
                prop_assert!(steps.is_empty(), "an acknowledgement not awaited led to {steps:?}");
                prop_assert_eq!(&before, &self.round);
            }
            self.note(steps)?;
        }
        Ok(())
    }

    fn write(&mut self, home: usize) {
        self.writes += 1;
        let context = self.held[home].as_ref().map(|state| state.context()).unwrap_or_default();
        put(&mut self.held[home], home, 1_000 + self.writes, context);
    }

    fn note(&mut self, steps: Vec<ReadStep>) -> Result<(), TestCaseError> {
        for step in steps {
            match step {
                ReadStep::Answer(state) => self.answers.push(state),
                ReadStep::Repair { to, state, awaited } => {
                    self.judge_repair(to.index(), &state, awaited)?;
                    self.sent.push((to.index(), state, awaited));
                }
            }
        }
        self.judge()
    }

    /// A repair goes only to homes that replied, and only with what they are not known to have.
    fn judge_repair(
        &self,
        to: usize,
        state: &Arc<Record>,
        awaited: bool,
    ) -> Result<(), TestCaseError> {
        prop_assert!(self.scenario.repair != ReadRepair::Off);
        prop_assert_eq!(awaited, self.scenario.repair == ReadRepair::Blocking);
        let (_, replied) =
            self.replies.iter().find(|(home, _)| *home == to).expect("a repair of a replied home");
        let state = Some(Arc::clone(state));
        prop_assert!(!has_all_of(replied, &state), "home {to} replied that it has it");
        let earlier = self.sent.iter().filter(|(home, ..)| *home == to);
        for (_, earlier, _) in earlier {
            prop_assert!(!has_all_of(&Some(Arc::clone(earlier)), &state), "sent home {to} twice");
        }
        Ok(())
    }

    /// The merge of what the first homes to reply replied.
    fn merge_of(&self, replies: usize) -> Held {
        let mut merged = None;
        for (_, reply) in &self.replies[..replies] {
            take_in(&mut merged, reply);
        }
        merged
    }

    /// How many homes must hold the answer of a blocking read.
    fn holders_needed(&self) -> usize {
        self.scenario.homes - self.scenario.later_r + 1
    }

    /// Whether the replies and acknowledgements that arrived show enough holders of this state.
    fn is_known_to_be_held(&self, wanted: &Held) -> bool {
        let replied = self.replies.iter().filter(|(_, reply)| has_all_of(reply, wanted));
        let repaired = self.delivered.iter().map(|at| self.sent[*at].0);
        let known: BTreeSet<usize> = replied.map(|(home, _)| *home).chain(repaired).collect();
        known.len() >= self.holders_needed()
    }

    /// What must hold whenever nothing is under way.
    fn judge(&self) -> Result<(), TestCaseError> {
        let Scenario { repair, homes, needed, .. } = self.scenario;
        let counted = self.replies.len().min(needed);
        let first: NodeSet = self.replies[..counted].iter().map(|(home, _)| node(*home)).collect();
        prop_assert_eq!(self.round.replied(), first);
        prop_assert!(self.answers.len() <= 1, "answered {} times", self.answers.len());
        let is_answered = !self.answers.is_empty();
        prop_assert_eq!(self.round.is_waiting(), !is_answered);
        let has_quorum = self.replies.len() >= needed;
        prop_assert!(has_quorum || !is_answered, "answered after {counted} of {needed} replies");
        let is_finished = is_answered
            && match repair {
                ReadRepair::Off | ReadRepair::Blocking => true,
                ReadRepair::Async => self.replies.len() == homes,
            };
        prop_assert_eq!(self.round.is_finished(), is_finished);
        for home in 0..homes {
            let is_awaited = !is_finished && !self.has_replied(home);
            prop_assert_eq!(self.round.awaits_reply(node(home)), is_awaited);
        }
        let may_answer = has_quorum && {
            let merged = self.merge_of(needed);
            repair != ReadRepair::Blocking || merged.is_none() || self.is_known_to_be_held(&merged)
        };
        prop_assert_eq!(is_answered, may_answer, "answered as soon as it may be, and no sooner");
        if let Some(answer) = self.answers.first() {
            prop_assert_eq!(
                answer,
                &self.merge_of(needed),
                "the answer merges the first R replies"
            );
            if repair == ReadRepair::Blocking && answer.is_some() {
                let holders = self.held.iter().filter(|held| has_all_of(held, answer)).count();
                prop_assert!(holders >= self.holders_needed(), "answered with {holders} holders");
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_read_is_answered_exactly_once_and_only_from_enough_distinct_homes(
        scenario in scenario(&[ReadRepair::Off, ReadRepair::Async, ReadRepair::Blocking])
    ) {
        let end = Watched::new(scenario).run()?;
        prop_assert_eq!(end.answers.len(), 1, "everything has arrived");
    }

    #[test]
    fn those_that_a_read_asks_first_are_enough_to_answer_it(
        scenario in scenario(&[ReadRepair::Off, ReadRepair::Async, ReadRepair::Blocking])
    ) {
        let Scenario { repair, homes, needed, later_r, held, last, .. } = scenario;
        let all = (0..homes).map(node).collect();
        let mut round = ReadRound::new(repair, all, needed, later_r)
            .asking_first(last.iter().copied().map(node));
        let asked = round.asked();
        prop_assert!(asked.iter().all(|home| all.contains(home)) && asked.len() >= needed);
        let mut steps = Vec::new();
        for home in asked.iter() {
            steps.extend(round.on_reply(home, held[home.index()].clone()));
        }
        let mut answers = 0;
        while let Some(step) = steps.pop() {
            match step {
                ReadStep::Answer(_) => answers += 1,
                ReadStep::Repair { to, state, awaited: true } => {
                    steps.extend(round.on_holder(to, state.digest()));
                }
                ReadStep::Repair { .. } => {}
            }
        }
        prop_assert_eq!(answers, 1);
        prop_assert!(round.is_finished(), "nobody else is waited for");
    }

    #[test]
    fn a_blocking_read_is_answered_once_every_later_quorum_meets_a_holder(
        scenario in scenario(&[ReadRepair::Blocking])
    ) {
        let later_r = scenario.later_r;
        let end = Watched::new(scenario).run()?;
        // Said without counting: no later read can ask only homes that lack the answer.
        let lacking = end.held.iter().filter(|held| !has_all_of(held, &end.answers[0])).count();
        prop_assert!(lacking < later_r, "{lacking} homes lack the answer");
    }

    #[test]
    fn asynchronous_repair_leaves_every_home_with_the_merge_of_all_replies(
        scenario in scenario(&[ReadRepair::Async])
    ) {
        let end = Watched::new(scenario).run()?;
        let merged = end.merge_of(end.scenario.homes);
        prop_assert!(end.round.is_finished());
        for held in &end.held {
            prop_assert!(has_all_of(held, &merged));
        }
    }

    #[test]
    fn homes_that_agree_are_not_repaired(
        scenario in scenario(&[ReadRepair::Async, ReadRepair::Blocking])
    ) {
        let agreed = scenario.held[0].clone();
        let held = vec![agreed; scenario.homes];
        let mut events = scenario.events.clone();
        events.retain(|event| matches!(event, Event::Reply(_)));
        let end = Watched::new(Scenario { held, events, ..scenario }).run()?;
        prop_assert!(end.sent.is_empty());
    }

    #[test]
    fn a_write_is_complete_exactly_when_enough_distinct_nodes_acknowledged_it(
        needed in 1..=HOMES_MAX,
        acks in vec(0..HOMES_MAX, 0..20)
    ) {
        let mut round = WriteRound::new(needed);
        let mut distinct = BTreeSet::new();
        prop_assert!(!round.is_complete());
        for ack in acks {
            round.acknowledge(node(ack));
            distinct.insert(ack);
            prop_assert_eq!(round.is_complete(), distinct.len() >= needed);
            prop_assert!(round.acked().iter().map(NodeId::index).eq(distinct.iter().copied()));
        }
    }
}

/// A node that coordinates gets with blocking repair, and its store.
struct Coordinator {
    config: NodeConfig,
    replica: Replica,
    store: MemoryStore,
}

impl Coordinator {
    fn new() -> Self {
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let quorum = Quorum::new(3, 2, 2).expect("a valid quorum");
        let (versioning, repair) = (Versioning::Dotted, ReadRepair::Blocking);
        let cluster = ClusterConfig::new(names, Placement::InOrder, quorum, versioning, repair);
        let cluster = Arc::new(cluster.expect("a valid cluster"));
        Coordinator {
            config: NodeConfig::new(node(0), cluster),
            replica: Replica::default(),
            store: MemoryStore::default(),
        }
    }

    /// Takes a message; gives what is sent in return.
    fn receive(&mut self, from: impl Into<Peer>, message: Message) -> Vec<(Peer, Message)> {
        let input = Input::Receive { from: from.into(), message };
        let step = self.replica.step(&self.config, &self.store, Timestamp(0), input);
        let step = step.expect("memory can be read");
        self.store.apply(step.changes);
        let sent = step.effects.into_iter().filter_map(|effect| match effect {
            Effect::Send { to, message } | Effect::Reply { to, message } => Some((to, message)),
            _ => None,
        });
        sent.collect()
    }
}

#[test]
fn an_acknowledgement_of_an_earlier_repair_of_the_same_get_makes_no_holder() {
    let mut coordinator = Coordinator::new();
    let (client, key) = (ClientId(0), Key::from("k"));
    let request = RequestId { client, sequence: 1 };
    let get = || Message::Get(GetRequest { request, key: key.clone(), r: None });
    let store = |state: &Held| {
        let state = state.clone().expect("something written");
        let request = RequestId { client: ClientId(1), sequence: 1 };
        Message::Store { request, key: key.clone(), state }
    };
    let is_answer = |(to, _): &(Peer, Message)| *to == Peer::Client(client);
    let mut old = None;
    put(&mut old, 2, 1, VersionVector::new());
    let mut new = old.clone();
    put(&mut new, 2, 2, VersionVector::new());

    // The first attempt repairs node 1, whose acknowledgement the network will duplicate.
    coordinator.receive(node(2), store(&old));
    coordinator.receive(client, get());
    coordinator.receive(node(1), Message::FetchReply { request, state: None });
    let held = old.as_ref().expect("something written").digest();
    let ack = Message::StoreAck { request, held };
    assert!(coordinator.receive(node(1), ack.clone()).iter().any(is_answer));

    // The answer is lost, and another write reaches the coordinator before the retry does.
    coordinator.receive(node(2), store(&new));
    coordinator.receive(client, get());
    coordinator.receive(node(1), Message::FetchReply { request, state: old });
    // The repair to node 1 is lost: it still holds the old state, and so may a later quorum.
    assert!(!coordinator.receive(node(1), ack).iter().any(is_answer));
    let held = new.expect("something written").digest();
    let ack = Message::StoreAck { request, held };
    assert!(coordinator.receive(node(1), ack).iter().any(is_answer));
}
