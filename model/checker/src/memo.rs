//! Steps that were taken before.
//!
//! What an actor does depends on its own state and on what reaches it, not on the rest of the
//! world; the rest of the world is what makes states many. So one actor's step is taken in
//! thousands of global states, and is worth remembering: the protocol runs once for each pair of
//! an actor's state and an input, and the search merely puts results together.
//!
//! Results are found by fingerprint and compared by value, so that a collision costs time and
//! never truth.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState as FastState;
use foldhash::quality::FixedState;
use hashbrown::HashMap;
use thread_local::ThreadLocal;

/// Results remembered per thread at most; beyond that they are worked out anew each time.
const RESULTS_MAX: usize = 2_000_000;

/// Something that is looked up by a fingerprint of its own making.
pub trait Fingerprint {
    /// A hash that is cheap to have.
    fn fingerprint(&self) -> u64;
}

/// A function of two arguments that remembers.
///
/// Every thread remembers for itself. Not for fear of locks alone: the parts of global states come
/// out of here, and threads that share parts spend their time on each other's reference counts.
/// Measured: two threads with one shared memo were no faster than one.
#[derive(Debug)]
pub struct Memo<A: Send, B: Send, R: Send> {
    known: ThreadLocal<RefCell<Known<A, B, R>>>,
}

type Known<A, B, R> = HashMap<u64, Vec<(A, B, R)>, FastState>;

impl<A: Send, B: Send, R: Send> Default for Memo<A, B, R> {
    fn default() -> Self {
        Memo { known: ThreadLocal::new() }
    }
}

impl<A, B, R> Memo<A, B, R>
where
    A: Fingerprint + Clone + PartialEq + Send,
    B: Fingerprint + Clone + PartialEq + Send,
    R: Send,
{
    /// Hands `compute`'s result for these arguments to `consume`. `consume` must not ask this
    /// memo again.
    pub fn with<T>(
        &self,
        a: &A,
        b: &B,
        compute: impl FnOnce() -> R,
        consume: impl FnOnce(&R) -> T,
    ) -> T {
        let known = self.known.get_or_default();
        let key = a.fingerprint() ^ b.fingerprint().rotate_left(32);
        if let Some(same_key) = known.borrow().get(&key)
            && let Some((_, _, result)) = same_key.iter().find(|(x, y, _)| x == a && y == b)
        {
            return consume(result);
        }
        let result = compute();
        let value = consume(&result);
        let mut known = known.borrow_mut();
        if known.len() < RESULTS_MAX {
            known.entry(key).or_default().push((a.clone(), b.clone(), result));
        }
        value
    }
}

impl<A: Send, B: Send, R: Send> Memo<A, B, R> {
    /// Whether some thread has come to the limit of what is remembered.
    #[must_use]
    pub fn is_full(&mut self) -> bool {
        self.known.iter_mut().any(|known| known.get_mut().len() >= RESULTS_MAX)
    }

    /// Everything that is remembered, by each thread: arguments, and what came out.
    #[must_use]
    pub fn into_known(self) -> Vec<(A, B, R)> {
        let of_threads = self.known.into_iter();
        of_threads.flat_map(|known| known.into_inner().into_values().flatten()).collect()
    }
}

/// The fingerprint of something small.
#[must_use]
pub fn fingerprint_of<T: Hash>(value: &T) -> u64 {
    FixedState::default().hash_one(value)
}
