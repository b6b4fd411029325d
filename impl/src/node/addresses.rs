//! Where clients were last heard of.

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use lru::LruCache;

use quorate_model::ids::ClientId;

/// The most clients whose addresses a node remembers. One that is forgotten is answered again as
/// soon as it retries.
pub const CLIENTS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");

/// The addresses from which clients last spoke. The least recently heard is forgotten first.
#[derive(Debug)]
pub struct ClientAddresses(LruCache<ClientId, SocketAddr>);

impl ClientAddresses {
    /// Remembers up to this many clients.
    #[must_use]
    pub fn new(clients_max: NonZeroUsize) -> Self {
        ClientAddresses(LruCache::new(clients_max))
    }

    /// Notes where a client spoke from.
    pub fn heard(&mut self, client: ClientId, address: SocketAddr) {
        self.0.put(client, address);
    }

    /// Where to answer a client.
    #[must_use]
    pub fn of(&self, client: ClientId) -> Option<SocketAddr> {
        self.0.peek(&client).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_not_heard_of_for_longest_is_forgotten_first() {
        let mut addresses = ClientAddresses::new(NonZeroUsize::new(2).unwrap());
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        addresses.heard(ClientId(1), address(1));
        addresses.heard(ClientId(2), address(2));
        addresses.heard(ClientId(1), address(3));
        addresses.heard(ClientId(3), address(4));
        assert_eq!(addresses.of(ClientId(1)), Some(address(3)));
        assert_eq!(addresses.of(ClientId(2)), None);
        assert_eq!(addresses.of(ClientId(3)), Some(address(4)));
    }
}
