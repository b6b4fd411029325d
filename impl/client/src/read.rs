//! What comes back from a cluster.

use std::sync::Arc;

/// What a read found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Read {
    pub(crate) values: Vec<Arc<[u8]>>,
    pub(crate) was_written: bool,
    pub(crate) replied: Vec<String>,
}

impl Read {
    /// All values: none where the key was never written or is deleted, several where writes were concurrent. Their
    /// order means nothing.
    #[must_use]
    pub fn values(&self) -> &[Arc<[u8]>] {
        &self.values
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether there are several values, which wait for somebody to resolve them.
    #[must_use]
    pub fn has_siblings(&self) -> bool {
        self.values.len() > 1
    }

    /// Whether there is no value because the key was deleted. Where tombstones are reaped, that is not told from never
    /// written for ever.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.values.is_empty() && self.was_written
    }

    /// The names of the nodes whose replies it was made of.
    #[must_use]
    pub fn replied(&self) -> &[String] {
        &self.replied
    }

    /// The one value: the only one, or what `merge` makes of several; `None` where there is none. This writes nothing.
    #[must_use]
    pub fn resolved(&self, merge: impl FnOnce(&[Arc<[u8]>]) -> Vec<u8>) -> Option<Vec<u8>> {
        match &self.values[..] {
            [] => None,
            [value] => Some(value.to_vec()),
            siblings => Some(merge(siblings)),
        }
    }
}

/// What became of a write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    pub(crate) acknowledged_by: Vec<String>,
    pub(crate) is_followed: bool,
}

impl Written {
    /// The names of the nodes that hold it durably.
    #[must_use]
    pub fn acknowledged_by(&self) -> &[String] {
        &self.acknowledged_by
    }

    /// Whether the reads of this session have it from now on. They do, unless the write was sloppy and no home of the key
    /// acknowledged it: what other nodes keep is not read before they have handed it over.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.is_followed
    }
}

/// What an update makes of what was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// This value takes the place of all that was read.
    Write(Vec<u8>),
    /// What was read is deleted.
    Delete,
    /// Everything stays as it is.
    Keep,
}
