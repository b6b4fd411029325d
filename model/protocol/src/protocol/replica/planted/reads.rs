//! Faults in how gets are coordinated.

use alloc::vec::Vec;

use crate::ids::Peer;
use crate::protocol::effect::{Effect, Input, Step, Timer};
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

pub(super) fn speculation_asks_nobody<S: Store>(_: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    Ok(Step::default())
}

pub(super) fn speculation_counts_twice<S: Store>(
    taking: &mut Taking<'_, S>,
) -> Result<Step, S::Error> {
    let config = taking.config;
    if !config.cluster.speculative_retry() {
        return taking.take();
    }
    let replica = &taking.replica;
    let mut again = Vec::new();
    match &mut taking.input {
        // Those that were asked first are asked once more.
        Input::Expire(Timer::Speculate(request)) => {
            let pending = replica.gets.get(*request).filter(|get| get.round.is_waiting());
            if let Some(pending) = pending {
                let asked = pending.round.asked().without(config.node);
                let fetch = Message::Fetch { request: *request, key: pending.key.clone() };
                again.extend(asked.iter().map(|home| (home, fetch.clone())));
            }
        }
        // The second reply of a home counts as if it were that of another one.
        Input::Receive {
            from: from @ Peer::Node(_),
            message: Message::FetchReply { request, .. },
        } => {
            if let (Some(get), Peer::Node(node)) = (replica.gets.get(*request), *from)
                && get.round.is_waiting()
                && !get.round.awaits_reply(node)
            {
                let homes = config.cluster.homes(&get.key);
                let other = homes.iter().find(|home| get.round.awaits_reply(*home));
                *from = Peer::Node(other.unwrap_or(node));
            }
        }
        _ => {}
    }
    let mut step = taking.take()?;
    again.into_iter().for_each(|(home, fetch)| step.send(home, fetch));
    Ok(step)
}
