//! The messages that nodes and clients exchange, as bytes: the postcard encoding of a [`Datagram`].
//!
//! What surrounds it says who sends it to whom, and proves it: the [guard](crate::guard). Who is certain may still
//! send nonsense, so the encoding is checked to its last byte, and that every node it names is of this cluster.
//! What fails is an error to be counted, never a panic.

mod age;
mod datagram;
mod differences;
mod range;
mod several;

pub use age::{Age, age_of, wall_clock_ms};
pub use datagram::{Datagram, Need, Traffic};
pub use differences::{Difference, differences};
pub use range::{KnownNodes, NamesNodes};
pub use several::Several;

use std::marker::PhantomData;

use quorate_model::cluster::ClusterSpec;
use quorate_model::ids::NodeId;
use serde::Serialize;

use crate::runs::Speaks;

/// What every datagram starts with.
pub const MAGIC: [u8; 4] = *b"qrat";

/// The version of the format. A message of any other version is dropped: the nodes of one
/// cluster are upgraded by stopping them all.
pub const WIRE_VERSION: u8 = 10;

/// The most bytes of one message, unless the configuration says otherwise.
///
/// It stands in no way of what clients write: 64 siblings of 1 MiB each are 64 MiB, and homes and
/// fallbacks that were cut off from each other may have admitted as many each. It bounds what a
/// peer can make a process hold.
pub const MESSAGE_BYTES_MAX: usize = 1 << 30;

const FINGERPRINT_BYTES: usize = 8;

/// A short name of what all processes of a cluster agree on. Two processes that do not agree on it would not agree on a
/// key's homes or quorums either, so they do not talk.
///
/// It guards against mistakes, not against an attacker: it is no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fingerprint([u8; FINGERPRINT_BYTES]);

impl Fingerprint {
    /// The fingerprint of a cluster of this protocol.
    ///
    /// # Panics
    /// Never: what clusters agree on can always be encoded.
    #[must_use]
    pub fn of<S: Speaks>(cluster: &impl Serialize) -> Self {
        let bytes = postcard::to_allocvec(cluster).expect("a cluster can always be encoded");
        let mut hasher = blake3::Hasher::new_derive_key(S::FINGERPRINT_CONTEXT);
        hasher.update(&bytes);
        let hash = hasher.finalize();
        Fingerprint(*hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes"))
    }

    pub(crate) const fn from_bytes(bytes: [u8; FINGERPRINT_BYTES]) -> Self {
        Fingerprint(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(self) -> [u8; FINGERPRINT_BYTES] {
        self.0
    }
}

/// Why bytes are not a datagram for us. Nothing was done with them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WireError {
    /// The bytes are no datagram of this version.
    #[error("cannot be decoded")]
    Malformed,
    /// The datagram names a node that the cluster does not have.
    #[error("names a node that this cluster does not have")]
    UnknownNode,
    /// The message to be sent is too large.
    #[error("{bytes} bytes, but a message has at most {bytes_max}")]
    TooLarge {
        /// How many bytes it would be.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
}

/// Encodes and decodes the datagrams of one cluster.
#[derive(Clone, Copy, Debug)]
pub struct Wire<S: Speaks> {
    nodes: usize,
    bytes_max: usize,
    speaks: PhantomData<S>,
}

impl<S: Speaks> Wire<S> {
    /// The wire of this cluster.
    #[must_use]
    pub fn new(cluster: &ClusterSpec) -> Self {
        Wire { nodes: cluster.nodes.len(), bytes_max: MESSAGE_BYTES_MAX, speaks: PhantomData }
    }

    /// The same, with another limit on what is sent.
    #[must_use]
    pub fn limited_to(self, bytes_max: usize) -> Self {
        Wire { bytes_max, ..self }
    }

    /// The bytes to send for a datagram.
    ///
    /// # Errors
    /// [`WireError::TooLarge`] when there are more of them than a message may have.
    ///
    /// # Panics
    /// Never: every datagram can be encoded.
    pub fn encode(&self, datagram: &Datagram<S>) -> Result<Vec<u8>, WireError> {
        let bytes = Vec::with_capacity(256);
        let bytes = postcard::to_extend(datagram, bytes).expect("a datagram can always be encoded");
        self.checked(bytes)
    }

    fn checked(&self, bytes: Vec<u8>) -> Result<Vec<u8>, WireError> {
        if bytes.len() > self.bytes_max {
            return Err(WireError::TooLarge { bytes: bytes.len(), bytes_max: self.bytes_max });
        }
        Ok(bytes)
    }

    /// The datagram that arrived as these bytes.
    ///
    /// # Errors
    /// When they are no datagram, or one that names a node which the cluster does not have.
    pub fn decode(&self, bytes: &[u8]) -> Result<Datagram<S>, WireError> {
        let (datagram, rest): (Datagram<S>, _) =
            postcard::take_from_bytes(bytes).map_err(|_| WireError::Malformed)?;
        if !rest.is_empty() {
            return Err(WireError::Malformed);
        }
        if !datagram.names_only(KnownNodes::new(self.nodes)) {
            return Err(WireError::UnknownNode);
        }
        Ok(datagram)
    }

    /// Whether the node is one of the cluster's.
    #[must_use]
    pub fn knows(&self, node: NodeId) -> bool {
        node.index() < self.nodes
    }
}

#[cfg(test)]
pub(crate) mod tests;
