//! What the checker finds in a run, the judge of traces finds in the same run.
//!
//! Both say what must hold: the checker's properties of whole states, the judge of what each step changed. Here the
//! shortest runs of made-up scenarios that violate a property are told to the judge, step by step, as a trace would.

use std::collections::{BTreeMap, BTreeSet};

use quorate_checker::world::campaign::{Draft as _, Readied};
use quorate_checker::world::{
    Action, ClientInput as Reaches, Event, Judged as JudgedWorld, NodeState, Reduces as _, Verdict,
    World,
};
use quorate_checker::{Bounds, Switch, explore};
use quorate_ids::{ClientId, Peer, Timestamp};
use quorate_leader::config::{ElectionKind, Replication};
use quorate_leader::effect::{Effect, Input, Step};
use quorate_leader::replica::Replica;

use super::super::node::{LOG, NodeInput, Reaching};
use super::super::{StateDigest, StoreDigest};
use super::*;
use crate::builtin::ALL;
use crate::campaign::{Draft, DraftClient, DraftOperation, Verb, readied};
use crate::kinds::Alarm;
use crate::leader_based::ClusterState;
use crate::view;

/// How many states a scenario may have.
const STATES_MAX: usize = 3_000;

/// A run, as it is told to a judge that promises nothing of what it can count.
struct Telling<'a> {
    protocol: &'a LeaderBased,
    judge: LogJudge,
    broken: BTreeSet<&'static str>,
    operations: BTreeMap<ClientId, u64>,
}

fn epoch_led(node: &NodeState<LeaderBased>) -> Option<Epoch> {
    view::leadership(node, LOG).map(|_| view::epoch(node, LOG))
}

fn committed(node: &NodeState<LeaderBased>) -> Index {
    view::store(node, LOG).map(|store| store.committed_index()).unwrap_or_default()
}

impl<'a> Telling<'a> {
    fn new(protocol: &'a LeaderBased, initial: &ClusterState) -> Self {
        let setting = protocol.setting();
        let promiser = Promiser {
            nodes: protocol.cluster().nodes,
            replication: Replication::Async,
            election: ElectionKind::Bully,
            log: setting.log,
        };
        let (broken, operations) = (BTreeSet::new(), BTreeMap::new());
        let mut telling = Telling { protocol, judge: LogJudge::of(promiser), broken, operations };
        for (node, state) in protocol.cluster().node_ids().zip(initial.nodes()) {
            let (leads, changes) = (epoch_led(state), Vec::new());
            let seen = Seen { changes, committed_before: Index(0), led: None, leads };
            telling.node_step(node, Step::default(), seen);
        }
        telling
    }

    fn note(&mut self, judgement: Result<(), Broken>) {
        self.broken.extend(judgement.err().map(|broken| broken.name));
    }

    fn node_step(&mut self, node: NodeId, step: Step, seen: Seen) {
        let sent = step.effects.into_iter().filter_map(|effect| match effect {
            Effect::Send { to, message } => {
                Some(NodeEffect::Send { to, packet: Packet { shard: LOG, message } })
            }
            _ => None,
        });
        let step = NodeStep {
            number: 1,
            at_us: 1,
            now: Timestamp(1),
            input: NodeInput { random: 0, reaching: Reaching::Promote },
            effects: sent.collect(),
            digest: StateDigest::new(&[Replica::default()], &StoreDigest::default()),
        };
        let judgement = self.judge.on_node_step(node, &step, seen);
        self.note(judgement);
    }

    fn node(&mut self, node: NodeId, event: &Event<LeaderBased>, states: [&ClusterState; 2]) {
        let [before, after] = states.map(|state| state.node(node));
        let input = match event {
            Event::Receive(sent) => {
                Some(Input::Receive { from: sent.from, message: sent.message.message.clone() })
            }
            Event::Expire(_, Alarm::Node { timer, .. }) => Some(Input::Expire(*timer)),
            _ => None,
        };
        let step = match input {
            Some(input) => self.protocol.react(node, &mut before.clone(), LOG, input),
            None => Step::default(),
        };
        let changes = self.protocol.changes(node, before, event);
        let changes = changes.into_iter().flat_map(|(_, changes)| changes).collect();
        let (led, leads) = (epoch_led(before), epoch_led(after));
        let seen = Seen { changes, committed_before: committed(before), led, leads };
        self.node_step(node, step, seen);
    }

    fn client(
        &mut self,
        client: ClientId,
        reaches: &Reaches<'_, LeaderBased>,
        before: &ClusterState,
    ) {
        let mut asking = before.client(client).expect("it is one of the scenario").clone();
        let reads = self.protocol.setting().reads;
        let step = asking.react(self.protocol, client, reaches);
        let input = match reaches {
            Reaches::Invoke { coordinator } => {
                let (_, _, task) = asking.client.asks().expect("it has just asked");
                *self.operations.entry(client).or_default() += 1;
                ClientInput::Invoke {
                    task: task.clone(),
                    node: *coordinator,
                    reads,
                    attempts: 1,
                    wrote_long_ago: false,
                    asked_long_ago: false,
                }
            }
            Reaches::Receive { from, message } => {
                ClientInput::Receive { from: *from, packet: (*message).clone() }
            }
            Reaches::Expire(_) => ClientInput::Expire,
        };
        let outcome = step.ended.map(|ended| match ended.outcome {
            Some(Outcome::Written { position, value }) => Answer::Written { position, value },
            Some(Outcome::Found { position, value }) => Answer::Found { position, value },
            Some(Outcome::Refused(refusal)) => Answer::Refused(refusal),
            _ => Answer::Unknown,
        });
        let effects = step.send.map(|(node, shard, message)| NodeEffect::Send {
            to: node.into(),
            packet: Packet { shard, message },
        });
        let effects = effects.into_iter().collect();
        let step = ClientStep { client, number: 1, at_us: 1, input, effects, outcome };
        let operation = self.operations[&client] - 1;
        let judgement = self.judge.on_client_step(&step, operation);
        self.note(judgement);
    }

    fn tell(&mut self, action: &Action<LeaderBased>, states: [&ClusterState; 2]) {
        let [before, _] = states;
        match action {
            Action::Invoke { client, coordinator } => {
                self.client(*client, &Reaches::Invoke { coordinator: *coordinator }, before);
            }
            Action::Deliver(envelope) => match (envelope.to, envelope.from) {
                (Peer::Node(node), _) => self.node(node, &Event::Receive(envelope.clone()), states),
                (Peer::Client(client), Peer::Node(from)) => {
                    let message = &envelope.message;
                    self.client(client, &Reaches::Receive { from, message }, before);
                }
                (Peer::Client(_), Peer::Client(_)) => {}
            },
            Action::Expire { peer, timer } => match peer {
                Peer::Node(node) => self.node(*node, &Event::Expire(*peer, *timer), states),
                Peer::Client(client) => self.client(*client, &Reaches::Expire(*timer), before),
            },
            Action::Recover { node } => self.node(*node, &Event::Restart(*node), states),
            Action::Wipe { node } => {
                let judgement = self.judge.on_lost_disk(*node);
                self.note(judgement);
            }
            _ => {}
        }
    }

    /// What is broken by now.
    fn broken(&self) -> BTreeSet<&'static str> {
        let counted = self.judge.findings().properties.into_iter();
        let counted = counted.filter(|property| property.broken > 0).map(|property| property.name);
        self.broken.iter().copied().chain(counted).collect()
    }
}

/// What the judge finds broken in a run.
fn broken_in(world: &World<LeaderBased>, run: &[Action<LeaderBased>]) -> BTreeSet<&'static str> {
    let mut state = world.initial_state();
    let mut telling = Telling::new(world.protocol(), &state);
    for action in run {
        let next = world.apply(&state, action.clone()).expect("the run is one of the world");
        telling.tell(action, [&state, &next]);
        state = next;
    }
    telling.broken()
}

/// A made-up scenario of one log, whose clients do more than most.
fn made_up(case: u64) -> Draft {
    let mut draft = Draft::random(5, case);
    let more = [
        &[Verb::Set, Verb::Read][..],
        &[Verb::Read, Verb::Read],
        &[Verb::Execute("= random()"), Verb::Read],
        &[Verb::Execute("+= 2"), Verb::Set, Verb::Execute("+= 2"), Verb::Read],
        &[],
    ];
    (draft.epochs, draft.second_log, draft.faults.rollbacks) = (true, None, 0);
    let verbs = more[case as usize % more.len()].iter();
    let operations = verbs.map(|verb| DraftOperation { other_key: false, verb: *verb });
    draft.clients[0].operations.extend(operations);
    draft.asked = Judged::ALL.map(Judged::name).to_vec();
    draft.asked.sort_unstable();
    draft
}

/// A client reads by position what it has drawn, where each replica draws for itself: it finds another number, in the right
/// place.
fn drawn_by_each() -> Draft {
    let operations = [Verb::Execute("= random()"), Verb::Read];
    let operations = operations.map(|verb| DraftOperation { other_key: false, verb });
    Draft {
        reads: "position",
        log: "statement",
        clients: vec![DraftClient {
            operations: operations.to_vec(),
            asks: None,
            is_after_first: false,
        }],
        asked: vec![Judged::ReadYourWrites.name()],
        ..Draft::plain(2)
    }
}

/// What was compared: of each property, how many runs violate it.
#[derive(Default)]
struct Agreement {
    violated: BTreeMap<&'static str, u64>,
}

impl Agreement {
    /// Compares all shortest runs of a scenario that is small.
    fn compare(&mut self, readied: Readied<LeaderBased>) {
        let protocol = readied.world.protocol();
        let text = protocol.scenario().text.clone();
        let world = readied.world.with_protocol(protocol.unreduced());
        let judged = JudgedWorld::new(&world, readied.properties);
        let bounds = Bounds { states_max: Some(STATES_MAX), ..Bounds::default() };
        let explored = explore(&judged, &bounds, &Switch::default());
        if !explored.is_exhausted() {
            return;
        }
        let verdicts = judged.verdicts(&explored);
        let names = judged.properties().iter().map(|property| property.name);
        let found: BTreeMap<&str, _> = names.zip(verdicts).collect();
        for name in Judged::ALL.map(Judged::name) {
            let Some(Verdict { run, witness, .. }) = found.get(name) else { continue };
            if let Some(run) = run {
                self.violates(name, &broken_in(&world, run), &text);
            }
            let holds = |name: &str| found.get(name).is_some_and(|verdict| verdict.run.is_none());
            for broken in witness.iter().flat_map(|run| broken_in(&world, run)) {
                assert!(!holds(broken) || is_stricter(broken), "{broken}: {}", text);
            }
        }
    }

    fn violates(&mut self, name: &'static str, broken: &BTreeSet<&str>, text: &str) {
        // What is lost is told once somebody leads who lacks it, and a run that shows it to be lost need not go so far.
        let is_told_later = [Judged::NoLostWrite, Judged::ExactlyOnce].map(Judged::name);
        if broken.contains(name) {
            *self.violated.entry(name).or_default() += 1;
        } else {
            assert!(is_told_later.contains(&name), "{name} was missed: {text}");
        }
    }
}

/// Whether the judge may find broken what holds: it looks at places, where a value may be the same by chance, and at
/// who leads, where somebody who does not may hold a write still.
fn is_stricter(name: &str) -> bool {
    [Judged::Linearizable, Judged::NoLostWrite].map(Judged::name).contains(&name)
}

#[test]
fn what_the_checker_finds_violated_in_a_run_the_judge_finds_broken() {
    let mut agreement = Agreement::default();
    for case in 0..400 {
        agreement.compare(made_up(case).readied().expect("the format takes it"));
    }
    agreement.compare(drawn_by_each().readied().expect("the format takes it"));
    for builtin in ALL.iter().filter(|builtin| builtin.default) {
        let scenario = builtin.parse().expect("the scenarios that ship are read");
        let setting = &scenario.protocol;
        let environment = scenario.environment(setting.clients.len());
        if setting.epochs && setting.shards.is_empty() && environment.faults.rollbacks == 0 {
            agreement.compare(readied(scenario));
        }
    }
    println!("{:?}", agreement.violated);
    // Epochs and logs that are out of order take longer runs than these: other tests break those by hand.
    for (property, least) in [
        (Judged::ReadYourWrites, 15),
        (Judged::Linearizable, 15),
        (Judged::MonotonicReads, 3),
        (Judged::LeaderCompleteness, 1),
    ] {
        let many = agreement.violated.get(property.name()).copied();
        assert!(many >= Some(least), "{property:?}: {:?}", agreement.violated);
    }
}
