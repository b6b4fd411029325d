//! The steps that a world has taken, and single steps of actors.

use std::sync::Arc;

use super::World;
use super::action::Envelope;
use super::local::{Event, Wait};
use super::protocol::Protocol;
use super::state::Seat;
use crate::shared::Shared;

/// What a step of an actor comes to.
#[derive(Debug)]
pub struct ActorStep<P: Protocol> {
    /// The actor afterwards.
    pub seat: Shared<Seat<P>>,
    /// What it sent.
    pub sent: Vec<Shared<Envelope<P>>>,
    /// Whether its wait for older messages begins anew (`true`) or is over (`false`), if either.
    pub waits: Option<bool>,
    /// Whether an observer sees something of it.
    pub is_seen: bool,
}

/// The steps of actors that a world remembers.
#[derive(Debug)]
pub struct StepsTaken<P: Protocol> {
    /// The actors' states, and what reached them; more than once, where several threads took the step.
    pub steps: Vec<(Shared<Seat<P>>, Event<P>)>,
    /// Whether there were more than it remembers.
    pub is_partial: bool,
}

impl<P: Protocol> World<P> {
    /// The same world, which remembers no steps.
    #[must_use]
    pub fn with_fresh_steps(&self) -> Self {
        World { steps: Arc::default(), ..self.clone() }
    }

    /// The steps that it remembers; `None` if another world remembers them too.
    #[must_use]
    pub fn into_steps_taken(self) -> Option<StepsTaken<P>> {
        let mut known = Arc::into_inner(self.steps)?;
        let is_partial = known.is_full();
        let steps = known.into_known().into_iter().map(|(seat, event, _)| (seat, event)).collect();
        Some(StepsTaken { steps, is_partial })
    }

    /// Takes the step of the actor in this seat, alone.
    #[must_use]
    pub fn take_step(&self, index: usize, seat: &Seat<P>, event: &Event<P>) -> ActorStep<P> {
        let step = self.local_step(index, seat, event);
        ActorStep {
            seat: step.seat,
            sent: step.sent,
            waits: step.wait.map(|wait| wait == Wait::Begins),
            is_seen: step.facts.is_some(),
        }
    }
}
