//! Puts that have been answered, remembered so that a retry is answered from what was done.

use alloc::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::cluster::Limits;
use crate::ids::{Key, NodeId, RequestId};
use crate::protocol::weight::{SHARE_BYTES, key_bytes};

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

impl FinishedPut {
    /// About how many bytes it takes to remember it.
    fn bytes(&self) -> usize {
        match self {
            FinishedPut::Coordinated(write) => key_bytes(&write.key),
            FinishedPut::Minted { key } => key_bytes(key),
            FinishedPut::Forwarded { .. } => SHARE_BYTES,
        }
    }
}

/// The finished puts, oldest first out. Volatile: after a crash a retry is recognised by what is
/// stored with its version, see [`MintedRequests`](crate::protocol::MintedRequests).
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) struct Finished {
    pub(super) puts: BTreeMap<RequestId, FinishedPut>,
    pub(super) order: VecDeque<RequestId>,
    /// The sum over `puts`: a function of them, so it never tells equal states apart.
    #[serde(skip)]
    pub(super) bytes: usize,
}

impl Finished {
    /// Takes a put out, to answer or resume it.
    pub(super) fn take(&mut self, request: RequestId) -> Option<FinishedPut> {
        let put = self.remove(request)?;
        self.order.retain(|known| *known != request);
        Some(put)
    }

    fn remove(&mut self, request: RequestId) -> Option<FinishedPut> {
        let put = self.puts.remove(&request)?;
        self.bytes -= put.bytes();
        Some(put)
    }

    /// Remembers a put; forgets the oldest beyond `finished_max` or `finished_bytes_max`.
    pub(super) fn remember(&mut self, request: RequestId, put: FinishedPut, limits: Limits) {
        self.bytes += put.bytes();
        match self.puts.insert(request, put) {
            Some(old) => self.bytes -= old.bytes(),
            None => self.order.push_back(request),
        }
        while (self.puts.len() > limits.finished_max || self.bytes > limits.finished_bytes_max)
            && let Some(oldest) = self.order.pop_front()
        {
            self.remove(oldest);
        }
    }

    /// Takes over what is remembered of one put; in which order, is apart.
    pub(super) fn take_over(&mut self, request: RequestId, other: &Finished) {
        let Finished { puts: _, order: _, bytes: _ } = self;
        self.remove(request);
        if let Some(put) = other.puts.get(&request) {
            self.bytes += put.bytes();
            self.puts.insert(request, put.clone());
        }
    }

    /// Takes over the order in which puts are forgotten.
    pub(super) fn take_order_over(&mut self, other: &Finished) {
        self.order.clone_from(&other.order);
    }

    pub(super) fn is_same(&self, request: RequestId, other: &Finished) -> bool {
        self.puts.get(&request) == other.puts.get(&request)
    }

    pub(super) fn is_order_same(&self, other: &Finished) -> bool {
        self.order == other.order
    }

    /// What is remembered of one put.
    pub(super) fn get(&self, request: RequestId) -> Option<&FinishedPut> {
        self.puts.get(&request)
    }

    pub(super) fn forget(&mut self, request: RequestId) {
        let _ = self.take(request);
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = RequestId> + '_ {
        self.order.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use crate::ids::ClientId;

    use super::*;

    /// Remembers or takes out a put of one of a few requests, whose key has this length.
    fn finished_after(operations: Vec<(u8, u8, bool)>, limits: Limits) -> Finished {
        let mut finished = Finished::default();
        for (sequence, length, is_taken) in operations {
            let request = RequestId { client: ClientId(0), sequence: u64::from(sequence % 8) };
            let key = Key::from(String::from_iter((0..length).map(|_| 'k')).as_str());
            if is_taken {
                finished.forget(request);
            } else if length.is_multiple_of(4) {
                let home = NodeId(0);
                finished.remember(request, FinishedPut::Forwarded { home }, limits);
            } else {
                finished.remember(request, FinishedPut::Minted { key }, limits);
            }
        }
        finished
    }

    quickcheck! {
        fn the_bytes_kept_are_the_sum_over_what_is_remembered_and_within_both_bounds(
            operations: Vec<(u8, u8, bool)>
        ) -> bool {
            let limits =
                Limits { finished_max: 5, finished_bytes_max: 4 * SHARE_BYTES, ..Limits::default() };
            let finished = finished_after(operations, limits);
            let bytes: usize = finished.puts.values().map(FinishedPut::bytes).sum();
            finished.bytes == bytes
                && bytes <= limits.finished_bytes_max
                && finished.puts.len() <= limits.finished_max
                && finished.order.len() == finished.puts.len()
        }
    }
}
