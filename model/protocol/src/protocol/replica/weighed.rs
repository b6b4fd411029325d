//! Requests in progress, weighed as they come, change and go.

use alloc::collections::BTreeMap;
use core::ops::{Deref, DerefMut};

use serde::Serialize;

use crate::ids::RequestId;

/// Something that takes memory.
pub(super) trait Weigh {
    /// About how many bytes.
    fn bytes(&self) -> usize;
}

/// What is known of some requests, and how much it weighs in all.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Weighed<T> {
    requests: BTreeMap<RequestId, T>,
    /// The sum over `requests`: a function of them, so it never tells equal states apart.
    #[serde(skip)]
    bytes: usize,
}

/// Lends one of them to be changed, and weighs it anew when it is given back.
pub(super) struct Changing<'a, T: Weigh> {
    held: &'a mut T,
    /// The sum over all others.
    others: usize,
    bytes: &'a mut usize,
}

impl<T> Default for Weighed<T> {
    fn default() -> Self {
        Weighed { requests: BTreeMap::new(), bytes: 0 }
    }
}

impl<T: Weigh> Weighed<T> {
    /// How many bytes all of them take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The same by weighing each anew: for tests.
    pub(super) fn bytes_anew(&self) -> usize {
        self.values().map(Weigh::bytes).sum()
    }

    pub(super) fn insert(&mut self, request: RequestId, held: T) {
        self.bytes += held.bytes();
        if let Some(old) = self.requests.insert(request, held) {
            self.bytes -= old.bytes();
        }
    }

    pub(super) fn remove(&mut self, request: RequestId) -> Option<T> {
        let held = self.requests.remove(&request)?;
        self.bytes -= held.bytes();
        Some(held)
    }

    /// Takes over what is known of one request.
    pub(super) fn take_over(&mut self, request: RequestId, other: &Self)
    where
        T: Clone,
    {
        match other.get(request) {
            Some(held) => self.insert(request, held.clone()),
            None => {
                self.remove(request);
            }
        }
    }

    pub(super) fn get(&self, request: RequestId) -> Option<&T> {
        self.requests.get(&request)
    }

    pub(super) fn get_mut(&mut self, request: RequestId) -> Option<Changing<'_, T>> {
        let held = self.requests.get_mut(&request)?;
        let others = self.bytes - held.bytes();
        Some(Changing { held, others, bytes: &mut self.bytes })
    }

    pub(super) fn contains(&self, request: RequestId) -> bool {
        self.requests.contains_key(&request)
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (RequestId, &T)> {
        self.requests.iter().map(|(request, held)| (*request, held))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.requests.values()
    }
}

impl<T: Weigh> Deref for Changing<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held
    }
}

impl<T: Weigh> DerefMut for Changing<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held
    }
}

impl<T: Weigh> Drop for Changing<'_, T> {
    fn drop(&mut self) {
        *self.bytes = self.others + self.held.bytes();
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;
    use crate::ids::ClientId;

    impl Weigh for u8 {
        fn bytes(&self) -> usize {
            usize::from(*self)
        }
    }

    quickcheck! {
        fn the_sum_is_that_over_what_is_held_whatever_comes_changes_and_goes(
            operations: Vec<(u8, u8, u8)>
        ) -> bool {
            let mut weighed = Weighed::default();
            operations.into_iter().all(|(sequence, weight, kind)| {
                let request = RequestId { client: ClientId(0), sequence: u64::from(sequence % 8) };
                match kind % 3 {
                    0 => weighed.insert(request, weight),
                    1 => {
                        weighed.remove(request);
                    }
                    _ => {
                        if let Some(mut held) = weighed.get_mut(request) {
                            *held = weight;
                        }
                    }
                }
                weighed.bytes() == weighed.bytes_anew()
            })
        }
    }
}
