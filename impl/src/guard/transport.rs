//! A transport that seals what it sends and takes in nothing else than what is sealed.

use std::io;
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::{Guard, Party, Refusals, Refused};
use crate::transport::{StreamTraffic, Transport, Waker};
use crate::wire::wall_clock_ms;

/// How many messages in a row may be refused before the caller is heard again.
const REFUSED_MAX: usize = 256;

/// How often the log is told of peers that speak another version.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Seals and opens what another transport carries.
#[derive(Debug)]
pub struct GuardedTransport<T> {
    inner: T,
    guard: Guard,
    sealed: Vec<u8>,
    told: Option<Instant>,
}

impl<T: Transport> GuardedTransport<T> {
    /// Lets this guard stand before `inner`.
    pub fn new(inner: T, guard: Guard) -> Self {
        GuardedTransport { inner, guard, sealed: Vec::new(), told: None }
    }

    /// What it guards with.
    #[must_use]
    pub fn guarded_by(&self) -> &Guard {
        &self.guard
    }

    fn tell(&mut self, from: std::net::SocketAddr, bytes: usize, refused: Refused) {
        debug!(%from, bytes, error = %refused, "dropped a datagram");
        let is_due = self.told.is_none_or(|told| told.elapsed() >= TELL_AGAIN);
        if matches!(refused, Refused::OtherVersion { .. }) && is_due {
            self.told = Some(Instant::now());
            warn!(%from, error = %refused, "dropped datagrams");
        }
    }
}

impl<T: Transport> Transport<Party> for GuardedTransport<T> {
    fn send(&mut self, to: Party, message: &[u8]) -> io::Result<()> {
        self.guard.seal(&to, message, wall_clock_ms(), &mut self.sealed);
        self.inner.send(to.address, &self.sealed)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> io::Result<Option<Party>> {
        let now = Instant::now();
        self.guard.refresh(now);
        let (deadline, mut wait) = (now + wait, wait);
        for _ in 0..REFUSED_MAX {
            let guard = &self.guard;
            let admits = |start: &[u8], bytes| guard.admits(start, bytes, wall_clock_ms());
            let received = self.inner.receive_admitted(buffer, wait, &admits)?;
            let Some(from) = received else { return Ok(None) };
            match self.guard.open(buffer, from, wall_clock_ms()) {
                Ok((party, body)) => {
                    buffer.truncate(body.end);
                    buffer.drain(..body.start);
                    return Ok(Some(party));
                }
                Err(refused) => {
                    if refused == Refused::OtherCluster
                        && let Some(answer) =
                            self.guard.answer_to_other_cluster(buffer, wall_clock_ms())
                    {
                        // A client that does not hear it asks again.
                        let _ = self.inner.send(from, &answer);
                    }
                    self.tell(from, buffer.len(), refused);
                }
            }
            wait = deadline.saturating_duration_since(Instant::now());
        }
        Ok(None)
    }

    fn waker(&self) -> io::Result<Waker> {
        self.inner.waker()
    }

    fn stream_traffic(&self) -> StreamTraffic {
        self.inner.stream_traffic()
    }

    fn refusals(&self) -> Refusals {
        self.guard.refusals()
    }

    fn guard(&self) -> Option<&Guard> {
        Some(&self.guard)
    }
}
