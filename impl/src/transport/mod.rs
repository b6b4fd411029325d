//! How datagrams leave and reach a process.

mod faulty;
mod udp;

pub use faulty::{Faults, FaultyTransport};
pub use udp::UdpTransport;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Sends and receives datagrams, each of which may be lost, duplicated, delayed or reordered.
pub trait Transport: Send {
    /// Sends one datagram, or drops it.
    ///
    /// # Errors
    /// When the operating system refuses it. Nothing was sent then, and the next may go through.
    fn send(&mut self, to: SocketAddr, datagram: &[u8]) -> io::Result<()>;

    /// Receives one datagram into `buffer`; `None` when none came within `wait`, or a signal did.
    /// With a `wait` of zero it only looks.
    ///
    /// # Errors
    /// When the socket is beyond use.
    fn receive(
        &mut self,
        buffer: &mut [u8],
        wait: Duration,
    ) -> io::Result<Option<(usize, SocketAddr)>>;
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send(&mut self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        (**self).send(to, datagram)
    }

    fn receive(
        &mut self,
        buffer: &mut [u8],
        wait: Duration,
    ) -> io::Result<Option<(usize, SocketAddr)>> {
        (**self).receive(buffer, wait)
    }
}
