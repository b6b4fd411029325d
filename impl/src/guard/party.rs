//! Whom a process talks to.

use std::net::SocketAddr;

use quorate_model::ids::{NodeId, Peer};

use crate::keys::{KeyId, Right, Rights, Secret};

/// Another process, at an address. Of one that something came from, it is certain who it is.
#[derive(Clone, Copy, Debug)]
pub struct Party {
    /// Where it is answered.
    pub address: SocketAddr,
    /// Who it is.
    pub peer: Peer,
    pub(super) client: Option<KnownClient>,
    /// As which of its clients this process talks to it.
    pub(super) by: u32,
}

/// What a node knows of a client that it answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownClient {
    pub(super) key_id: KeyId,
    pub(super) secret: Secret,
    pub(super) rights: Rights,
}

impl Party {
    /// A node of the cluster.
    #[must_use]
    pub fn node(node: NodeId, address: SocketAddr) -> Self {
        Party { address, peer: node.into(), client: None, by: 0 }
    }

    /// The same, where this process is several clients: as this one of them.
    #[must_use]
    pub fn by(self, index: u32) -> Self {
        Party { by: index, ..self }
    }

    /// Whether it may do this. A node may do everything.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.client.is_none_or(|client| client.rights.contains(right))
    }
}
