//! Faults in how gets are coordinated.

use crate::protocol::effect::{Effect, Input, Step};
use crate::protocol::message::{GetOutcome, Message};
use crate::protocol::store::Store;

use super::Taking;

pub(super) fn read_quorum_one_less<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let config = taking.config;
    if let Input::Receive { message: Message::Get(get), .. } = &mut taking.input
        && let Ok(r) = config.quorum_of(get.r, config.cluster.quorum().r())
        && r > 1
    {
        get.r = Some(r - 1);
    }
    taking.take()
}

pub(super) fn last_reply_returned<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let mut step = taking.take()?;
    if let Input::Receive { message: Message::FetchReply { state: last, .. }, .. } = &taking.input {
        for effect in &mut step.effects {
            if let Effect::Reply { message: Message::GetReply { outcome, .. }, .. } = effect
                && let GetOutcome::Ok { state, .. } = outcome
            {
                state.clone_from(last);
            }
        }
    }
    Ok(step)
}

pub(super) fn late_replies_ignored<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    if let Input::Receive { message: Message::FetchReply { request, .. }, .. } = &taking.input
        && taking.replica.trailing().any(|answered| answered == *request)
    {
        return Ok(Step::default());
    }
    taking.take()
}
