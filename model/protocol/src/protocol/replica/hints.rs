//! Keeping versions for homes that could not be reached, and handing them off.
//!
//! Dynamo (SOSP 2007), section 4.6. A hint is durable before it is acknowledged, and is dropped
//! only when its home says that this very state is durable there: a hint that grew meanwhile
//! stays. Hints do not expire. A node that holds as many as it may, or as large ones, refuses further
//! ones, which its coordinator takes for silence; nothing is dropped to make room.

use alloc::sync::Arc;

use crate::cluster::Limits;
use crate::ids::{Key, NodeId, Peer, RequestId};
use crate::protocol::effect::{Effect, Step, Timer};
use crate::protocol::message::{Message, Refusal};
use crate::protocol::store::{Change, Hint, KeptHint, Store};
use crate::versions::{Record, RecordDigest};

use super::{NodeConfig, Replica, take_in};

impl Replica {
    /// Keeps a state for a home, and acknowledges it as the home would.
    pub(super) fn receive_hint<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: Peer,
        request: RequestId,
        hint: Hint,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let Hint { home, key, kept: KeptHint { state, .. } } = hint;
        let homes = config.cluster.homes(&key);
        let is_meant = homes.contains(home) && !homes.contains(config.node);
        if !is_meant || state.versioning() != config.cluster.versioning() {
            return Ok(());
        }
        let held = state.digest();
        if keep(config, store, home, key, &state, None, step)?.is_ok() {
            step.send(from, Message::StoreAck { request, held });
        }
        Ok(())
    }

    /// Offers hints to their homes, some at a time, and starts the timer anew.
    pub(super) fn expire_handoff<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let batch_max = config.cluster.limits().batch_max;
        let after = self.handoff_cursor.take();
        let after = after.as_ref().map(|(home, key)| (*home, key));
        let hints = store.hints_after(after, batch_max)?;
        if hints.len() >= batch_max {
            self.handoff_cursor = hints.last().map(|hint| (hint.home, hint.key.clone()));
        }
        for Hint { home, key, kept } in hints {
            if config.cluster.homes(&key).contains(home) {
                step.send(home, Message::Handoff { key, state: kept.state });
            } else {
                retarget(config, store, home, &key, &kept, step)?;
            }
        }
        step.effects.push(Effect::SetTimer(Timer::Handoff));
        Ok(())
    }

    /// A home has this state durably: the hint goes, if that is what it still holds.
    pub(super) fn receive_handoff_ack<S: Store>(
        &mut self,
        store: &S,
        home: NodeId,
        key: Key,
        held: RecordDigest,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let hint = store.hint(home, &key)?;
        if hint.is_some_and(|kept| kept.state.digest() == held) {
            step.changes.push(Change::RemoveHint { home, key });
        }
        Ok(())
    }
}

/// Merges a state into the hint for a home, and gives what that says then; or says why not, and
/// nothing is kept, if there are too many or they would be too large. `minted_for` is the request for
/// which this node minted the state.
pub(super) fn keep<S: Store>(
    config: &NodeConfig,
    store: &S,
    home: NodeId,
    key: Key,
    state: &Arc<Record>,
    minted_for: Option<RequestId>,
    step: &mut Step,
) -> Result<Result<Arc<Record>, Refusal>, S::Error> {
    let old = store.hint(home, &key)?;
    let Limits { hints_max, hints_bytes_max, requests_max, .. } = config.cluster.limits();
    let state = match old.as_ref().map(|old| &old.state) {
        Some(old) if old.dominates(state) && minted_for.is_none() => {
            return Ok(Ok(Arc::clone(old)));
        }
        Some(old) if state.dominates(old) => Arc::clone(state),
        Some(old) => Arc::new(old.merged(state)),
        None if store.hint_count()? >= hints_max => {
            return Ok(Err(Refusal::TooManyHints { hints_max }));
        }
        None => Arc::clone(state),
    };
    let old_bytes = old.as_ref().map_or(0, |old| old.bytes(&key));
    let mut requests = old.map(|old| old.requests).unwrap_or_default();
    if let Some(request) = minted_for {
        requests.remember(request, requests_max);
    }
    let kept = KeptHint { state: Arc::clone(&state), requests };
    // What makes a hint no larger is taken in, whatever the hints have come to.
    let gain = kept.bytes(&key).saturating_sub(old_bytes);
    if gain > 0 && store.hint_bytes()?.saturating_add(gain) > hints_bytes_max {
        return Ok(Err(Refusal::HintsTooLarge { hints_bytes_max }));
    }
    step.changes.push(Change::Hint { home, key, kept });
    Ok(Ok(state))
}

/// The home of a hint has left: those that keep the key now are to have it, in one atomic step.
fn retarget<S: Store>(
    config: &NodeConfig,
    store: &S,
    home: NodeId,
    key: &Key,
    kept: &KeptHint,
    step: &mut Step,
) -> Result<(), S::Error> {
    let state = &kept.state;
    // A step changes each thing at most once: what another hint of this batch changes already has
    // to wait for the next.
    let is_touched = |change: &Change| match change {
        Change::Entry { key: changed, .. } | Change::Hint { key: changed, .. } => changed == key,
        _ => false,
    };
    if step.changes.iter().any(is_touched) {
        return Ok(());
    }
    if config.is_home(key) {
        take_in(config, store, key, state, step)?;
    }
    for present in config.other_homes(key) {
        // Beyond the limit, if need be: each of these replaces one that was there.
        let kept = match store.hint(present, key)? {
            Some(old) => KeptHint { state: Arc::new(old.state.merged(state)), ..old },
            None => kept.clone(),
        };
        step.changes.push(Change::Hint { home: present, key: key.clone(), kept });
    }
    step.changes.push(Change::RemoveHint { home, key: key.clone() });
    Ok(())
}
