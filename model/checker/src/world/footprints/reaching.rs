//! Runs to a step of an actor.

use super::Footprints;
use crate::explored::Explored;
use crate::shared::Shared;
use crate::system::System;
use crate::traversal::{Bounds, Switch, Until, explore};
use crate::world::World;
use crate::world::action::Action;
use crate::world::judged::Judged;
use crate::world::local::Event;
use crate::world::state::{Seat, State};

/// A shortest run of a search whose last action takes this step, or something that leads to it within the same
/// action; empty if there is none.
pub(super) fn run_to<P: Footprints>(
    world: &World<P>,
    seat: &Shared<Seat<P>>,
    event: &Event<P>,
) -> Vec<Action<P>> {
    let reaching = Reaching { system: Judged::new(world, []), world: world.clone(), seat, event };
    let bounds = Bounds { until: Until::AllShown(1), ..Bounds::default() };
    let explored: Explored = explore(&reaching, &bounds, &Switch::default());
    explored.first(0).map_or_else(Vec::new, |state| explored.run_to(&reaching, state))
}

/// A search in which states are told apart by whether the step was just taken.
struct Reaching<'a, P: Footprints> {
    system: Judged<P>,
    world: World<P>,
    seat: &'a Shared<Seat<P>>,
    event: &'a Event<P>,
}

impl<P: Footprints> System for Reaching<'_, P> {
    type State = (State<P>, bool);
    type Action = Action<P>;

    fn initial(&self) -> Vec<Self::State> {
        self.system.initial().into_iter().map(|state| (state, false)).collect()
    }

    fn actions(&self, (state, was_taken): &Self::State, actions: &mut Vec<Action<P>>) {
        if !was_taken {
            self.system.actions(state, actions);
        }
    }

    fn apply(&self, (state, _): &Self::State, action: Action<P>) -> Option<Self::State> {
        // With a memory of its own, the world remembers the steps of this action alone.
        let world = self.world.with_fresh_steps();
        let next = world.apply(state, action)?;
        let taken = world.into_steps_taken().expect("nobody else has it");
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
