//! How often each kind of thing happened in traces, under the names by which the checker counts what
//! happens in the model.

use std::collections::{BTreeMap, BTreeSet};

use derive_where::derive_where;
use quorate_ids::NodeId;

use super::report::ActionCount;
use super::trace::{ClientStep, NodeStep};
use super::traced::{Reaches, ReachesClient, Traced};
use crate::world::{Kind, KindOf};

/// What a node's very first start is called. The checker's nodes have all started before.
const FIRST_START: &str = "start";

/// Counts steps by what happened in them.
#[derive_where(Default)]
pub(super) struct Tally<P: Traced> {
    /// The nodes that have started once.
    started: BTreeSet<NodeId>,
    of: BTreeMap<Kind<P>, u64>,
}

impl<P: Traced> Tally<P> {
    fn add(&mut self, kind: Kind<P>) {
        *self.of.entry(kind).or_default() += 1;
    }

    /// A step of a node. Each start but the first tells of a crash before it: to the protocol, any
    /// end of a process is one. `lost_disk` says whether the node starts with its disk lost.
    pub(super) fn note_node(&mut self, node: NodeId, step: &NodeStep<P>, lost_disk: bool) {
        match P::reaches_node(&step.input) {
            Reaches::Start { .. } => {
                if lost_disk {
                    self.add(Kind::Wipe);
                }
                if !self.started.insert(node) {
                    self.add(Kind::Crash);
                    self.add(Kind::Recover);
                }
            }
            Reaches::Receive { message, .. } => {
                self.add(Kind::Deliver(P::MessageKind::of(message)));
            }
            Reaches::Expire(timer) => self.add(Kind::Expire(P::TimerKind::of(&timer))),
            // No search does it, so it has no kind.
            Reaches::Command(_) => {}
        }
    }

    /// A step of a client.
    pub(super) fn note_client(&mut self, step: &ClientStep<P>) {
        self.add(match P::reaches_client(&step.input) {
            ReachesClient::Invoke { kind, .. } => Kind::Invoke(kind),
            ReachesClient::Receive { message, .. } => Kind::Deliver(P::MessageKind::of(message)),
            ReachesClient::Expire(_) => Kind::ClientTimeout,
        });
    }

    /// Every kind that a trace can show, with its count.
    pub(super) fn counts(&self) -> Vec<ActionCount> {
        let shown = Kind::<P>::all().into_iter().filter(|kind| is_shown(*kind));
        let counts = shown.map(|kind| ActionCount {
            name: kind.to_string(),
            count: self.of.get(&kind).copied().unwrap_or_default(),
        });
        let first = ActionCount { name: FIRST_START.into(), count: self.started.len() as u64 };
        std::iter::once(first).chain(counts).collect()
    }
}

/// Whether a trace shows that this happened. Of messages that are lost or doubled the network's
/// counts tell; that it was given an older disk no process knows, and what happens to the network as a whole, none
/// writes down.
fn is_shown<P: Traced>(kind: Kind<P>) -> bool {
    !matches!(
        kind,
        Kind::Drop
            | Kind::Duplicate
            | Kind::Snapshot
            | Kind::Restore
            | Kind::Partition
            | Kind::Heal
    )
}
