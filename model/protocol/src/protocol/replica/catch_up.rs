//! After a lost disk: neither vote nor serve until enough other homes have said what they hold.
//!
//! What the node acknowledged before, at least W - 1 of the N - 1 other homes still hold. Any
//! N - W + 1 of those others include one of them, since (W - 1) + (N - W + 1) > N - 1.
//!
//! That is of writes that were acknowledged before the disk was lost. One that the node had acknowledged while others
//! had not yet counts its acknowledgement later all the same, and until then may be held by its coordinator alone. With
//! W = 2 that one is among those who are asked, since all are; with more a read may miss the write
//! (`disk-lost-in-flight`).
//!
//! A home that lost its own disk has nothing to tell, so where too many homes of a range lost theirs
//! together, none of them ever catches up, although others may still hold everything. The protocol
//! cannot know that, and refuses. An operator may: [`Input::AcceptLoss`] names homes that are waited
//! for no longer, as FoundationDB's forced recovery gives up what the lost logs held. A read may then
//! miss what only they had acknowledged.
//!
//! [`Input::AcceptLoss`]: crate::protocol::Input::AcceptLoss

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Serialize;

use crate::deviation::Deviation;
use crate::ids::{Key, NodeId, NodeSet};
use crate::protocol::effect::{Effect, Step, Timer};
use crate::protocol::message::Message;
use crate::protocol::store::{Change, Identity, Store};
use crate::versions::Record;

use super::{NodeConfig, Replica, take_in};

/// About how many bytes of states one page carries at most, beyond its first state: what a datagram carries. Each
/// page waits until the one before it is durable.
const PAGE_BYTES: usize = 48 * 1024;

/// How far a node has caught up. Volatile: a crash starts it over.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct CatchUp {
    /// From whom everything has been taken in.
    pub(super) done: NodeSet,
    /// Up to which key from the others.
    pub(super) cursors: BTreeMap<NodeId, Key>,
    /// Homes whose holdings an operator has given up.
    pub(super) given_up: NodeSet,
}

/// What a node that catches up waits for, of one range of keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Awaited {
    /// The homes of the range, the node among them.
    pub range: NodeSet,
    /// The homes that have not told everything.
    pub from: NodeSet,
    /// How many of them must, at least.
    pub missing: usize,
}

/// What another home holds, or a part of it: [`Message::CatchUpPage`].
pub(super) struct Page {
    pub(super) after: Option<Key>,
    pub(super) entries: Vec<(Key, Arc<Record>)>,
    pub(super) next: Option<Key>,
}

impl CatchUp {
    /// Whether that is enough to vote and serve: at once, for a node that is a home of nothing or
    /// the only home of everything it is one of.
    pub(super) fn is_enough(&self, config: &NodeConfig) -> bool {
        self.awaited(config).next().is_none()
    }

    /// What is not enough yet.
    fn awaited(&self, config: &NodeConfig) -> impl Iterator<Item = Awaited> {
        let quorum = config.cluster.quorum();
        let needed = if config.cluster.deviates(Deviation::RebuildFromOne) {
            1
        } else {
            quorum.n() + 1 - quorum.w()
        };
        let over = self.done.union(self.given_up);
        let ranges = config.cluster.ranges().iter().copied();
        ranges.filter(|range| range.contains(config.node)).filter_map(move |range| {
            let others = range.without(config.node);
            let from: NodeSet = others.iter().filter(|home| !over.contains(*home)).collect();
            let missing = needed.min(others.len()).saturating_sub(others.len() - from.len());
            (missing > 0).then_some(Awaited { range, from, missing })
        })
    }
}

impl Replica {
    /// Starts to catch up, after a start on an empty disk.
    pub(super) fn start_catching_up(&mut self, config: &NodeConfig, step: &mut Step) {
        self.catching_up = Some(CatchUp::default());
        self.ask_all(config, step);
    }

    /// Asks everybody again who has not answered to the end.
    pub(super) fn ask_all(&mut self, config: &NodeConfig, step: &mut Step) {
        let Some(catch_up) = &self.catching_up else { return };
        let ranges = config.cluster.ranges().iter().filter(|homes| homes.contains(config.node));
        let others: NodeSet = ranges.flat_map(|homes| homes.without(config.node).iter()).collect();
        for other in others.iter().filter(|other| !catch_up.done.contains(*other)) {
            let after = catch_up.cursors.get(&other).cloned();
            step.send(other, Message::CatchUp { after });
        }
        step.effects.push(Effect::SetTimer(Timer::CatchUp));
    }

    /// Tells a node that lost its disk what it should hold. A node that lost its own knows
    /// nothing to tell.
    pub(super) fn receive_catch_up<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: NodeId,
        after: Option<Key>,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        if !self.serves() {
            return Ok(());
        }
        let batch_max = config.cluster.limits().batch_max;
        let page = store.entries_in(0..=u64::MAX, after.as_ref(), batch_max)?;
        let mut is_complete = page.len() < batch_max;
        let (mut entries, mut bytes, mut last) = (Vec::new(), 0, None);
        for (key, entry) in page {
            if config.cluster.homes(&key).contains(from) {
                bytes += entry.state.size_estimate() + key.0.len();
                if !entries.is_empty() && bytes > PAGE_BYTES {
                    is_complete = false;
                    break;
                }
                entries.push((key.clone(), entry.state));
            }
            last = Some(key);
        }
        let next = if is_complete { None } else { last };
        step.send(from, Message::CatchUpPage { after, entries, next });
        Ok(())
    }

    /// Takes in what another home holds.
    pub(super) fn receive_catch_up_page<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: NodeId,
        Page { after, entries, next }: Page,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let Some(catch_up) = &mut self.catching_up else { return Ok(()) };
        // A late copy of a page before.
        if catch_up.done.contains(from) || catch_up.cursors.get(&from) != after.as_ref() {
            return Ok(());
        }
        for (key, state) in &entries {
            if config.stores(key, state) {
                take_in(config, store, key, state, step)?;
            }
        }
        match next {
            Some(next) => {
                catch_up.cursors.insert(from, next.clone());
                step.send(from, Message::CatchUp { after: Some(next) });
            }
            None => {
                catch_up.cursors.remove(&from);
                catch_up.done.insert(from);
                self.end_if_enough(config, store, step)?;
            }
        }
        Ok(())
    }

    /// Waits no longer for what these homes held.
    pub(super) fn accept_loss<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        lost: NodeSet,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let Some(catch_up) = &mut self.catching_up else { return Ok(()) };
        catch_up.given_up = catch_up.given_up.union(lost);
        self.end_if_enough(config, store, step)
    }

    fn end_if_enough<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        if self.catching_up.as_ref().is_some_and(|catch_up| catch_up.is_enough(config))
            && let Some(identity) = store.identity()?
        {
            self.catching_up = None;
            let identity = Identity { is_caught_up: true, ..identity };
            step.changes.push(Change::Identity(identity));
            step.effects.push(Effect::CancelTimer(Timer::CatchUp));
        }
        Ok(())
    }

    /// What the node waits for before it votes and serves, by range: nothing, if it does.
    #[must_use]
    pub fn awaited(&self, config: &NodeConfig) -> Vec<Awaited> {
        self.catching_up.iter().flat_map(|catch_up| catch_up.awaited(config)).collect()
    }

    /// Whether the node votes and coordinates: not while it catches up.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.catching_up.is_none()
    }
}
