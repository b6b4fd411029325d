//! How messages leave and reach a process.
//!
//! A message that fits a datagram goes as one, over UDP. A larger one goes as a frame over a TCP
//! stream to the same address and port. Neither is promised to arrive: the protocol expects that
//! any message may be lost, doubled, delayed or overtaken.

mod faulty;
mod sockets;
mod streams;

pub use faulty::{Faults, FaultyTransport};
pub use sockets::SocketTransport;
pub use streams::{StreamLimits, StreamTraffic};

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// The largest payload of a UDP datagram over IPv4.
pub const DATAGRAM_BYTES_MAX: usize = 65_507;

/// Sends and receives messages, each of which may be lost, duplicated, delayed or reordered.
pub trait Transport: Send {
    /// Sends one message, or drops it. Never blocks.
    ///
    /// # Errors
    /// When the operating system refuses it. Nothing was sent then, and the next may go through.
    fn send(&mut self, to: SocketAddr, message: &[u8]) -> io::Result<()>;

    /// Receives one message into `buffer`, whose old content is gone then, and says where to
    /// answer it; `None` when none came within `wait`, or a signal did. With a `wait` of zero it
    /// only looks.
    ///
    /// # Errors
    /// When the socket is beyond use.
    fn receive(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> io::Result<Option<SocketAddr>>;

    /// What became of the messages that went over streams.
    fn stream_traffic(&self) -> StreamTraffic {
        StreamTraffic::default()
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send(&mut self, to: SocketAddr, message: &[u8]) -> io::Result<()> {
        (**self).send(to, message)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> io::Result<Option<SocketAddr>> {
        (**self).receive(buffer, wait)
    }

    fn stream_traffic(&self) -> StreamTraffic {
        (**self).stream_traffic()
    }
}
