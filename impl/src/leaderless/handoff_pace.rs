//! How soon hints are offered again: at once, while their homes take them in.
//!
//! How many are offered at a time is the protocol's, and when its timer expires is ours. With a
//! pause after each batch a million hints would take an hour. Without one a home that is down would be told the same for
//! as long as it is down. So what homes have taken in since the timer expired last decides: after a good part of a batch
//! the next follows soon, and after every one of which less was taken in the wait doubles, until it is what it was.

use std::time::Duration;

use quorate_model::protocol::{Change, Input, Timer};

/// Hints that are taken in between two batches for the second to come early.
const TAKEN_IN_LEAST: usize = 32;

/// By how much earlier it comes then.
const EARLIER: u32 = 24;

/// What homes have taken in of what was offered to them.
#[derive(Clone, Copy, Debug)]
pub struct HandoffPace {
    taken_in: usize,
    /// What part of its interval the timer waits.
    earlier: u32,
}

impl Default for HandoffPace {
    fn default() -> Self {
        HandoffPace { taken_in: 0, earlier: 1 }
    }
}

impl HandoffPace {
    /// Follows a step.
    pub fn follow(&mut self, expired: Option<Timer>, changes: &[Change]) {
        if expired == Some(Timer::Handoff) {
            self.earlier = match self.taken_in {
                TAKEN_IN_LEAST.. => EARLIER,
                _ => (self.earlier / 2).max(1),
            };
            self.taken_in = 0;
        }
        let removed = |change: &&Change| matches!(change, Change::RemoveHint { .. });
        self.taken_in += changes.iter().filter(removed).count();
    }

    /// Which timer expires by this input, if one does.
    #[must_use]
    pub fn expired(input: &Input) -> Option<Timer> {
        match input {
            Input::Expire(timer) => Some(*timer),
            _ => None,
        }
    }

    /// How long a timer runs that would run so long otherwise.
    #[must_use]
    pub fn paced(&self, timer: Timer, duration: Duration) -> Duration {
        match timer {
            Timer::Handoff => duration / self.earlier,
            _ => duration,
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_model::ids::{Key, NodeId};

    use super::*;

    #[test]
    fn hints_follow_soon_while_they_are_taken_in_and_ever_later_otherwise() {
        let second = Duration::from_secs(1);
        let taken_in =
            |count| vec![Change::RemoveHint { home: NodeId(1), key: Key::from("k") }; count];
        let mut pace = HandoffPace::default();
        for (count, expected) in [
            (0, second),
            (TAKEN_IN_LEAST / 2 - 1, second),
            (TAKEN_IN_LEAST / 2, second / EARLIER),
            (TAKEN_IN_LEAST, second / EARLIER),
            (0, second / 12),
            (1, second / 6),
            (TAKEN_IN_LEAST, second / EARLIER),
            (0, second / 12),
            (0, second / 6),
            (0, second / 3),
            (0, second),
            (0, second),
        ] {
            pace.follow(Some(Timer::Reap), &taken_in(count));
            pace.follow(None, &taken_in(count));
            pace.follow(Some(Timer::Handoff), &[]);
            assert_eq!(pace.paced(Timer::Handoff, second), expected, "{count}");
            assert_eq!(pace.paced(Timer::Reap, second), second);
        }
    }
}
