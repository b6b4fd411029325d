//! Gathering the acknowledgements of one write.

use serde::{Deserialize, Serialize};

use super::waits::Waits;
use crate::ids::{NodeId, NodeSet};

/// The distinct nodes that hold a write durably, and how many are needed. Used by a coordinating
/// node and by a client that fans out itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct WriteRound {
    pub(super) acked: NodeSet,
    pub(super) needed: usize,
}

impl WriteRound {
    /// A round that needs acknowledgements from `needed` distinct nodes.
    #[must_use]
    pub fn new(needed: usize) -> Self {
        WriteRound { acked: NodeSet::EMPTY, needed }
    }

    /// Notes that a node holds the write durably. A second acknowledgement counts once.
    pub fn acknowledge(&mut self, node: NodeId) {
        self.acked.insert(node);
    }

    /// Whether enough nodes hold it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.acked.len() >= self.needed
    }

    /// Who holds it.
    #[must_use]
    pub fn acked(&self) -> NodeSet {
        self.acked
    }

    /// What it waits for.
    #[must_use]
    pub fn waits(&self) -> Waits {
        Waits::Holders { held_by: self.acked, needed: self.needed }
    }
}
