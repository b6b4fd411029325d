//! How often each kind of thing happened in traces, under the names by which the checker counts what
//! happens in the model.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec::Vec;

use quorate_checker::world::KindOf;

use super::report::ActionCount;
use super::trace::{ClientInput, NodeStep};
use crate::check::kinds::{Kind, MessageKind, OperationKind, TimerKind};
use crate::ids::Peer;
use crate::protocol::{Input, Operation};

/// What a node's very first start is called. The checker's nodes have all started before.
const FIRST_START: &str = "start";

/// Counts steps by what happened in them.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Tally {
    /// The nodes that have started once.
    started: BTreeSet<Peer>,
    of: BTreeMap<Kind, u64>,
}

impl Tally {
    fn add(&mut self, kind: Kind) {
        *self.of.entry(kind).or_default() += 1;
    }

    /// A step of a node. Each start but the first tells of a crash before it: to the protocol, any
    /// end of a process is one.
    pub(super) fn note_node(&mut self, node: Peer, step: &NodeStep) {
        match &step.input {
            Input::Start { .. } => {
                if !self.started.insert(node) {
                    self.add(Kind::Crash);
                    self.add(Kind::Recover);
                }
            }
            Input::Receive { message, .. } => self.add(Kind::Deliver(MessageKind::of(message))),
            Input::Expire(timer) => self.add(Kind::Expire(TimerKind::of(timer))),
            // Follows a lost disk, which no accepted trace shows; and no search does it.
            Input::AcceptLoss { .. } => {}
        }
    }

    /// A step of a client.
    pub(super) fn note_client(&mut self, input: &ClientInput) {
        self.add(match input {
            ClientInput::Invoke { operation: Operation::Get { .. }, .. } => {
                Kind::Invoke(OperationKind::Get)
            }
            ClientInput::Invoke { operation: Operation::Put { value: None, .. }, .. } => {
                Kind::Invoke(OperationKind::Delete)
            }
            ClientInput::Invoke { operation: Operation::Put { .. }, .. } => {
                Kind::Invoke(OperationKind::Put)
            }
            ClientInput::Receive { message, .. } => Kind::Deliver(MessageKind::of(message)),
            ClientInput::Expire(_) => Kind::ClientTimeout,
        });
    }

    /// Every kind that a trace can show, with its count.
    pub(super) fn counts(&self) -> Vec<ActionCount> {
        let shown = Kind::all().into_iter().filter(|kind| is_shown(*kind));
        let counts = shown.map(|kind| ActionCount {
            name: kind.to_string(),
            count: self.of.get(&kind).copied().unwrap_or_default(),
        });
        core::iter::once(ActionCount { name: FIRST_START.into(), count: self.started.len() as u64 })
            .chain(counts)
            .collect()
    }
}

/// Whether a trace shows that this happened. Of messages that are lost or doubled the network's
/// counts tell; what happens to disks and to the network as a whole, no process writes down.
fn is_shown(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Drop
            | Kind::Duplicate
            | Kind::Wipe
            | Kind::Snapshot
            | Kind::Restore
            | Kind::Partition
            | Kind::Heal
    )
}
