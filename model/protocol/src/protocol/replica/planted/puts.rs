//! Faults in how puts are coordinated.

use crate::ids::Peer;
use crate::protocol::effect::{Input, Step};
use crate::protocol::message::{FanOut, Message, PutRequest};
use crate::protocol::minted::MintedRequests;
use crate::protocol::store::{Change, Entry, Hint, KeptHint, Store};
use crate::protocol::waits::Waits;
use crate::protocol::write_round::WriteRound;
use crate::versions::VersionVector;

use super::Taking;

/// The put that arrives at a home, which mints it.
fn put_at_home<'t, S: Store>(taking: &'t mut Taking<'_, S>) -> Option<&'t mut PutRequest> {
    let Input::Receive { message: Message::Put(put), .. } = &mut taking.input else { return None };
    (taking.config.is_home(&put.key) && taking.replica.serves()).then_some(put)
}

pub(super) fn write_quorum_one_less<S: Store>(
    taking: &mut Taking<'_, S>,
) -> Result<Step, S::Error> {
    let config = taking.config;
    if let Some(put) = put_at_home(taking)
        && let Ok(w) = config.quorum_of(put.w, config.cluster.quorum().w())
        && w > 1
    {
        put.w = Some(w - 1);
    }
    taking.take()
}

pub(super) fn fallback_counted_under_strict<S: Store>(
    taking: &mut Taking<'_, S>,
) -> Result<Step, S::Error> {
    let is_sloppy = taking.config.cluster.sloppy();
    if let Some(put) = put_at_home(taking)
        && !put.sloppy.unwrap_or(is_sloppy)
    {
        put.sloppy = Some(true);
    }
    taking.take()
}

pub(super) fn context_ignored<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    if let Some(put) = put_at_home(taking) {
        put.context = VersionVector::new();
    }
    taking.take()
}

/// The node only forgets to stop once it has refused: the homes take it for a put that it forwards.
pub(super) fn refused_though_passed_on<S: Store>(
    taking: &mut Taking<'_, S>,
) -> Result<Step, S::Error> {
    let mut step = taking.take()?;
    if let Input::Receive { message: Message::Put(put), .. } = &taking.input
        && put.fan_out == FanOut::ClientDriven
        && !taking.config.is_home(&put.key)
    {
        let put = PutRequest { fan_out: FanOut::NodeDriven, ..put.clone() };
        for home in taking.config.other_homes(&put.key) {
            step.send(home, Message::Put(put.clone()));
        }
    }
    Ok(step)
}

pub(super) fn siblings_dropped<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    let store = taking.store;
    if let Some(put) = put_at_home(taking)
        && let Some(held) = store.entry(&put.key)?
    {
        put.context.join(&held.state.context());
    }
    taking.take()
}

pub(super) fn bare_delta_replicated<S: Store>(
    taking: &mut Taking<'_, S>,
) -> Result<Step, S::Error> {
    let (mut step, minted) = taking.take_and_tell()?;
    if let Some(minted) = minted {
        minted.send_alone(&mut step);
    }
    Ok(step)
}

/// A round that lacks one acknowledgement less takes the place of one that counts a node twice.
pub(super) fn duplicate_acks_counted<S: Store>(
    taking: &mut Taking<'_, S>,
) -> Result<Step, S::Error> {
    if let Input::Receive { from: Peer::Node(from), message } = &taking.input
        && let Message::StoreAck { request, .. } = message
        && let Some(mut pending) = taking.replica.puts.get_mut(*request)
        && let Waits::Holders { held_by, needed } = pending.write.round.waits()
        && held_by.contains(*from)
    {
        let mut round = WriteRound::new(needed.saturating_sub(1));
        held_by.iter().for_each(|node| round.acknowledge(node));
        pending.write.round = round;
    }
    taking.take()
}

/// Neither what the node remembers of finished puts nor what it has stored with what it minted tells
/// it that it knows this one.
pub(super) fn retry_mints_again<S: Store>(taking: &mut Taking<'_, S>) -> Result<Step, S::Error> {
    if let Some(put) = taking.put_at_hand() {
        taking.replica.forget_finished(put.request);
        taking.store.overlooks_request = Some(put.request);
    }
    taking.take()
}

/// A start takes the requests out of what the disk holds.
pub(super) fn minted_requests_forgotten<S: Store>(
    taking: &mut Taking<'_, S>,
) -> Result<Step, S::Error> {
    let mut step = taking.take()?;
    let is_any = |requests: &MintedRequests| requests.iter().next().is_some();
    for (key, entry) in taking.store.entries_in(0..=u64::MAX, None, usize::MAX)? {
        if is_any(&entry.requests) {
            let entry = Entry { requests: MintedRequests::default(), ..entry };
            step.changes.push(Change::Entry { key, entry });
        }
    }
    for Hint { home, key, kept } in taking.store.hints_after(None, usize::MAX)? {
        if is_any(&kept.requests) {
            step.changes.push(Change::Hint { home, key, kept: KeptHint::received(kept.state) });
        }
    }
    Ok(step)
}
