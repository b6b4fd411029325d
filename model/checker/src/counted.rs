//! Counting what happens on several threads, with an example of each kind.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use thread_local::ThreadLocal;

/// How often each kind of thing was noted, with the least example of each. Every thread counts for itself.
pub struct Counted<K: Ord + Send, E: Ord + Send> {
    by_thread: ThreadLocal<RefCell<Counts<K, E>>>,
}

type Counts<K, E> = BTreeMap<K, (u64, E)>;

impl<K: Ord + Send, E: Ord + Send> Default for Counted<K, E> {
    fn default() -> Self {
        Counted { by_thread: ThreadLocal::new() }
    }
}

impl<K: Ord + Send, E: Ord + Send> fmt::Debug for Counted<K, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

impl<K: Ord + Clone + Send, E: Ord + Send> Counted<K, E> {
    /// Notes one more of a kind.
    pub fn note(&self, kind: K, example: E) {
        let counts = self.by_thread.get_or_default();
        let mut counts = counts.borrow_mut();
        match counts.get_mut(&kind) {
            Some((count, least)) => {
                *count += 1;
                if example < *least {
                    *least = example;
                }
            }
            None => {
                counts.insert(kind, (1, example));
            }
        }
    }

    /// What was noted on all threads.
    #[must_use]
    pub fn into_counts(self) -> BTreeMap<K, (u64, E)> {
        let mut all: Counts<K, E> = BTreeMap::new();
        for counts in self.by_thread {
            for (kind, (count, example)) in counts.into_inner() {
                match all.remove(&kind) {
                    Some((before, least)) => {
                        all.insert(kind, (before + count, least.min(example)));
                    }
                    None => {
                        all.insert(kind, (count, example));
                    }
                }
            }
        }
        all
    }
}
