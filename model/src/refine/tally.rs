//! How often each kind of thing happened in traces, under the names by which the checker counts what
//! happens in the model.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::report::ActionCount;
use super::trace::{ClientInput, NodeStep};
use crate::check::instruments::Kind;
use crate::ids::{ClientId, Peer};
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
            Input::Receive { message, .. } => self.add(Kind::of_delivery(message)),
            Input::Expire(timer) => self.add(Kind::of_expiry(node, *timer)),
            // Follows a lost disk, which no accepted trace shows; and no search does it.
            Input::AcceptLoss { .. } => {}
        }
    }

    /// A step of a client.
    pub(super) fn note_client(&mut self, client: ClientId, input: &ClientInput) {
        self.add(match input {
            ClientInput::Invoke { operation: Operation::Get { .. }, .. } => Kind::InvokeGet,
            ClientInput::Invoke { operation: Operation::Put { value: None, .. }, .. } => {
                Kind::InvokeDelete
            }
            ClientInput::Invoke { operation: Operation::Put { .. }, .. } => Kind::InvokePut,
            ClientInput::Receive { message, .. } => Kind::of_delivery(message),
            ClientInput::Expire(timer) => Kind::of_expiry(Peer::Client(client), *timer),
        });
    }

    /// Every kind that a trace can show, with its count.
    pub(super) fn counts(&self) -> Vec<ActionCount> {
        let shown = Kind::ALL.into_iter().filter(|kind| is_shown(*kind));
        let counts = shown.map(|kind| ActionCount {
            name: kind.name(),
            count: self.of.get(&kind).copied().unwrap_or_default(),
        });
        core::iter::once(ActionCount { name: FIRST_START, count: self.started.len() as u64 })
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
