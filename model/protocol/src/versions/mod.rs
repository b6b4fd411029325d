//! How versions of a key are named, compared, put and merged.
//!
//! One trait, [`Versioned`], and five implementations: the dotted version vector set that quorate
//! stands for ([`siblings`]), and four that are here so that the checker can show what they lose.

pub mod client_clock;
pub mod dot;
pub mod last_write_wins;
pub mod names;
pub mod record;
pub mod scalar;
pub mod server_clock;
pub mod siblings;
pub mod version_vector;

pub use dot::{ActorId, Dot, Epoch, Incarnation, Life, ReadableCounter};
pub use names::Names;
pub use record::{Record, RecordDigest, Versioning};
pub use siblings::Siblings;
pub use version_vector::VersionVector;

use crate::ids::{ClientId, Timestamp, Value};

/// One write as its coordinator applies it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write {
    /// The fresh name of the write.
    pub dot: Dot,
    /// Who wrote.
    pub client: ClientId,
    /// What the client had seen of this key: empty for a blind write.
    pub context: VersionVector,
    /// The coordinator's wall clock.
    pub timestamp: Timestamp,
    /// The value, or `None` for a delete.
    pub value: Option<Value>,
}

/// A versioning policy: the state of one key and the three things that happen to it.
///
/// Laws: `merge` is commutative, associative and idempotent, and `put` never makes a state that
/// the old one dominates. [`siblings`] and [`scalar`] keep them. The others break them, which is
/// part of what the comparison shows: [`client_clock`] when a client identity is shared;
/// [`server_clock`] because concurrent clocks unite their values without asking which of them the
/// other clock has overwritten, so that its `merge` is not associative; [`last_write_wins`] when
/// clocks disagree, where a `put` may change nothing.
pub trait Versioned: Clone + Default {
    /// Applies a write at its coordinator.
    fn put(&mut self, write: &Write);

    /// Takes in another replica's state of the same key.
    fn merge(&mut self, other: &Self);

    /// What a reader of this state has seen, to be handed back with its next write.
    fn context(&self) -> VersionVector;

    /// The versions, tombstones (`None`) among them, in a fixed order.
    fn versions(&self) -> impl Iterator<Item = (Dot, Option<&Value>)>;
}
