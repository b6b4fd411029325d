//! What can be asked about what a node holds: its keys, a page at a time, and one key.

use serde::{Deserialize, Serialize};

use quorate_model::ids::{Key, NodeId};
use quorate_model::versions::{Dot, Record, RecordDigest, VersionVector};

/// A question about what a node holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Question {
    /// A page of the keys that have a value, in the order of their [positions]. It may hold
    /// few keys, or none, and not be the last.
    ///
    /// [positions]: quorate_model::hash_tree::key_position
    Keys {
        /// Beyond which key, in that order.
        after: Option<Key>,
        /// How their bytes begin.
        prefix: Key,
        /// How many at most.
        max: u32,
    },
    /// What it holds of one key, and which hints about it.
    Key {
        /// Which.
        key: Key,
    },
}

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Told {
    /// To [`Question::Keys`].
    Keys {
        /// Whether the node is caught up: otherwise it may lack keys that it acknowledged.
        serves: bool,
        /// The keys.
        keys: Vec<Key>,
        /// The last key that was looked at; `None` at the end.
        next: Option<Key>,
    },
    /// To [`Question::Key`].
    Key {
        /// Whether the node is caught up.
        serves: bool,
        /// What it holds; `None` if nothing.
        held: Option<Held>,
        /// What it keeps for other nodes.
        hints: Vec<(NodeId, Held)>,
    },
}

/// A state, without the values.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Held {
    /// The versions: of how many bytes, or `None` where it is a delete.
    pub versions: Vec<(Dot, Option<u64>)>,
    /// Everything that it has seen.
    pub context: VersionVector,
    /// Equal where two states are.
    pub digest: RecordDigest,
}

impl Held {
    /// What is told of a state.
    #[must_use]
    pub fn of(state: &Record) -> Self {
        let bytes = |value: &quorate_model::ids::Value| value.0.len() as u64;
        Held {
            versions: state.versions().map(|(dot, value)| (dot, value.map(bytes))).collect(),
            context: state.context(),
            digest: state.digest(),
        }
    }
}
