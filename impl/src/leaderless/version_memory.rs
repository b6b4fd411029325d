//! Since when a node has held which versions: how far behind a reply is that lacks some.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;

use quorate_model::ids::Key;
use quorate_model::versions::{Dot, Record};

/// How many keys are remembered.
const KEYS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");

/// How many versions of each.
const VERSIONS_MAX: usize = 16;

/// The latest versions of the keys that this node has stored lately, with when it first did.
#[derive(Debug)]
pub(super) struct VersionMemory(LruCache<Key, VecDeque<(Dot, Instant)>>);

/// How far a state is behind another.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Behind {
    /// How many versions it lacks, of those that are known.
    pub(super) versions: usize,
    /// Since when this node has held the first of them; `None` if it remembers none.
    pub(super) since: Option<Duration>,
}

impl VersionMemory {
    pub(super) fn new() -> Self {
        VersionMemory(LruCache::new(KEYS_MAX))
    }

    /// This node stores this state of the key.
    pub(super) fn stored(&mut self, key: &Key, state: &Record, now: Instant) {
        if self.0.peek(key).is_none() {
            self.0.put(key.clone(), VecDeque::new());
        }
        let Some(known) = self.0.get_mut(key) else { return };
        for (dot, _) in state.versions() {
            if !known.iter().any(|(other, _)| *other == dot) {
                known.push_back((dot, now));
            }
        }
        while known.len() > VERSIONS_MAX {
            known.pop_front();
        }
    }

    /// How far a reply is behind what the read returned.
    pub(super) fn behind(
        &self,
        key: &Key,
        reply: Option<&Record>,
        returned: &Record,
        now: Instant,
    ) -> Behind {
        if reply.is_some_and(|reply| reply == returned) {
            return Behind::default();
        }
        let seen = reply.map(Record::context).unwrap_or_default();
        let lacks = |dot: Dot| !seen.covers(dot);
        let mut missing: Vec<Dot> =
            returned.versions().map(|(dot, _)| dot).filter(|dot| lacks(*dot)).collect();
        let all = returned.context();
        let mut first: Option<Instant> = None;
        for (dot, since) in self.0.peek(key).into_iter().flatten() {
            if all.covers(*dot) && lacks(*dot) {
                first = Some(first.map_or(*since, |first| first.min(*since)));
                if !missing.contains(dot) {
                    missing.push(*dot);
                }
            }
        }
        Behind {
            versions: missing.len(),
            since: first.map(|first| now.saturating_duration_since(first)),
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_model::ids::{ClientId, NodeId, Timestamp, Value};
    use quorate_model::versions::{ActorId, Epoch, Incarnation, VersionVector, Versioning, Write};

    use super::*;

    /// The state after so many writes, each of which had seen the one before.
    fn written(times: u64) -> Record {
        let actor = ActorId::Node { node: NodeId(0), incarnation: Incarnation(1), epoch: Epoch(0) };
        let mut state = Record::empty(Versioning::Dotted);
        for number in 1..=times {
            state.put(&Write {
                // Other keys are written in between.
                dot: Dot { actor, counter: number * 10 },
                client: ClientId(0),
                context: if number > 1 { state.context() } else { VersionVector::new() },
                timestamp: Timestamp(0),
                value: Some(Value::from("value")),
            });
        }
        state
    }

    #[test]
    fn a_reply_is_behind_by_the_versions_it_lacks_since_the_first_of_them_was_held() {
        let (key, start) = (Key::from("key"), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let mut memory = VersionMemory::new();
        for number in 1..=4 {
            memory.stored(&key, &written(number), at(number * 10));
        }
        let behind = |reply: Option<&Record>| memory.behind(&key, reply, &written(4), at(100));
        let behind_by = |versions, ms| Behind { versions, since: Some(Duration::from_millis(ms)) };
        assert_eq!(behind(Some(&written(4))), Behind::default());
        assert_eq!(behind(Some(&written(3))), behind_by(1, 60));
        assert_eq!(behind(Some(&written(1))), behind_by(3, 80));
        assert_eq!(behind(None), behind_by(4, 90));
    }

    #[test]
    fn of_a_key_that_is_not_remembered_what_was_returned_tells_how_many() {
        let (key, now) = (Key::from("key"), Instant::now());
        let behind = VersionMemory::new().behind(&key, Some(&written(1)), &written(4), now);
        assert_eq!(behind, Behind { versions: 1, since: None });
    }

    #[test]
    fn a_reply_that_has_seen_more_than_was_returned_is_not_behind() {
        let (key, now) = (Key::from("key"), Instant::now());
        let mut memory = VersionMemory::new();
        memory.stored(&key, &written(3), now);
        assert_eq!(memory.behind(&key, Some(&written(3)), &written(2), now).versions, 0);
    }
}
