//! What a request in progress waits for: for people and tests, not for the protocol.

use crate::ids::{NodeId, NodeSet};

/// What a request in progress waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waits {
    /// Until this many nodes hold a write, or what a blocking repair sends.
    Holders {
        /// Who is known to hold it.
        held_by: NodeSet,
        /// How many must.
        needed: usize,
    },
    /// Until this many nodes have replied to a read.
    Replies {
        /// Who has.
        replied: NodeSet,
        /// How many must.
        needed: usize,
    },
    /// For nothing: the read is answered, and repairs what late replies show to be behind.
    LateReplies {
        /// Whose replies the answer merged.
        replied: NodeSet,
    },
    /// For this node's answer.
    Answer(NodeId),
}
