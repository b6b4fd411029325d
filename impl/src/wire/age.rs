//! Whether a message is too old to be believed.
//!
//! Tombstones go once all nodes agree and every message from before is gone. That none is under way
//! for longer than the lifetime of a datagram is not a hope about the network: the receiver drops
//! what is older. Clocks of two machines differ, so what seems to be sent in the future is accepted
//! up to the same bound and dropped beyond it. With clocks that differ by less than a lifetime, no
//! message is believed two lifetimes after it was sent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far the tests of age are from the bound, so that a trace, which has microseconds and takes
/// its time a little later, never shows an age beyond it.
const MARGIN_MS: u64 = 2;

/// What a receiver makes of when a message was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Age {
    /// To be believed.
    Fresh,
    /// Sent longer ago than a datagram lives.
    TooOld,
    /// Sent in the future, by more than a datagram lives: the clocks differ by too much.
    FromFuture,
}

/// Judges a message by the two clocks, in milliseconds since the Unix epoch.
#[must_use]
pub fn age_of(sent_ms: u64, now_ms: u64, lifetime: Duration) -> Age {
    let lifetime_ms = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
    let bound_ms = lifetime_ms.saturating_sub(MARGIN_MS);
    if now_ms.saturating_sub(sent_ms) > bound_ms {
        Age::TooOld
    } else if sent_ms.saturating_sub(now_ms) > bound_ms {
        Age::FromFuture
    } else {
        Age::Fresh
    }
}

/// The wall clock, in milliseconds since the Unix epoch. One before that is one that was never set.
#[must_use]
pub fn wall_clock_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_lifetime_or_further_ahead_is_not_believed() {
        let lifetime = Duration::from_millis(100);
        for (sent_ms, expected) in [
            (0, Age::TooOld),
            (901, Age::TooOld),
            (902, Age::Fresh),
            (1_000, Age::Fresh),
            (1_098, Age::Fresh),
            (1_099, Age::FromFuture),
            (u64::MAX, Age::FromFuture),
        ] {
            assert_eq!(age_of(sent_ms, 1_000, lifetime), expected, "{sent_ms}");
        }
    }
}
