//! Datagrams over a UDP socket.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::Transport;

/// A UDP socket.
#[derive(Debug)]
pub struct UdpTransport {
    socket: UdpSocket,
    is_nonblocking: bool,
}

impl UdpTransport {
    /// Binds a socket to this address.
    ///
    /// # Errors
    /// When the address is in use or not of this machine.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(UdpTransport { socket: UdpSocket::bind(address)?, is_nonblocking: false })
    }

    /// The address it is bound to.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Changes the mode only when it differs: draining a queue then costs one call per datagram.
    fn set_wait(&mut self, wait: Duration) -> io::Result<()> {
        let is_nonblocking = wait.is_zero();
        if self.is_nonblocking != is_nonblocking {
            self.socket.set_nonblocking(is_nonblocking)?;
            self.is_nonblocking = is_nonblocking;
        }
        // A timeout of less than a microsecond would be rounded to zero, which waits for ever.
        let wait = (!wait.is_zero()).then_some(wait.max(Duration::from_micros(1)));
        if wait.is_some() { self.socket.set_read_timeout(wait) } else { Ok(()) }
    }
}

impl Transport for UdpTransport {
    fn send(&mut self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        self.socket.send_to(datagram, to).map(|_| ())
    }

    fn receive(
        &mut self,
        buffer: &mut [u8],
        wait: Duration,
    ) -> io::Result<Option<(usize, SocketAddr)>> {
        self.set_wait(wait)?;
        match self.socket.recv_from(buffer) {
            Ok(received) => Ok(Some(received)),
            Err(error) => match error.kind() {
                // The last two report on a datagram sent earlier, not on this socket.
                ErrorKind::WouldBlock
                | ErrorKind::TimedOut
                | ErrorKind::Interrupted
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionRefused => Ok(None),
                _ => Err(error),
            },
        }
    }
}
