//! Where clients were last heard of.

use std::num::NonZeroUsize;

use lru::LruCache;

use quorate_model::ids::ClientId;

use crate::guard::Party;

/// The most clients whose addresses a node remembers. One that is forgotten is answered again as
/// soon as it retries.
pub const CLIENTS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");

/// The addresses from which clients last spoke. The least recently heard is forgotten first.
#[derive(Debug)]
pub struct ClientAddresses(LruCache<ClientId, Party>);

impl ClientAddresses {
    /// Remembers up to this many clients.
    #[must_use]
    pub fn new(clients_max: NonZeroUsize) -> Self {
        ClientAddresses(LruCache::new(clients_max))
    }

    /// Notes where a client spoke from.
    pub fn heard(&mut self, client: ClientId, party: Party) {
        self.0.put(client, party);
    }

    /// Where to answer a client.
    #[must_use]
    pub fn of(&self, client: ClientId) -> Option<Party> {
        self.0.peek(&client).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use quorate_model::ids::NodeId;

    use super::*;

    #[test]
    fn the_client_not_heard_of_for_longest_is_forgotten_first() {
        let mut addresses = ClientAddresses::new(NonZeroUsize::new(2).unwrap());
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let party = |port| Party::node(NodeId(0), address(port));
        let of =
            |addresses: &ClientAddresses, id| addresses.of(ClientId(id)).map(|party| party.address);
        addresses.heard(ClientId(1), party(1));
        addresses.heard(ClientId(2), party(2));
        addresses.heard(ClientId(1), party(3));
        addresses.heard(ClientId(3), party(4));
        assert_eq!(of(&addresses, 1), Some(address(3)));
        assert_eq!(of(&addresses, 2), None);
        assert_eq!(of(&addresses, 3), Some(address(4)));
    }
}
