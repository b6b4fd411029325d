//! Faults in how versions are kept for homes that could not be reached.

use alloc::vec::Vec;

use crate::ids::Peer;
use crate::protocol::effect::{Effect, Input, Step, Timer};
use crate::protocol::message::Message;
use crate::protocol::store::{Change, Store};

use super::Taking;

pub(super) fn hint_dropped_on_send<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let mut step = taking.take()?;
    let dropped = step.effects.iter().filter_map(|effect| match effect {
        Effect::Send { to: Peer::Node(home), message: Message::Handoff { key, .. } } => {
            Some(Change::RemoveHint { home: *home, key: key.clone() })
        }
        _ => None,
    });
    step.changes.extend(dropped);
    Ok(step)
}

/// Whatever the home says, it is taken for what is kept for it.
pub(super) fn newer_hint_dropped<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    if let Input::Receive { from: Peer::Node(home), message } = &mut taking.input
        && let Message::HandoffAck { key, held } = message
        && let Some(kept) = taking.store.hint(*home, key)?
    {
        *held = kept.state.digest();
    }
    taking.take()
}

/// A node that is to keep something overlooks what it has kept so far.
pub(super) fn hint_overwritten<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let keeps = match &taking.input {
        Input::Expire(Timer::Request(request)) => taking.replica.probes(*request),
        _ => true,
    };
    taking.store.overlooks_hints = keeps;
    taking.take()
}

pub(super) fn handoff_acked_unstored<S: Store>(
    taking: &mut Taking<'_, S>,
) -> Result<Step, S::Error> {
    let step = taking.take()?;
    Ok(Step { changes: Vec::new(), ..step })
}
