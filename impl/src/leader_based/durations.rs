//! How long each timer runs.

use std::time::Duration;

use quorate_leader::config::ElectionKind;
use quorate_leader::effect::Timer;

use crate::config::LeaderTimes;

/// By how much of itself a heartbeat's interval varies either way.
const JITTER: f64 = 0.1;

/// How long a timer runs from now: a fresh choice every time.
///
/// A follower takes its leader for gone after one to two times `election`, and a candidate stands again after as
/// long: the choice is what keeps two candidates from standing together for ever (Ongaro and Ousterhout 2014, 5.2).
/// `None`, if only an operator lets it expire: a manual election.
#[must_use]
pub(super) fn duration_of(
    timer: Timer,
    election: ElectionKind,
    times: &LeaderTimes,
) -> Option<Duration> {
    let random = || times.election.mul_f64(rand::random_range(1.0..=2.0));
    match (timer, election) {
        (Timer::Election, ElectionKind::Manual) => None,
        (Timer::Election, _) | (Timer::Candidacy, ElectionKind::Raft) => Some(random()),
        // Whether a higher node is up, a message and its answer tell.
        (Timer::Candidacy, _) => Some(times.election / 2),
        (Timer::Heartbeat(_), _) => {
            Some(times.heartbeat.mul_f64(rand::random_range(1.0 - JITTER..=1.0 + JITTER)))
        }
        (Timer::Synchronous, _) => Some(times.synchronous),
        (Timer::CatchUp, _) => Some(times.catch_up),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elections_vary_by_a_factor_of_two_and_a_manual_one_waits_for_its_operator() {
        let times = LeaderTimes {
            heartbeat: Duration::from_millis(100),
            election: Duration::from_millis(1_000),
            synchronous: Duration::from_millis(500),
            catch_up: Duration::from_millis(200),
        };
        let of = |timer, election| duration_of(timer, election, &times);
        assert_eq!(of(Timer::Election, ElectionKind::Manual), None);
        for timer in [Timer::Election, Timer::Candidacy] {
            let chosen: Vec<_> =
                (0..100).map(|_| of(timer, ElectionKind::Raft).unwrap().as_millis()).collect();
            assert!(chosen.iter().all(|ms| (1_000..=2_000).contains(ms)), "{chosen:?}");
            assert!(chosen.iter().any(|other| *other != chosen[0]), "{timer:?} never varies");
        }
        assert_eq!(of(Timer::Synchronous, ElectionKind::Bully), Some(times.synchronous));
    }
}
