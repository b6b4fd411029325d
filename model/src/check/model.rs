//! The model that Stateright checks: actors, network, fault budgets and ghost history.
//!
//! It steps the same [`ClusterActor`]s that Stateright's `ActorModel` could, but owns the rest of
//! the global state itself: budgets for faults, messages that can be dropped as soon as they can
//! have no effect, shared parts with precomputed hashes. A test compares the two where both apply.

mod canonical;
mod carry_out;
mod disks;
mod operations;
mod told;

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_checker::Shared;
use quorate_checker::memo::Memo;
use stateright::actor::{Actor, Command, Id, Out};
use stateright::{Model, Property};

use super::action::Action;
use super::actor::{ActorState, ClusterActor, NodeState};
use super::ghost::Ghost;
use super::history::Watch;
use super::instruments::Instruments;
use super::local::{Event, LocalStep};
use super::offer::{Reduced, offer};
use super::property::{Goal, Nodes, PropertySpec, View};
use super::state::{ClusterState, Network, Seat};
use super::system::Condition;
use super::words::Names;
use super::{reduce, stateright_properties};
use crate::ids::Timestamp;
use crate::scenario::{Reductions, Scenario};

pub(crate) use told::Ended;

/// A scenario as a Stateright model.
#[derive(Clone)]
pub struct ClusterModel {
    scenario: Arc<Scenario>,
    actors: Vec<ClusterActor>,
    nodes: usize,
    ghost: Ghost,
    properties: Vec<&'static PropertySpec>,
    conditions: Arc<[Condition]>,
    instruments: Arc<Instruments>,
    names: Arc<Names>,
    steps: Arc<Memo<Shared<Seat>, Event, LocalStep>>,
    forgotten: Arc<reduce::ForgetMemo>,
    watch: Watch,
}

impl ClusterModel {
    /// The model of a scenario, with the properties that it states expectations of.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>) -> Self {
        let properties = PropertySpec::judged_in(&scenario);
        Self::with_properties(scenario, properties)
    }

    /// The model of a scenario with these properties instead.
    #[must_use]
    pub fn with_properties(
        scenario: Arc<Scenario>,
        properties: Vec<&'static PropertySpec>,
    ) -> Self {
        let watch = PropertySpec::watch(&properties);
        ClusterModel {
            actors: ClusterActor::all(&scenario),
            nodes: scenario.cluster.nodes().len(),
            ghost: Ghost::new(Arc::clone(&scenario), watch),
            watch,
            conditions: properties.iter().flat_map(|property| Condition::both(property)).collect(),
            properties,
            instruments: Arc::default(),
            names: Arc::new(Names::of(&scenario)),
            steps: Arc::default(),
            forgotten: Arc::default(),
            scenario,
        }
    }

    /// The same model with counters of its own.
    #[must_use]
    pub fn with_fresh_instruments(&self) -> Self {
        ClusterModel { instruments: Arc::default(), ..self.clone() }
    }

    /// The same model with these reductions. Neither what actors do nor what the ghost
    /// notes depends on them, so what was worked out before is remembered.
    #[must_use]
    pub fn with_reductions(&self, reductions: Reductions) -> Self {
        let scenario = Arc::new(Scenario { reductions, ..(*self.scenario).clone() });
        ClusterModel { scenario, ..self.with_fresh_instruments() }
    }

    /// The same model, whose history keeps what explanations need: for walking single runs, since
    /// it tells states apart that behave alike.
    #[must_use]
    pub fn explaining(&self) -> Self {
        let watch = Watch { accounts: true, ..self.watch };
        let ghost = Ghost::new(Arc::clone(&self.scenario), watch);
        ClusterModel { ghost, ..self.with_fresh_instruments() }
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &Arc<Scenario> {
        &self.scenario
    }

    /// The properties that are judged.
    #[must_use]
    pub fn judged(&self) -> &[&'static PropertySpec] {
        &self.properties
    }

    /// What its states may show of these: in the order of the properties, each that it is violated or
    /// reached, and then that it was put to the test.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The goals that its runs should come to: of those properties that are about where runs end, in order.
    #[must_use]
    pub fn goals(&self) -> Vec<Goal> {
        self.properties.iter().filter_map(|property| property.goal()).collect()
    }

    /// Counters.
    #[must_use]
    pub fn instruments(&self) -> &Arc<Instruments> {
        &self.instruments
    }

    /// The names of nodes and clients.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// What the properties judge of a state.
    #[must_use]
    pub fn view<'a>(&'a self, state: &'a ClusterState) -> View<'a> {
        View {
            scenario: &self.scenario,
            historian: self.ghost.historian(),
            history: &state.history,
            nodes: state,
        }
    }
}

impl Nodes for ClusterState {
    fn visit(&self, visit: &mut dyn FnMut(&NodeState)) {
        self.nodes().for_each(visit);
    }
}

impl Model for ClusterModel {
    type State = ClusterState;
    type Action = Action;

    fn init_states(&self) -> Vec<ClusterState> {
        let mut seats = Vec::new();
        for (index, actor) in self.actors.iter().enumerate() {
            let mut out = Out::new();
            let mut state = actor.on_start(Id::from(index), &None, &mut out);
            if let ActorState::Node(node) = &mut state {
                node.clock = Timestamp(self.scenario.clocks_ahead[index]);
            }
            let mut timers = BTreeSet::new();
            for command in out {
                if let Command::SetTimer(timer, _) = command {
                    timers.insert(timer);
                }
            }
            if self.scenario.down.iter().any(|node| node.index() == index) {
                timers.clear();
            }
            seats.push(Shared::new(Seat { state, timers }));
        }
        let is_split = self.scenario.faults.partitions == 0;
        Vec::from([ClusterState {
            seats,
            network: Network::default(),
            down: self.scenario.down,
            groups: if is_split { self.scenario.partition.clone() } else { Vec::new() },
            faults: self.scenario.faults,
            history: self.ghost.blank(),
        }])
    }

    fn actions(&self, state: &ClusterState, actions: &mut Vec<Action>) {
        let reduced = Reduced { watch: self.watch, instruments: &self.instruments };
        offer(&self.scenario, reduced, &self.actors, state, actions);
    }

    fn next_state(&self, last: &ClusterState, action: Action) -> Option<ClusterState> {
        self.apply(last, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        stateright_properties::of()
    }

    fn format_action(&self, action: &Action) -> String {
        self.names.action(action, None)
    }
}
