//! How long each timer runs.

use std::time::Duration;

use quorate_model::protocol::Timer;
use quorate_model::protocol::settled::settled_after;

use crate::config::{Intervals, Timeouts};

/// By how much of itself an interval varies either way, so that nodes that were started together
/// do not do everything together.
const JITTER: f64 = 0.1;

/// How long a timer runs from now: a fresh choice every time.
#[must_use]
pub fn duration_of(timer: Timer, timeouts: &Timeouts, intervals: &Intervals) -> Duration {
    let periodic =
        |interval: Duration| interval.mul_f64(rand::random_range(1.0 - JITTER..=1.0 + JITTER));
    match timer {
        Timer::Request(_) => timeouts.request,
        Timer::Speculate(_) => timeouts.speculative_retry,
        // Whoever forwarded the put that waits gives up after one timeout.
        Timer::Register => timeouts.request / 2,
        Timer::Waiting => Duration::ZERO,
        Timer::Handoff => periodic(intervals.handoff),
        Timer::Sync(_) => periodic(intervals.sync),
        Timer::CatchUp => periodic(intervals.catch_up),
        Timer::Reap => periodic(intervals.reap),
        Timer::Settled => settled_after(intervals.datagram_lifetime, timeouts.request_lifetime()),
    }
}

#[cfg(test)]
mod tests {
    use quorate_model::ids::NodeId;

    use super::*;

    #[test]
    fn intervals_vary_by_a_tenth_and_the_wait_for_older_messages_does_not() {
        let timeouts = Timeouts {
            request: Duration::from_millis(1),
            speculative_retry: Duration::from_millis(5),
            client_attempt: Duration::from_millis(2),
            client_attempts: 3,
            ping: Duration::from_millis(4),
        };
        let [handoff, sync, catch_up, reap, datagram_lifetime] =
            [100, 200, 300, 400, 500].map(Duration::from_millis);
        let intervals = Intervals { handoff, sync, catch_up, reap, datagram_lifetime };
        let of = |timer| duration_of(timer, &timeouts, &intervals);
        for (timer, interval) in [
            (Timer::Handoff, handoff),
            (Timer::Sync(NodeId(1)), sync),
            (Timer::CatchUp, catch_up),
            (Timer::Reap, reap),
        ] {
            let chosen: Vec<_> = (0..100).map(|_| of(timer)).collect();
            let (least, most) = (interval.mul_f64(0.89), interval.mul_f64(1.11));
            assert!(chosen.iter().all(|chosen| (least..most).contains(chosen)), "{chosen:?}");
            assert!(chosen.iter().any(|other| *other != chosen[0]), "{timer:?} never varies");
        }
        let tries = 3 * Duration::from_millis(2);
        assert_eq!(of(Timer::Settled), 2 * datagram_lifetime + tries);
        assert_eq!(of(Timer::Waiting), Duration::ZERO);
    }
}
