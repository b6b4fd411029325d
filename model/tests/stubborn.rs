//! Stubborn sets: a search with them shows what the whole search shows, and what they are derived from is declared of
//! every step; of the leaderless protocol, and of the one of `examples/`.

#[path = "../examples/primary_backup/main.rs"]
#[expect(dead_code, reason = "it is searched here, and has no command line")]
mod example;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use example::{Message, PrimaryBackup, properties};
use quorate_checker::footprint::{Component, Footprint};
use quorate_checker::ids::{ClientId, NodeId, Peer};
use quorate_checker::stubborn::{Declares, Ever, Stubborn, Touches, undeclared};
use quorate_checker::world::{
    self, ActorState, Environment, Event, Judged, Protocol, ScenarioFile, Seat, State, World,
};
use quorate_checker::{Bounds, Looking, Switch, System, explore};
#[cfg(feature = "planted-faults")]
use quorate_model::campaign::{Reference, reference};
use quorate_model::check::{Action, ClusterModel, ClusterState};
#[cfg(feature = "planted-faults")]
use quorate_model::scenario::Rule;
use quorate_model::scenario::builtin::ALL;
use quorate_model::scenario::{Reductions, Scenario};

/// The most states of the unreduced searches that are compared.
const STATES_MAX: usize = 8_000;

/// What came of a search: how many states it visited, which conditions some state shows, and in which states nothing is possible.
struct Searched {
    distinct: usize,
    shown: Vec<bool>,
    ends: BTreeSet<u64>,
}

fn search(scenario: &Scenario, reductions: Reductions) -> Option<Searched> {
    let model = ClusterModel::new(Arc::new(Scenario { reductions, ..scenario.clone() }));
    let system = model.judging();
    let ends = Mutex::new(BTreeSet::new());
    let look = |state: &ClusterState, actions: &mut Vec<Action>| {
        if actions.is_empty() {
            ends.lock().expect("nobody panics").insert(state.fingerprint());
        }
    };
    let bounds = Bounds { threads: 2, states_max: Some(STATES_MAX), ..Bounds::default() };
    let explored = explore(&Looking { system: &system, look }, &bounds, &Switch::default());
    let shown = (0..system.conditions()).map(|at| explored.first(at).is_some()).collect();
    let (distinct, is_whole) = (explored.distinct(), explored.is_exhausted());
    is_whole.then(|| Searched { distinct, shown, ends: ends.into_inner().expect("nobody panics") })
}

/// Built-in scenarios without what asks where runs end.
fn scenarios() -> impl Iterator<Item = Scenario> {
    ALL.iter().filter_map(|builtin| {
        let mut scenario = builtin.parse().expect("what ships parses");
        scenario.expect.retain(|name, _| name != "convergence" && name != "progress");
        (scenario.script.is_none() && !scenario.expect.is_empty()).then_some(scenario)
    })
}

#[test]
fn a_search_with_stubborn_sets_shows_what_the_whole_search_shows_and_ends_where_it_ends() {
    let (mut whole, mut visited) = (0, 0);
    for scenario in scenarios() {
        let Some(all) = search(&scenario, Reductions::NONE) else { continue };
        let some = search(&scenario, Reductions::STUBBORN).expect("it visits no more");
        assert_eq!(some.shown, all.shown, "{}", scenario.name);
        assert_eq!(some.ends, all.ends, "{}", scenario.name);
        assert!(some.distinct <= all.distinct, "{}", scenario.name);
        (whole, visited) = (whole + all.distinct, visited + some.distinct);
    }
    assert!(whole > 50_000 && visited < whole, "{visited} of {whole}");
}

#[test]
fn what_steps_touch_and_lead_to_is_declared_of_their_class() {
    let mut steps = 0;
    for scenario in scenarios() {
        // With the rule on and no state left out, the declarations hold where the rule applies.
        let unreduced = Scenario { reductions: Reductions::NONE, ..scenario.clone() };
        let model = ClusterModel::new(Arc::new(unreduced));
        let declaring = model.with_reductions(Reductions::STUBBORN);
        let system = model.judging();
        let found = Mutex::new((0, BTreeSet::new()));
        let look = |state: &ClusterState, actions: &mut Vec<Action>| {
            let undeclared =
                actions.iter().flat_map(|action| undeclared(&declaring, state, action));
            let undeclared: Vec<String> = undeclared.collect();
            let mut found = found.lock().expect("nobody panics");
            found.0 += actions.len();
            if found.1.len() < 5 {
                found.1.extend(undeclared);
            }
        };
        let bounds = Bounds { threads: 2, states_max: Some(STATES_MAX), ..Bounds::default() };
        explore(&Looking { system: &system, look }, &bounds, &Switch::default());
        let (looked_at, found) = found.into_inner().expect("nobody panics");
        assert!(found.is_empty(), "{}: {found:#?}", scenario.name);
        steps += looked_at;
    }
    assert!(steps > 1_000_000, "{steps}");
}

#[cfg(feature = "planted-faults")]
#[test]
fn sets_that_are_not_stubborn_are_noticed_by_the_comparison_of_searches() {
    use quorate_model::check::wrong_rule::WrongRule;

    let references: Vec<Reference> =
        scenarios().filter_map(|scenario| reference(scenario, STATES_MAX)).collect();
    let compared = |of: &Reference, reductions: Reductions| {
        of.compared_with(&of.protocol().with_reductions(reductions))
    };
    let is_noticed = |wrong: &WrongRule| {
        let reductions = Reductions { wrong: Some(*wrong), ..Reductions::STUBBORN };
        references.iter().any(|of| compared(of, reductions).is_err())
    };
    let of_stubborn_sets = |rule: &&WrongRule| rule.rule() == Rule::StubbornSets;
    let all = WrongRule::ALL.iter().filter(of_stubborn_sets);
    let noticed: Vec<WrongRule> = all.copied().filter(is_noticed).collect();
    // What is forgotten of dependencies, certificates notice; what is forgotten of starts, the comparison with steps does.
    assert_eq!(noticed, [WrongRule::StubbornForgettingTheFuture, WrongRule::StubbornThoughSeen]);
    assert!(references.iter().all(|of| compared(of, Reductions::STUBBORN).is_ok()));
}

// The protocol of the example, and what it declares.

/// The one part of a node, and of a client.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Held {
    by_client: bool,
}

impl Component for Held {
    type Family = bool;

    fn family(&self) -> bool {
        self.by_client
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Class {
    Begins,
    Write,
    Read,
    BackUp,
    BackedUp,
    Answer,
    Else,
}

const PRIMARY: Peer = Peer::Node(NodeId(0));
const BACKUP: Peer = Peer::Node(NodeId(1));

impl Declares for PrimaryBackup {
    type Class = Class;
    type Part = Held;
    type Outlook = ();

    fn outlook(&self, _: &Environment, _: &State<Self>) -> Option<()> {
        Some(())
    }

    fn class(&self, _: &ActorState<Self>, event: &Event<Self>) -> Class {
        match event {
            Event::Receive(sent) => match sent.message {
                Message::Write => Class::Write,
                Message::Read => Class::Read,
                Message::BackUp { .. } => Class::BackUp,
                Message::BackedUp { .. } => Class::BackedUp,
                Message::Written(_) | Message::Found(_) => Class::Answer,
            },
            Event::Invoke(..) => Class::Begins,
            Event::Expire(..) | Event::Restart(_) | Event::Command(..) => Class::Else,
        }
    }

    fn is_arrival(&self, class: &Class) -> bool {
        !matches!(class, Class::Begins | Class::Else)
    }

    fn ever(&self, (): &(), peer: Peer, class: &Class) -> Ever<Self> {
        let mut touches = Footprint::default();
        let held = Held { by_client: matches!(peer, Peer::Client(_)) };
        let clients = (0..self.environment().clients).map(|at| Peer::Client(ClientId(at as u64)));
        let answers = clients.map(|client| (client, Class::Answer)).collect();
        let leads_to = match class {
            Class::Begins => {
                vec![(PRIMARY, Class::Write), (PRIMARY, Class::Read), (BACKUP, Class::Read)]
            }
            Class::Write => [answers, vec![(BACKUP, Class::BackUp)]].concat(),
            Class::Read | Class::BackedUp => answers,
            Class::BackUp => vec![(PRIMARY, Class::BackedUp)],
            Class::Answer => vec![(peer, Class::Begins)],
            Class::Else => Vec::new(),
        };
        match class {
            Class::Read => touches.reads.insert(held),
            Class::BackedUp => {}
            Class::Begins | Class::Write | Class::BackUp | Class::Answer | Class::Else => {
                touches.writes.insert(held);
            }
        }
        touches.tells = *class == Class::Answer;
        Ever { touches, leads_to }
    }

    fn now(&self, peer: Peer, seat: &Seat<Self>, event: &Event<Self>) -> Touches<Self> {
        self.ever(&(), peer, &self.class(&seat.state, event)).touches
    }

    fn may_ever_expire(&self, (): &(), _: Peer, (): ()) -> bool {
        false
    }

    fn is_private(&self, _: bool) -> bool {
        false
    }

    fn is_watched(&self, (): &(), _: (Peer, &Class), _: (Peer, &Class)) -> bool {
        false
    }
}

/// What a search of the example shows, and how many states it visits.
fn search_example(file: &str, with_stubborn_sets: bool) -> (Vec<bool>, usize) {
    let path = format!("{}/examples/primary_backup/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the example has its files");
    let protocol = PrimaryBackup(ScenarioFile::parse(&path, &text).expect("it is right"));
    let world = World::new(protocol);
    let judged = Judged::new(&world, properties());
    let stubborn = Stubborn::default();
    let look = |state: &State<PrimaryBackup>, actions: &mut Vec<world::Action<PrimaryBackup>>| {
        for action in &*actions {
            assert_eq!(undeclared(&world, state, action), Vec::<String>::new());
        }
        if with_stubborn_sets {
            stubborn.restrict(world.protocol(), world.environment(), state, actions);
        }
    };
    let explored =
        explore(&Looking { system: &judged, look }, &Bounds::default(), &Switch::default());
    let shown = (0..judged.conditions()).map(|at| explored.first(at).is_some()).collect();
    (shown, explored.distinct())
}

#[test]
fn the_example_is_searched_with_stubborn_sets_too() {
    for file in ["at_once.toml", "backed_up.toml"] {
        let ((all, whole), (some, visited)) =
            (search_example(file, false), search_example(file, true));
        assert_eq!(some, all, "{file}");
        assert!(visited < whole, "{file}: {visited} of {whole}");
    }
}
