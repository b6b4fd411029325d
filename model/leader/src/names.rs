//! What things are called: epochs, positions in a log, requests, keys and values.

use alloc::sync::Arc;
use core::fmt;

use quorate_ids::ClientId;
use serde::{Deserialize, Serialize};

/// A reign: what Raft calls a term. No two nodes lead in one epoch, and none twice, where the election sees to it.
///
/// Where nobody votes, whoever makes itself leader claims an epoch by a number that no other node claims, and by which of its
/// lives it is: one that lost its disk, or has an older one, does not know which numbers it has claimed before.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number. An epoch with a larger one is later.
    pub number: u32,
    /// The life in which its leader claimed it; zero where a majority elects, and for the epoch in which a cluster is founded.
    /// Of two epochs with one number either may be called the later one.
    pub life: u64,
}

impl Epoch {
    /// The epoch of this number that nobody has claimed: it was voted about, or the cluster was founded in it.
    #[must_use]
    pub const fn of(number: u32) -> Epoch {
        Epoch { number, life: 0 }
    }

    /// The next epoch, if there is one.
    #[must_use]
    pub fn next(self) -> Option<Epoch> {
        self.number.checked_add(1).map(Epoch::of)
    }
}

/// `4`, or `4/2`: number 4, claimed in life 2.
impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.life {
            0 => write!(f, "{}", self.number),
            life => write!(f, "{}/{life}", self.number),
        }
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A place in a log, from one; zero is before the first entry.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
pub struct Index(pub u32);

impl Index {
    /// The last place that an entry may have. What says of something that it is further on is not believed.
    pub const LAST: Index = Index(u32::MAX - 1);

    /// The next place.
    #[must_use]
    pub fn next(self) -> Index {
        Index(self.0.saturating_add(1))
    }

    /// The place so many further on, if an entry may be there.
    #[must_use]
    pub fn further(self, by: usize) -> Option<Index> {
        let index = self.0.checked_add(u32::try_from(by).ok()?).map(Index);
        index.filter(|index| *index <= Index::LAST)
    }

    /// The place before; zero has none.
    #[must_use]
    pub fn before(self) -> Index {
        Index(self.0.saturating_sub(1))
    }
}

/// An entry's epoch and place. Ordered by epoch first, so that of two logs the one with the later last position
/// is at least as up to date (Ongaro and Ousterhout 2014, 5.4.1).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The epoch of the leader that made the entry.
    pub epoch: Epoch,
    /// Its place.
    pub index: Index,
}

impl Position {
    /// Goes on to this position, if that is later.
    pub(crate) fn advance(&mut self, to: Position) {
        *self = (*self).max(to);
    }
}

/// `1:3`: the third entry, made in epoch 1.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.index.0)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A client's request. A retry carries the same one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// Whose.
    pub client: ClientId,
    /// Which of its requests; a client has one under way at a time, and later ones have higher numbers.
    pub number: u32,
}

/// `c0#1`
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.client, self.number)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a row is found by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(pub Arc<str>);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&str> for Key {
    fn from(key: &str) -> Self {
        Key(Arc::from(key))
    }
}

/// What a row holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// Whatever a client wrote.
    Text(Arc<str>),
    /// What can be added to.
    Number(u64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Number(number) => write!(f, "{number}"),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
