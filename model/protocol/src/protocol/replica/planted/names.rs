//! Faults in how writes are named, and how a start keeps its incarnation.

use crate::protocol::effect::{Input, Step};
use crate::protocol::message::Message;
use crate::protocol::replica::register::Naming;
use crate::protocol::store::{Change, Run, Store};
use crate::versions::{ActorId, Dot};

use super::Taking;

pub(super) fn counter_repeats<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let (mut step, minted) = taking.take_and_tell()?;
    if let Some(minted) = minted
        && let Some(last) = minted.last_run()
    {
        let dot = Dot { counter: last.counter, ..minted.write.dot };
        minted.rename(dot, last, &mut step);
    }
    Ok(step)
}

/// The run of a key's last write names the next one, and goes on whatever arrives.
pub(super) fn epoch_not_renewed<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let (mut step, minted) = taking.take_and_tell()?;
    if let Some(minted) = minted
        && let Some(last) = minted.last_run()
    {
        let Run { incarnation, epoch, .. } = last;
        let actor = ActorId::Node { node: taking.config.mints_as, incarnation, epoch };
        let counter = minted.write.dot.counter;
        minted.rename(Dot { actor, counter }, Run { counter, ..last }, &mut step);
    }
    for change in &mut step.changes {
        if let Change::Entry { key, entry } = change
            && entry.run.is_none()
        {
            entry.run = taking.store.entry(key)?.and_then(|before| before.run);
        }
    }
    Ok(step)
}

pub(super) fn life_not_raised<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let mut step = taking.take()?;
    if let Some(known) = taking.store.identity()? {
        for change in &mut step.changes {
            if let Change::Identity(identity) = change
                && identity.incarnation == known.incarnation
            {
                identity.life = known.life;
            }
        }
    }
    Ok(step)
}

/// A start is certain of what its disk tells.
pub(super) fn keeps_unasked<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let step = taking.take()?;
    taking.replica.naming = Naming::default();
    Ok(step)
}

/// One agreement is taken for that of everybody.
pub(super) fn keeps_when_one_agrees<S: Store>(
    taking: &mut Taking<'_, S>,
) -> Result<Step, S::Error> {
    let (cluster, node) = (&taking.config.cluster, taking.config.node);
    taking.take_from_all(taking.replica.awaits_agreement_of(cluster, node).iter())
}

/// A refusal is taken for an agreement.
pub(super) fn keeps_though_denied<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    if let Input::Receive { message: Message::Registered { agrees, .. }, .. } = &mut taking.input {
        *agrees = true;
    }
    taking.take()
}

pub(super) fn agreed_not_durable<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let mut step = taking.take()?;
    step.changes.retain(|change| !matches!(change, Change::Registration { .. }));
    Ok(step)
}

pub(super) fn void_taken_in<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let mut step = taking.take()?;
    for change in &mut step.changes {
        if let Change::Registration { registration, .. } = change {
            registration.void.clear();
        }
    }
    Ok(step)
}
