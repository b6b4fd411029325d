//! Dots and the actors that mint them.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, NodeId};

/// Which life of a node's data directory: a node that starts on an empty or replaced directory is
/// a fresh incarnation, so that what it mints cannot collide with what it minted before.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
pub struct Incarnation(pub u64);

/// Which unbroken run of writes to one key by one incarnation of a node. A node takes a fresh
/// epoch whenever it cannot continue its own counter for that key.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
pub struct Epoch(pub u64);

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
        /// The life of its data directory.
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

/// The name of one write, never used twice: the `counter`-th write of `actor`, counted from one.
///
/// Source: Preguiça et al., "Dotted Version Vectors", 2010, section 4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dot {
    /// Who counted.
    pub actor: ActorId,
    /// The count, from one.
    pub counter: u64,
}

/// `n0:2`
impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.actor, self.counter)
    }
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
