//! A scenario as a model: the world of the leaderless protocol, with what is judged in it and the names by
//! which people know its parts.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Deref;

use quorate_checker::world::Words;
use quorate_checker::world::World;
use stateright::{Model, Property};

use super::action::Action;
use super::leaderless::Leaderless;
use super::property::{Goal, Nodes, PropertySpec, View};
use super::state::{ClusterState, NodeState};
use super::symmetry::Permutation;
use super::system::Condition;
use super::words::Names;
use crate::scenario::{Reductions, Scenario};

/// A scenario as a Stateright model: the [`World`] of the leaderless protocol.
#[derive(Clone)]
pub struct ClusterModel {
    world: World<Leaderless>,
    properties: Vec<&'static PropertySpec>,
    conditions: Arc<[Condition]>,
    names: Arc<Names>,
}

impl Deref for ClusterModel {
    type Target = World<Leaderless>;

    fn deref(&self) -> &World<Leaderless> {
        &self.world
    }
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
        ClusterModel {
            conditions: properties.iter().flat_map(|property| Condition::both(property)).collect(),
            names: Arc::new(Names::of(&scenario)),
            world: World::new(Leaderless::new(scenario, &properties)),
            properties,
        }
    }

    /// The same model with counters of its own.
    #[must_use]
    pub fn with_fresh_counters(&self) -> Self {
        ClusterModel { world: self.world.with_fresh_counters(), ..self.clone() }
    }

    /// The same model with these reductions. Neither what actors do nor what the ghost
    /// notes depends on them, so what was worked out before is remembered.
    #[must_use]
    pub fn with_reductions(&self, reductions: Reductions) -> Self {
        let protocol = self.protocol().with_reductions(reductions);
        ClusterModel { world: self.world.with_protocol(protocol), ..self.clone() }
    }

    /// The world of this model alone.
    pub(crate) fn into_world(self) -> World<Leaderless> {
        self.world
    }

    /// The same model, whose history keeps what explanations need: for walking single runs, since
    /// it tells states apart that behave alike.
    #[must_use]
    pub fn explaining(&self) -> Self {
        let protocol = self.protocol().explaining();
        ClusterModel { world: self.world.with_protocol(protocol), ..self.clone() }
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &Arc<Scenario> {
        self.protocol().scenario()
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

    /// Every permutation of nodes and clients that only exchanges names, whether or not states are told apart without it.
    #[must_use]
    pub fn permutations(&self) -> &[Permutation] {
        self.protocol().symmetry().group()
    }

    /// The numbers of those permutations without which states are told apart, that of nobody first.
    #[must_use]
    pub fn merging_permutations(&self) -> &[usize] {
        self.protocol().symmetry().on()
    }

    /// The image of a state under the permutation of this number. `None` where something is named by a digest of
    /// which nobody knows what it is of.
    #[must_use]
    pub fn image(&self, permutation: usize, state: &ClusterState) -> Option<ClusterState> {
        let protocol = self.protocol();
        protocol.symmetry().image(protocol.nodes(), permutation, state)
    }

    /// The image of an action under the permutation of this number.
    #[must_use]
    pub fn image_of_action(&self, permutation: usize, action: &Action) -> Option<Action> {
        self.protocol().symmetry().action(permutation, action)
    }

    /// The goals that its runs should come to: of those properties that are about where runs end, in order.
    #[must_use]
    pub fn goals(&self) -> Vec<Goal> {
        self.properties.iter().filter_map(|property| property.goal()).collect()
    }

    /// An action as one line, told with what the client starts if it is a start.
    #[must_use]
    pub fn tell(&self, before: &ClusterState, action: &Action) -> String {
        self.names.tell(before, action)
    }

    /// The names of nodes and clients.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// What the properties judge of a state.
    #[must_use]
    pub fn view<'a>(&'a self, state: &'a ClusterState) -> View<'a> {
        self.protocol().view(state)
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
        self.world.init_states()
    }

    fn actions(&self, state: &ClusterState, actions: &mut Vec<Action>) {
        self.world.offer(state, actions);
    }

    fn next_state(&self, last: &ClusterState, action: Action) -> Option<ClusterState> {
        self.world.apply(last, action)
    }

    /// Stateright records each discovery with its path, under a lock, in every state that shows it; most
    /// states show most witnesses. And it stops as soon as every property has a discovery. So it is asked
    /// for one property that is never discovered, whose condition notes on the way, in the
    /// [counters](quorate_checker::world::Counters::conditions_met), which of ours some state shows.
    fn properties(&self) -> Vec<Property<Self>> {
        let note = |model: &ClusterModel, state: &ClusterState| {
            let met = model.counters().conditions_met();
            for (number, condition) in model.conditions.iter().enumerate() {
                if met >> number & 1 == 0 && condition.is_met(model, state) {
                    model.counters().meet_condition(number);
                }
            }
            false
        };
        Vec::from([Property::sometimes("(search goes on to the end)", note)])
    }

    fn format_action(&self, action: &Action) -> String {
        self.names.action(action, None)
    }
}
