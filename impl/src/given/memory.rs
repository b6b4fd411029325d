//! What a client remembers of what it was given.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use quorate_model::versions::VersionVector;

use super::{Evidence, Given, PARTS_MAX, Seal};

/// The most contexts that a process remembers the seals of: one that it has forgotten is read again.
const CONTEXTS_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("it is not zero");

/// Contexts that the clients of this process were given, with their seals. Clones share what they remember.
#[derive(Clone, Debug)]
pub struct GivenContexts(Arc<Mutex<LruCache<VersionVector, Seal>>>);

impl Default for GivenContexts {
    fn default() -> Self {
        GivenContexts(Arc::new(Mutex::new(LruCache::new(CONTEXTS_MAX))))
    }
}

impl GivenContexts {
    /// Takes note that this context was given, and of what shows it.
    pub fn remember(&self, context: &VersionVector, evidence: &Evidence) {
        let mut known = self.known();
        for part in &evidence.0 {
            known.put(part.context.as_ref().unwrap_or(context).clone(), part.seal);
        }
    }

    /// What shows that this context was given, or all parts of it, as far as is remembered.
    #[must_use]
    pub fn show(&self, context: &VersionVector) -> Evidence {
        let mut known = self.known();
        if context.is_empty() {
            return Evidence::default();
        }
        if let Some(seal) = known.get(context) {
            return Evidence(vec![Given { context: None, seal: *seal }]);
        }
        let parts = known.iter().filter(|(part, _)| context.dominates(part));
        let given = |(part, seal): (&VersionVector, &Seal)| Given {
            context: Some(part.clone()),
            seal: *seal,
        };
        Evidence(parts.take(PARTS_MAX).map(given).collect())
    }

    fn known(&self) -> MutexGuard<'_, LruCache<VersionVector, Seal>> {
        // It is a list whatever became of who held the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
