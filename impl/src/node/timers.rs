//! The timers that are running.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Running timers by deadline. The protocol bounds how many it sets.
#[derive(Clone, Debug)]
pub struct Timers<T> {
    deadlines: BTreeMap<T, Instant>,
    order: BTreeSet<(Instant, T)>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Timers { deadlines: BTreeMap::new(), order: BTreeSet::new() }
    }
}

impl<T: Copy + Ord> Timers<T> {
    /// Starts a timer, or starts it anew.
    pub fn set(&mut self, timer: T, deadline: Instant) {
        self.cancel(timer);
        self.deadlines.insert(timer, deadline);
        self.order.insert((deadline, timer));
    }

    /// Stops a timer; nothing happens if it does not run.
    pub fn cancel(&mut self, timer: T) {
        if let Some(deadline) = self.deadlines.remove(&timer) {
            self.order.remove(&(deadline, timer));
        }
    }

    /// Whether a timer runs.
    #[must_use]
    pub fn is_running(&self, timer: T) -> bool {
        self.deadlines.contains_key(&timer)
    }

    /// The next deadline.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.order.first().map(|(deadline, _)| *deadline)
    }

    /// Takes out a timer that has expired, the earliest first.
    pub fn pop_expired(&mut self, now: Instant) -> Option<T> {
        let (deadline, timer) = *self.order.first()?;
        if deadline > now {
            return None;
        }
        self.cancel(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use quorate_model::ids::{ClientId, RequestId};
    use quorate_model::protocol::Timer;

    use super::*;

    #[test]
    fn timers_expire_in_order_unless_cancelled_and_a_second_start_replaces_the_first() {
        let [one, two, three] =
            [1, 2, 3].map(|sequence| Timer::Request(RequestId { client: ClientId(0), sequence }));
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let mut timers = Timers::default();
        timers.set(one, at(10));
        timers.set(two, at(20));
        timers.set(three, at(30));
        timers.set(one, at(40));
        timers.cancel(two);
        timers.cancel(two);
        assert_eq!(timers.next_deadline(), Some(at(30)));
        assert_eq!(timers.pop_expired(at(29)), None);
        assert_eq!(timers.pop_expired(at(99)), Some(three));
        assert_eq!(timers.pop_expired(at(99)), Some(one));
        assert_eq!(timers.pop_expired(at(99)), None);
        assert_eq!(timers.next_deadline(), None);
    }
}
