//! A connection that a peer opened.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::transport::Admits;

use super::frame::{FrameError, FrameReader, Progress};

/// Frames come in on it, nothing goes out.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: TcpStream,
    from: IpAddr,
    reader: FrameReader,
    /// The operating system tells once that there is something to read, so this stays set until
    /// there is nothing more.
    is_readable: bool,
    is_over: bool,
    heard: Instant,
}

impl Incoming {
    pub(super) fn new(
        mut stream: TcpStream,
        from: IpAddr,
        token: Token,
        registry: &Registry,
        now: Instant,
    ) -> io::Result<Self> {
        registry.register(&mut stream, token, Interest::READABLE)?;
        let reader = FrameReader::default();
        Ok(Incoming { stream, from, reader, is_readable: true, is_over: false, heard: now })
    }

    pub(super) fn from(&self) -> IpAddr {
        self.from
    }

    pub(super) fn may_read(&mut self) {
        self.is_readable = true;
    }

    pub(super) fn is_readable(&self) -> bool {
        self.is_readable
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// When something came last.
    pub(super) fn heard(&self) -> Instant {
        self.heard
    }

    /// How much has come of a message that is not whole.
    pub(super) fn held_bytes(&self) -> usize {
        self.reader.held_bytes()
    }

    /// Reads on. Gives the next message that is whole, and where its sender is answered.
    pub(super) fn read(
        &mut self,
        bytes_max: usize,
        admits: Admits<'_>,
        now: Instant,
    ) -> Result<Option<(SocketAddr, Vec<u8>)>, FrameError> {
        self.heard = now;
        match self.reader.read(&mut self.stream, bytes_max, admits)? {
            Progress::Message { port, message } => {
                return Ok(Some((SocketAddr::new(self.from, port), message)));
            }
            Progress::Blocked => {}
            Progress::Over => self.is_over = true,
        }
        self.is_readable = false;
        Ok(None)
    }

    pub(super) fn deregister(&mut self, registry: &Registry) {
        // A socket that is not watched need not be taken out.
        let _ = registry.deregister(&mut self.stream);
    }
}
