//! How messages leave and reach a process.
//!
//! A message that fits a datagram goes as one, over UDP. A larger one goes as a frame over a TCP
//! stream to the same address and port. Neither is promised to arrive: the protocol expects that
//! any message may be lost, doubled, delayed or overtaken.

mod faulty;
mod many;
mod sockets;
mod streams;

pub use faulty::{Faults, FaultyTransport};
pub use sockets::SocketTransport;
pub use streams::{StreamLimits, StreamTraffic};

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::guard::{ENVELOPE_BYTES_MAX, Guard, Refusals};

/// Called when more is durable, or nothing will be any more. From another thread.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// The largest payload of a UDP datagram over IPv4.
pub const DATAGRAM_BYTES_MAX: usize = 65_507;

/// Says by its first [`START_BYTES`] whether a message of so many bytes may be taken in. It is asked about messages that
/// have more.
pub type Admits<'a> = &'a dyn Fn(&[u8], usize) -> bool;

/// How much of a message is taken in before it is asked whether it may.
pub const START_BYTES: usize = ENVELOPE_BYTES_MAX;

/// Sends and receives messages, each of which may be lost, duplicated, delayed or reordered. `A` says to whom.
pub trait Transport<A = SocketAddr>: Send {
    /// Sends one message, or drops it. Never blocks. It has left when something is received next, at the latest.
    ///
    /// # Errors
    /// When the operating system refused it, or one that was sent before and of which that was not told yet. The next
    /// may go through.
    fn send(&mut self, to: A, message: &[u8]) -> io::Result<()>;

    /// Receives one message into `buffer`, whose old content is gone then, and says where to
    /// answer it; `None` when none came within `wait`, or a signal did. With a `wait` of zero it
    /// only looks.
    ///
    /// # Errors
    /// When the socket is beyond use.
    fn receive(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> io::Result<Option<A>>;

    /// The same. Of a message that comes bit by bit, no more than its start is taken in where `admits` says no to that.
    ///
    /// # Errors
    /// When the socket is beyond use.
    fn receive_admitted(
        &mut self,
        buffer: &mut Vec<u8>,
        wait: Duration,
        admits: Admits<'_>,
    ) -> io::Result<Option<A>> {
        let _ = admits;
        self.receive(buffer, wait)
    }

    /// What ends a wait for messages from another thread; nothing where it does not wait.
    ///
    /// # Errors
    /// When the operating system has no means for it left.
    fn waker(&self) -> io::Result<Waker> {
        Ok(Arc::new(|| {}))
    }

    /// What became of the messages that went over streams.
    fn stream_traffic(&self) -> StreamTraffic {
        StreamTraffic::default()
    }

    /// What came and was not taken in.
    fn refusals(&self) -> Refusals {
        Refusals::default()
    }

    /// What guards it, if anything does.
    fn guard(&self) -> Option<&Guard> {
        None
    }
}

impl<A, T: Transport<A> + ?Sized> Transport<A> for Box<T> {
    fn send(&mut self, to: A, message: &[u8]) -> io::Result<()> {
        (**self).send(to, message)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> io::Result<Option<A>> {
        (**self).receive(buffer, wait)
    }

    fn waker(&self) -> io::Result<Waker> {
        (**self).waker()
    }

    fn stream_traffic(&self) -> StreamTraffic {
        (**self).stream_traffic()
    }

    fn refusals(&self) -> Refusals {
        (**self).refusals()
    }

    fn guard(&self) -> Option<&Guard> {
        (**self).guard()
    }
}
