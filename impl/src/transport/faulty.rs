//! A transport that loses, duplicates, delays and so reorders what it sends: for tests. Messages
//! that go over streams are struck like datagrams.
//!
//! Faults are injected here and not in the network because not every machine on which the tests
//! run lets them configure one.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::{StreamTraffic, Transport, Waker};
use crate::guard::{Guard, Refusals};

/// How often and how badly a [`FaultyTransport`] misbehaves. Probabilities are between 0 and 1.
#[derive(Clone, Copy, Default, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Probability that a message is lost.
    pub drop: f64,
    /// Probability that a message that is not lost is sent twice.
    pub duplicate: f64,
    /// Probability that a message is delayed, past others that are sent later.
    pub delay: f64,
    /// The longest delay.
    pub delay_ms_max: u64,
    /// What the random choices follow from; one drawn at random if absent.
    pub seed: Option<u64>,
}

impl Faults {
    /// The field that is out of range, if one is.
    #[must_use]
    pub fn invalid_field(&self) -> Option<&'static str> {
        let fields = [("drop", self.drop), ("duplicate", self.duplicate), ("delay", self.delay)];
        fields.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value)).map(|field| field.0)
    }
}

/// Misbehaves on sending; receives faithfully.
#[derive(Debug)]
pub struct FaultyTransport<T, A = SocketAddr> {
    inner: T,
    faults: Faults,
    random: StdRng,
    /// Delayed messages by the time they leave; the counter tells those of one instant apart.
    delayed: BTreeMap<(Instant, u64), (A, Vec<u8>)>,
    counter: u64,
}

impl<A: Copy + Send, T: Transport<A>> FaultyTransport<T, A> {
    /// Injects these faults into what `inner` sends.
    pub fn new(inner: T, faults: Faults) -> Self {
        let random = match faults.seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => StdRng::from_os_rng(),
        };
        FaultyTransport { inner, faults, random, delayed: BTreeMap::new(), counter: 0 }
    }

    /// Sends what is due; says how long until more is.
    fn send_due(&mut self) -> Option<Duration> {
        while let Some(first) = self.delayed.first_entry() {
            let wait = first.key().0.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                return Some(wait);
            }
            let (to, message) = first.remove();
            // One that cannot be sent any more is one more that was lost.
            let _ = self.inner.send(to, &message);
        }
        None
    }
}

impl<A: Copy + Send, T: Transport<A>> Transport<A> for FaultyTransport<T, A> {
    fn send(&mut self, to: A, message: &[u8]) -> io::Result<()> {
        if self.random.random_bool(self.faults.drop) {
            return Ok(());
        }
        let copies = 1 + usize::from(self.random.random_bool(self.faults.duplicate));
        for _ in 0..copies {
            if self.random.random_bool(self.faults.delay) {
                let delay = self.random.random_range(0..=self.faults.delay_ms_max);
                let due = Instant::now() + Duration::from_millis(delay);
                self.counter += 1;
                self.delayed.insert((due, self.counter), (to, message.to_vec()));
            } else {
                self.inner.send(to, message)?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> io::Result<Option<A>> {
        let due = self.send_due();
        let received = self.inner.receive(buffer, due.map_or(wait, |due| wait.min(due)))?;
        self.send_due();
        Ok(received)
    }

    fn waker(&self) -> io::Result<Waker> {
        self.inner.waker()
    }

    fn stream_traffic(&self) -> StreamTraffic {
        self.inner.stream_traffic()
    }

    fn refusals(&self) -> Refusals {
        self.inner.refusals()
    }

    fn guard(&self) -> Option<&Guard> {
        self.inner.guard()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Sent(Vec<Vec<u8>>);

    impl Transport for Sent {
        fn send(&mut self, _: SocketAddr, datagram: &[u8]) -> io::Result<()> {
            self.0.push(datagram.to_vec());
            Ok(())
        }

        fn receive(&mut self, _: &mut Vec<u8>, _: Duration) -> io::Result<Option<SocketAddr>> {
            Ok(None)
        }
    }

    fn sent(faults: Faults, count: u8) -> FaultyTransport<Sent> {
        let faults = Faults { seed: Some(1), ..faults };
        let mut transport = FaultyTransport::new(Sent::default(), faults);
        for datagram in 0..count {
            transport.send(([127, 0, 0, 1], 1).into(), &[datagram]).unwrap();
        }
        transport
    }

    #[test]
    fn without_faults_everything_is_sent_once_in_order() {
        let expected: Vec<_> = (0..20).map(|datagram| vec![datagram]).collect();
        assert_eq!(sent(Faults::default(), 20).inner.0, expected);
    }

    #[test]
    fn every_datagram_is_lost_or_sent_twice_where_that_is_certain() {
        assert!(sent(Faults { drop: 1.0, ..Faults::default() }, 20).inner.0.is_empty());
        assert_eq!(sent(Faults { duplicate: 1.0, ..Faults::default() }, 20).inner.0.len(), 40);
    }

    #[test]
    fn a_delayed_datagram_is_sent_later_and_out_of_order() {
        let faults = Faults { delay: 1.0, delay_ms_max: 20, ..Faults::default() };
        let mut transport = sent(faults, 20);
        let deadline = Instant::now() + Duration::from_secs(5);
        while !transport.delayed.is_empty() && Instant::now() < deadline {
            transport.receive(&mut Vec::new(), Duration::ZERO).unwrap();
        }
        let mut sent = transport.inner.0;
        assert!(!sent.is_sorted());
        sent.sort();
        assert_eq!(sent, (0..20).map(|datagram| vec![datagram]).collect::<Vec<_>>());
    }

    #[test]
    fn a_probability_out_of_range_is_named() {
        assert_eq!(Faults { drop: 1.5, ..Faults::default() }.invalid_field(), Some("drop"));
        assert_eq!(Faults::default().invalid_field(), None);
    }
}
