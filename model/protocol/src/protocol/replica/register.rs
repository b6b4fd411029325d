//! Keeping an incarnation over a restart: first the other nodes confirm that the disk is the one
//! that this node wrote last.
//!
//! **Why it is asked.** A version vector has an entry for each incarnation that ever wrote a key. A
//! node that took a fresh one at every start would make it grow for ever. A node that just went on
//! might have been given an older copy of its disk, on which nothing tells so, and would take for
//! seen what it has never heard of.
//!
//! **What is asked.** Before a start mints its first dot, every other node is told the incarnation,
//! the [life](crate::versions::Life) and the highest counter that this disk knows of. A node agrees,
//! durably, to at most one start per life, and to none that is not later than those before; and only
//! if nothing it holds has seen a higher counter. If all agree, the incarnation is kept. If one does
//! not, or the timer expires before all have answered, a fresh one is taken, which is always safe.
//!
//! **Why all.** Whoever may hold an acknowledged write is among them: homes, and under a sloppy
//! quorum any node. Fewer answers would do for acknowledged writes under strict quorums; but a write
//! that never was acknowledged is not lost silently either, if nobody at all is left who holds it.
//!
//! **What may still be under way.** A version of an earlier life that this disk does not know of, and
//! nobody holds, may still be in a message. The counters between the highest one known and the new
//! life are *void* from then on: whoever agreed turns such a version away, for good. Otherwise a node
//! that held a later counter would take the version for one that was overwritten.
//!
//! **Why no dot is minted twice.** Counters of a new life are higher than all of every earlier one.
//! The same life can be begun twice only on an older copy of a disk; the second start has another
//! token, so every node that agreed to the first says no. It takes all of them to have lost that, too,
//! on disks lost or replaced after they had agreed.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Serialize;

use crate::cluster::ClusterConfig;
use crate::deviation::Deviation;
use crate::ids::{Key, NodeId, NodeSet, Peer, RequestId, Timestamp};
use crate::protocol::effect::{Effect, Step, Timer};
use crate::protocol::message::{Message, PutRequest};
use crate::protocol::store::{Change, Identity, Registration, Store};
use crate::protocol::weight::put_bytes;
use crate::versions::{Incarnation, Life, Record};

use super::{NodeConfig, Replica};

/// Whether this node may mint, and what waits until it may.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct Naming {
    pub(super) standing: Standing,
    /// Puts that wait for an identity to mint under, oldest first.
    pub(super) waiting: VecDeque<WaitingPut>,
    /// The sum over `waiting`: a function of it, so it never tells equal states apart.
    #[serde(skip)]
    pub(super) waiting_bytes: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum Standing {
    /// It mints under the identity that is stored.
    #[default]
    Certain,
    /// It has started on an old disk and has not been asked to mint yet.
    Unasked {
        /// The incarnation to take if the stored one cannot be kept; and the token of this start.
        candidate: Incarnation,
    },
    /// It has asked the other nodes.
    Asking {
        /// As before.
        candidate: Incarnation,
        /// Who has agreed.
        agreed: NodeSet,
    },
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct WaitingPut {
    pub(super) from: Peer,
    pub(super) put: PutRequest,
}

/// What another node asks: [`Message::Register`].
pub(super) struct Claim {
    pub(super) incarnation: Incarnation,
    pub(super) life: Life,
    pub(super) token: Incarnation,
    pub(super) minted: u64,
}

impl Naming {
    /// After a start: the identity to store, and how sure it is.
    pub(super) fn at_start(
        config: &NodeConfig,
        known: Option<Identity>,
        candidate: Incarnation,
        is_caught_up: bool,
    ) -> (Naming, Identity) {
        let fresh = || (Naming::default(), Identity::fresh(candidate, is_caught_up));
        if config.cluster.deviates(Deviation::RestartsAnew) {
            return fresh();
        }
        // One that has no names but its own never asks.
        let asks = !config.cluster.deviates(Deviation::OneActorPerNode);
        // Nothing can be kept on an empty disk, nor after the last life.
        let Some((known, life)) = known.and_then(|known| Some((known, known.life.next()?))) else {
            return fresh();
        };
        let standing = if asks { Standing::Unasked { candidate } } else { Standing::Certain };
        let naming = Naming { standing, ..Naming::default() };
        (naming, Identity { life, is_caught_up, ..known })
    }

    /// The put that waits under this name.
    pub(super) fn waiting_mut(&mut self, request: RequestId) -> Option<&mut Peer> {
        let mut waiting = self.waiting.iter_mut();
        waiting.find(|waiting| waiting.put.request == request).map(|waiting| &mut waiting.from)
    }

    pub(super) fn push(&mut self, from: Peer, put: PutRequest) {
        self.waiting_bytes += put_bytes(&put);
        self.waiting.push_back(WaitingPut { from, put });
    }

    fn pop(&mut self) -> Option<WaitingPut> {
        let waiting = self.waiting.pop_front()?;
        self.waiting_bytes -= put_bytes(&waiting.put);
        Some(waiting)
    }

    pub(super) fn take_standing_over(&mut self, other: &Naming) {
        let Naming { standing, waiting: _, waiting_bytes: _ } = self;
        *standing = other.standing;
    }

    pub(super) fn take_waiting_over(&mut self, other: &Naming) {
        self.waiting.clone_from(&other.waiting);
        self.waiting_bytes = other.waiting_bytes;
    }

    pub(super) fn is_standing_same(&self, other: &Naming) -> bool {
        self.standing == other.standing
    }

    pub(super) fn is_waiting_same(&self, other: &Naming) -> bool {
        self.waiting == other.waiting
    }

    /// Whether it mints under the identity that is stored.
    pub(super) fn is_certain(&self) -> bool {
        self.standing == Standing::Certain
    }

    /// The token under which it asked the other nodes, if it waits for their answers.
    pub(super) fn asks_under(&self) -> Option<Incarnation> {
        match self.standing {
            Standing::Asking { candidate, .. } => Some(candidate),
            Standing::Certain | Standing::Unasked { .. } => None,
        }
    }

    /// How many bytes the puts take that wait.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// How many puts wait.
    pub(super) fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// The puts that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &PutRequest> {
        self.waiting.iter().map(|waiting| &waiting.put)
    }

    /// Whether a put about this key waits.
    pub(super) fn waits_about(&self, key: &Key) -> bool {
        self.waiting().any(|put| put.key == *key)
    }
}

impl Replica {
    /// The identity to mint under; `None` as long as it is not certain, in which case the other nodes
    /// have been asked.
    pub(super) fn certain_identity<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        step: &mut Step,
    ) -> Result<Option<Identity>, S::Error> {
        if let Standing::Unasked { candidate } = self.naming.standing
            && let Some(identity) = store.identity()?
        {
            let Identity { incarnation, life, minted, .. } = identity;
            let mut others = others(&config.cluster, config.node).peekable();
            if others.peek().is_none()
                || store.has_seen_beyond(config.mints_as, incarnation, minted)?
            {
                // Nobody can tell, or this node can tell itself: others have sent it what it forgot.
                self.take_fresh(store, candidate, step)?;
            } else {
                for other in others {
                    let token = candidate;
                    step.send(other, Message::Register { incarnation, life, token, minted });
                }
                step.effects.push(Effect::SetTimer(Timer::Register));
                self.naming.standing = Standing::Asking { candidate, agreed: NodeSet::EMPTY };
            }
        }
        match self.naming.standing {
            Standing::Certain => Ok(stored_identity(store, step)?),
            Standing::Unasked { .. } | Standing::Asking { .. } => Ok(None),
        }
    }

    /// The same for a node that cannot wait.
    pub(super) fn identity_at_once<S: Store>(
        &mut self,
        store: &S,
        step: &mut Step,
    ) -> Result<Option<Identity>, S::Error> {
        if let Standing::Unasked { candidate } | Standing::Asking { candidate, .. } =
            self.naming.standing
        {
            self.take_fresh(store, candidate, step)?;
            self.release_later(step);
        }
        stored_identity(store, step)
    }

    /// Lets a put wait until the identity is certain.
    pub(super) fn wait_to_mint(&mut self, from: Peer, put: PutRequest) {
        self.naming.push(from, put);
    }

    fn take_fresh<S: Store>(
        &mut self,
        store: &S,
        candidate: Incarnation,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        if let Standing::Asking { .. } = self.naming.standing {
            step.effects.push(Effect::CancelTimer(Timer::Register));
        }
        self.naming.standing = Standing::Certain;
        let is_caught_up = store.identity()?.is_none_or(|identity| identity.is_caught_up);
        set_identity(Identity::fresh(candidate, is_caught_up), step);
        Ok(())
    }

    /// Another node asks to keep its incarnation. A node that has yet to catch up has nothing to
    /// say: it may have forgotten what it knew.
    pub(super) fn receive_register<S: Store>(
        &mut self,
        store: &S,
        from: NodeId,
        claim: Claim,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        if !self.serves() {
            return Ok(());
        }
        let Claim { incarnation, life, token, minted } = claim;
        let before = store.registration(from, incarnation)?;
        let is_repeated = before.is_some_and(|before| before.life == life && before.token == token);
        let is_later = before.is_none_or(|before| before.life < life);
        // Whoever asks again is told the same again, whatever it has written since.
        let agrees =
            is_repeated || is_later && !store.has_seen_beyond(from, incarnation, minted)?;
        if agrees && !is_repeated {
            let registration = Registration::next(before, life, token, minted);
            step.changes.push(Change::Registration { node: from, incarnation, registration });
        }
        step.send(from, Message::Registered { token, agrees });
        Ok(())
    }

    /// Another node agrees, or does not.
    #[expect(
        clippy::too_many_arguments,
        reason = "what a step is given, and the message's two fields"
    )]
    pub(super) fn receive_registered<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        now: Timestamp,
        from: NodeId,
        token: Incarnation,
        agrees: bool,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let Standing::Asking { candidate, agreed } = &mut self.naming.standing else {
            return Ok(());
        };
        if *candidate != token {
            return Ok(());
        }
        if !agrees {
            self.take_fresh(store, token, step)?;
            return self.release(config, store, now, step);
        }
        agreed.insert(from);
        let is_enough = others(&config.cluster, config.node).all(|other| agreed.contains(other));
        if is_enough && let Some(identity) = store.identity()? {
            self.naming.standing = Standing::Certain;
            step.effects.push(Effect::CancelTimer(Timer::Register));
            // It turns away what the others turn away.
            let Identity { incarnation, life, minted, .. } = identity;
            let before = store.registration(config.mints_as, incarnation)?;
            let registration = Registration::next(before, life, token, minted);
            let node = config.mints_as;
            step.changes.push(Change::Registration { node, incarnation, registration });
            return self.release(config, store, now, step);
        }
        Ok(())
    }

    /// Not all have answered in time.
    pub(super) fn expire_register<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        now: Timestamp,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let Standing::Asking { candidate, .. } = self.naming.standing else { return Ok(()) };
        self.naming.standing = Standing::Certain;
        self.take_fresh(store, candidate, step)?;
        self.release(config, store, now, step)
    }

    /// Takes the oldest put that waited, as if it had just arrived; one a step, since a step changes
    /// each thing at most once.
    pub(super) fn release<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        now: Timestamp,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        if let Standing::Certain = self.naming.standing
            && let Some(WaitingPut { from, put }) = self.naming.pop()
        {
            self.receive_put(config, store, now, from, put, step)?;
            self.release_later(step);
        }
        Ok(())
    }

    fn release_later(&self, step: &mut Step) {
        if !self.naming.waiting.is_empty() {
            step.effects.push(Effect::SetTimer(Timer::Waiting));
        }
    }

    /// The puts that wait until it is certain under which identity to mint.
    pub fn waiting_to_mint(&self) -> impl Iterator<Item = &PutRequest> {
        self.naming.waiting()
    }

    /// The nodes that this one still waits for to know whether it may keep its incarnation.
    #[must_use]
    pub fn awaits_agreement_of(&self, cluster: &ClusterConfig, node: NodeId) -> NodeSet {
        match self.naming.standing {
            Standing::Asking { agreed, .. } => {
                others(cluster, node).filter(|other| !agreed.contains(*other)).collect()
            }
            Standing::Certain | Standing::Unasked { .. } => NodeSet::EMPTY,
        }
    }
}

/// Everybody who must agree.
fn others(cluster: &ClusterConfig, node: NodeId) -> impl Iterator<Item = NodeId> {
    cluster.members().iter().copied().filter(move |member| *member != node)
}

/// The identity as it is after the changes of this step so far.
fn stored_identity<S: Store>(store: &S, step: &Step) -> Result<Option<Identity>, S::Error> {
    let changed = step.changes.iter().find_map(|change| match change {
        Change::Identity(identity) => Some(*identity),
        _ => None,
    });
    match changed {
        Some(identity) => Ok(Some(identity)),
        None => store.identity(),
    }
}

/// Stores an identity, in the place of one that the step was to store.
pub(super) fn set_identity(identity: Identity, step: &mut Step) {
    step.changes.retain(|change| !matches!(change, Change::Identity(_)));
    step.changes.push(Change::Identity(identity));
}

/// A message without the states that are to be turned away, as if they had been lost on the way;
/// `None` if nothing is left of it.
pub(super) fn without_void<S: Store>(
    store: &S,
    message: Message,
) -> Result<Option<Message>, S::Error> {
    let kept = |states: Vec<(Key, Arc<Record>)>| {
        let is_kept = |(key, state): (Key, Arc<Record>)| match has_void_version(store, &state) {
            Ok(true) => None,
            Ok(false) => Some(Ok((key, state))),
            Err(error) => Some(Err(error)),
        };
        states.into_iter().filter_map(is_kept).collect::<Result<Vec<_>, S::Error>>()
    };
    Ok(Some(match message {
        Message::CatchUpPage { token, after, entries, next, is_caught_up } => {
            Message::CatchUpPage { token, after, entries: kept(entries)?, next, is_caught_up }
        }
        Message::SyncStates { states, wanted } => {
            Message::SyncStates { states: kept(states)?, wanted }
        }
        Message::FetchReply { state: Some(state), .. } if has_void_version(store, &state)? => {
            return Ok(None);
        }
        message => {
            for (_, state) in message.carried() {
                if has_void_version(store, state)? {
                    return Ok(None);
                }
            }
            message
        }
    }))
}

/// Whether a state has a version that is to be turned away.
///
/// # Errors
/// When the store cannot be read.
pub fn has_void_version<S: Store>(store: &S, state: &Record) -> Result<bool, S::Error> {
    for (dot, _) in state.versions() {
        if store.is_void(dot)? {
            return Ok(true);
        }
    }
    Ok(false)
}
