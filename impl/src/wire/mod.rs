//! The messages that nodes and clients exchange, as bytes.
//!
//! ```text
//! 0      4         5             13
//! | "qrat" | version | cluster     | postcard encoding of a Datagram … |
//! ```
//!
//! Whatever arrives is checked before it is believed: the magic, the version, the fingerprint of
//! the cluster, the encoding to its last byte, and that every node it names is of this cluster.
//! What fails is an error to be counted, never a panic.

mod age;
mod datagram;
mod range;

pub use age::{Age, age_of, wall_clock_ms};
pub use datagram::{Datagram, Traffic};
pub use range::{KnownNodes, NamesNodes};

use std::marker::PhantomData;

use quorate_model::cluster::ClusterSpec;
use quorate_model::ids::NodeId;

use crate::runs::Speaks;

/// What every datagram starts with.
pub const MAGIC: [u8; 4] = *b"qrat";

/// The version of the format. A message of any other version is dropped: the nodes of one
/// cluster are upgraded by stopping them all.
pub const WIRE_VERSION: u8 = 5;

/// The most bytes of one message, unless the configuration says otherwise.
///
/// It stands in no way of what clients write: 64 siblings of 1 MiB each are 64 MiB, and homes and
/// fallbacks that were cut off from each other may have admitted as many each. It bounds what a
/// peer can make a process hold.
pub const MESSAGE_BYTES_MAX: usize = 1 << 30;

const HEADER_BYTES: usize = MAGIC.len() + 1 + FINGERPRINT_BYTES;
const FINGERPRINT_BYTES: usize = 8;

/// A short name of a [`ClusterSpec`]. Two processes that do not agree on it would not agree on a
/// key's homes or quorums either, so they do not talk.
///
/// It guards against mistakes, not against an attacker: it is no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fingerprint([u8; FINGERPRINT_BYTES]);

impl Fingerprint {
    /// The fingerprint of a cluster of this protocol.
    ///
    /// # Panics
    /// Never: every specification can be encoded.
    #[must_use]
    pub fn of<S: Speaks>(cluster: &ClusterSpec) -> Self {
        let bytes = postcard::to_allocvec(cluster).expect("a cluster can always be encoded");
        let mut hasher = blake3::Hasher::new_derive_key(S::FINGERPRINT_CONTEXT);
        hasher.update(&bytes);
        let hash = hasher.finalize();
        Fingerprint(*hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes"))
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
    /// The bytes do not start with [`MAGIC`]: something else is talking to this port.
    #[error("not a quorate datagram")]
    NotQuorate,
    /// The sender speaks another version of the format.
    #[error("wire version {version}, but this program speaks {WIRE_VERSION}: upgrade the older")]
    OtherVersion {
        /// The sender's.
        version: u8,
    },
    /// The sender is configured for another cluster.
    #[error("a datagram of another cluster: the sender's cluster.toml differs from ours")]
    OtherCluster,
    /// The bytes after the header are no datagram of this version.
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
    fingerprint: Fingerprint,
    nodes: usize,
    bytes_max: usize,
    speaks: PhantomData<S>,
}

impl<S: Speaks> Wire<S> {
    /// The wire of this cluster.
    #[must_use]
    pub fn new(cluster: &ClusterSpec) -> Self {
        Wire {
            fingerprint: Fingerprint::of::<S>(cluster),
            nodes: cluster.nodes.len(),
            bytes_max: MESSAGE_BYTES_MAX,
            speaks: PhantomData,
        }
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
        let mut bytes = Vec::with_capacity(256);
        bytes.extend(MAGIC);
        bytes.push(WIRE_VERSION);
        bytes.extend(self.fingerprint.0);
        let bytes = postcard::to_extend(datagram, bytes).expect("a datagram can always be encoded");
        if bytes.len() > self.bytes_max {
            return Err(WireError::TooLarge { bytes: bytes.len(), bytes_max: self.bytes_max });
        }
        Ok(bytes)
    }

    /// The datagram that arrived as these bytes.
    ///
    /// # Errors
    /// When they are not a datagram of this cluster, in all respects that can be checked.
    pub fn decode(&self, bytes: &[u8]) -> Result<Datagram<S>, WireError> {
        let (magic, rest) = bytes.split_first_chunk().ok_or(WireError::NotQuorate)?;
        if *magic != MAGIC {
            return Err(WireError::NotQuorate);
        }
        let (version, rest) = rest.split_first().ok_or(WireError::Malformed)?;
        if *version != WIRE_VERSION {
            return Err(WireError::OtherVersion { version: *version });
        }
        let (fingerprint, body) = rest.split_first_chunk().ok_or(WireError::Malformed)?;
        if *fingerprint != self.fingerprint.0 {
            return Err(WireError::OtherCluster);
        }
        let (datagram, rest): (Datagram<S>, _) =
            postcard::take_from_bytes(body).map_err(|_| WireError::Malformed)?;
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

/// The bytes a header takes.
#[must_use]
pub const fn header_bytes() -> usize {
    HEADER_BYTES
}

#[cfg(test)]
mod tests;
