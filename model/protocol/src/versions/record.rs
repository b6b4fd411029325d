//! The state of one key under whichever versioning the cluster chose.

use alloc::boxed::Box;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::client_clock::ClientClock;
use super::dot::Dot;
use super::last_write_wins::LastWriteWins;
use super::scalar::Scalar;
use super::server_clock::ServerClock;
use super::siblings::Siblings;
use super::version_vector::{ENTRY_BYTES, VersionVector};
use super::{Names, Versioned, Write};
use crate::ids::Value;

/// How a cluster names versions and decides which of two replaces the other.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Versioning {
    /// Dotted version vector sets: exact, the default.
    #[default]
    Dotted,
    /// One server-counted vector clock per record: siblings multiply.
    ServerClock,
    /// Client-counted vector clocks: lose writes when a client identity is shared.
    ClientClock,
    /// One number per record: loses concurrent writes.
    Scalar,
    /// Wall-clock timestamps: loses concurrent writes, and later ones where clocks disagree.
    LastWriteWins,
}

impl fmt::Display for Versioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Versioning::Dotted => "dotted",
            Versioning::ServerClock => "server-clock",
            Versioning::ClientClock => "client-clock",
            Versioning::Scalar => "scalar",
            Versioning::LastWriteWins => "last-write-wins",
        })
    }
}

/// The whole state of one key: what replicas store, merge and send each other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Record {
    /// See [`Siblings`].
    Dotted(Siblings),
    /// See [`ServerClock`].
    ServerClock(ServerClock),
    /// See [`ClientClock`].
    ClientClock(ClientClock),
    /// See [`Scalar`].
    Scalar(Scalar),
    /// See [`LastWriteWins`].
    LastWriteWins(LastWriteWins),
}

/// A short name of one state: two states share it only if they are equal, for all that accidents
/// can do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RecordDigest(pub u64);

/// Runs the same expression on the state inside, whichever it is.
macro_rules! each {
    ($record:expr, $state:ident => $body:expr) => {
        match $record {
            Record::Dotted($state) => $body,
            Record::ServerClock($state) => $body,
            Record::ClientClock($state) => $body,
            Record::Scalar($state) => $body,
            Record::LastWriteWins($state) => $body,
        }
    };
}

impl Record {
    /// The state of a key that was never written.
    #[must_use]
    pub fn empty(versioning: Versioning) -> Self {
        match versioning {
            Versioning::Dotted => Record::Dotted(Siblings::default()),
            Versioning::ServerClock => Record::ServerClock(ServerClock::default()),
            Versioning::ClientClock => Record::ClientClock(ClientClock::default()),
            Versioning::Scalar => Record::Scalar(Scalar::default()),
            Versioning::LastWriteWins => Record::LastWriteWins(LastWriteWins::default()),
        }
    }

    /// Which versioning this state belongs to.
    #[must_use]
    pub fn versioning(&self) -> Versioning {
        match self {
            Record::Dotted(_) => Versioning::Dotted,
            Record::ServerClock(_) => Versioning::ServerClock,
            Record::ClientClock(_) => Versioning::ClientClock,
            Record::Scalar(_) => Versioning::Scalar,
            Record::LastWriteWins(_) => Versioning::LastWriteWins,
        }
    }

    /// Applies a write at its coordinator. See [`Versioned::put`].
    pub fn put(&mut self, write: &Write) {
        each!(self, state => state.put(write));
    }

    /// Takes in another replica's state of the key. See [`Versioned::merge`].
    ///
    /// # Panics
    /// If the two belong to different versionings. A replica refuses such a message before it
    /// gets here, since all nodes of a cluster share one configuration.
    pub fn merge(&mut self, other: &Record) {
        match (self, other) {
            (Record::Dotted(mine), Record::Dotted(theirs)) => mine.merge(theirs),
            (Record::ServerClock(mine), Record::ServerClock(theirs)) => mine.merge(theirs),
            (Record::ClientClock(mine), Record::ClientClock(theirs)) => mine.merge(theirs),
            (Record::Scalar(mine), Record::Scalar(theirs)) => mine.merge(theirs),
            (Record::LastWriteWins(mine), Record::LastWriteWins(theirs)) => mine.merge(theirs),
            (mine, theirs) => panic!(
                "cannot merge a {} record into a {} record",
                theirs.versioning(),
                mine.versioning()
            ),
        }
    }

    /// The merge of both, leaving either as it was.
    #[must_use]
    pub fn merged(&self, other: &Record) -> Record {
        let mut merged = self.clone();
        merged.merge(other);
        merged
    }

    /// Whether merging `other` in would change nothing: this replica already has all of it.
    #[must_use]
    pub fn dominates(&self, other: &Record) -> bool {
        match (self, other) {
            (Record::Dotted(mine), Record::Dotted(theirs)) => mine.dominates(theirs),
            _ => self.merged(other) == *self,
        }
    }

    /// How many actors the context has entries of, where records can be pruned; none otherwise.
    #[must_use]
    pub fn context_entries(&self) -> usize {
        match self {
            Record::Dotted(state) => state.context_entries(),
            _ => 0,
        }
    }

    /// The same without what was seen of actors none of whose versions is left; `None` where that
    /// would change nothing, or the versioning needs what it has seen.
    #[must_use]
    pub fn pruned(&self) -> Option<Record> {
        let Record::Dotted(state) = self else { return None };
        let pruned = state.pruned();
        (pruned != *state).then_some(Record::Dotted(pruned))
    }

    /// What a read of this state returns as the context of the next write.
    #[must_use]
    pub fn context(&self) -> VersionVector {
        each!(self, state => state.context())
    }

    /// The versions, tombstones (`None`) among them, in a fixed order.
    pub fn versions(&self) -> Box<dyn Iterator<Item = (Dot, Option<&Value>)> + '_> {
        each!(self, state => Box::new(state.versions()))
    }

    /// The short name of exactly this state.
    #[must_use]
    pub fn digest(&self) -> RecordDigest {
        let bytes = postcard::to_allocvec(self).expect("a record can always be encoded");
        let hash = blake3::hash(&bytes);
        let start = hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes");
        RecordDigest(u64::from_le_bytes(*start))
    }

    /// About how many bytes the state takes in a datagram: values, and a fixed share for every
    /// clock entry and version. An upper bound for node actors, whose entries are the largest.
    #[must_use]
    pub fn size_estimate(&self) -> usize {
        let versions: usize = self
            .versions()
            .map(|(_, value)| ENTRY_BYTES + value.map_or(0, |value| value.0.len()))
            .sum();
        // A client-clock version carries a clock of its own.
        let clocks = match self {
            Record::ClientClock(_) => self.versions().count(),
            _ => 1,
        };
        versions + clocks * self.context().size_estimate()
    }

    /// The same with nodes, clients and values under other names.
    #[must_use]
    pub fn renamed(&self, names: &dyn Names) -> Self {
        match self {
            Record::Dotted(state) => Record::Dotted(state.renamed(names)),
            Record::ServerClock(state) => Record::ServerClock(state.renamed(names)),
            Record::ClientClock(state) => Record::ClientClock(state.renamed(names)),
            Record::Scalar(state) => Record::Scalar(state.renamed(names)),
            Record::LastWriteWins(state) => Record::LastWriteWins(state.renamed(names)),
        }
    }

    /// Whether there are versions, and all of them are tombstones.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        let mut versions = self.versions().peekable();
        versions.peek().is_some() && versions.all(|(_, value)| value.is_none())
    }

    /// The versions that have a value.
    pub fn live(&self) -> impl Iterator<Item = (Dot, &Value)> {
        self.versions().filter_map(|(dot, value)| value.map(|value| (dot, value)))
    }
}

/// `"a"@n0:1 | deleted@n1:2 seen {n0:1, n1:2}`
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (dot, value)) in self.versions().enumerate() {
            if position > 0 {
                f.write_str(" | ")?;
            }
            match value {
                Some(value) => write!(f, "\"{value}\"@{dot}")?,
                None => write!(f, "deleted@{dot}")?,
            }
        }
        let context = self.context();
        if !context.is_empty() {
            write!(f, " seen {context}")?;
        }
        Ok(())
    }
}
