//! After a lost disk: neither vote nor serve until enough other homes have said what they hold.
//!
//! What the node acknowledged before, at least W - 1 of the N - 1 other homes still hold. Any
//! N - W + 1 of those others include one of them, since (W - 1) + (N - W + 1) > N - 1.
//!
//! That is of writes that were acknowledged before the disk was lost. One that the node had acknowledged while others
//! had not yet counts its acknowledgement later all the same, and until then may be held by its coordinator alone, which
//! may be any home. So *every* other home must answer. With W = 2 nothing comes of that, since N - W + 1 is all of them.
//! With more, a read could miss such a write otherwise (`disk-lost-in-flight`). A home that lost its own disk coordinates
//! nothing that it was asked before, and so answers too: it says that it catches up, and is not one of the N - W + 1.
//!
//! Each question names the start that asks it, and so does each answer: a node that loses its disk again may have
//! acknowledged something in between, of which the answers to its first questions say nothing (`disk-lost-twice`).
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
use crate::versions::{Incarnation, Record};

use super::{NodeConfig, Replica, take_in};

/// About how many bytes of states one page carries at most, beyond its first state: what a datagram carries. Each
/// page waits until the one before it is durable.
const PAGE_BYTES: usize = 48 * 1024;

/// How far a node has caught up. Volatile: a crash starts it over.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct CatchUp {
    /// What tells this start from every other.
    pub(super) token: Incarnation,
    /// From whom everything has been taken in.
    pub(super) done: NodeSet,
    /// Who has said that it catches up itself.
    pub(super) heard: NodeSet,
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
    /// How many of them must, at least: none, where enough have.
    pub missing: usize,
    /// Those of them that must answer, if only that they catch up themselves, and have not.
    pub unanswered: NodeSet,
}

/// What another home holds, or a part of it: [`Message::CatchUpPage`].
pub(super) struct Page {
    pub(super) token: Incarnation,
    pub(super) after: Option<Key>,
    pub(super) entries: Vec<(Key, Arc<Record>)>,
    pub(super) next: Option<Key>,
    pub(super) is_caught_up: bool,
}

impl NodeConfig {
    /// Whether a node that lost its disk waits for answers of more homes than it must take everything in from. Then those
    /// who catch up themselves have something to say.
    pub(super) fn waits_for_more_than_it_takes(&self) -> bool {
        self.cluster.quorum().w() > 2 && self.waits_for_all_homes()
    }

    fn waits_for_all_homes(&self) -> bool {
        !self.cluster.deviates(Deviation::RebuildFromOne)
            && !self.cluster.deviates(Deviation::RebuildFromQuorum)
    }
}

impl CatchUp {
    /// Of a start that nobody has told anything yet.
    pub(super) fn of_start(token: Incarnation) -> Self {
        let nobody = NodeSet::EMPTY;
        CatchUp { token, done: nobody, heard: nobody, cursors: BTreeMap::new(), given_up: nobody }
    }

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
        let waits_for_all = config.waits_for_all_homes();
        let over = self.done.union(self.given_up);
        let ranges = config.cluster.ranges().iter().copied();
        ranges.filter(|range| range.contains(config.node)).filter_map(move |range| {
            let others = range.without(config.node);
            let without = |those: NodeSet| -> NodeSet {
                others.iter().filter(|home| !those.contains(*home)).collect()
            };
            let from = without(over);
            let missing = needed.min(others.len()).saturating_sub(others.len() - from.len());
            let unanswered =
                if waits_for_all { without(over.union(self.heard)) } else { NodeSet::EMPTY };
            let is_over = missing == 0 && unanswered.is_empty();
            (!is_over).then_some(Awaited { range, from, missing, unanswered })
        })
    }
}

impl Replica {
    /// Starts to catch up, after a start on an empty disk.
    pub(super) fn start_catching_up(
        &mut self,
        config: &NodeConfig,
        token: Incarnation,
        step: &mut Step,
    ) {
        self.catching_up = Some(CatchUp::of_start(token));
        self.ask_all(config, step);
    }

    /// Asks everybody again who has not answered to the end.
    pub(super) fn ask_all(&mut self, config: &NodeConfig, step: &mut Step) {
        let Some(catch_up) = &self.catching_up else { return };
        let ranges = config.cluster.ranges().iter().filter(|homes| homes.contains(config.node));
        let others: NodeSet = ranges.flat_map(|homes| homes.without(config.node).iter()).collect();
        for other in others.iter().filter(|other| !catch_up.done.contains(*other)) {
            let (token, after) = (catch_up.token, catch_up.cursors.get(&other).cloned());
            step.send(other, Message::CatchUp { token, after });
        }
        step.effects.push(Effect::SetTimer(Timer::CatchUp));
    }

    /// Tells a node that lost its disk what it should hold. A node that lost its own knows
    /// nothing to tell but that.
    pub(super) fn receive_catch_up<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: NodeId,
        token: Incarnation,
        after: Option<Key>,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        if !self.serves() {
            if config.waits_for_more_than_it_takes() {
                let (entries, next, is_caught_up) = (Vec::new(), None, false);
                step.send(from, Message::CatchUpPage { token, after, entries, next, is_caught_up });
            }
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
        let is_caught_up = true;
        step.send(from, Message::CatchUpPage { token, after, entries, next, is_caught_up });
        Ok(())
    }

    /// Takes in what another home holds.
    pub(super) fn receive_catch_up_page<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        from: NodeId,
        Page { token, after, entries, next, is_caught_up }: Page,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        if !self.asks_to_catch_up_under(config, token) {
            return Ok(());
        }
        let Some(catch_up) = &mut self.catching_up else { return Ok(()) };
        // A late copy of a page before.
        if catch_up.done.contains(from) || catch_up.cursors.get(&from) != after.as_ref() {
            return Ok(());
        }
        if !is_caught_up {
            // What it told before it lost its disk is not all that it will hold: it is to tell it from the beginning.
            catch_up.cursors.remove(&from);
            catch_up.heard.insert(from);
            return self.end_if_enough(config, store, step);
        }
        for (key, state) in &entries {
            if config.stores(key, state) {
                take_in(config, store, key, state, step)?;
            }
        }
        match next {
            Some(next) => {
                catch_up.cursors.insert(from, next.clone());
                step.send(from, Message::CatchUp { token: catch_up.token, after: Some(next) });
            }
            None => {
                catch_up.cursors.remove(&from);
                catch_up.done.insert(from);
                self.end_if_enough(config, store, step)?;
            }
        }
        Ok(())
    }

    /// Whether the node catches up, and asks under this token.
    pub(super) fn asks_to_catch_up_under(&self, config: &NodeConfig, token: Incarnation) -> bool {
        let is_of_any_start = config.cluster.deviates(Deviation::CatchUpUnnamed);
        self.catching_up.as_ref().is_some_and(|asks| asks.token == token || is_of_any_start)
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
