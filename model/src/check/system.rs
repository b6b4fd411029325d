//! A scenario's model as a system that is explored.

use alloc::vec::Vec;

use quorate_checker::world::{self, Judged, Property};

use super::convergence::{homes_agree, serves};
use super::leaderless::Leaderless;
use super::model::ClusterModel;
use super::property::{self, Goal, PropertyKind, PropertySpec};
use super::state::ClusterState;
use super::words::Names;
use crate::ids::Key;
use crate::scenario::Scenario;

/// What a state may show.
#[derive(Clone, Copy, Debug)]
pub enum Condition {
    /// That a property is violated, or what it asks for reached.
    Shown(&'static PropertySpec),
    /// That it was put to the test, or could have been reached.
    PutToTheTest(&'static PropertySpec),
}

impl Condition {
    /// Both conditions of a property, unless it is about where runs end, which no single state shows.
    #[must_use]
    pub fn both(property: &'static PropertySpec) -> Vec<Condition> {
        match property.kind {
            PropertyKind::Safety { .. } | PropertyKind::Reachability { .. } => {
                Vec::from([Condition::Shown(property), Condition::PutToTheTest(property)])
            }
            PropertyKind::EventuallyAlways { .. } => Vec::new(),
        }
    }

    /// The property that it is about.
    #[must_use]
    pub fn property(self) -> &'static PropertySpec {
        let (Condition::Shown(property) | Condition::PutToTheTest(property)) = self;
        property
    }

    /// What it is called: the property, or its witness.
    #[must_use]
    pub fn name(self) -> &'static str {
        let property = self.property();
        let witness = match self {
            Condition::Shown(_) => None,
            Condition::PutToTheTest(_) => property.witness().map(|witness| witness.name),
        };
        witness.unwrap_or(property.name)
    }

    /// Whether a state shows it.
    #[must_use]
    pub fn is_met(self, model: &ClusterModel, state: &ClusterState) -> bool {
        let view = model.view(state);
        match self {
            Condition::Shown(property) => match property.kind {
                PropertyKind::Safety { holds, .. } => !holds(&view),
                PropertyKind::Reachability { reached, .. } => reached(&view),
                PropertyKind::EventuallyAlways { .. } => false,
            },
            Condition::PutToTheTest(property) => match property.kind {
                PropertyKind::Safety { witness, .. } => (witness.shown)(&view),
                PropertyKind::Reachability { opportunity, .. } => (opportunity.shown)(&view),
                PropertyKind::EventuallyAlways { .. } => false,
            },
        }
    }
}

/// A scenario's model with what is judged in it, as it is explored.
pub type ClusterSystem = Judged<Leaderless>;

impl ClusterModel {
    /// The model with its properties, whose steps count in its counters.
    #[must_use]
    pub fn judging(&self) -> ClusterSystem {
        Judged::new(self, self.properties_of_world())
    }

    /// The properties that are judged, as the world judges them.
    #[must_use]
    pub fn properties_of_world(&self) -> Vec<Property<Leaderless>> {
        self.judged().iter().map(|property| property.of_world(self.scenario())).collect()
    }

    /// The model in which nothing is judged but whether runs come to these goals; its steps are counted apart.
    #[must_use]
    pub fn with_goals(&self, goals: &[Goal]) -> ClusterSystem {
        let goals = goals.iter().map(|goal| goal.of_world(self.scenario()));
        Judged::new(&self.with_fresh_counters(), goals)
    }
}

impl PropertySpec {
    /// The property as the world judges it.
    #[must_use]
    pub fn of_world(&'static self, scenario: &Scenario) -> Property<Leaderless> {
        let judged = |condition: property::Condition| {
            move |protocol: &Leaderless, state: &ClusterState| condition(&protocol.view(state))
        };
        let names = Names::of(scenario);
        let explain = move |protocol: &Leaderless, state: &ClusterState| {
            self.explain(&protocol.view(state), &names)
        };
        let property = match self.kind {
            PropertyKind::Safety { holds, witness } => {
                Property::always(self.name, judged(holds), judged(witness.shown))
            }
            PropertyKind::Reachability { reached, opportunity } => {
                Property::sometimes(self.name, judged(reached), judged(opportunity.shown))
            }
            PropertyKind::EventuallyAlways { goal, .. } => {
                Property { name: self.name, ..goal.of_world(scenario) }
            }
        };
        let witness_name = self.witness().map_or(property.witness_name, |witness| witness.name);
        Property { witness_name, ..property.explained(explain) }.stated(self.statement)
    }
}

impl Goal {
    /// The goal as the world judges it.
    #[must_use]
    pub fn of_world(self, scenario: &Scenario) -> Property<Leaderless> {
        let mut property = match self {
            Goal::Convergence => {
                let with_homes = |key: Key| {
                    let homes = scenario.cluster.homes(&key);
                    (key, homes)
                };
                let keys: Vec<_> = scenario.keys().into_iter().map(with_homes).collect();
                let agree = move |_: &Leaderless, state: &ClusterState| {
                    keys.iter().all(|(key, homes)| homes_agree(state, key, *homes))
                };
                Property::eventually_always("convergence", agree)
            }
            Goal::Progress => Property::eventually_always("progress", |_, state| serves(state)),
        };
        if let world::PropertyKind::EventuallyAlways { told, .. } = &mut property.kind {
            *told = [self.told(true), self.told(false)];
        }
        property
    }
}
