//! Dots and the actors that mint them.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::names::Names;
use crate::ids::{ClientId, NodeId};

/// Who a node is towards version vectors, kept over restarts. A node takes a fresh one when it
/// starts on an empty disk, and when the others cannot confirm that its disk is the one it wrote
/// last: what it mints then cannot collide with what it minted before.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
pub struct Incarnation(pub u64);

/// Which unbroken run of writes to one key by one incarnation of a node. A node takes a fresh
/// epoch whenever it cannot continue its own counter for that key; the first of all keys is zero.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
pub struct Epoch(pub u64);

/// Which start of a node within one incarnation, from zero. The counters of a later life are
/// higher than those of every earlier one, so that a life that begins on what an earlier one left
/// durable names nothing as that one did, whatever was lost in between.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
pub struct Life(pub u32);

/// The bits of a counter that count the writes of one life: enough for 100,000 a second over five
/// years without a restart.
const NUMBER_BITS: u32 = 44;

impl Life {
    /// The last life of an incarnation: a million restarts.
    pub const MAX: Life = Life((1 << (u64::BITS - NUMBER_BITS)) - 1);

    /// The life after this one; `None` after the last.
    #[must_use]
    pub fn next(self) -> Option<Life> {
        (self < Life::MAX).then_some(Life(self.0 + 1))
    }

    /// The counter of this life's write of this number, counted from one; of zero, the bound below
    /// all of them.
    ///
    /// # Panics
    /// If a life has minted more than a counter can count, which would take years.
    #[must_use]
    pub fn counter(self, number: u64) -> u64 {
        assert!(number < 1 << NUMBER_BITS, "a node mints 2^{NUMBER_BITS} writes between restarts");
        u64::from(self.0) << NUMBER_BITS | number
    }

    /// In which life a node's counter was minted.
    #[must_use]
    pub fn of(counter: u64) -> Life {
        Life((counter >> NUMBER_BITS) as u32)
    }
}

/// A node's counter as people read it: `2` in the first life, `3.2` in life 3.
#[derive(Clone, Copy, Debug)]
pub struct ReadableCounter(pub u64);

impl fmt::Display for ReadableCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (life, number) = (Life::of(self.0), self.0 & ((1 << NUMBER_BITS) - 1));
        match life {
            Life(0) => write!(f, "{number}"),
            Life(life) => write!(f, "{life}.{number}"),
        }
    }
}

/// Who counts writes: one entry of a version vector.
///
/// A node alone is not enough: a node that lost its disk would count from one again and give two
/// writes one name (Riak issue kv679, "doomstone and dataloss"), hence incarnation and epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ActorId {
    /// A coordinator, in one incarnation, in one unbroken run of writes to a key.
    Node {
        /// The coordinator.
        node: NodeId,
        /// Who it is, over restarts.
        incarnation: Incarnation,
        /// Its run of writes to the key.
        epoch: Epoch,
    },
    /// A client, where versions are client-id vector clocks.
    Client(ClientId),
    /// The record itself, where versions are one scalar number.
    Record,
}

/// `n0`, `n0'2` (incarnation 2), `n0/3` (epoch 3), `c1`, `#`
impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActorId::Node { node, incarnation, epoch } => {
                write!(f, "{node}")?;
                if incarnation.0 != 0 {
                    write!(f, "'{:x}", incarnation.0)?;
                }
                if epoch.0 != 0 {
                    write!(f, "/{}", epoch.0)?;
                }
                Ok(())
            }
            ActorId::Client(client) => write!(f, "{client}"),
            ActorId::Record => f.write_str("#"),
        }
    }
}

impl fmt::Debug for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name of one write, never used twice.
///
/// Source: Preguiça et al., "Dotted Version Vectors", 2010, section 4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dot {
    /// Who counted.
    pub actor: ActorId,
    /// The count, from one. A node's counts what it mints of all keys, in [lives](Life).
    pub counter: u64,
}

impl Dot {
    /// The same with nodes and clients under other names.
    #[must_use]
    pub fn renamed(self, names: &dyn Names) -> Self {
        let Dot { actor, counter } = self;
        let actor = match actor {
            ActorId::Node { node, incarnation, epoch } => {
                ActorId::Node { node: names.node(node), incarnation, epoch }
            }
            ActorId::Client(client) => ActorId::Client(names.client(client)),
            ActorId::Record => actor,
        };
        Dot { actor, counter }
    }
}

/// `n0:2`, `n0:3.2` (the second write of life 3)
impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.actor {
            ActorId::Node { .. } => write!(f, "{}:{}", self.actor, ReadableCounter(self.counter)),
            ActorId::Client(_) | ActorId::Record => write!(f, "{}:{}", self.actor, self.counter),
        }
    }
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
