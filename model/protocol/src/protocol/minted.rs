//! Which requests a node has minted versions for, durably: so that it recognises a retry after a
//! restart.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::RequestId;

/// The requests of one key for which this node minted a version, newest last. It is stored with
/// what was minted, in the same batch, and stays at the node: nobody else mints for these
/// requests.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct MintedRequests(Vec<RequestId>);

impl MintedRequests {
    /// Whether a version was minted for this request, as far as that is remembered.
    #[must_use]
    pub fn contains(&self, request: RequestId) -> bool {
        self.0.contains(&request)
    }

    /// Remembers a request; forgets the oldest beyond `requests_max`.
    pub fn remember(&mut self, request: RequestId, requests_max: usize) {
        self.0.retain(|known| *known != request);
        self.0.push(request);
        let oldest = self.0.len().saturating_sub(requests_max);
        self.0.drain(..oldest);
    }

    /// Forgets a request.
    pub(crate) fn forget(&mut self, request: RequestId) {
        self.0.retain(|known| *known != request);
    }

    /// The requests, newest last.
    pub fn iter(&self) -> impl Iterator<Item = RequestId> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<RequestId> for MintedRequests {
    fn from_iter<I: IntoIterator<Item = RequestId>>(requests: I) -> Self {
        MintedRequests(requests.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ClientId;

    fn request(sequence: u64) -> RequestId {
        RequestId { client: ClientId(1), sequence }
    }

    #[test]
    fn the_oldest_request_is_forgotten_first_and_each_is_kept_once() {
        let mut minted = MintedRequests::default();
        for sequence in [0, 1, 0, 2] {
            minted.remember(request(sequence), 2);
        }
        assert!(minted.iter().eq([request(0), request(2)]));
        assert!(minted.contains(request(0)) && !minted.contains(request(1)));
    }

    #[test]
    fn a_forgotten_request_is_not_recognised() {
        let mut minted = MintedRequests::from_iter([request(0), request(1)]);
        minted.forget(request(0));
        assert!(minted.iter().eq([request(1)]));
    }
}
