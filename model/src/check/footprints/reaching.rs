//! Runs to a step of an actor.

use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_checker::world::Event;
use quorate_checker::{Bounds, Shared, Switch, System, Until, explore};

use crate::check::action::Action;
use crate::check::leaderless::Leaderless;
use crate::check::model::ClusterModel;
use crate::check::state::{ClusterState, Seat};
use crate::check::system::ClusterSystem;
use crate::scenario::Scenario;

/// A shortest run of a scenario's search whose last action takes this step, or something that leads to it within the same
/// action; empty if there is none.
pub(super) fn run_to(
    scenario: &Arc<Scenario>,
    seat: &Shared<Seat>,
    event: &Event<Leaderless>,
) -> Vec<Action> {
    let model = ClusterModel::new(Arc::clone(scenario));
    let reaching = Reaching { system: ClusterSystem::new(&model, []), model, seat, event };
    let bounds = Bounds { until: Until::AllShown(1), ..Bounds::default() };
    let explored = explore(&reaching, &bounds, &Switch::default());
    explored.first(0).map_or_else(Vec::new, |state| explored.run_to(&reaching, state))
}

/// A search in which states are told apart by whether the step was just taken.
struct Reaching<'a> {
    system: ClusterSystem,
    model: ClusterModel,
    seat: &'a Shared<Seat>,
    event: &'a Event<Leaderless>,
}

impl System for Reaching<'_> {
    type State = (ClusterState, bool);
    type Action = Action;

    fn initial(&self) -> Vec<Self::State> {
        self.system.initial().into_iter().map(|state| (state, false)).collect()
    }

    fn actions(&self, (state, was_taken): &Self::State, actions: &mut Vec<Action>) {
        if !was_taken {
            self.system.actions(state, actions);
        }
    }

    fn apply(&self, (state, _): &Self::State, action: Action) -> Option<Self::State> {
        // With a memory of its own, the model remembers the steps of this action alone.
        let model = self.model.with_fresh_steps();
        let next = model.apply(state, action)?;
        let taken = model.into_world().into_steps_taken().expect("nobody else has it");
        let mut steps = taken.steps.into_iter();
        let is_taken = steps.any(|(seat, event)| seat == *self.seat && event == *self.event);
        Some((next, is_taken))
    }

    fn fingerprint(&self, (state, was_taken): &Self::State) -> u64 {
        self.system.fingerprint(state) ^ u64::from(*was_taken)
    }

    fn conditions(&self) -> usize {
        1
    }

    fn shows(&self, _: usize, (_, was_taken): &Self::State) -> bool {
        *was_taken
    }
}
