//! Faults in how tombstones go.

use crate::protocol::effect::{Effect, Input, Step, Timer};
use crate::protocol::message::Message;
use crate::protocol::store::Store;

use super::Taking;

/// One agreement is taken for that of everybody.
pub(super) fn reap_without_all<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let (cluster, node) = (&taking.config.cluster, taking.config.node);
    taking.take_from_all(cluster.members().iter().copied().filter(|other| *other != node))
}

/// A node that is asked overlooks its hints.
pub(super) fn reap_despite_hints<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    taking.store.overlooks_hints = true;
    taking.take()
}

/// Every round is taken for a second one.
pub(super) fn reap_asked_once<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    for round in taking.replica.reaper.rounds.values_mut() {
        round.is_second = true;
    }
    taking.take()
}

/// The wait that the last agreement begins is over at once.
pub(super) fn reap_unsettled<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let mut step = taking.take()?;
    let begins_wait = |effect: &Effect| *effect == Effect::SetTimer(Timer::Settled);
    if step.effects.iter().any(begins_wait) {
        step.effects.retain(|effect| !begins_wait(effect));
        taking.input = Input::Expire(Timer::Settled);
        step.extend(taking.take()?);
    }
    Ok(step)
}

/// An agreement is taken for one of the present round.
pub(super) fn reap_rounds_unnamed<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    if let Input::Receive { message: Message::ReapAgree { round, key, .. }, .. } = &mut taking.input
        && let Some(present) = taking.replica.reaper.rounds.get(key)
    {
        *round = present.number;
    }
    taking.take()
}

/// A start waits for nothing.
pub(super) fn reap_at_once_after_restart<S: Store>(
    taking: &mut Taking<'_, S>,
) -> Result<Step, S::Error> {
    let mut step = taking.take()?;
    taking.replica.reaper.waits_left = 0;
    step.effects.retain(|effect| *effect != Effect::SetTimer(Timer::Settled));
    Ok(step)
}
