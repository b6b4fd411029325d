//! What the project relies on of Stateright 0.31.0, and where it must not: so that an upgrade
//! says what changed.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use quorate_checker::world::Words;
use quorate_checker::world::WorldActor;
use quorate_model::check::ClusterModel;
use quorate_model::check::action::Envelope;
use quorate_model::check::leaderless::Leaderless;
use quorate_model::check::state::ActorState;
use quorate_model::scenario::{Faults, Reductions, Scenario, file};
use stateright::actor::{ActorModel, ActorModelState, Network};
use stateright::{Checker, CheckerVisitor, Expectation, Model, Path, Property, StateRecorder};

const SMALL: &str = r#"
title = "Two clients on three nodes"

[cluster]
nodes = ["A", "B", "C"]
n = 3
r = 2
w = 2
read-repair = "blocking"

[[client]]
name = "x"
via = ["A"]
program = [{ put = "k" }]

[[client]]
name = "y"
via = ["B"]
program = [{ get = "k", r = 2 }]

[expect]
no-lost-write = "holds"
"#;

fn scenario(text: &str) -> Scenario {
    file::parse("test.toml", "test", text).expect("the scenario parses")
}

/// A name of what both models have in common: the actors and the messages under way.
fn common<'a>(
    actors: impl Iterator<Item = &'a ActorState>,
    network: impl Iterator<Item = Envelope>,
) -> u64 {
    let hash = |value: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        value(&mut hasher);
        hasher.finish()
    };
    let actors: Vec<u64> = actors
        .map(|actor| {
            let mut actor = actor.clone();
            // Our model takes the outcome out once it has judged it.
            if let ActorState::Client(client) = &mut actor {
                client.outcome = None;
            }
            hash(&|hasher| actor.hash(hasher))
        })
        .collect();
    let mut messages: Vec<u64> =
        network.map(|envelope| hash(&|hasher| envelope.hash(hasher))).collect();
    messages.sort_unstable();
    hash(&|hasher| (&actors, &messages).hash(hasher))
}

#[test]
fn stateright_s_own_actor_model_reaches_the_same_states() {
    let scenario = Arc::new(Scenario {
        reductions: Reductions::NONE,
        // In Stateright's model every timer may expire.
        faults: Faults { timeouts: u8::MAX, ..Faults::default() },
        ..scenario(SMALL)
    });

    let (recorder, ours) = StateRecorder::new_with_accessor();
    ClusterModel::new(Arc::clone(&scenario)).checker().visitor(recorder).spawn_dfs().join();
    let ours: BTreeSet<u64> = ours()
        .iter()
        .map(|state| {
            common(
                state.seats.iter().map(|seat| &seat.state),
                state.network.iter().map(|envelope| (**envelope).clone()),
            )
        })
        .collect();

    let model = ClusterModel::new(scenario);
    let theirs = Arc::new(Mutex::new(BTreeSet::new()));
    let visit = Visit { model: model.clone(), seen: Arc::clone(&theirs) };
    ActorModel::<WorldActor<Leaderless>, (), ()>::new((), ())
        .actors(model.stateright_actors())
        .init_network(Network::new_unordered_nonduplicating([]))
        .property(Expectation::Always, "goes on to the end", |_, _| true)
        .checker()
        .visitor(visit)
        .spawn_dfs()
        .join();
    let theirs = theirs.lock().expect("no visitor panicked");

    assert!(ours.len() > 1_000, "only {} states", ours.len());
    assert_eq!(ours.len(), theirs.len());
    assert_eq!(ours, *theirs);
}

/// Notes the name of every state of Stateright's own actor model.
struct Visit {
    model: ClusterModel,
    seen: Arc<Mutex<BTreeSet<u64>>>,
}

type ActorAction = <ActorModel<WorldActor<Leaderless>> as Model>::Action;

impl CheckerVisitor<ActorModel<WorldActor<Leaderless>>> for Visit {
    fn visit(
        &self,
        _: &ActorModel<WorldActor<Leaderless>>,
        path: Path<ActorModelState<WorldActor<Leaderless>>, ActorAction>,
    ) {
        let state = path.last_state();
        let network = state.network.iter_all().map(|envelope| Envelope {
            from: self.model.peer(envelope.src.into()),
            to: self.model.peer(envelope.dst.into()),
            message: envelope.msg.clone(),
        });
        let name = common(state.actor_states.iter().map(|state| &**state), network);
        self.seen.lock().expect("no visitor panicked").insert(name);
    }
}

/// Counts up to a limit, two ways to each number.
struct Counter {
    properties: Vec<Property<Counter>>,
}

impl Model for Counter {
    type State = u32;
    type Action = bool;

    fn init_states(&self) -> Vec<u32> {
        vec![0]
    }

    fn actions(&self, _: &u32, actions: &mut Vec<bool>) {
        actions.extend([false, true]);
    }

    fn next_state(&self, last: &u32, by_two: bool) -> Option<u32> {
        let next = last + 1 + u32::from(by_two);
        (next <= 1_000).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.properties.clone()
    }
}

/// Walks over a grid, one step right or up at a time: more states than Stateright visits between
/// two looks at its limits.
struct Grid {
    properties: Vec<Property<Grid>>,
}

const GRID: u32 = 100;

impl Model for Grid {
    type State = (u32, u32);
    type Action = bool;

    fn init_states(&self) -> Vec<(u32, u32)> {
        vec![(0, 0)]
    }

    fn actions(&self, _: &(u32, u32), actions: &mut Vec<bool>) {
        actions.extend([false, true]);
    }

    fn next_state(&self, (x, y): &(u32, u32), right: bool) -> Option<(u32, u32)> {
        let next = if right { (x + 1, *y) } else { (*x, y + 1) };
        (next.0 < GRID && next.1 < GRID).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.properties.clone()
    }
}

#[test]
fn a_truncated_run_looks_complete_to_stateright() {
    let corner = |_: &Grid, state: &(u32, u32)| *state != (0, GRID - 1);
    let check = || Grid { properties: vec![Property::always("corner", corner)] }.checker();
    let complete = check().spawn_dfs().join();
    assert_eq!(complete.discoveries().len(), 1);
    let cut = check().target_state_count(10).spawn_bfs().join();
    // Which is why our runner decides by itself whether a run was cut.
    assert!(cut.is_done());
    assert!(cut.discoveries().is_empty());
    assert!(cut.unique_state_count() < (GRID * GRID) as usize);
}

#[test]
fn stateright_stops_once_everything_is_discovered() {
    let early = || Property::sometimes("start", |_: &Grid, state| *state == (0, 1));
    let never = Property::sometimes("never", |_: &Grid, _| false);
    let distinct =
        |properties| Grid { properties }.checker().spawn_bfs().join().unique_state_count();
    // Which is why our model has a property that is never discovered.
    assert_eq!(distinct(vec![early(), never]), (GRID * GRID) as usize);
    assert!(distinct(vec![early()]) < (GRID * GRID) as usize);
}

#[test]
fn stateright_s_breadth_first_search_does_not_give_shortest_runs() {
    let properties = vec![
        Property::always("below 10", |_: &Counter, state| *state < 10),
        Property::sometimes("never", |_: &Counter, _| false),
    ];
    let checker = Counter { properties }.checker().spawn_bfs().join();
    let path = checker.discovery("below 10").expect("it is violated").into_actions();
    // Five steps of two would do. Which is why we search for shortest runs ourselves.
    assert!(path.len() > 5, "{} steps", path.len());
}

#[test]
fn a_state_is_told_to_people_in_their_words() {
    let model = ClusterModel::new(Arc::new(scenario(SMALL)));
    let state = model.init_states().remove(0);
    let shown = model.names().state(&state);
    assert!(shown.contains("A             holds nothing"), "{shown}");
}
