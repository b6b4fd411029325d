//! Puts that have been answered, remembered so that a retry is answered from what was done.

use alloc::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::ids::{Key, NodeId, RequestId};

use super::put::CoordinatedWrite;

/// How far a put got before it was answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum FinishedPut {
    /// Coordinated here: minted, and acknowledged so far by these.
    Coordinated(CoordinatedWrite),
    /// Minted here for a client that fans out itself.
    Minted {
        /// Which key.
        key: Key,
    },
    /// Forwarded, without an answer. A retry must go to the same home: another one would mint
    /// a second dot for the write if the first was only slow.
    Forwarded {
        /// The home it was forwarded to.
        home: NodeId,
    },
}

/// The finished puts, oldest first out. Volatile: after a crash a retry is recognised by what is
/// stored with its version, see [`MintedRequests`](crate::protocol::MintedRequests).
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct Finished {
    puts: BTreeMap<RequestId, FinishedPut>,
    order: VecDeque<RequestId>,
}

impl Finished {
    /// Takes a put out, to answer or resume it.
    pub(super) fn take(&mut self, request: RequestId) -> Option<FinishedPut> {
        let put = self.puts.remove(&request)?;
        self.order.retain(|known| *known != request);
        Some(put)
    }

    /// Remembers a put; forgets the oldest beyond `finished_max`.
    pub(super) fn remember(&mut self, request: RequestId, put: FinishedPut, finished_max: usize) {
        if self.puts.insert(request, put).is_none() {
            self.order.push_back(request);
        }
        while self.puts.len() > finished_max {
            if let Some(oldest) = self.order.pop_front() {
                self.puts.remove(&oldest);
            }
        }
    }

    pub(super) fn forget(&mut self, request: RequestId) {
        let _ = self.take(request);
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = RequestId> + '_ {
        self.order.iter().copied()
    }
}
