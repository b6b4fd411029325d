//! Since when a node has had hints for each home.

use std::collections::BTreeMap;
use std::time::Instant;

use quorate_model::ids::NodeId;

use super::HintsFor;

/// Since when this process has known of hints for a home without a break. Volatile: after a
/// restart it counts anew.
#[derive(Clone, Default, Debug)]
pub struct HintAges {
    since: BTreeMap<NodeId, Instant>,
}

impl HintAges {
    /// Takes note of how many hints there are now.
    pub fn follow(&mut self, hints: &BTreeMap<NodeId, u64>, now: Instant) {
        self.since.retain(|home, _| hints.contains_key(home));
        for home in hints.keys() {
            self.since.entry(*home).or_insert(now);
        }
    }

    /// The hints for each home, with what is known of their age.
    #[must_use]
    pub fn describe(&self, hints: &BTreeMap<NodeId, u64>, now: Instant) -> Vec<HintsFor> {
        let of = |(home, count): (&NodeId, &u64)| {
            let since = self.since.get(home).copied().unwrap_or(now);
            let pending_ms = now.saturating_duration_since(since).as_millis() as u64;
            HintsFor { home: *home, count: *count, pending_ms }
        };
        hints.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_age_counts_from_the_first_hint_and_anew_after_the_last_is_gone() {
        let (home, start) = (NodeId(2), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let (some, more, none) =
            (BTreeMap::from([(home, 1)]), BTreeMap::from([(home, 5)]), BTreeMap::new());
        let mut ages = HintAges::default();
        ages.follow(&some, at(0));
        ages.follow(&more, at(10));
        let described = ages.describe(&more, at(30));
        assert_eq!(described, [HintsFor { home, count: 5, pending_ms: 30 }]);
        ages.follow(&none, at(40));
        ages.follow(&some, at(50));
        assert_eq!(ages.describe(&some, at(60))[0].pending_ms, 10);
    }
}
