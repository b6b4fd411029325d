//! A scenario's model as a system that is explored.

use alloc::vec::Vec;

use quorate_checker::{Bounds, Outcome, Switch, System, explore};
use stateright::Model;

use super::action::Action;
use super::convergence::{homes_agree, serves};
use super::model::ClusterModel;
use super::property::{Goal, PropertyKind, PropertySpec};
use super::state::ClusterState;
use crate::ids::{Key, NodeSet};

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

/// A scenario's model with what is looked for in it.
#[derive(Clone)]
pub struct ClusterSystem {
    model: ClusterModel,
    conditions: Vec<Condition>,
    goals: Vec<Goal>,
    homes: Vec<(Key, NodeSet)>,
}

impl ClusterSystem {
    /// Of this model, whose counters count: to find states that show these conditions, and to decide
    /// whether its runs come to these goals.
    #[must_use]
    pub fn new(model: &ClusterModel, conditions: &[Condition], goals: &[Goal]) -> Self {
        let scenario = model.scenario();
        let with_homes = |key: Key| {
            let homes = scenario.cluster.homes(&key);
            (key, homes)
        };
        ClusterSystem {
            homes: scenario.keys().into_iter().map(with_homes).collect(),
            conditions: conditions.to_vec(),
            goals: goals.to_vec(),
            model: model.clone(),
        }
    }

    /// To decide whether its runs come to these goals, and nothing else.
    #[must_use]
    pub fn with_goals(model: &ClusterModel, goals: &[Goal]) -> Self {
        Self::new(&model.with_fresh_instruments(), &[], goals)
    }

    /// The same system, whose steps are counted apart: to make runs again.
    #[must_use]
    pub fn uncounted(&self) -> Self {
        ClusterSystem { model: self.model.with_fresh_instruments(), ..self.clone() }
    }

    /// Whether fair runs that go on from this state without faults and clients visit a state that
    /// is not at the goal again and again, having this one as a state they always come back to:
    /// the end of a stem. Visits what can be reached so.
    #[must_use]
    pub fn is_violated_at(&self, goal: Goal, state: &ClusterState) -> bool {
        let settling = Settling { system: self.uncounted(), start: state, goal };
        let explored = explore(&settling, &Bounds::default(), &Switch::default());
        match explored.decide(&settling).swap_remove(0).outcome {
            // With a stem, this would not be a state they come back to.
            Outcome::Violated(violation) => violation.stem.is_empty(),
            Outcome::Holds | Outcome::Undecided => false,
        }
    }

    /// Whether a state is at a goal.
    #[must_use]
    pub fn is_at(&self, goal: Goal, state: &ClusterState) -> bool {
        let agree = |(key, homes): &(Key, NodeSet)| homes_agree(state, key, *homes);
        match goal {
            Goal::Convergence => self.homes.iter().all(agree),
            Goal::Progress => serves(state),
        }
    }
}

impl System for ClusterSystem {
    type State = ClusterState;
    type Action = Action;

    fn initial(&self) -> Vec<ClusterState> {
        self.model.init_states()
    }

    fn actions(&self, state: &ClusterState, actions: &mut Vec<Action>) {
        self.model.actions(state, actions);
    }

    fn apply(&self, state: &ClusterState, action: Action) -> Option<ClusterState> {
        self.model.apply(state, action)
    }

    fn fingerprint(&self, state: &ClusterState) -> u64 {
        state.fingerprint()
    }

    fn is_settling(&self, action: &Action) -> bool {
        action.is_settling()
    }

    fn conditions(&self) -> usize {
        self.conditions.len()
    }

    fn shows(&self, condition: usize, state: &ClusterState) -> bool {
        self.conditions[condition].is_met(&self.model, state)
    }

    fn goals(&self) -> usize {
        self.goals.len()
    }

    fn meets(&self, goal: usize, state: &ClusterState) -> bool {
        self.is_at(self.goals[goal], state)
    }
}

/// What still happens from one state on, once faults and clients have ended.
struct Settling<'a> {
    system: ClusterSystem,
    start: &'a ClusterState,
    goal: Goal,
}

impl System for Settling<'_> {
    type State = ClusterState;
    type Action = Action;

    fn initial(&self) -> Vec<ClusterState> {
        Vec::from([self.start.clone()])
    }

    fn actions(&self, state: &ClusterState, actions: &mut Vec<Action>) {
        self.system.actions(state, actions);
        actions.retain(Action::is_settling);
    }

    fn apply(&self, state: &ClusterState, action: Action) -> Option<ClusterState> {
        self.system.apply(state, action)
    }

    fn fingerprint(&self, state: &ClusterState) -> u64 {
        self.system.fingerprint(state)
    }

    fn goals(&self) -> usize {
        1
    }

    fn meets(&self, _: usize, state: &ClusterState) -> bool {
        self.system.is_at(self.goal, state)
    }
}
