//! Faults in how states of keys come from node to node.

use crate::protocol::effect::{Effect, Step, Timer};
use crate::protocol::message::Message;
use crate::protocol::store::{Change, Store};

use super::Taking;

/// What the node would store of a key if it held nothing takes the place of what it held.
pub(super) fn arrivals_overwrite<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let mut overlooking = taking.store;
    overlooking.overlooks_entries = true;
    let mut replica = taking.replica.clone();
    let input = taking.input.clone();
    let alone = replica.react(taking.config, &overlooking, taking.now, input)?;
    let mut step = taking.take()?;
    for change in alone.changes {
        // What the node has minted has not arrived.
        if let Change::Entry { key, entry } = &change
            && entry.run.is_none()
            && taking.store.entry(key)?.is_some()
        {
            step.changes
                .retain(|merged| !matches!(merged, Change::Entry { key: of, .. } if of == key));
            step.changes.push(change);
        }
    }
    Ok(step)
}

pub(super) fn tombstone_skipped_by_sync<S: Store>(
    taking: &mut Taking<'_, S>,
) -> Result<Step, S::Error> {
    let mut step = taking.take()?;
    step.effects.retain_mut(|effect| {
        if let Effect::Send { message: Message::SyncStates { states, wanted }, .. } = effect {
            states.retain(|(_, state)| !state.is_deleted());
            !states.is_empty() || !wanted.is_empty()
        } else {
            true
        }
    });
    Ok(step)
}

pub(super) fn catch_up_asked_once<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let mut step = taking.take()?;
    step.effects.retain(|effect| *effect != Effect::SetTimer(Timer::CatchUp));
    Ok(step)
}
