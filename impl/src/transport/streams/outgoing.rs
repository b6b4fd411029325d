//! A connection that this process opened.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// Frames go out on it, nothing comes in.
#[derive(Debug)]
pub(super) struct Outgoing {
    stream: TcpStream,
    to: SocketAddr,
    is_open: bool,
    queue: VecDeque<Vec<u8>>,
    /// Bytes of the first frame that are written.
    written: usize,
    queued_bytes: usize,
    /// When it was opened, last queued to while nothing waited, or last took some bytes.
    moved: Instant,
}

impl Outgoing {
    /// Begins to open a connection.
    pub(super) fn open(
        to: SocketAddr,
        token: Token,
        registry: &Registry,
        now: Instant,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::connect(to)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let (is_open, queue) = (false, VecDeque::new());
        Ok(Outgoing { stream, to, is_open, queue, written: 0, queued_bytes: 0, moved: now })
    }

    pub(super) fn to(&self) -> SocketAddr {
        self.to
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    pub(super) fn queued_messages(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn moved(&self) -> Instant {
        self.moved
    }

    /// When to give it up, if nothing happens before.
    pub(super) fn deadline(&self, stall: Duration, idle: Duration) -> Instant {
        self.moved + if self.queue.is_empty() { idle } else { stall }
    }

    pub(super) fn queue(&mut self, frame: Vec<u8>, now: Instant) {
        if self.queue.is_empty() {
            self.moved = now;
        }
        self.queued_bytes += frame.len();
        self.queue.push_back(frame);
    }

    /// Finds out whether the connection is open by now, and still.
    pub(super) fn check_open(&mut self, is_readable: bool) -> io::Result<()> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        if !self.is_open {
            match self.stream.peer_addr() {
                Ok(_) => self.is_open = true,
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        // The other side says nothing on it, so what can be read is its end.
        if is_readable && matches!(self.stream.read(&mut [0; 1]), Ok(0)) {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Writes as much as the operating system takes.
    pub(super) fn write(&mut self, now: Instant) -> io::Result<()> {
        while self.is_open
            && let Some(frame) = self.queue.front()
        {
            match self.stream.write(&frame[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.moved = now;
                    self.written += count;
                    if self.written == frame.len() {
                        self.queued_bytes -= frame.len();
                        self.written = 0;
                        self.queue.pop_front();
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn deregister(&mut self, registry: &Registry) {
        // A socket that is not watched need not be taken out.
        let _ = registry.deregister(&mut self.stream);
    }
}
