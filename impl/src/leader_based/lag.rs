//! How far followers are behind, in entries and in time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use quorate_leader::names::Index;
use quorate_leader::store::Change;

/// How many entries are remembered: of those before, only that they are older.
const REMEMBERED_MAX: usize = 65_536;

/// When a leader appended what. It follows the steps of a node, and no step depends on it.
#[derive(Debug, Default)]
pub struct Lag {
    /// Index and time, in order.
    appended: VecDeque<(Index, Instant)>,
}

impl Lag {
    /// Follows a step of a node, which leads after it or does not.
    pub fn follow(&mut self, changes: &[Change], leads: bool, now: Instant) {
        if !leads {
            self.appended.clear();
            return;
        }
        for change in changes {
            if let Change::Append { index, .. } = change {
                while self.appended.back().is_some_and(|(last, _)| last >= index) {
                    self.appended.pop_back();
                }
                if self.appended.len() == REMEMBERED_MAX {
                    self.appended.pop_front();
                }
                self.appended.push_back((*index, now));
            }
        }
    }

    /// For how long there has been something that this follower is not known to hold, while its leader's log goes up to
    /// `last`: at least so long where it is about what the leader did not append itself.
    #[must_use]
    pub fn of(&self, matched: Index, last: Index, now: Instant) -> Duration {
        if matched >= last {
            return Duration::ZERO;
        }
        let next = self.appended.partition_point(|(index, _)| *index <= matched);
        let since = self.appended.get(next).map(|(_, since)| *since);
        since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use quorate_leader::log::{Content, Entry};
    use quorate_leader::names::Epoch;
    use quorate_model::ids::NodeId;

    use super::*;

    fn append(index: u32) -> Change {
        let entry = Entry { epoch: Epoch::of(1), content: Content::Lead(NodeId(0)) };
        Change::Append { index: Index(index), entry }
    }

    #[test]
    fn a_follower_is_behind_since_the_first_entry_was_appended_that_it_lacks() {
        let (mut lag, start) = (Lag::default(), Instant::now());
        let after = |ms| start + Duration::from_millis(ms);
        lag.follow(&[append(4)], true, after(0));
        lag.follow(&[append(5), append(6)], true, after(10));
        let of = |matched| lag.of(Index(matched), Index(6), after(30)).as_millis();
        assert_eq!([of(3), of(4), of(5), of(6)], [30, 20, 20, 0]);
        lag.follow(&[], false, after(40));
        assert_eq!(lag.of(Index(3), Index(6), after(50)), Duration::ZERO);
    }
}
