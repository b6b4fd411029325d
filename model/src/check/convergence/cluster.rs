//! The cluster as a system of which is decided where its runs end.

use alloc::sync::Arc;
use alloc::vec::Vec;

use itertools::Itertools;
use stateright::Model;

use super::source::{Source, Step};
use super::{Outcome, decide};
use crate::check::action::Action;
use crate::check::instruments::Instruments;
use crate::check::model::ClusterModel;
use crate::check::property::Goal;
use crate::check::shared::Shared;
use crate::check::state::ClusterState;
use crate::ids::{Key, NodeSet};

/// A scenario's model as a [`Source`].
#[derive(Clone)]
pub struct ClusterSource {
    /// Counts for itself, so that the actions of a check are not counted twice, and is never
    /// stopped, so that it withholds no action.
    model: ClusterModel,
    stop: Arc<Instruments>,
    homes: Vec<(Key, NodeSet)>,
    goals: Vec<Goal>,
}

impl ClusterSource {
    /// Of this model, and stopped with it: to decide whether its runs come to these goals.
    #[must_use]
    pub fn new(model: &ClusterModel, goals: &[Goal]) -> Self {
        let scenario = model.scenario();
        let with_homes = |key: Key| {
            let homes = scenario.cluster.homes(&key);
            (key, homes)
        };
        ClusterSource {
            homes: scenario.keys().into_iter().map(with_homes).collect(),
            goals: goals.to_vec(),
            stop: Arc::clone(model.instruments()),
            model: model.with_fresh_instruments(),
        }
    }

    /// Whether fair runs that go on from this state without faults and clients visit a state that
    /// is not at the goal again and again, having this one as a state they always come back to:
    /// the end of a stem. Visits what can be reached so.
    #[must_use]
    pub fn is_violated_at(&self, goal: Goal, state: &ClusterState) -> bool {
        let settling = Settling { source: self, start: state, goal };
        match decide(&settling, super::STATES_MAX).outcome {
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

/// Whether every node serves; or one is down or the network is split, so that nobody may ask for more.
#[must_use]
pub fn serves(state: &ClusterState) -> bool {
    !state.down.is_empty()
        || !state.groups.is_empty()
        || state.nodes().all(|node| node.replica.serves())
}

/// Whether the homes of a key each hold an equal record of it, or each none.
#[must_use]
pub fn homes_agree(state: &ClusterState, key: &Key, homes: NodeSet) -> bool {
    homes.iter().map(|home| state.node(home).held(key)).all_equal()
}

impl Source for ClusterSource {
    type State = ClusterState;
    type Action = Action;

    fn initial(&self) -> impl Iterator<Item = ClusterState> {
        self.model.init_states().into_iter()
    }

    fn steps(&self, state: &ClusterState, visit: &mut dyn FnMut(Step<ClusterState, Action>)) {
        let mut actions = Vec::new();
        self.model.actions(state, &mut actions);
        for action in actions {
            let settling = action.is_settling();
            if let Some(after) = self.model.apply(state, action.clone()) {
                visit(Step { action, after, settling });
            }
        }
    }

    fn fingerprint(&self, state: &ClusterState) -> u64 {
        Shared::new(state).fingerprint()
    }

    fn goals(&self) -> usize {
        self.goals.len()
    }

    fn meets(&self, goal: usize, state: &ClusterState) -> bool {
        self.is_at(self.goals[goal], state)
    }

    fn may_go_on(&self) -> bool {
        self.stop.may_expand()
    }
}

/// What still happens from one state on, once faults and clients have ended.
struct Settling<'a> {
    source: &'a ClusterSource,
    start: &'a ClusterState,
    goal: Goal,
}

impl Source for Settling<'_> {
    type State = ClusterState;
    type Action = Action;

    fn initial(&self) -> impl Iterator<Item = ClusterState> {
        core::iter::once(self.start.clone())
    }

    fn steps(&self, state: &ClusterState, visit: &mut dyn FnMut(Step<ClusterState, Action>)) {
        self.source.steps(state, &mut |step| {
            if step.settling {
                visit(step);
            }
        });
    }

    fn fingerprint(&self, state: &ClusterState) -> u64 {
        self.source.fingerprint(state)
    }

    fn meets(&self, _: usize, state: &ClusterState) -> bool {
        self.source.is_at(self.goal, state)
    }

    fn may_go_on(&self) -> bool {
        self.source.may_go_on()
    }
}
