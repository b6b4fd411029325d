//! How long a node waits until nothing is under way any more that was sent before.

use core::time::Duration;

/// How long to wait until every datagram that was under way at the beginning of the wait is gone: what
/// [`Timer::Settled`](super::Timer::Settled) promises, and the checker grants it.
///
/// A receiver turns away what was sent longer than one lifetime ago by the sender's clock. The clocks of two
/// nodes may differ by one lifetime, so nobody believes a message two lifetimes after it was sent.
#[must_use]
pub fn outlasts_datagrams(datagram_lifetime: Duration) -> Duration {
    2 * datagram_lifetime
}

/// How long [`Timer::Settled`](super::Timer::Settled) runs. It also outlasts the tries of every request that has begun
/// (`request_lifetime`: from a client's first try to the end of its last): what is remembered of a put goes
/// with its tombstone, and a retry that came later would be a write of its own.
#[must_use]
pub fn settled_after(datagram_lifetime: Duration, request_lifetime: Duration) -> Duration {
    outlasts_datagrams(datagram_lifetime) + request_lifetime
}
